#!/usr/bin/env python3
"""Make the examples for the small network that looks at candidate lines as pictures (text_picture.c), and train it (text_network_train.c).

usage: text_network_train.py FEATURES_TOOL TRAINER WORK_FOLDER PICTURES ROUNDS [REAL_RAW...] > deid/pixels/text_network.h"""
import os
import subprocess
import sys

import numpy

sys.path.insert(0, __file__.rsplit("/", 1)[0])
import text_draw  # noqa: E402


def save(path, array):
    with open(path, "wb") as file:
        file.write(b"%d %d 1 %d\n" % (array.shape[1], array.shape[0], array.dtype.itemsize))
        file.write(numpy.ascontiguousarray(array).tobytes())


def gather(tool, folder, names):
    run = subprocess.run([tool, folder + "/crops.bin"], input="\n".join(names) + "\n", capture_output=True, text=True, check=True)
    return [line.rsplit(" ", 29) for line in run.stdout.splitlines()]


def label(box, truth):
    x, y, w, h = box
    best = 0.0
    for x0, y0, x1, y1 in truth:
        ox, oy = max(0, min(x + w, x1) - max(x, x0)), max(0, min(y + h, y1) - max(y, y0))
        best = max(best, ox * oy / (w * h))
    return 1 if best > 0.7 else 0 if best < 0.1 else -1


def main():
    tool, trainer, folder, count, epochs, real = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]), sys.argv[5], sys.argv[6:]
    names, truths = [], {}
    for seed in range(60000, 60000 + count):
        name = "%s/n%06d.raw" % (folder, seed)
        names.append(name)
        if seed % 2 == 0 and os.path.exists(name):
            continue  # without text there is nothing to know about it
        array, boxes, _, _ = text_draw.picture(seed, with_text=seed % 2 != 0)
        save(name, array)
        truths[name] = boxes
    rows = gather(tool, folder, names + list(real))
    with open(folder + "/labels.txt", "w") as file:
        for r in rows:
            file.write("%d %s\n" % (label([float(v) for v in r[1:5]], truths.get(r[0], [])), r[9]))
    sys.stdout.write("/* Weights of the network over pictures of lines (text_network.c), made by tools/text_network_train.py from %d invented pictures and %d real\n"
                     " * text-free ones, %s rounds. */\n" % (count, len(real), epochs))
    sys.stdout.flush()
    subprocess.run([trainer, folder + "/crops.bin", folder + "/labels.txt", epochs], check=True)


if __name__ == "__main__":
    main()
