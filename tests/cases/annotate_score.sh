#!/bin/bash
# lethe score against values worked out by hand (each beside its sum), and submissions that must be refused.
set -eu
lethe="$LETHE_BIN/lethe"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
fail() { echo "FAILED: $*" >&2; exit 1; }
cd "$work"
mkdir t
value() { # METRIC KEY EXPECTED SUBMISSION TRUTH
    "$lethe" score --truth "$5" --submission "$4" --metric "$1" --json >out || fail "$1 failed"
    /usr/bin/python3 -c "import json,sys; v=json.load(open('out'))['$2']; sys.exit(abs(v-($3))>1e-9)" || fail "$1: $2 is not $3: $(cat out)"
}
refused() { # TEXT METRIC SUBMISSION TRUTH
    ! "$lethe" score --truth "$4" --submission "$3" --metric "$2" >out 2>err || fail "$3 was scored"
    grep -q -- "$1" err || fail "'$1' is not said: $(cat err)"
}
# TissueNet: right, 0 for 1 (0.1), 3 for 0 (1.0), 2 for 3 (0.3): 1 - 1.4 / 4.
printf 'filename,0,1,2,3\na.tif,1,0,0,0\nb.tif,0,1,0,0\nc.tif,1,0,0,0\nd.tif,0,0,0,1\n' >t/truth.csv
printf 'filename,0,1,2,3\nd.tif,0,0,1,0\na.tif,1,0,0,0\nb.tif,1,0,0,0\nc.tif,0,0,0,1\n' >s.csv
value tissuenet tissuenet 0.65 s.csv t
sed '/b.tif/d' s.csv >missing.csv; refused "'b.tif' is missing" tissuenet missing.csv t
sed 's/b.tif/x.tif/' s.csv >extra.csv; refused "b.tif' is missing\|x.tif' is not in the test set" tissuenet extra.csv t
(cat s.csv; echo "a.tif,1,0,0,0") >twice.csv; refused "'a.tif' stands twice (lines 3 and 6)" tissuenet twice.csv t
sed 's/a.tif,1,0,0,0/a.tif,1,1,0,0/' s.csv >two.csv; refused "line 3: exactly one class" tissuenet two.csv t
sed 's/a.tif,1/a.tif,one/' s.csv >word.csv; refused "line 3: column 0 is not a number" tissuenet word.csv t
sed 's/a.tif,1/a.tif,nan/' s.csv >nan.csv; refused "line 3: column 0 is not a number" tissuenet nan.csv t
cut -d, -f1-4 s.csv >narrow.csv; refused "no column '3'" tissuenet narrow.csv t
# Quadratic kappa, the vector of the unit test: 1 - 4/11.
printf 'image_id,grade\np,0\nq,1\nr,2\ns,2\n' >k.csv
printf 'image_id,grade\np,0\nq,2\nr,2\ns,1\n' >k1.csv
value quadratic-kappa quadratic_kappa 7/11 k1.csv k.csv
value quadratic-kappa accuracy 0.5 k1.csv k.csv
sed 's/q,2/q,1.5/' k1.csv >k2.csv; refused "line 3: a class is a whole number" quadratic-kappa k2.csv k.csv
# Probabilistic F1: hits 1.2, false alarms 0.6, two positives: precision 2/3, recall 0.6.
printf 'prediction_id,cancer\na,1\nb,1\nc,0\n' >c.csv
printf 'prediction_id,cancer\na,0.8\nb,0.4\nc,0.6\n' >c1.csv
value pf1 pf1 0.8/1.2666666666666666 c1.csv c.csv
sed 's/0.6/1.6/' c1.csv >c2.csv; refused "line 4: a probability" pf1 c2.csv c.csv
# AUROC: 1.0 > 0.6 and 0.4 < 0.6: one of two pairs.
value auroc auroc 0.5 c1.csv c.csv
# FROC: image 1 has lesions at (10,10) and (50,50), image 2 none. 0.9 hits, 0.8 false on image 2, 0.7 hits the other.
# Points (false alarms per image, sensitivity): (0, 1/2), (1/2, 1/2), (1/2, 1): 1/2 at 1/4, then 1: 5.5 / 6.
mkdir f
printf 'image\n1\n2\n' >f/images.csv
printf 'image,x,y,radius\n1,10,10,5\n1,50,50,5\n' >f/lesions.csv
printf 'image,x,y,score\n1,12,11,0.9\n2,10,10,0.8\n1,50,54,0.7\n' >f1.csv
value froc froc 5.5/6 f1.csv f
value froc sensitivity_at_0.25 0.5 f1.csv f
sed 's/^2,/3,/' f1.csv >f2.csv; refused "line 3: '3' is not in the test set" froc f2.csv f
# PI-CAI and Dice on small volumes made by nibabel.
/usr/bin/python3 - <<'PY'
import os
import nibabel, numpy as np
for d in ("pt", "ps", "mt", "ms"): os.mkdir(d)
def save(path, a, dtype): nibabel.save(nibabel.Nifti1Image(a.astype(dtype), np.diag([2.0, 1, 3, 1])), path)
def empty(): return np.zeros((12, 10, 4))
t = empty(); t[1:4, 1:4, 1] = 3; t[8, 8, 0] = 2; t[9, 9, 1] = 2   # two lesions: 9 voxels, and 2 that touch by a corner
s = empty(); s[2:4, 1:4, 1] = 0.9; s[6, 1, 3] = 0.4               # a hit (IoU 6/9) at 0.9, a false alarm at 0.4; the second is missed
save("pt/1.nii.gz", t, "uint8"); save("ps/1_detection_map.nii.gz", s, "float32")
t = empty(); s = empty(); s[5, 5, 2] = 0.6                         # no cancer, a false alarm at 0.6
save("pt/2.nii.gz", t, "uint8"); save("ps/2.nii.gz", s, "float32")
a = empty(); b = empty(); a[2:6, 2:6, 1] = 1; b[4:8, 2:6, 1] = 1   # moved by 2 voxels of 2 mm
save("mt/a.nii.gz", a, "uint8"); save("ms/a.nii.gz", b, "uint8")
PY
# AUROC 1. Ranking 0.9 hit, 0.6 false, 0.4 false, one missed of two: AP = 1/2 * 1. Score 3/4.
value picai picai 0.75 ps pt
value picai average_precision 0.5 ps pt
value picai auroc 1 ps pt
value dice dice 0.5 ms mt
value dice mean_iou 1/3 ms mt
value hd95 hd95_mm 4 ms mt
mkdir none; refused "no file for 1.nii.gz" picai none pt
# The assignment: as many pairs as can be before the largest overlap; a finding that overlaps enough and stays single is no false alarm.
# Lesions A (1..10) and B (12..20) in a row of voxels. Finding 0.9 covers 5..16 and overlaps both (6/16 and 5/16); 0.5 covers 1..3 and overlaps A only
# (3/10). Greedy would give 0.9 to A and leave 0.5 and B single; the assignment gives 0.9 to B and 0.5 to A. Two findings (0.3, 0.2) lie on lesion C of
# the second case, one is paired, the other does not count; 0.1 lies nowhere.
/usr/bin/python3 - <<'PY'
import os
import nibabel, numpy as np
for d in ("qt", "qs", "qsoft"): os.mkdir(d)
def save(path, a, dtype): nibabel.save(nibabel.Nifti1Image(a.astype(dtype), np.eye(4)), path)
t = np.zeros((40, 12, 3)); s = np.zeros((40, 12, 3))
t[1:11, 1, 1] = 1; t[12:21, 1, 1] = 1; s[5:17, 1, 1] = 0.9; s[1:4, 1, 1] = 0.5
save("qt/1.nii.gz", t, "uint8"); save("qs/1.nii.gz", s, "float32")
t = np.zeros((40, 12, 3)); s = np.zeros((40, 12, 3))
t[0:10, 5, 1] = 1; s[0:4, 5, 1] = 0.3; s[6:9, 5, 1] = 0.2; s[30, 9, 1] = 0.1
save("qt/2.nii.gz", t, "uint8"); save("qs/2.nii.gz", s, "float32")
t = np.zeros((40, 12, 3)); s = np.zeros((40, 12, 3)); s[3, 3, 0] = 0.6
save("qt/3.nii.gz", t, "uint8"); save("qs/3.nii.gz", s, "float32")
s[3:6, 3, 0] = 0.6, 0.7, 0.8
for n in "12": os.link(f"qs/{n}.nii.gz", f"qsoft/{n}.nii.gz")
save("qsoft/3.nii.gz", s, "float32")
PY
# Hits 0.9 0.5 0.3 of three lesions, false alarms 0.6 and 0.1: precision 1, then 2/3, then 3/4. Cases: 0.9 and 0.3 with cancer, 0.6 without: AUROC 1/2.
value picai average_precision "(1 + 2/3 + 3/4) / 3" qs qt
value picai auroc 0.5 qs qt
refused "3.nii.gz of the submission: 3 different values in 1 findings" picai qsoft qt
cp mt/a.nii.gz ps/cut.gz; mkdir cut; head -c 60 ps/1_detection_map.nii.gz >cut/1.nii.gz; cp ps/2.nii.gz cut/; refused "1.nii.gz of the submission" picai cut pt
mkdir small; /usr/bin/python3 -c "
import nibabel, numpy as np
nibabel.save(nibabel.Nifti1Image(np.zeros((12, 10, 3), 'float32'), np.eye(4)), 'small/1.nii.gz')"
refused "12 x 10 x 3 voxels" picai small pt
# A leaderboard: the better one first, with ranks.
printf 'prediction_id,cancer\na,0.9\nb,0.8\nc,0.1\n' >c3.csv
"$lethe" score --truth c.csv --submission c1.csv --submission c3.csv --metric pf1 --leaderboard board.json >/dev/null
/usr/bin/python3 -c "
import json
b = json.load(open('board.json'))
assert [x['submission'] for x in b] == ['c3.csv', 'c1.csv'] and b[0]['rank_median'] == 1 and b[1]['rank_median'] == 2, b" || fail "leaderboard"
code=0; "$lethe" score --truth c.csv --submission c1.csv --metric pf2 2>/dev/null || code=$?
[ $code = 2 ] || fail "an unknown metric is wrong usage"
echo ok
