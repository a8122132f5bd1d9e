#!/usr/bin/env python3
"""Train the line classifier of the text detector: a perceptron with one hidden layer over the features of text_lines.c.

usage: text_train.py FEATURES_TOOL WORK_FOLDER PICTURES [REAL_RAW...] > deid/pixels/text_weights.h
REAL_RAW are text-free real images as 'columns rows samples bytes\\n' files: candidates on them are negative."""
import subprocess
import sys

import numpy

sys.path.insert(0, __file__.rsplit("/", 1)[0])
import text_draw  # noqa: E402

FEATURES, HIDDEN = 20, 24


def save(path, array):
    with open(path, "wb") as file:
        samples = array.shape[2] if array.ndim == 3 else 1
        file.write(b"%d %d %d %d\n" % (array.shape[1], array.shape[0], samples, array.dtype.itemsize))
        file.write(numpy.ascontiguousarray(array).tobytes())


def candidates(tool, names):
    # With a file for pictures the tool applies no threshold of its own.
    run = subprocess.run([tool, "/dev/null"], input="\n".join(names) + "\n", capture_output=True, text=True, check=True)
    out = {name: [] for name in names}
    for line in run.stdout.splitlines():
        parts = line.rsplit(" ", 29)
        out[parts[0]].append([float(v) for v in parts[1:]])
    return out


def label(box, truth):
    """1 text, 0 not, -1 leave out."""
    x, y, w, h = box
    best = 0.0
    for x0, y0, x1, y1 in truth:
        ox, oy = max(0, min(x + w, x1) - max(x, x0)), max(0, min(y + h, y1) - max(y, y0))
        best = max(best, ox * oy / (w * h))
    return 1 if best > 0.75 else 0 if best < 0.1 else -1


def train(x, y, rng, rounds=60):
    mean, deviation = x.mean(0), x.std(0) + 1e-3
    z = ((x - mean) / deviation).clip(-5, 5)
    w1 = rng.normal(size=(FEATURES, HIDDEN)) * 0.3
    b1, w2, b2 = numpy.zeros(HIDDEN), rng.normal(size=HIDDEN) * 0.3, 0.0
    state = [numpy.zeros_like(v) for v in (w1, b1, w2, numpy.array(b2))] * 2
    state = [s.copy() for s in state]
    weight = numpy.where(y == 1, 0.5 / max(1, (y == 1).sum()), 0.5 / max(1, (y == 0).sum())) * len(y)
    weight = numpy.sqrt(weight)
    step = 0
    for epoch in range(rounds):
        order = rng.permutation(len(y))
        for start in range(0, len(y), 512):
            index = order[start:start + 512]
            a, t, c = z[index], y[index], weight[index]
            hidden = numpy.tanh(a @ w1 + b1)
            p = 1 / (1 + numpy.exp(-(hidden @ w2 + b2).clip(-30, 30)))
            d = (p - t) * c / len(index)
            dh = numpy.outer(d, w2) * (1 - hidden ** 2)
            grads = (a.T @ dh + 1e-5 * w1, dh.sum(0), hidden.T @ d + 1e-5 * w2, numpy.array(d.sum()))
            step += 1
            rate = 0.004 * (1 - epoch / rounds) + 0.0002
            values = [w1, b1, w2, numpy.array(b2)]
            for i, g in enumerate(grads):
                state[i] = 0.9 * state[i] + 0.1 * g
                state[4 + i] = 0.999 * state[4 + i] + 0.001 * g * g
                values[i] = values[i] - rate * (state[i] / (1 - 0.9 ** step)) / (numpy.sqrt(state[4 + i] / (1 - 0.999 ** step)) + 1e-8)
            w1, b1, w2, b2 = values[0], values[1], values[2], float(values[3])
    p = 1 / (1 + numpy.exp(-(numpy.tanh(z @ w1 + b1) @ w2 + b2)))
    return mean, deviation, w1, b1, w2, b2, p


def table(name, values):
    flat = numpy.asarray(values).ravel()
    lines = ["static const float %s[%d] = {" % (name, len(flat))]
    for i in range(0, len(flat), 10):
        lines.append("    " + ", ".join("%.5ff" % v for v in flat[i:i + 10]) + ",")
    return "\n".join(lines) + "\n};\n"


def main():
    tool, folder, count, real = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4:]
    x, y, owner = [], [], []
    names, truths = [], []
    for seed in range(count):
        array, boxes, _, _ = text_draw.picture(seed, with_text=seed % 3 != 0)
        name = "%s/%05d.raw" % (folder, seed)
        save(name, array)
        names.append(name)
        truths.append(boxes)
    found = candidates(tool, names)
    for i, name in enumerate(names):
        for row in found[name]:
            mark = label(row[0:4], truths[i])
            if mark >= 0:
                x.append(row[9:])
                y.append(mark)
                owner.append(i)
    if real:
        found = candidates(tool, real)
        for name in real:
            for row in found[name]:
                x.append(row[9:])
                y.append(0)
                owner.append(-1)
    x, y = numpy.array(x), numpy.array(y)
    mean, deviation, w1, b1, w2, b2, p = train(x, y, numpy.random.default_rng(1))
    sys.stderr.write("%d candidates, %d text; at 0.5: recall %.4f, false %.5f; at 0.9: %.4f, %.5f; at 0.06: %.4f, %.5f\n" % (
        len(y), y.sum(), (p[y == 1] > 0.5).mean(), (p[y == 0] > 0.5).mean(), (p[y == 1] > 0.9).mean(), (p[y == 0] > 0.9).mean(), (p[y == 1] > 0.06).mean(), (p[y == 0] > 0.06).mean()))
    print("/* Weights of the line classifier (text_score.c), made by tools/text_train.py from %d invented pictures%s. */" % (
        count, " and %d real text-free ones" % len(real) if real else ""))
    print("#ifndef LETHE_DEID_TEXT_WEIGHTS_H\n#define LETHE_DEID_TEXT_WEIGHTS_H\n\nenum { LETHE_TEXT_HIDDEN = %d };\n" % HIDDEN)
    print(table("text_mean", mean))
    print(table("text_scale", 1 / deviation))
    print(table("text_w1", w1))
    print(table("text_b1", b1))
    print(table("text_w2", w2))
    print("static const float text_b2 = %.5ff;\n\n#endif" % b2)


main()
