#!/bin/bash
# Encrypted attributes (PS3.15 E.1.1): what is removed travels along for the holder of one private key. Judged by openssl's own CMS, by pydicom, which
# compares the restored instance with the input element by element, and by dciodvfy.
set -u
for tool in openssl /usr/bin/python3 dciodvfy; do command -v $tool > /dev/null || { echo "skipped: no $tool"; exit 77; }; done
/usr/bin/python3 -c 'import pydicom' 2> /dev/null || { echo "skipped: no pydicom"; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
lethe="$LETHE_BIN/lethe"
bad=0
fail() { echo "FAILED: $*"; bad=1; }
umask 077
"$LETHE_BIN/lethe-testdata" ct -o "$work/in" --count 3 --columns 64 --seed 11 > /dev/null || exit 1
/usr/bin/python3 - "$work/in" <<'PY' || exit 1
# A nested sequence, private data, several character sets and both implicit and big endian encodings.
import os, sys, glob, pydicom
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import ImplicitVRLittleEndian, ExplicitVRBigEndian
paths = sorted(p for p in glob.glob(sys.argv[1] + "/**/*", recursive=True) if os.path.isfile(p))
assert len(paths) == 3
for index, path in enumerate(paths):
    d = pydicom.dcmread(path)
    d.SpecificCharacterSet = "ISO_IR 100"
    d.PatientName = "LEF\u00c8VRE^Ren\u00e9e"
    d.PatientComments = "adresse 12 rue des Lilas"
    request = Dataset()
    request.RequestedProcedureID = "RQ-55123"
    request.RequestingPhysician = "DUBOIS^JEAN"
    d.RequestAttributesSequence = Sequence([request])
    block = d.private_block(0x0099, "ACME SECRET", create=True)
    block.add_new(0x01, "LO", "private of LEFEVRE")
    if index == 1:
        d.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
        d.is_implicit_VR = True
    if index == 2:
        # pydicom does not swap pixels by itself
        d.PixelData = b"".join(d.PixelData[i:i + 2][::-1] for i in range(0, len(d.PixelData), 2))
        d.file_meta.TransferSyntaxUID = ExplicitVRBigEndian
        d.is_little_endian = False
    d.save_as(path, write_like_original=False)
PY
head -c 32 /dev/urandom > "$work/key"
for who in first second stranger; do
    openssl req -x509 -newkey rsa:2048 -nodes -keyout "$work/$who.key" -out "$work/$who.pem" -days 2 -subj "/CN=$who" > /dev/null 2>&1
done
cat "$work/first.pem" "$work/second.pem" > "$work/both.pem"
# The profile names the recipients by a path beside itself.
printf 'name: trusted\nbase: research\nreidentify:\n  certificate: both.pem\n' > "$work/profile.yaml"

"$lethe" deid "$work/in" -o "$work/out" --key "$work/key" --profile "$work/profile.yaml" --manifest "$work/m.jsonl" --jobs 2 > /dev/null || fail "the run"
[ "$(find "$work/out" -name '*.dcm' | wc -l)" = 3 ] || fail "three instances were to come out"
"$lethe" deid verify "$work/out" --manifest "$work/m.jsonl" > /dev/null || fail "verify of encrypted attributes"
# The same bytes again, in shards, and by the option instead of the profile's key.
for i in 1 2; do "$lethe" deid "$work/in" -o "$work/shards" --key "$work/key" --profile "$work/profile.yaml" --shard $i/2 --quiet > /dev/null || fail "shard $i"; done
diff -r "$work/out" "$work/shards" > /dev/null || fail "shards differ: the encryption is not a function of key and content"
head -c 32 /dev/urandom > "$work/key2"
"$lethe" deid "$work/in" -o "$work/basic" --key "$work/key2" --profile basic --reidentify "$work/first.pem" > /dev/null || fail "the option"

for file in $(find "$work/out" "$work/basic" -name '*.dcm'); do
    dciodvfy "$file" 2>&1 | grep '^Error' && fail "dciodvfy"
    grep -qaE 'DUBOIS|Lilas|RQ-55123' "$file" && fail "a removed value stands in the clear"
done

# openssl's own CMS reads it with either key and not with another.
/usr/bin/python3 - "$work" <<'PY' || fail "the structure"
import sys, glob, subprocess, pydicom
work = sys.argv[1]
for path in glob.glob(work + "/out/**/*.dcm", recursive=True):
    d = pydicom.dcmread(path)
    item = d[0x04000500].value[0]
    open(work + "/cms.der", "wb").write(item[0x04000520].value)
    assert item[0x04000510].value in ("1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2")
    for who, wanted in (("first", True), ("second", True), ("stranger", False)):
        run = subprocess.run(["openssl", "cms", "-decrypt", "-inform", "DER", "-in", work + "/cms.der", "-inkey", f"{work}/{who}.key", "-recip", f"{work}/{who}.pem"],
                             capture_output=True)
        plain = run.returncode == 0 and b"12 rue des Lilas" in run.stdout
        assert plain == wanted, (who, run.stderr[:200])
PY

for who in first second; do
    "$lethe" deid reidentify "$work/out" -o "$work/back-$who" --private-key "$work/$who.key" > /dev/null || fail "reidentify with the key of $who"
done
diff -r "$work/back-first" "$work/back-second" > /dev/null || fail "two recipients see different patients"
[ "$(find "$work/back-first" -type f -perm /077 | wc -l)" = 0 ] || fail "restored files can be read by others"
[ "$(find "$work/back-first" -type d -perm /077 | wc -l)" = 0 ] || fail "restored folders can be read by others"
/usr/bin/python3 - "$work" <<'PY' || fail "what was restored is not what came in"
import os, sys, glob, pydicom
work = sys.argv[1]
def load(folder):
    return {str(d.SOPInstanceUID): d for d in (pydicom.dcmread(p) for p in glob.glob(folder + "/**/*", recursive=True) if os.path.isfile(p))}
before, after = load(work + "/in"), load(work + "/back-first")
assert before.keys() == after.keys() and len(before) == 3
for uid, old in before.items():
    new = after[uid]
    assert new.file_meta.MediaStorageSOPInstanceUID == uid, (new.file_meta, uid)
    assert new.file_meta.TransferSyntaxUID == old.file_meta.TransferSyntaxUID, (new.file_meta, old.file_meta)
    tags = lambda d: {e.tag for e in d if e.tag.element != 0}
    assert tags(old) == tags(new), tags(old) ^ tags(new)
    for e in old:
        assert new[e.tag] == e, e.tag
released = load(work + "/out")
assert not set(released) & set(before)
PY

# --- what is refused ---
expect() { local code=$1 name=$2; shift 2; "$@" > "$work/o" 2> "$work/e"; local got=$?; [ $got = "$code" ] || { fail "$name: exit $got, wanted $code"; cat "$work/e"; }; }
expect 3 "a key of somebody else" "$lethe" deid reidentify "$work/out" -o "$work/x" --private-key "$work/stranger.key"
[ -z "$(find "$work/x" -type f)" ] || fail "a wrong key left files"
grep -q 'does not open' "$work/e" || fail "nothing says that the key is wrong"
grep -q LEF "$work/e" "$work/o" && fail "a message names the patient"
cp "$work/first.key" "$work/open.key"; chmod 644 "$work/open.key"
expect 1 "a private key that others can read" "$lethe" deid reidentify "$work/out" -o "$work/x" --private-key "$work/open.key"
expect 1 "a certificate for a key" "$lethe" deid reidentify "$work/out" -o "$work/x" --private-key "$work/first.pem"
expect 3 "instances without encrypted attributes" "$lethe" deid reidentify "$work/in" -o "$work/x" --private-key "$work/first.key"
# Restored patients never come to lie among what is released; a file-set is restored once.
expect 2 "restored into the released folder" "$lethe" deid reidentify "$work/out" -o "$work/out/back" --private-key "$work/first.key"
expect 2 "restored over the released folder" "$lethe" deid reidentify "$work/out" -o "$work/out" --private-key "$work/first.key"
expect 2 "restored around the released folder" "$lethe" deid reidentify "$work/out" -o "$work" --private-key "$work/first.key"
one=$(find "$work/out" -name '*.dcm' | sort | head -1)
expect 2 "restored beside a released file" "$lethe" deid reidentify "$one" -o "$(dirname "$one")" --private-key "$work/first.key"
[ ! -e "$work/out/back" ] || fail "a refused run left a folder"
cp -r "$work/out" "$work/medium" && "$lethe" deid dicomdir "$work/medium" > /dev/null || fail "a file-set"
expect 0 "a file-set restored" "$lethe" deid reidentify "$work/medium" -o "$work/medium-back" --private-key "$work/first.key"
diff -r "$work/back-first" "$work/medium-back" > /dev/null || fail "a file-set is restored otherwise"
expect 2 "no key" "$lethe" deid reidentify "$work/out" -o "$work/x"
openssl rsa -in "$work/first.key" -aes256 -passout pass:geheim -out "$work/locked.key" 2> /dev/null
echo geheim > "$work/phrase"; echo falsch > "$work/wrong"
expect 1 "an encrypted key without its passphrase" "$lethe" deid reidentify "$work/out" -o "$work/x" --private-key "$work/locked.key" < /dev/null
expect 1 "a wrong passphrase" "$lethe" deid reidentify "$work/out" -o "$work/x" --private-key "$work/locked.key" --passphrase "$work/wrong"
expect 0 "an encrypted key" "$lethe" deid reidentify "$work/out" -o "$work/y" --private-key "$work/locked.key" --passphrase "$work/phrase"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$work/ec.key" -out "$work/ec.pem" -days 2 -subj /CN=ec > /dev/null 2>&1
expect 2 "a recipient without RSA" "$lethe" deid "$work/in" -o "$work/z" --key "$work/key" --reidentify "$work/ec.pem"
expect 2 "a recipient that is a key" "$lethe" deid "$work/in" -o "$work/z" --key "$work/key" --reidentify "$work/first.key"
sed -i 's/certificate/certificat/' "$work/profile.yaml"
expect 2 "a wrong word in the profile" "$lethe" deid "$work/in" -o "$work/z" --key "$work/key" --profile "$work/profile.yaml"
grep -q "certificate" "$work/e" || fail "the right word is not named"
# A changed ciphertext is not taken for a patient: refused, or other bytes that do not parse.
one=$(find "$work/out" -name '*.dcm' | head -1)
/usr/bin/python3 - "$one" "$work/changed.dcm" <<'PY'
import sys, pydicom
d = pydicom.dcmread(sys.argv[1])
v = bytearray(d[0x04000500].value[0][0x04000520].value)
for at in range(100, len(v) - 1, 97):   # in both encrypted keys, too
    v[at] ^= 1
d[0x04000500].value[0][0x04000520].value = bytes(v)
d.save_as(sys.argv[2])
d[0x04000500].value[0][0x04000520].value = b"DUPONT^MARIE"
d.save_as(sys.argv[2] + ".plain.dcm")
PY
expect 3 "a changed ciphertext" "$lethe" deid reidentify "$work/changed.dcm" -o "$work/w" --private-key "$work/first.key"
expect 3 "verify of what is not encrypted" "$lethe" deid verify "$work/changed.dcm.plain.dcm"
grep -q 'not encrypted' "$work/e" || fail "nothing says that it is not encrypted"
# An earlier de-identification's ciphertext does not pass through.
expect 0 "a second de-identification" "$lethe" deid "$work/out" -o "$work/again" --key "$work/key"
for file in $(find "$work/again" -name '*.dcm'); do dcmdump "$file" 2> /dev/null | grep -q '0400,0520' && fail "a foreign ciphertext passed through"; done
exit $bad
