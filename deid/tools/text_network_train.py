#!/usr/bin/env python3
"""Train the small network that looks at candidate lines as pictures (text_picture.c), and how its word is weighed with that of the features.

usage: text_network_train.py FEATURES_TOOL WORK_FOLDER PICTURES EPOCHS [REAL_RAW...] > deid/text_network.h"""
import subprocess
import sys

import numpy

sys.path.insert(0, __file__.rsplit("/", 1)[0])
import text_draw  # noqa: E402

H, W, A, B, C, D = 16, 64, 8, 16, 24, 32


def save(path, array):
    with open(path, "wb") as file:
        file.write(b"%d %d 1 %d\n" % (array.shape[1], array.shape[0], array.dtype.itemsize))
        file.write(numpy.ascontiguousarray(array).tobytes())


def gather(tool, folder, names):
    run = subprocess.run([tool, folder + "/crops.bin"], input="\n".join(names) + "\n", capture_output=True, text=True, check=True)
    rows = [line.rsplit(" ", 29) for line in run.stdout.splitlines()]
    crops = numpy.fromfile(folder + "/crops.bin", dtype=numpy.int8).reshape(-1, 2, H, W)
    assert len(crops) == len(rows)
    return rows, crops


def label(box, truth):
    x, y, w, h = box
    best = 0.0
    for x0, y0, x1, y1 in truth:
        ox, oy = max(0, min(x + w, x1) - max(x, x0)), max(0, min(y + h, y1) - max(y, y0))
        best = max(best, ox * oy / (w * h))
    return 1 if best > 0.7 else 0 if best < 0.1 else -1


def unfold(x):
    n, h, w, c = x.shape
    p = numpy.zeros((n, h + 2, w + 2, c), numpy.float32)
    p[:, 1:-1, 1:-1] = x
    return numpy.concatenate([p[:, dy:dy + h, dx:dx + w] for dy in range(3) for dx in range(3)], axis=3)


def fold(g, c):
    n, h, w, _ = g.shape
    p = numpy.zeros((n, h + 2, w + 2, c), numpy.float32)
    for k in range(9):
        p[:, k // 3:k // 3 + h, k % 3:k % 3 + w] += g[..., k * c:(k + 1) * c]
    return p[:, 1:-1, 1:-1]


def pool(x):
    n, h, w, c = x.shape
    r = x.reshape(n, h // 2, 2, w // 2, 2, c)
    m = r.max(axis=(2, 4))
    return m, r == m[:, :, None, :, None, :]


class Network:
    def __init__(self, rng):
        def weights(i, o):
            return (rng.normal(size=(i, o)) * (2.0 / i) ** 0.5).astype(numpy.float32)
        self.p = [weights(9, A), numpy.zeros(A, numpy.float32), weights(9 * A, B), numpy.zeros(B, numpy.float32), weights(9 * B, C),
                  numpy.zeros(C, numpy.float32), weights(H // 8 * (W // 8) * C, D), numpy.zeros(D, numpy.float32), weights(D, 1),
                  numpy.zeros(1, numpy.float32)]
        self.m = [numpy.zeros_like(v) for v in self.p]
        self.v = [numpy.zeros_like(v) for v in self.p]
        self.step = 0

    def forward(self, x, keep=False):
        saved = []
        for i in range(3):
            u = unfold(x)
            z = u @ self.p[2 * i] + self.p[2 * i + 1]
            m, where = pool(numpy.maximum(z, 0))
            if keep:
                saved.append((u, z > 0, where, x.shape[3]))
            x = m
        flat = x.reshape(len(x), -1)
        hidden = flat @ self.p[6] + self.p[7]
        out = numpy.maximum(hidden, 0) @ self.p[8] + self.p[9]
        return out[:, 0], (saved, flat, hidden, x.shape)

    def learn(self, x, t, weight, rate):
        out, (saved, flat, hidden, shape) = self.forward(x, True)
        p = 1 / (1 + numpy.exp(-out.clip(-30, 30)))
        d = ((p - t) * weight / len(t)).astype(numpy.float32)[:, None]
        grads = [None] * 10
        act = numpy.maximum(hidden, 0)
        grads[8], grads[9] = act.T @ d, d.sum(0)
        dh = (d @ self.p[8].T) * (hidden > 0)
        grads[6], grads[7] = flat.T @ dh, dh.sum(0)
        g = (dh @ self.p[6].T).reshape(shape)
        for i in (2, 1, 0):
            u, positive, where, channels = saved[i]
            n, h, w, c = positive.shape
            full = (g[:, :, None, :, None, :] * where).reshape(n, h, w, c) * positive
            grads[2 * i] = u.reshape(-1, u.shape[3]).T @ full.reshape(-1, c)
            grads[2 * i + 1] = full.sum(axis=(0, 1, 2))
            if i:
                g = fold(full @ self.p[2 * i].T, channels)
        self.step += 1
        for i in range(10):
            gr = grads[i] + 1e-5 * self.p[i]
            self.m[i] = 0.9 * self.m[i] + 0.1 * gr
            self.v[i] = 0.999 * self.v[i] + 0.001 * gr * gr
            self.p[i] = self.p[i] - rate * (self.m[i] / (1 - 0.9 ** self.step)) / (numpy.sqrt(self.v[i] / (1 - 0.999 ** self.step)) + 1e-8)
        return p


def odds(net, crops):
    out = []
    for i in range(0, len(crops), 256):
        part = crops[i:i + 256].astype(numpy.float32) / 31
        both = [net.forward(part[:, k, :, :, None])[0] for k in (0, 1)]
        out.append((both[0] + both[1]) / 2)
    return numpy.concatenate(out)


def table(name, values):
    flat = numpy.asarray(values).ravel()
    lines = ["static const float %s[%d] = {" % (name, len(flat))]
    for i in range(0, len(flat), 14):
        lines.append("    " + ", ".join("%.4gf" % v if "." in "%.4g" % v or "e" in "%.4g" % v else "%.4g.0f" % v for v in flat[i:i + 14]) + ",")
    return "\n".join(lines) + "\n};\n"


def main():
    tool, folder, count, epochs, real = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), sys.argv[5:]
    names, truths = [], {}
    for seed in range(60000, 60000 + count):
        array, boxes, _, _ = text_draw.picture(seed, with_text=seed % 2 != 0)
        name = "%s/n%06d.raw" % (folder, seed)
        save(name, array)
        names.append(name)
        truths[name] = boxes
    rows, crops = gather(tool, folder, names + list(real))
    y = numpy.array([label([float(v) for v in r[1:5]], truths.get(r[0], [])) for r in rows])
    score = numpy.array([float(r[9]) for r in rows])
    keep = y >= 0
    y, score, crops = y[keep], score[keep], crops[keep]
    rng = numpy.random.default_rng(3)
    # Easy negatives are many: keep a part.
    part = (y == 1) | (score > 0.3) | (rng.random(len(y)) < numpy.where(score > 0.06, 0.35, 0.04))
    y, score, crops = y[part], score[part], crops[part]
    sys.stderr.write("%d candidates, %d text\n" % (len(y), y.sum()))
    sys.stderr.flush()
    order = rng.permutation(len(y))
    held, used = order[:len(y) // 8], order[len(y) // 8:]
    weight = numpy.where(y == 1, 1.0, 0.7)
    net = Network(rng)
    batch, total = 128, epochs * (len(used) // 128)
    for epoch in range(epochs):
        loss = 0.0
        for start in range(0, len(used) - batch + 1, batch):
            index = rng.choice(used, batch)
            x = crops[index, rng.integers(0, 2)].astype(numpy.float32)[..., None] / 31
            if rng.random() < 0.5:
                x = x + rng.normal(size=x.shape).astype(numpy.float32) * rng.uniform(0, 0.25)
            shift = rng.integers(-2, 3)
            x = numpy.roll(x, (rng.integers(-1, 2), shift), axis=(1, 2))
            p = net.learn(x, y[index], weight[index], 0.002 * max(0.03, 1 - net.step / total))
            loss += float(-(numpy.log(numpy.where(y[index] == 1, p, 1 - p) + 1e-7)).mean())
        out = odds(net, crops[held])
        sys.stderr.write("epoch %d loss %.4f held-out: recall %.4f false %.4f\n" % (
            epoch, loss / max(1, len(used) // batch), (out[y[held] == 1] > 0).mean(), (out[y[held] == 0] > 0).mean()))
        sys.stderr.flush()
    out = odds(net, crops[held])
    lo = numpy.log(score.clip(1e-4, 1 - 1e-4) / (1 - score.clip(1e-4, 1 - 1e-4)))[held]
    features = numpy.stack([numpy.ones(len(held)), lo, out], 1)
    k = numpy.array([0.0, 0.5, 0.8])
    for _ in range(4000):
        p = 1 / (1 + numpy.exp(-(features @ k).clip(-30, 30)))
        k -= 0.05 * (features * (p - y[held])[:, None]).mean(0)
    p = 1 / (1 + numpy.exp(-features @ k))
    sys.stderr.write("combined %s: recall %.4f false %.4f\n" % (k, (p[y[held] == 1] > 0.5).mean(), (p[y[held] == 0] > 0.5).mean()))
    print("/* Weights of the network over pictures of lines (text_picture.c), made by tools/text_network_train.py from %d invented pictures and %d real text-free ones. */" % (count, len(real)))
    print("#ifndef LETHE_DEID_TEXT_NETWORK_H\n#define LETHE_DEID_TEXT_NETWORK_H\n\nenum { NET_A = %d, NET_B = %d, NET_C = %d, NET_D = %d };\n" % (A, B, C, D))
    for name, values in zip(("net_wa", "net_ba", "net_wb", "net_bb", "net_wc", "net_bc", "net_wd", "net_bd", "net_wout"), net.p):
        print(table(name, values))
    print("static const float net_bias_out = %.5ff;" % net.p[9][0])
    print("static const float net_combine[3] = {%.5ff, %.5ff, %.5ff};\n\n#endif" % tuple(k))


main()
