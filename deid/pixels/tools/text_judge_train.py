#!/usr/bin/env python3
"""Make the examples for the network that has the last word on a line (lethe_text_judge), and train it (text_network_train.c): lines that the first
network leaves, on harder pictures than it was trained on (text_hard.py), in front of real images too.

usage: text_judge_train.py FEATURES_TOOL TRAINER WORK_FOLDER TEXT CLEAN ROUNDS [REAL_RAW...] > deid/pixels/text_judge.h
TEXT and CLEAN are numbers of invented pictures. Every fifth picture with text is drawn on a real one."""
import multiprocessing
import subprocess
import sys

import numpy

sys.path.insert(0, __file__.rsplit("/", 1)[0])
import text_draw  # noqa: E402
import text_hard  # noqa: E402
from text_network_train import label, save  # noqa: E402


def load(name):
    with open(name, "rb") as file:
        w, h, samples, size = (int(v) for v in file.readline().split())
        array = numpy.frombuffer(file.read(), numpy.uint8 if size == 1 else numpy.uint16).reshape(h, w, samples)[:, :, 0].astype(numpy.float32)
    return (array - array.min()) / max(1.0, float(array.max() - array.min()))


def draw(seed, with_text, real):
    if with_text and real and seed % 5 == 0:
        base = load(real[seed // 5 % len(real)])
        if base.shape[0] * base.shape[1] < 1500000 and min(base.shape) > 100:
            return text_hard.picture(seed, True, base)
    if seed % 4 == 1:
        return text_draw.picture(seed, with_text)[:2]
    return text_hard.picture(seed, with_text)


def draw_one(name, i, with_text, real):
    array, boxes = draw(500000 + i, with_text, real)
    save(name, array)
    return boxes


def main():
    tool, trainer, folder, text, clean, rounds, real = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]), int(sys.argv[5]), sys.argv[6], sys.argv[7:]
    names = ["%s/j%06d.raw" % (folder, i) for i in range(text + clean)]
    with multiprocessing.Pool(2) as pool:  # each picture is a function of its number alone
        truths = dict(zip(names, pool.starmap(draw_one, [(name, i, i < text, real) for i, name in enumerate(names)], chunksize=16)))
    run = subprocess.run([tool, folder + "/judge.bin", "judge"], input="\n".join(names + list(real)) + "\n", capture_output=True, text=True, check=True)
    with open(folder + "/judge.txt", "w") as file:
        for line in run.stdout.splitlines():
            r = line.rsplit(" ", 29)
            file.write("%d %s\n" % (label([float(v) for v in r[1:5]], truths.get(r[0], [])), r[9]))
    sys.stdout.write("/* Weights of the judge (text_network.c), made by tools/text_judge_train.py from %d invented pictures with text, %d without, and %d real\n"
                     " * text-free ones, %s rounds. */\n" % (text, clean, len(real), rounds))
    sys.stdout.flush()
    subprocess.run([trainer, folder + "/judge.bin", folder + "/judge.txt", rounds], check=True)


if __name__ == "__main__":
    main()
