#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""check_svg.py - `export -f svg`: valid, rendered, and true to the report.

    check_svg.py --cpartrace PROGRAM TRACE...

Every picture of each trace passes xmllint, names nothing outside of itself, and is rendered by librsvg to
pixels in which something is drawn. Areas and lengths are then measured in the document: a class of the ledger
is as wide as its share, a thread's box as high and wide as its bottle, a lane's colours as large as its states.
Debian packages: libxml2-utils, librsvg2-bin.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import xml.etree.ElementTree
import zlib

SVG = "{http://www.w3.org/2000/svg}"
PICTURES = ("timeline", "bottle", "ledger")
STATES = {"run": "running_ns", "ready": "runnable_ns", "lost": "unknown_ns"}
LOCKS = ("lock", "handoff", "kernel_lock")
TOP = 24


def run(*command, data=None):
    result = subprocess.run(command, input=data, capture_output=True, timeout=120, check=False)
    if result.returncode not in (0, 4) or result.stderr:
        raise AssertionError(f"{command[:4]}: status {result.returncode}, {result.stderr.decode()}")
    return result.stdout


def near(what, seen, expected, off):
    if abs(seen - expected) > off:
        raise AssertionError(f"{what}: {seen}, the report says {expected}")


def colours_of(png):
    """How many different pixels an image has. librsvg writes 8 bits a channel, not interlaced."""
    data, at, size = b"", 8, None
    while at < len(png):
        length, kind = int.from_bytes(png[at:at + 4], "big"), png[at + 4:at + 8]
        if kind == b"IHDR":
            size = (int.from_bytes(png[at + 8:at + 12], "big"), png[at + 17])
        if kind == b"IDAT":
            data += png[at + 8:at + 8 + length]
        at += length + 12
    depth = {2: 3, 6: 4}[size[1]]
    rows, line = zlib.decompress(data), 1 + size[0] * depth
    return len(set(rows[i + 1:i + line] for i in range(0, len(rows), line)))


def number(element, name):
    return float(element.get(name))


def bars(path):
    """Area of a path of bars, x, y and size of each."""
    found = re.findall(r"M([\d.]+) ([\d.]+)h([\d.]+)v([\d.]+)h-([\d.]+)z", path.get("d"))
    if path.get("d") != "M0 0" + "".join(f"M{x} {y}h{w}v{h}h-{back}z" for x, y, w, h, back in found):
        raise AssertionError(f"a path that is no row of bars: {path.get('d')[:80]}")
    return sum(float(w) * float(h) for _, _, w, h, _ in found)


def check_ledger(root, report):
    width = 920
    for name in ("parallel", "concurrent", "serial", "idle", "unknown"):
        share = report["ledger_ns"][name] / max(report["window_ns"], 1)
        drawn = [number(r, "width") for g in root.findall(f"{SVG}g")
                 for r in g.findall(f"{SVG}rect") if r.get("class") == name]
        near(name, sum(drawn), width * share, 0.02)


def check_bottle(root, report):
    ran = sorted((t for t in report["threads"] if t["running_ns"]),
                 key=lambda t: (-t["bottle"]["height_ns"], t["tid"]))
    total = sum(t["bottle"]["height_ns"] for t in ran)
    unit = 460 / max(report["parallelism"]["peak"], report["cpus"]["allowed"], 1)
    boxes = [g.find(f"{SVG}rect") for g in root.findall(f"{SVG}g")]
    near("boxes", len(boxes), min(len(ran), TOP + 1), 0)
    for thread in ran[:TOP]:
        height = 420 * thread["bottle"]["height_ns"] / total
        width = unit * thread["bottle"]["width"]
        if not any(abs(number(box, "width") - width) < 0.02 and
                   -0.02 < height - number(box, "height") < 0.75 for box in boxes):
            raise AssertionError(f"no box {width} wide and {height} high for {thread['tid']}")


def check_timeline(root, report):
    window, chart = report["window_ns"], 960 - 20 - 60 - 170
    lanes = {}
    for group in root.findall(f"{SVG}g"):
        lanes[group.find(f"{SVG}title").text.split(" ")[-1]] = group
    near("lanes", len(lanes), min(len(report["threads"]), TOP), 0)
    for thread in report["threads"]:
        group = lanes.get(str(thread["tid"]))
        if group is None:
            continue
        areas = {p.get("class"): bars(p) for p in group.findall(f"{SVG}path")}
        states = {cls: thread[key] for cls, key in STATES.items()}
        states["lock"] = sum(thread["waiting_ns"].get(reason, 0) for reason in LOCKS)
        states["wait"] = sum(thread["waiting_ns"].values()) - states["lock"]
        states["park"] = sum(thread["parked_ns"].values())
        for cls, ns in states.items():
            # Heights are rounded to a tenth of a pixel.
            near(f"{cls} of {thread['tid']}", areas[cls], chart * 18 * ns / window, chart * 0.11)


CHECKS = {"ledger": check_ledger, "bottle": check_bottle, "timeline": check_timeline}


def check(program, path, picture, work):
    svg = os.path.join(work, picture + ".svg")
    run(program, "export", "-f", "svg", "--picture", picture, "-i", path, "-o", svg)
    run("xmllint", "--noout", "--nonet", svg)
    with open(svg, encoding="utf-8") as file:
        text = file.read()
    for word in ("<script", "href", "url(", "<image", "@import", "http:"):
        if text.replace('xmlns="http://www.w3.org/2000/svg"', "").count(word):
            raise AssertionError(f"it has {word}")
    if colours_of(run("rsvg-convert", svg)) < 10:
        raise AssertionError("there is hardly anything to see")
    report = json.loads(run(program, "report", "--json", "-i", path))
    CHECKS[picture](xml.etree.ElementTree.fromstring(text.encode()), report)
    return len(text)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--cpartrace", required=True)
    parser.add_argument("--hostile", help="program that writes a trace with hostile names")
    parser.add_argument("traces", nargs="+")
    options = parser.parse_args()
    failed = 0
    with tempfile.TemporaryDirectory() as work:
        if options.hostile:
            options.traces.append(os.path.join(work, "hostile.cptrace"))
            run(options.hostile, options.traces[-1])
        for path in options.traces:
            for picture in PICTURES:
                what = f"{os.path.basename(path)} {picture}"
                try:
                    print(f"{what}: {check(options.cpartrace, path, picture, work)} characters")
                except (AssertionError, KeyError, ValueError,
                        xml.etree.ElementTree.ParseError) as error:
                    print(f"{what}: {error!r}")
                    failed += 1
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
