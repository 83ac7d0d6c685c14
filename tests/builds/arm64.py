#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The code compiles for arm64: probes by clang, the program and its workloads by Debian's cross compiler.

    tests/builds/arm64.py SOURCE BUILD

Takes from BUILD (configured and built, for this machine) how each file is compiled, and compiles it for
arm64 instead, warnings being errors. Headers of the libraries are this machine's, which are the same for
all; the C library's and the kernel's are arm64's. Nothing is linked: libraries of arm64 are not needed
(tests/kernels/kernels.py --machine arm64 links and runs it). Exit status 0: it compiles.
"""

import concurrent.futures
import json
import os
import shlex
import shutil
import subprocess
import sys
import tempfile

COMPILER = "aarch64-linux-gnu-gcc"
KERNEL_HEADERS = "/usr/aarch64-linux-gnu/include"
PARTS = ("analysis", "collector", "workloads")
JOINED = ("state", "sched", "lifecycle", "sample", "tasks", "find")  # as probes/CMakeLists.txt joins them
# Built for what this machine's compiler alone has, and what of it is in no part of ours.
DROPPED = ("-m64",)


def run(command, cwd=None):
    done = subprocess.run(command, cwd=cwd, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"arm64: {shlex.join(command)[:300]}\n{done.stdout[-3000:]}")
    return done.stdout


def compile_probe(source, into, name):
    out = os.path.join(into, f"{name}.bpf.o")
    run(["clang", "-target", "bpf", "-mcpu=v3", "-g", "-O2", "-std=gnu11", "-D__TARGET_ARCH_arm64", "-Wall",
         "-Wextra", "-Wno-unused-parameter", "-Werror", "-idirafter", KERNEL_HEADERS, "-c",
         os.path.join(source, "probes", f"{name}.bpf.c"), "-o", out])
    return out


def skeleton(into, objects, name, kind):
    """As the build makes it. What the probes read of a task's registers must be arm64's."""
    joined = os.path.join(into, f"{name}.joined.o")
    run([shutil.which("bpftool", path=os.environ["PATH"] + ":/usr/sbin:/sbin"), "gen", "object", joined,
         *objects])
    with open(joined, "rb") as code:
        text = code.read()
    if kind == "cpartrace" and (b"syscallno" not in text or b"orig_ax" in text):
        raise SystemExit("arm64: the probes do not read arm64's registers")
    with open(os.path.join(into, f"{name}.skel.h"), "w", encoding="utf-8") as header:
        header.write(run([shutil.which("bpftool", path=os.environ["PATH"] + ":/usr/sbin:/sbin"), "gen",
                          "skeleton", joined, "name", kind]))


def for_arm64(entry, probes, into):
    """The command that compiles the file for arm64."""
    words = [word for word in shlex.split(entry["command"]) if word not in DROPPED]
    while os.path.basename(words[0]) in ("ccache", "distcc"):
        words = words[1:]
    words[0] = COMPILER
    words[words.index("-o") + 1] = os.path.join(into, "unlinked", entry["file"].replace("/", "_") + ".o")
    words = [into if word == probes else word for word in words]
    # Unoptimised: some 4 times as fast. The libraries' headers come after the cross compiler's own.
    return words + ["-O0", "-U_FORTIFY_SOURCE", "-g0", "-Wno-use-after-free", "-Werror",
                    "-idirafter", "/usr/include"]


def main():
    source, build = (os.path.realpath(path) for path in sys.argv[1:3])
    with open(os.path.join(build, "compile_commands.json"), encoding="utf-8") as text:
        entries = json.load(text)
    with tempfile.TemporaryDirectory(prefix="cpartrace-arm64-") as into, \
            concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        os.mkdir(os.path.join(into, "unlinked"))
        names = (*JOINED, "stat", "loops", "marks")
        objects = dict(zip(names, pool.map(lambda name: compile_probe(source, into, name), names)))
        skeleton(into, [objects[name] for name in JOINED], "cpartrace", "cpartrace")
        skeleton(into, [objects["stat"]], "stat", "stat_probes")
        skeleton(into, [objects["loops"]], "loops", "loop_probes")
        skeleton(into, [objects["marks"]], "marks", "mark_probes")
        seen, commands = set(), []
        for entry in entries:
            part = os.path.relpath(os.path.realpath(entry["file"]), source).split(os.sep)[0]
            if part in PARTS and entry["file"] not in seen:
                seen.add(entry["file"])
                commands.append((for_arm64(entry, os.path.join(build, "probes"), into), entry["directory"]))
        for _ in pool.map(lambda one: run(*one), commands):
            pass
    if not commands:
        raise SystemExit("arm64: no file of ours was compiled")
    print(f"arm64: {len(names)} probes, {len(commands)} files compiled, none failed")


if __name__ == "__main__":
    main()
