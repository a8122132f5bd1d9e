#!/bin/bash
# No dciodvfy error in an output that its input did not have; pydicom and dcmdump read every output. Over the real files of ../shared/testdata.
# LETHE_EVERY=1 takes every file, the default every ninth to keep the time short. LETHE_PROFILES names the profiles.
set -u
data="$LETHE_SOURCE/../shared/testdata/dicom"
[ -d "$data" ] || { echo "skipped: no ../shared/testdata"; exit 77; }
for tool in dciodvfy dcmdump python3; do command -v $tool > /dev/null || { echo "skipped: no $tool"; exit 77; }; done
/usr/bin/python3 -c 'import pydicom' 2> /dev/null || { echo "skipped: no python3-pydicom"; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
head -c 32 /dev/urandom > "$work/key"
chmod 600 "$work/key"
every=${LETHE_EVERY:-9}
(cd "$data" && find . -type f -size -4M | sort | awk "NR % $every == 0" | while IFS= read -r file; do cp --parents "$file" "$work/in.tmp/" 2> /dev/null || { mkdir -p "$work/in.tmp"; cp --parents "$file" "$work/in.tmp/"; }; done)
data=$work/in.tmp
for profile in ${LETHE_PROFILES:-basic research challenge}; do
    "$LETHE_BIN/lethe" deid "$data" -o "$work/$profile" --profile "$profile" --key "$work/key" --manifest "$work/$profile.jsonl" --jobs 2 --quiet
    code=$?
    [ $code = 0 ] || [ $code = 3 ] || [ $code = 4 ] || { echo "lethe deid: exit $code"; exit 1; }
done
/usr/bin/python3 - "$data" "$work" ${LETHE_PROFILES:-basic research challenge} <<'EOF'
import collections, concurrent.futures, json, os, re, subprocess, sys, warnings
import pydicom
data, work, profiles = sys.argv[1], sys.argv[2], sys.argv[3:]
warnings.simplefilter("ignore")

def errors(path):
    out = subprocess.run(["dciodvfy", path], capture_output=True, text=True, errors="replace")
    found = set()
    for line in (out.stderr + out.stdout).splitlines():
        if line.startswith("Error"):
            line = re.sub(r"<[^>]*>", "<>", line)                      # values
            line = re.sub(r"[0-9]+(\.[0-9]+){3,}|2\.25\.[0-9]+", "", line)  # UIDs
            line = re.sub(r"\[[0-9]+\]", "[]", line)                   # item and value numbers
            found.add(re.sub(r"value [0-9]+|0x[0-9a-f]+|= [0-9]+", "", line))
    return found

def check(job):
    profile, source, output = job
    if pydicom.dcmread(os.path.join(work, profile, output), stop_before_pixels=True).file_meta.TransferSyntaxUID.is_deflated:
        before = after = set()  # dciodvfy does not inflate: it takes deflated bytes for elements
    else:
        before, after = errors(os.path.join(data, source)), errors(os.path.join(work, profile, output))
    problems = [f"new error: {line}" for line in sorted(after - before)]
    path = os.path.join(work, profile, output)
    if subprocess.run(["dcmdump", "-q", "+E", path], capture_output=True).returncode != 0:
        if subprocess.run(["dcmdump", "-q", "+E", os.path.join(data, source)], capture_output=True).returncode == 0:
            problems.append("dcmdump cannot read it")
    try:
        for element in pydicom.dcmread(path).iterall():
            pass
    except Exception as reason:
        try:
            for element in pydicom.dcmread(os.path.join(data, source), force=True).iterall():
                pass
            problems.append(f"pydicom cannot read it: {reason!r}")
        except Exception:
            pass
    return profile, source, problems

jobs = []
for profile in profiles:
    number = 0
    for line in open(os.path.join(work, profile + ".jsonl"), encoding="utf-8"):
        entry = json.loads(line)
        if entry["outcome"] == "released" and entry["output"].endswith(".dcm"):
            number += 1
            jobs.append((profile, entry["source"], entry["output"]))
if len(jobs) < 10:
    sys.exit(f"only {len(jobs)} outputs to look at")
kinds, bad = collections.Counter(), 0
with concurrent.futures.ThreadPoolExecutor(2) as pool:
    for profile, source, problems in pool.map(check, jobs):
        bad += bool(problems)
        for problem in problems:
            kinds[profile, problem] += 1
            if kinds[profile, problem] <= 1:
                print(f"{profile}: {source}: {problem}")
print(f"{len(jobs)} outputs, {bad} with problems")
for (profile, problem), count in kinds.most_common(40):
    print(f"  {count} x {profile}: {problem}")
sys.exit(1 if bad else 0)
EOF
