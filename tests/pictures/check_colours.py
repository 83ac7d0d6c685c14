#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""check_colours.py - the colours of the page and of pictures tell apart for whoever looks at them.

    check_colours.py COLOURS.css

What stands beside each other (states in a lane, classes in the ledger) is seen as by the three kinds of
dichromats, by the matrices of Machado, Oliveira and Fernandes (2009), and has to stay apart by so much of CIE 1976
L*a*b*. Text in bars has to have the contrast that WCAG 2 asks of it.
"""

import itertools
import re
import sys

SEEN_BY = {
    "all three kinds of cones": ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    "no red": ((0.152286, 1.052583, -0.204868), (0.114503, 0.786281, 0.099216),
               (-0.003882, -0.048116, 1.051998)),
    "no green": ((0.367322, 0.860646, -0.227968), (0.280085, 0.672501, 0.047413),
                 (-0.011820, 0.042940, 0.968881)),
    "no blue": ((1.255528, -0.076749, -0.178779), (-0.078411, 0.930809, 0.147602),
                (0.004733, 0.691367, 0.303900)),
}
LANES = ("running", "runnable", "lock", "io", "parked", "unknown")
PROGRESS = ("running", "runnable", "lock", "io", "flight")
CLASSES = ("parallel", "concurrent", "serial", "idle", "unknown")
APART = 17  # a difference is seen from 2 or 3 on, where both are large and touch
CONTRAST = 4.5
TEXT = (("on-dark", "parallel"), ("on-light", "concurrent"), ("on-dark", "serial"), ("on-dark", "lock"),
        ("on-dark", "io"), ("on-light", "flight"), ("on-light", "runnable"))


def linear(css):
    parts = (int(css[i:i + 2], 16) / 255 for i in (1, 3, 5))
    return [x / 12.92 if x <= 0.04045 else ((x + 0.055) / 1.055) ** 2.4 for x in parts]


def lab(rgb):
    r, g, b = rgb
    xyz = ((0.4124 * r + 0.3576 * g + 0.1805 * b) / 0.95047, 0.2126 * r + 0.7152 * g + 0.0722 * b,
           (0.0193 * r + 0.1192 * g + 0.9505 * b) / 1.08883)
    x, y, z = (t ** (1 / 3) if t > 216 / 24389 else (24389 / 27 * t + 16) / 116 for t in xyz)
    return 116 * y - 16, 500 * (x - y), 200 * (y - z)


def seen(css, matrix):
    rgb = linear(css)
    return lab([min(1, max(0, sum(m * c for m, c in zip(row, rgb)))) for row in matrix])


def contrast(a, b):
    y, z = sorted((0.2126 * r + 0.7152 * g + 0.0722 * b for r, g, b in (linear(a), linear(b))))
    return (z + 0.05) / (y + 0.05)


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        light, dark = file.read().split(":root[data-theme")
    failed = 0
    for theme, text in (("light", light), ("dark", dark)):
        colours = dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6});", text))
        for eyes, matrix in SEEN_BY.items():
            pairs = {pair for kinds in (LANES, PROGRESS, CLASSES) for pair in itertools.combinations(kinds, 2)}
            found = sorted((sum((x - y) ** 2 for x, y in zip(seen(colours[a], matrix), seen(colours[b], matrix))) ** 0.5, a, b)
                           for a, b in pairs)
            print(f"{theme}, {eyes}: nearest are {found[0][1]} and {found[0][2]}, {found[0][0]:.1f} apart")
            for apart, a, b in found:
                if apart < APART:
                    print(f"  {a} {colours[a]} and {b} {colours[b]}: {apart:.1f}")
                    failed += 1
        for ink, ground in TEXT:
            if contrast(colours[ink], colours[ground]) < CONTRAST:
                print(f"{theme}: {ink} on {ground}: {contrast(colours[ink], colours[ground]):.2f}")
                failed += 1
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
