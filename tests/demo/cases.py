#!/usr/bin/python3
"""One released case of each kind for the demo's screenshots: lines of "name case".

usage: cases.py PROJECT
"""
import sqlite3
import sys

db = sqlite3.connect(f"file:{sys.argv[1]}/released/catalogue.db?mode=ro", uri=True)
seen = set()
for kind, modality, study, path in db.execute("SELECT kind, modality, study_uid, path FROM entry ORDER BY kind, modality, path LIKE '%.svs' DESC, path"):
    name = "slide" if kind == "slide" else modality.lower()
    if name in ("mr", "mg", "us", "ct", "slide") and name not in seen:
        seen.add(name)
        print(name, path if kind == "slide" else study)
