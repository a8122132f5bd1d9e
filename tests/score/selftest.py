#!/usr/bin/python3
"""The scorer must see leaks: originals scored against their own key fail every removal, and retain everything.

    selftest.py ANSWERS FOLDER
"""
import json
import os
import subprocess
import sys
import tempfile


def main():
    answers, folder = sys.argv[1:3]
    files = sorted({json.loads(line)["file"] for line in open(answers, encoding="utf-8")})
    with tempfile.TemporaryDirectory() as scratch:
        manifest, result = os.path.join(scratch, "manifest"), os.path.join(scratch, "result")
        with open(manifest, "w", encoding="utf-8") as out:
            for name in files:
                out.write(json.dumps({"source": name, "output": name, "outcome": "released"}) + "\n")
        scorer = os.path.join(os.path.dirname(os.path.abspath(__file__)), "score_deid.py")
        done = subprocess.run([sys.executable, scorer, "--answers", answers, "--manifest", manifest, "--out", folder, "--json", result, "--list", "0"],
                              stdout=subprocess.DEVNULL, check=False)
        verbs = json.load(open(result, encoding="utf-8"))["verbs"]
    wrong = []
    if done.returncode != 0:
        wrong.append("the scorer failed")
    for verb, least in (("text_removed", 0.9), ("date_shifted", 1.0), ("uid_changed", 1.0), ("pixels_hidden", 0.9), ("bytes_absent", 0.5)):
        share = verbs[verb]["fail"] / (verbs[verb]["fail"] + verbs[verb]["pass"])
        if share < least:
            wrong.append("%s: only %.1f %% of planted identifiers are found in the originals" % (verb, 100 * share))
    for verb in ("text_retained", "tag_retained", "text_notnull", "pixels_retained"):
        if verbs[verb]["fail"]:
            wrong.append("%s: %d wanted values do not stand in the originals" % (verb, verbs[verb]["fail"]))
    for line in wrong:
        print("scorer self-test: " + line)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
