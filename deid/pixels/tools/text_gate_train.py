#!/usr/bin/env python3
"""Make the examples for the gate of blocks (text_gate.c), and train it: blocks that hold a part of a line of text of letters that the level is for, and blocks
of pictures without text.

usage: text_gate_train.py FEATURES_TOOL WORK_FOLDER TEXT CLEAN [REAL_RAW...] > deid/pixels/text_gate.h
TEXT and CLEAN are numbers of invented pictures."""
import collections
import os
import subprocess
import sys

import numpy

sys.path.insert(0, __file__.rsplit("/", 1)[0])
import text_hard  # noqa: E402
from text_judge_train import draw  # noqa: E402
from text_network_train import label, save  # noqa: E402

INPUTS, HIDDEN, STEPS, BLOCK = 18, 16, 6000, 16
RECORD = numpy.dtype([("picture", "u4"), ("width", "u2"), ("bx", "u2"), ("by", "u2"), ("dark", "u2"), ("inputs", "f4", INPUTS)])


def widths(w):
    """Of the levels, and by how much each is smaller."""
    return {w >> depth: 1 << depth for depth in range(4)}


def mark(rows, w, lines):
    """1: a part of a line that was found and is text; -1: a part of something else on a picture with text, which may be text that nobody drew."""
    scale = numpy.array([widths(w)[int(v)] for v in rows["width"]])
    x0, y0 = rows["bx"] * BLOCK * scale, rows["by"] * BLOCK * scale
    labels = numpy.zeros(len(rows), int)
    for x, y, lw, lh, dark, height, is_text in lines:
        inside = (x0 < x + lw) & (x0 + BLOCK * scale > x) & (y0 < y + lh) & (y0 + BLOCK * scale > y)
        seen = inside & (rows["dark"] == dark) & (5 * scale <= height) & (height <= 36 * scale)
        labels[inside & ~seen & (labels == 0)] = -1
        labels[seen] = 1 if is_text else numpy.where(labels[seen] == 1, 1, -1)
    return labels


def train(x, y):
    rng = numpy.random.default_rng(1)
    mean, scale = x.mean(0), 1 / (x.std(0) + 1e-6)
    z = numpy.clip((x - mean) * scale, -4, 4).astype(numpy.float32)
    held = rng.random(len(y)) < 0.15
    text, none = numpy.where((y == 1) & ~held)[0], numpy.where((y == 0) & ~held)[0]
    p = [rng.normal(0, 0.3, (INPUTS, HIDDEN)), numpy.zeros(HIDDEN), rng.normal(0, 0.3, HIDDEN), numpy.zeros(1)]
    first, second = [numpy.zeros_like(v) for v in p], [numpy.zeros_like(v) for v in p]
    for step in range(STEPS):
        at = numpy.concatenate([rng.choice(text, 256), rng.choice(none, 768)])
        a, truth = z[at], (y[at] == 1).astype(float)
        hidden = numpy.maximum(0, a @ p[0] + p[1])
        error = (1 / (1 + numpy.exp(-(hidden @ p[2] + p[3][0]))) - truth) / len(at)
        back = numpy.outer(error, p[2]) * (hidden > 0)
        for k, g in enumerate([a.T @ back, back.sum(0), hidden.T @ error, numpy.array([error.sum()])]):
            first[k] = 0.9 * first[k] + 0.1 * g
            second[k] = 0.999 * second[k] + 0.001 * g * g
            p[k] -= 0.01 * (1 - step / STEPS) * first[k] / (numpy.sqrt(second[k]) + 1e-8)
    odds = numpy.maximum(0, z @ p[0] + p[1]) @ p[2] + p[3][0]
    for limit in (-5, -4, -3, -2.5, -2, -1, 0):
        print("held out, odds above %.1f: %.4f of blocks with text, %.4f of those without" % (
            limit, (odds[held & (y == 1)] > limit).mean(), (odds[held & (y == 0)] > limit).mean()), file=sys.stderr)
    return mean, scale, p


def table(name, values):
    flat = numpy.asarray(values).ravel()
    lines = ["    " + " ".join("%.5ef," % v for v in flat[i:i + 10]) for i in range(0, len(flat), 10)]
    return "static const float %s[%d] = {\n%s\n};\n\n" % (name, len(flat), "\n".join(lines))


def picture(i, with_text, real):
    """As the judge sees them; every fifth with text on an even ground, where faint letters are plain to see."""
    rng = numpy.random.default_rng(i)
    if not with_text or i % 5 != 4:
        return draw(800000 + i, with_text, real)
    base = numpy.full((int(rng.integers(200, 600)), int(rng.integers(300, 700))), 0.15 + 0.7 * rng.random(), numpy.float32)
    base[0, 0], base[0, 1] = 0, 1  # the range that values are spread over
    return text_hard.picture(800000 + i, True, base)


def main():
    tool, folder, text, clean, real = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), sys.argv[5:]
    names, truths = [], {}
    for i in range(text + clean):
        array, boxes = picture(i, i < text, real)
        names.append("%s/g%06d.raw" % (folder, i))
        truths[names[-1]] = boxes
        save(names[-1], array)
    names += real
    run = subprocess.run([tool, folder + "/gate.bin", "gate"], input="\n".join(names) + "\n", capture_output=True, text=True, check=True)
    lines = collections.defaultdict(list)
    for line in run.stdout.splitlines():
        r = line.rsplit(" ", 29)
        if len(truths.get(r[0], [])) > 0 and float(r[9]) >= 0.5:
            box = [float(v) for v in r[1:5]]
            lines[r[0]].append((*box, int(r[6]), float(r[8]), label(box, truths[r[0]]) == 1))
    records = numpy.fromfile(folder + "/gate.bin", RECORD)
    ends = numpy.searchsorted(records["picture"], numpy.arange(len(names) + 1))
    inputs, labels = [], []
    rng = numpy.random.default_rng(2)
    for i, name in enumerate(names):
        rows = records[ends[i]:ends[i + 1]]
        with open(name, "rb") as file:
            w = int(file.readline().split()[0])
        y = mark(rows, w, lines[name])
        if len(truths.get(name, [])) > 0:
            y[y == 0] = -1  # text that was not found
        keep = (y == 1) | ((y == 0) & (rng.random(len(y)) < (1 if i >= text + clean else 0.5)))
        inputs.append(rows["inputs"][keep])
        labels.append(y[keep])
        if i < text + clean:
            os.unlink(name)
    x, y = numpy.concatenate(inputs), numpy.concatenate(labels)
    mean, scale, p = train(x.astype(numpy.float32), y)
    print("%d blocks with text, %d without" % ((y == 1).sum(), (y == 0).sum()), file=sys.stderr)
    sys.stdout.write("/* Weights of the gate of blocks (text_gate.c), made by tools/text_gate_train.py from %d invented pictures with text, %d without, and %d real\n"
                     " * text-free ones. */\n#ifndef LETHE_DEID_TEXT_GATE_H\n#define LETHE_DEID_TEXT_GATE_H\n\nenum { GATE_INPUTS = %d, GATE_HIDDEN = %d };\n\n" % (
                         text, clean, len(real), INPUTS, HIDDEN))
    sys.stdout.write(table("gate_mean", mean) + table("gate_scale", scale) + table("gate_w1", p[0]) + table("gate_b1", p[1]) + table("gate_w2", p[2]))
    sys.stdout.write("static const float gate_b2 = %.5ef;\n\n#endif\n" % p[3][0])


if __name__ == "__main__":
    main()
