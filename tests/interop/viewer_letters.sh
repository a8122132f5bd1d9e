#!/bin/bash
# Answers in scripts whose letters this machine may have no font for - Chinese, Arabic, Hindi, an emoji beyond 16 bits, a letter with a combining accent: shown without harm, and the same bytes in
# the store after somebody has opened the annotation, changed another answer, moved it and undone that. The bytes are compared by another program.
set -u
. "$LETHE_SOURCE/tests/interop/viewer_display.inc"
"$LETHE_BIN/viewer_phantom" "$work/project" || exit 1
annotate() { "$LETHE_BIN/lethe" annotate -C "$work/project" "$@"; }
fail() { echo "FAILED: $*"; exit 1; }
cat > "$work/schema.yaml" << 'YAML'
schema: letters
version: 1
title: 标签 وسوم लेबल 🧠
labels:
  - name: finding
    title: 病变 آفة घाव 🫀
    level: region
    geometries: [box]
    fields:
      - {name: note, title: 备注 ملاحظة 📝, answer: text}
      - name: side
        title: 侧 جانب
        answer: single
        options: [{value: a, title: 左 يسار}, {value: b, title: 右 يمين 👉}]
YAML
annotate schema install "$work/schema.yaml" > /dev/null || fail "the schema is not installed"
note=$(printf '\xe7\x97\x85\xe5\x8f\x98 \xd8\xa2\xd9\x81\xd8\xa9 \xe0\xa4\x98\xe0\xa4\xbe\xe0\xa4\xb5 \xf0\x9f\xa7\xa0 e\xcc\x81 \xf0\xa0\xae\xb7')
run typed << TXT
wait-idle
open 1.2.3.1
wait-idle
label finding
key R
drag @0:20,20 @0:60,50
assert-state marks=1
key F8
wait-idle
key Down
wait-idle
key Enter
wait-idle
type $note
wait-idle
key Enter
wait-idle
key Escape
assert-state focus=0
wait-idle
assert-state gl-errors=0
TXT
# told NAME SIDE X0: what the store holds now
told() {
    annotate show > "$work/$1.jsonl" || fail "the store cannot be read"
    python3 - "$work/$1.jsonl" "$note" "$2" "$3" << 'PY' || fail "$1: the store holds something else"
import json, sys
rows = [json.loads(line) for line in open(sys.argv[1], "rb")]
assert len(rows) == 1, rows
form = rows[0]["form"]
wanted = {"note": sys.argv[2]}
if sys.argv[3]: wanted["side"] = sys.argv[3]
assert form["note"].encode() == sys.argv[2].encode(), form
assert form == wanted, form
assert abs(rows[0]["bounds"][0] - float(sys.argv[4])) < 0.5, rows[0]["bounds"]
PY
}
told typed "" 20
# another start: another answer is given, the box moved, deleted and brought back
run edited << TXT
wait-idle
open 1.2.3.1
wait-idle
key V
click @0:20,35
assert-state selected=box
key F8
wait-idle
key Down
wait-idle
key Down
wait-idle
key Right
wait-idle
key Enter
wait-idle
key Escape
drag @0:25,45 @0:35,45
assert-state selected.x0~30~0.5
key Delete
assert-state marks=0
key ctrl+Z
assert-state marks=1
key F4
wait-idle
key F1
wait-idle
key Escape
scale 2
wait-idle
assert-state gl-errors=0
TXT
told edited b 30
# the text box is entered and left: nothing is written; a letter is added at its end and taken away again
run entered << TXT
wait-idle
open 1.2.3.1
wait-idle
key V
click @0:30,35
key F8
wait-idle
key Down
wait-idle
key Enter
wait-idle
key End
type 端
wait-idle
key Backspace
wait-idle
key Enter
wait-idle
key Escape
assert-state gl-errors=0
TXT
told entered b 30
echo "letters of other scripts stay what they are"
