#!/bin/bash
# The report for a data protection officer: its counts against an independent count, no planted value on the public page, texts before and after cleaning on the
# private page only, and where those pages may lie.
set -u
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
lethe="$LETHE_BIN/lethe"
bad=0
fail() { echo "FAILED: $*"; bad=1; }
command -v dcmdump > /dev/null || { echo "skipped: no dcmdump"; exit 77; }
"$LETHE_BIN/lethe-testdata" hospital -o "$work/in" --patients 2 --size small --seed 21 --key "$work/answers" > /dev/null || exit 1
head -c 32 /dev/urandom > "$work/key"; chmod 600 "$work/key"
run() { "$lethe" deid "$work/in" -o "$work/out" --key "$work/key" --quiet "$@" > "$work/log" 2>&1; }
run --report "$work/r.html" --private "$work/private" --manifest "$work/m.jsonl"
[ -s "$work/r.html" ] && [ -s "$work/private/cleaned-texts.html" ] || { fail "pages were not written"; cat "$work/log"; exit 1; }
[ "$(stat -c %a "$work/private" "$work/private/cleaned-texts.html" "$work/r.html" | tr '\n' ' ')" = "700 600 600 " ] || fail "modes of the private side"

# Counts: DCMTK and python read inputs and outputs by themselves.
/usr/bin/python3 - "$work" <<'PY' || fail "counts or values"
import html, json, re, subprocess, sys
work = sys.argv[1]
page = open(work + "/r.html", encoding="utf-8").read()
private = html.unescape(open(work + "/private/cleaned-texts.html", encoding="utf-8").read())
bad = False
def fail(text):
    global bad
    bad = True
    print("FAILED:", text)
lines = [json.loads(line) for line in open(work + "/m.jsonl")]
released = [line for line in lines if line["outcome"] == "released"]
def dump(paths, tag):
    out = subprocess.run(["dcmdump", "-M", "+P", tag, "+p", "-q"] + paths, capture_output=True).stdout.decode("latin-1")
    return [line for line in out.splitlines() if "no value available" not in line and line.strip()]
inputs = [work + "/in/" + line["source"] for line in released]
def row(name, done):
    cells = re.findall(r"<tr><td>\(....,....\) %s</td><td>([^<]*)</td><td>([^<]*)</td><td>%s</td><td class=n>(\d+)</td>" % (name, done), page)
    return (cells[0][0], cells[0][1], sum(int(c[2]) for c in cells)) if cells else None
for tag, name, done, code, column in [("0008,1030", "StudyDescription", "text cleaned", "C", "Clean Descriptors (E.3.5)"),
                                      ("0010,1040", "PatientAddress", "removed", "X", "Basic Profile (E.2)"),
                                      ("0008,0018", "SOPInstanceUID", "UID mapped", "U", "Basic Profile (E.2)"),
                                      ("0008,0020", "StudyDate", "shifted", "C", "Retain Longitudinal, Modified Dates (E.3.6)"),
                                      ("0010,0040", "PatientSex", "kept", "K", "Retain Patient Characteristics (E.3.7)")]:
    top = [line for line in dump(inputs, tag) if line.startswith("(" + tag)]
    if done == "text cleaned":  # only those that the cleaning had to change
        outputs = [work + "/out/" + line["output"] for line in released]
        after = [line for line in dump(outputs, tag) if line.startswith("(" + tag)]
        value = lambda line: re.sub(r"^.*?\[(.*)\].*$", r"\1", line).strip()
        top = [line for line, other in zip(top, after) if value(line) != value(other)]
    if row(name, done) != (code, column, len(top)) or not top:
        fail("%s: the page says %s, DCMTK %d" % (name, row(name, done), len(top)))
# Nothing that was planted stands on the public page; what was cleaned stands on the private one, with what is left of it.
names, cleaned = set(), 0
shown = html.unescape(page)
for line in open(work + "/answers"):
    check = json.loads(line)
    for key in ("value", "text"):
        value = check.get(key) or ""
        if check["action"] in ("text_removed", "value_removed", "removed", "tag_removed") and len(value) > 5: names.add(value)
names |= {line["source"] for line in lines}
for line in lines:
    names |= {part for part in re.split(r"[ _]", line["source"].split("/")[0]) if len(part) > 5 and not part.isdigit()}
if len(names) < 20: fail("only %d planted values" % len(names))
for name in names:
    if name in shown: fail("the public page shows a planted value: " + name)
for before, after in re.findall(r'<td class=t>([^<]*)</td><td class=t>([^<]*)</td>', private):
    cleaned += 1
    if before == after: fail("a text that did not change")
if cleaned < 20: fail("only %d texts before and after" % cleaned)
if not re.search(r"<td class=t>[^<]*(Mme|Dr|IPP)[^<]*</td>", private): fail("the private page does not show what was there")
# Groups: patients by age, sex, site, device and date, counted from the outputs.
seen = {}
for line in released:
    values = {}
    for tag in ("0010,1010", "0010,0040", "0008,0070", "0008,1090", "0008,0020"):
        found = [l for l in dump([work + "/out/" + line["output"]], tag) if l.startswith("(" + tag)]
        values[tag] = re.sub(r"^.*?\[(.*)\].*$", r"\1", found[0]).strip() if found and "[" in found[0] else ""
    age = values["0010,1010"]
    seen.setdefault((age[:2] if age.endswith("Y") else age, values["0010,0040"], values["0008,0070"], values["0008,1090"], values["0008,0020"][:4]), set()).add(
        line["output"].split("/")[0])
cards = dict((b, int(a)) for a, b in re.findall(r"<b>(\d+)</b><span>([^<]*)</span>", page))
if cards["groups"] != len(seen) or cards["patients alone (k = 1)"] != sum(len(s) == 1 for s in seen.values()):
    fail("the page has %d groups, %d alone; outputs have %d, %d" % (cards["groups"], cards["patients alone (k = 1)"], len(seen), sum(len(s) == 1 for s in seen.values())))
sys.exit(bad)
PY
# One worker or two: the same counts and texts.
cp "$work/r.html" "$work/first.html"; cp "$work/private/cleaned-texts.html" "$work/first-texts.html"
run --report "$work/r.html" --private "$work/private" --jobs 1
cmp -s "$work/r.html" "$work/first.html" && cmp -s "$work/private/cleaned-texts.html" "$work/first-texts.html" || fail "pages depend on the number of workers"
# Where they may lie.
before=$(find "$work/out" | sort | sha256sum)
run --report "$work/r.html" --private "$work/out/private" && fail "texts among what is released"
run --report "$work/r.html" --private "$work/out" && fail "texts in the output folder"
[ "$before" = "$(find "$work/out" | sort | sha256sum)" ] || fail "a refused folder was left in the output"
run --private "$work/private2" && fail "--private without --report"
[ -e "$work/private2" ] && fail "a refused run made a folder"
find "$work/out" -name '*.html' | grep . && fail "a page was released"
# A project has a private folder of its own.
"$lethe" init "$work/p" --name p > /dev/null && "$lethe" ingest add -C "$work/p" "$work/in" > /dev/null 2>&1
"$lethe" deid -C "$work/p" --report "$work/p.html" --quiet > /dev/null 2>&1
[ "$(stat -c %a "$work/p/private/cleaned-texts.html" 2> /dev/null)" = 600 ] || fail "texts of a project"
grep -q 'text cleaned' "$work/p.html" || fail "the report of a project has no counts"
"$lethe" deid -C "$work/p" --report "$work/p.html" --private "$work/private" > /dev/null 2>&1 && fail "--private for a project"
exit $bad
