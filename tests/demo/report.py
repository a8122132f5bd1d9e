#!/usr/bin/python3
"""The demo's report: one HTML file from what the demo left in its folder. Private: it shows values before and after.

usage: report.py DEMO_FOLDER
"""
import base64
import html
import io
import json
import pathlib
import sys

import numpy
import pydicom
from PIL import Image

demo = pathlib.Path(sys.argv[1])
project = demo / "project"

CSS = """
body{font:15px/1.5 'DejaVu Sans',sans-serif;max-width:1100px;margin:2em auto;padding:0 1em;color:#1b2733;background:#fafbfc}
h1{font-size:1.7em;margin-bottom:.2em}h2{margin-top:2em;border-bottom:2px solid #d5dde5;padding-bottom:.2em}
table{border-collapse:collapse;width:100%;margin:1em 0;background:#fff}td,th{border:1px solid #d5dde5;padding:.35em .6em;text-align:left;vertical-align:top;overflow-wrap:anywhere}
th{background:#eef2f6}.n{text-align:right;font-variant-numeric:tabular-nums}.cards{display:flex;gap:1em;flex-wrap:wrap}
.card{background:#fff;border:1px solid #d5dde5;border-radius:6px;padding:.8em 1.2em;min-width:7em}.card b{display:block;font-size:1.8em}
.released b{color:#1f7a4d}.quarantined b{color:#a33}.review b{color:#9a6200}
figure{margin:0;background:#fff;border:1px solid #d5dde5;border-radius:6px;padding:.6em}figure img{max-width:100%;display:block}
.pair{display:grid;grid-template-columns:1fr 1fr;gap:1em;margin:1em 0}.gone{color:#a33}.new{color:#1f7a4d}
.warn{background:#fff4df;border:1px solid #e5c07b;padding:.6em 1em;border-radius:6px}
"""


def text(value):
    return html.escape(str(value))


def data_uri(image):
    out = io.BytesIO()
    image.save(out, "PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(out.getvalue()).decode()


def picture(path, grey=None, side=420):
    """An 8-bit picture of the first frame and the grey range that it was stretched from: its own, or the given one, so that a pair can be compared.
    None where this reader cannot decode it."""
    try:
        data = pydicom.dcmread(path, force=True)
        pixels = data.pixel_array
    except Exception:  # compressed in a way that Debian's pydicom has no decoder for
        return None, None
    samples = int(data.get("SamplesPerPixel", 1))
    if int(data.get("NumberOfFrames", 1) or 1) > 1:
        pixels = pixels[0]
    pixels = pixels.astype(float)
    if samples == 1:
        low, high = grey = grey or (numpy.percentile(pixels, 0.5), max(numpy.percentile(pixels, 99.8), pixels.min() + 1))
        pixels = (numpy.clip(pixels, low, high) - low) * 255 / (high - low)
        if data.get("PhotometricInterpretation") == "MONOCHROME1":
            pixels = 255 - pixels
    elif str(data.get("PhotometricInterpretation", "")).startswith("YBR") and data.file_meta.TransferSyntaxUID.is_compressed:
        return data_uri(Image.fromarray(pixels.astype("uint8"), "YCbCr").convert("RGB").resize(fit(pixels.shape, side))), None
    image = Image.fromarray(pixels.astype("uint8"))
    return data_uri(image.resize(fit(pixels.shape, side))), grey


def fit(shape, side):
    scale = side / max(shape[0], shape[1])
    return max(1, round(shape[1] * scale)), max(1, round(shape[0] * scale))


def flatten(dataset, prefix=""):
    rows = {}
    for element in dataset:
        key = prefix + f"({element.tag.group:04X},{element.tag.element:04X})"
        if element.VR == "SQ":
            for index, item in enumerate(element.value):
                rows.update(flatten(item, f"{key}[{index}]>"))
        elif element.tag == 0x7FE00010 or element.VR in ("OB", "OW", "OF", "OD", "UN") and len(element.value or b"") > 64:
            rows[key] = (element.name, f"{len(element.value)} bytes")
        else:
            rows[key] = (element.name, str(element.value))
    return rows


def before_after_table(source, output):
    before = flatten(pydicom.dcmread(source, force=True))
    after = flatten(pydicom.dcmread(output, force=True))
    lines = []
    for key in sorted(set(before) | set(after)):
        name = (before.get(key) or after.get(key))[0]
        old, new = before.get(key, ("", None))[1], after.get(key, ("", None))[1]
        if old == new:
            continue
        lines.append(
            f"<tr><td>{text(key)}</td><td>{text(name)}</td><td class=gone>{'' if old is None else text(old[:120])}</td>"
            f"<td class=new>{'<i>removed</i>' if new is None else text(new[:120])}</td></tr>"
        )
    return lines, len(before), sum(1 for key in before if key in after and before[key][1] == after[key][1])


def source_of(row, by_sop):
    """The file that the demo sent: the private manifest names what came by DICOM as TITLE/SOP-INSTANCE-UID.dcm."""
    return by_sop.get(pathlib.PurePath(row.get("source", "")).stem)


def main():
    manifest = [json.loads(line) for line in (project / "private" / "manifest.jsonl").read_text().splitlines() if line.strip()]
    status = json.loads((demo / "status.json").read_text())
    facts = json.loads((demo / "facts.json").read_text())
    by_sop = {}
    for path in demo.glob("hospital/**/*"):
        if path.is_file():
            try:
                by_sop[str(pydicom.dcmread(path, stop_before_pixels=True, force=True).SOPInstanceUID)] = path
            except Exception:  # whatever pydicom cannot read is not shown
                continue

    out = ["<!doctype html><html lang=en><meta charset=utf-8><title>Lethe demo</title><style>", CSS, "</style>"]
    out.append("<h1>Lethe: one hospital's whole way</h1><p>Invented patients and the public test files of pydicom, sent by <code>dcmsend</code>, de-identified, "
               "labelled, exported, looked at.</p><p class=warn>This report belongs to the private side: it shows values as they were before.</p>")
    out.append("<h2>Counts by outcome</h2><div class=cards>")
    for key in ("received", "released", "quarantined", "review", "dropped", "queued"):
        out.append(f"<div class='card {key}'><b>{status.get(key, 0)}</b>{key}</div>")
    out.append("</div><h2>Rates</h2><table>")
    for key, value in facts.items():
        out.append(f"<tr><td>{text(key)}</td><td class=n>{text(value)}</td></tr>")
    out.append("</table>")

    out.append("<h2>Why something was held back</h2><table><tr><th>outcome</th><th>reason</th><th>files</th></tr>")
    reasons = {}
    for row in manifest:
        if row["outcome"] != "released":
            key = (row["outcome"], row.get("reason") or "")
            reasons[key] = reasons.get(key, 0) + 1
    for (outcome, reason), count in sorted(reasons.items(), key=lambda pair: -pair[1]):
        out.append(f"<tr><td>{text(outcome)}</td><td>{text(reason)}</td><td class=n>{count}</td></tr>")
    out.append("</table>")

    out.append("<h2>One instance, before and after</h2>")
    pairs, table_done = [], False
    for row in manifest:
        if row["outcome"] != "released" or not str(row.get("output") or "").endswith(".dcm"):
            continue
        source, output = source_of(row, by_sop), project / "released" / row["output"]
        if source is None or not output.is_file():
            continue
        if not table_done:
            lines, total, same = before_after_table(source, output)
            if len(lines) > 12:
                out.append(f"<p>{total} elements before; {same} are kept exactly as they were; what changed:</p><table><tr><th>tag</th><th>attribute</th>"
                           "<th>before</th><th>after</th></tr>" + "".join(lines) + "</table>")
                table_done = True
        pairs.append((row, source, output))

    out.append("<h2>Pictures, before and after</h2>")
    wanted = [pair for pair in pairs if pair[0].get("regions")][:3]
    seen = set()
    for pair in pairs:
        modality = pydicom.dcmread(pair[2], stop_before_pixels=True, force=True).get("Modality", "?")
        if modality not in seen and len(wanted) < 8:
            seen.add(modality)
            wanted.append(pair)
    for row, source, output in wanted:
        before, grey = picture(source)
        after, _ = picture(output, grey)
        if before is None or after is None:
            continue
        modality = pydicom.dcmread(output, stop_before_pixels=True, force=True).get("Modality", "?")
        boxes = len(row.get("regions") or [])
        out.append(f"<div class=pair><figure><img alt='before' src='{before}'><figcaption>{text(modality)} before</figcaption></figure>"
                   f"<figure><img alt='after' src='{after}'><figcaption>{text(modality)} after, {boxes} boxes redacted</figcaption></figure></div>")

    out.append("<h2>The viewer on the released side</h2>")
    for shot in sorted(demo.glob("viewer-*.png")):
        out.append(f"<figure><img alt='viewer' src='data:image/png;base64,{base64.b64encode(shot.read_bytes()).decode()}'><figcaption>{text(shot.stem)}</figcaption></figure><br>")
    out.append("</html>")
    target = demo / "report.html"
    target.write_text("".join(out))
    target.chmod(0o600)


main()
