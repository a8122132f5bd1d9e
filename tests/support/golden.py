#!/usr/bin/env python3
"""Pictures of generated scenes against kept ones: golden.py compare|write KEPT.png SCREEN.png...

Screens are reduced to a quarter of their width and height, which takes the anti-aliasing of one renderer or another out of the comparison. A picture is the same when
the mean difference is under 1.5 of 255 levels and no more than 1 % of its pixels differ by more than 40. `compare` takes pairs KEPT SCREEN; each kept picture must also
be unlike the kept one of the next pair, or the comparison would say nothing."""
import sys

from PIL import Image, ImageChops, ImageStat

MEAN, PIXEL, SHARE = 1.5, 40, 0.01


def reduced(path):
    picture = Image.open(path).convert("RGB")
    return picture.resize((picture.width // 4, picture.height // 4), Image.BOX)


def difference(a, b):
    if a.size != b.size:
        return 255.0, 1.0
    d = ImageChops.difference(a, b)
    worst = d.split()
    worst = ImageChops.lighter(ImageChops.lighter(worst[0], worst[1]), worst[2])
    far = sum(worst.histogram()[PIXEL + 1:]) / (a.width * a.height)
    return sum(ImageStat.Stat(d).mean) / 3, far


def same(a, b):
    mean, far = difference(a, b)
    return mean < MEAN and far <= SHARE


mode, paths = sys.argv[1], sys.argv[2:]
pairs = list(zip(paths[::2], paths[1::2]))
if mode == "write":
    for kept, screen in pairs:
        reduced(screen).quantize(256, dither=Image.Dither.NONE).save(kept, optimize=True)
    sys.exit(0)
bad = 0
kept_pictures = [Image.open(kept).convert("RGB") for kept, _ in pairs]
for n, (kept, screen) in enumerate(pairs):
    mean, far = difference(kept_pictures[n], reduced(screen))
    good = mean < MEAN and far <= SHARE
    print(f"{'same' if good else 'OTHER'}  {kept.rsplit('/', 1)[1]}  mean {mean:.3f}  far {100 * far:.3f} %")
    bad += not good
    if same(kept_pictures[n], kept_pictures[(n + 1) % len(pairs)]):
        print("two kept pictures are alike:", kept)
        bad += 1
sys.exit(1 if bad else 0)
