#!/bin/bash
# Every fact of the public device catalogues became a rule of the table, or devices_facts.tsv says why it did not; every rule of the table comes from a fact.
# Where the facts are at hand, table and account are made again and are the same.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
/usr/bin/python3 - "$LETHE_SOURCE/deid/pixels" "$LETHE_SOURCE/../shared/facts" "$work" <<'PY'
import json, os, re, subprocess, sys
pixels, facts, work = sys.argv[1:]
table = open(pixels + "/devices_table.c").read()
rules = set(re.findall(r'^    \{"([^"]+)", "[^"]+", LETHE_DEVICE_', table, re.M))
lines = [line.rstrip("\n").split("\t") for line in open(pixels + "/devices_facts.tsv")][1:]
told, silent = set(), 0
for file, place, name, became in lines:
    if became.startswith("no rule: "):
        silent += 1
        if len(became) < 20:
            sys.exit("FAILED: %s %s has no reason" % (file, place))
        continue
    told.update(became.split("; "))
if len(rules) < 500 or told != rules:
    sys.exit("FAILED: %d rules, %d told; %s" % (len(rules), len(told), sorted(told ^ rules)[:5]))
if os.path.isdir(facts):
    count = sum(len(json.load(open("%s/pixel_rules_%s.json" % (facts, n)))) for n in ("ctp", "stanford", "pydicom", "pydicom_us"))
    count += sum(len(g) for g in json.load(open(facts + "/pixel_rules_device_catalog.json"))["catalog"].values() if isinstance(g, list))
    if count != sum(file != "devices_generate.py" for file, *_ in lines):
        sys.exit("FAILED: %d facts, %d lines" % (count, len(lines)))
    again = subprocess.run(["/usr/bin/python3", pixels + "/devices_generate.py", facts, work + "/facts.tsv"], capture_output=True, text=True, check=True).stdout
    if again != table or open(work + "/facts.tsv").read() != open(pixels + "/devices_facts.tsv").read():
        sys.exit("FAILED: the table is not what the generator makes of the facts")
print("%d facts, %d rules, %d facts without a rule" % (len(lines), len(rules), silent))
PY
