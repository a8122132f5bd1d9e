"""See slides_study.sh. Usage: slides_study.py FOLDER_OF_BINARIES WORK_FOLDER COUNT"""
import json
import os
import shutil
import subprocess
import sys
import time

BIN, WORK, COUNT = sys.argv[1], sys.argv[2], int(sys.argv[3])
TICKS = os.sysconf("SC_CLK_TCK")


def family(first):
    """The process and all that descend from it."""
    parents = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                fields = open(f"/proc/{name}/stat").read().rsplit(") ", 1)[1].split()
            except OSError:
                continue
            parents[int(name)] = (int(fields[1]), sum(map(int, fields[11:15])))
    known, grew = {first}, True
    while grew:
        more = {pid for pid, (parent, _) in parents.items() if parent in known} - known
        known |= more
        grew = bool(more)
    return {pid: parents[pid][1] for pid in known if pid in parents}


def private_kib(pid):
    try:
        return next(int(line.split()[1]) for line in open(f"/proc/{pid}/status") if line.startswith("RssAnon:"))
    except (OSError, StopIteration):
        return 0


def lines(path):
    try:
        with open(path, "rb") as stream:
            return sum(1 for _ in stream)
    except OSError:
        return 0


def watch(name, command, progress=None):
    """Run to the end: (samples of (done, processor seconds, KiB), seconds, processor seconds, peak KiB)."""
    before = os.times()
    start = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    samples, peak = [], 0
    while process.poll() is None:
        pids = family(process.pid)
        kib = sum(map(private_kib, pids))
        peak = max(peak, kib)
        if progress:
            samples.append((progress(), sum(pids.values()) / TICKS, kib))
        time.sleep(0.5)
    after = os.times()
    spent = after.children_user + after.children_system - before.children_user - before.children_system
    print(f"{name}: {time.monotonic() - start:.1f} s, processor {spent:.1f} s ({spent / COUNT * 1000:.1f} ms a slide), at most {peak // 1024} MiB in all processes")
    if process.returncode != 0:
        sys.exit(f"FAIL: {name} ended with {process.returncode}")
    return samples, peak


made = os.path.join(WORK, "made", "slides")
kinds = sorted(name for name in os.listdir(made) if os.path.isfile(os.path.join(made, name)) and not name.endswith(".mrxs"))
study = os.path.join(WORK, "study")
for i in range(COUNT):
    folder = os.path.join(study, f"centre-{i % 20:02d}")
    os.makedirs(folder, exist_ok=True)
    kind = kinds[i % len(kinds)]
    shutil.copyfile(os.path.join(made, kind), os.path.join(folder, f"S24-{i:05d}{kind[kind.index('.'):]}"))
out, manifest = os.path.join(WORK, "out"), os.path.join(WORK, "manifest.jsonl")
samples, _ = watch("lethe deid", [f"{BIN}/lethe", "deid", study, "-o", out, "--key", f"{WORK}/key", "--manifest", manifest, "--quiet"], lambda: lines(manifest))
print("   slides   processor ms each   KiB   load")
marks = [next((s for s in samples if s[0] >= COUNT * part // 10), samples[-1]) for part in range(11)]
costs = []
for earlier, later in zip(marks, marks[1:]):
    if later[0] > earlier[0]:
        costs.append((later[1] - earlier[1]) * 1000 / (later[0] - earlier[0]))
        print(f"{later[0]:9d} {costs[-1]:19.1f} {later[2]:5d}")
print("load", os.getloadavg())
rows = [json.loads(line) for line in open(manifest)]
released = {row["output"] for row in rows if row["outcome"] == "released"}
if len(rows) != COUNT or len(released) != COUNT:
    sys.exit(f"FAIL: {len(rows)} rows, {len(released)} outputs of {COUNT}")
missing = [name for name in released if not os.path.isfile(os.path.join(out, name))]
if missing:
    sys.exit(f"FAIL: {len(missing)} outputs are not there")
watch("lethe deid verify", [f"{BIN}/lethe", "deid", "verify", out])
watch("lethe deid sheet", [f"{BIN}/lethe", "deid", "sheet", out, "-o", f"{WORK}/sheet.html", "--manifest", manifest])
if len(costs) >= 4 and sum(costs[-2:]) / 2 > 1.6 * sum(costs[:2]) / 2 + 1:
    sys.exit("FAIL: a slide costs more the more there are")
memory = [kib for done, _, kib in samples if done and kib]
third = len(memory) // 3
early, late = max(memory[:third + 1]), max(memory[-third - 1:])
if late > 1.25 * early + 16384:
    sys.exit(f"FAIL: memory grows: {early} KiB in the first third, {late} KiB in the last")
print(f"ok: {COUNT} slides")
