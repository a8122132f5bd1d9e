"""Search every file below a folder for planted values, in the usual spellings. Usage: slides_scan.py KEY.jsonl FOLDER.
Independent of the program's own search: plain bytes, one spelling after another."""
import base64
import json
import os
import sys


def spellings(value):
    for text in {value, value.upper(), value.lower()}:
        raw = text.encode("utf-8")
        yield raw
        yield text.encode("utf-16-le")
        yield text.encode("utf-16-be")
        try:
            yield text.encode("latin-1")
        except UnicodeEncodeError:
            pass
        yield raw.hex().encode()
        yield raw.hex().upper().encode()
        for coded in (raw, text.encode("utf-16-le")):
            for shift in range(3):
                middle = base64.b64encode(b"\0" * shift + coded)[[0, 2, 3][shift]:]
                middle = middle.rstrip(b"=")[:-1]
                if len(middle) >= 6:
                    yield middle


def main(key, folder):
    values = set()
    with open(key, encoding="utf-8") as lines:
        for line in lines:
            check = json.loads(line)
            if check["action"] == "bytes_absent":
                values.add(check.get("text") or check["value"])
    files = searched = 0
    bad = []
    for root, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(root, name)
            with open(path, "rb") as stream:
                content = stream.read()
            files += 1
            for value in values:
                for spelling in spellings(value):
                    searched += 1
                    if spelling in content or spelling in path.encode():
                        bad.append((os.path.relpath(path, folder), value))
    print(f"{files} files, {len(values)} values, {searched} searches, {len(bad)} found")
    for item in bad[:20]:
        print("FOUND", item)
    return 1 if bad or not files or not values else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2]))
