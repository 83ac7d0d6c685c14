#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""check_layering.py - the law of dependencies and the form of the source files.

    check_layering.py [--cc CC] SOURCE_DIR     0 if every rule holds, else 1 and one line a breach
    check_layering.py [--cc CC] --self-test    breaks every rule once and sees that it is noticed

The law:  workloads -> nothing;  probes/cpt_abi.h <- analysis <- collector -> skeleton, libbpf.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile

FOLDERS = ("probes", "analysis", "collector", "workloads", "tests")
TOP_LEVEL = set(FOLDERS) | {"CMakeLists.txt", "README.md", "bootstrap.sh"}

# What a folder may include between quotes, beside its own; the last four are made by the build.
MAY_INCLUDE = {
    "workloads": r"(?!)",
    "probes": r"(?!)",
    "analysis": r"probes/cpt_abi\.h$",
    "collector": r"analysis/\w+\.h$|probes/\w+_abi\.h$|\w+\.skel\.h$|\w+\.pb-c\.h$"
                 r"|config\.h$|colours\.h$",
}

# System headers a folder must not include, and why.
MUST_NOT_INCLUDE = {
    "workloads": (r"bpf/|gelf|libelf|elfutils|jansson|zlib|cmocka",
                  "workloads use the C library alone"),
    "analysis": (r"bpf/|linux/bpf|gelf|libelf|elfutils|jansson|cmocka|sys/(ptrace|wait|socket)"
                 r"|signal\.h|pthread\.h|syslog\.h",
                 "the analysis is a pure library"),
    "collector": (r"cmocka", "the program has no tests in it"),
}

# Each set of probes has one file of the collector that loads it.
ONE_USER = {"cpartrace.skel.h": "collector/bpf_session.c", "stat.skel.h": "collector/stat_session.c",
            "loops.skel.h": "collector/loop_session.c",
            "marks.skel.h": "collector/mark_session.c"}

# What the wire headers may rest on: they are compiled for the BPF machine too.
WIRE = re.compile(r"^probes/\w+_abi\.h$")
WIRE_INCLUDES = {"linux/types.h", "stdint.h", "stddef.h"}

LICENCE = "SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause"
SOURCES = (".c", ".h", ".py", ".sh", ".txt", ".cmake")

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*(["<])([^">]+)[">]', re.M)
# A path that exists on the machine of whoever wrote it, and nowhere else.
MACHINE_PATH = re.compile(r"(?<![\w.$}*-])/(?:home|root|work|Users)/\w|/tmp/(?:brief|build)\b")


def sources(root):
    """Every file of the project, by its path below root."""
    for folder in (".ci", *FOLDERS):
        for at, folders, names in os.walk(os.path.join(root, folder)):
            folders[:] = sorted(d for d in folders if d != "__pycache__")
            for name in sorted(names):
                if not name.endswith(".pyc"):
                    yield os.path.relpath(os.path.join(at, name), root)
    for name in sorted(os.listdir(root)):
        if os.path.isfile(os.path.join(root, name)) and (
                name in TOP_LEVEL or name.startswith("LICENSE")):
            yield name


def read(root, path):
    with open(os.path.join(root, path), "rb") as file:
        return file.read()


def includes(text):
    """(quoted, name, line) of each include outside comments that span lines."""
    bare = re.sub(r"/\*.*?\*/", lambda m: "\n" * m[0].count("\n"), text, flags=re.S)
    for found in INCLUDE.finditer(bare):
        yield found[1] == '"', found[2], bare.count("\n", 0, found.start()) + 1


def resolve(root, path, name):
    """The included file below root, or the name as written if it is none of the project's."""
    for base in (os.path.dirname(path), ""):
        candidate = os.path.normpath(os.path.join(base, name))
        if os.path.isfile(os.path.join(root, candidate)):
            return candidate
    return name


def check_includes(root, path, text):
    folder = path.split("/")[0]
    if folder not in MAY_INCLUDE:
        return
    for quoted, name, line in includes(text):
        where = f"{path}:{line}"
        target = resolve(root, path, name)
        own = target.startswith(folder + "/")
        if quoted and not own and not re.match(MAY_INCLUDE[folder], target):
            yield f"{where}: {folder}/ must not include {target}"
        if target in ONE_USER and ONE_USER[target] != path:
            yield f"{where}: {target} belongs to {ONE_USER[target]} alone"
        if not quoted and folder in MUST_NOT_INCLUDE:
            pattern, why = MUST_NOT_INCLUDE[folder]
            if re.match(pattern, name):
                yield f"{where}: {folder}/ must not include <{name}>: {why}"
        if not quoted and os.path.isfile(os.path.join(root, target)):
            yield f"{where}: <{name}> is the project's own: write it in quotes"
        if WIRE.match(path) and name not in WIRE_INCLUDES:
            yield f"{where}: the wire header rests on fixed-width types alone, not on {name}"


def check_file(path, raw):
    """Rules of every file."""
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        if not path.startswith("tests/"):
            yield f"{path}: not UTF-8"
        return
    if "\0" in text:
        return
    for number, line in enumerate(text.split("\n"), 1):
        if MACHINE_PATH.search(line):
            yield f"{path}:{number}: a path of one machine: {MACHINE_PATH.search(line)[0]}"
        if line.endswith("\r"):
            yield f"{path}:{number}: ends in a carriage return"
    if text and not text.endswith("\n"):
        yield f"{path}: the last line does not end"


def check_source(path, text):
    """Rules of files that people write code in."""
    if LICENCE not in "\n".join(text.split("\n")[:3]):
        yield f"{path}: its first lines do not say '{LICENCE}'"
    if path.endswith(".h"):
        stem = re.sub(r"\W", "_", os.path.basename(path)).upper()
        guard = re.search(r"^#ifndef (\w+)\n#define (\w+)$", text, re.M)
        if not guard or guard[1] != guard[2] or not guard[1].endswith(stem):
            yield f"{path}: has no include guard that ends in {stem}"
    if path.endswith(".h") and not path.startswith(("workloads/", "tests/")):
        name = re.escape(os.path.basename(path))
        if not re.match(rf"[^\n]+\n/\*(\n \*)? {name} - \S", text):
            yield f"{path}: does not begin with a comment '{os.path.basename(path)} - what it is'"


def check_wire(path, text):
    """Fixed-width fields only."""
    bare = re.sub(r"/\*.*?\*/", "", text, flags=re.S)
    for body in re.findall(r"^struct \w+ \{(.*?)^\}", bare, re.M | re.S):
        for field in re.findall(r"[^;{}]+;", body):
            field = " ".join(field.split())
            if not re.match(r"(struct \w+ |union |__[us](8|16|32|64) |u?int(8|16|32|64)_t |char )",
                            field) or "*" in field or re.search(r"\w\s*:\s*\d", field):
                yield f"{path}: a wire field must be of fixed width: {field}"


def check_alone(root, cc, path):
    """A header can be included first."""
    if not path.endswith(".h") or path.startswith("tests/"):
        return
    if path.startswith("probes/") and not WIRE.match(path):
        return
    command = [cc, "-fsyntax-only", "-std=gnu11", "-D_GNU_SOURCE", "-Wall", "-Wextra",
               "-Wno-unused-parameter", "-Wno-unused-function", "-Werror", "-I.", "-x", "c", "-"]
    result = subprocess.run(command, cwd=root, input=f'#include "{path}"\n', capture_output=True,
                            text=True, timeout=30, check=False)
    if result.returncode:
        errors = [line for line in result.stderr.split("\n") if "error" in line]
        yield f"{path}: cannot be included first: {(errors or ['?'])[0]}"


def check_top_level(root):
    for name in sorted(tracked(root)):
        if name not in TOP_LEVEL and not name.startswith((".", "LICENSE")):
            yield f"{name}: the top level holds {', '.join(sorted(TOP_LEVEL))} and LICENSE files"


def tracked(root):
    """Names at the top that belong to the project; without git, what no build leaves there."""
    try:
        listed = subprocess.run(["git", "-c", "safe.directory=*", "-C", root, "ls-files", "-z"],
                                capture_output=True, timeout=30, check=True).stdout.decode()
        names = {path.split("/")[0] for path in listed.split("\0") if path}
        return {name for name in names if os.path.exists(os.path.join(root, name))}
    except (OSError, subprocess.CalledProcessError):
        return {name for name in os.listdir(root)
                if not name.startswith(("build", "cpartrace.data"))}


def check(root, cc):
    breaches = list(check_top_level(root))
    for path in sources(root):
        raw = read(root, path)
        breaches += check_file(path, raw)
        if path.endswith(SOURCES) and path != "README.md":
            text = raw.decode("utf-8", "replace")
            breaches += check_source(path, text)
            if path.endswith((".c", ".h")):
                breaches += check_includes(root, path, text)
                breaches += check_alone(root, cc, path)
            if WIRE.match(path):
                breaches += check_wire(path, text)
    return breaches


# ---- the rules themselves, broken one by one ----

HEAD = f"/* {LICENCE} */\n/*\n * %s - a file.\n */\n"


def header(name, body=""):
    guard = "CPT_" + re.sub(r"\W", "_", name).upper()
    return HEAD % name + f"#ifndef {guard}\n#define {guard}\n{body}\n#endif\n"


ABI = "probes/cpt_abi.h"

GOOD = {
    "CMakeLists.txt": f"# {LICENCE}\n",
    "README.md": "# cpartrace\n",
    ABI: header("cpt_abi.h", "#include <linux/types.h>\nstruct cpt_rec {\n\t__u64 ts;\n"
                              "\t__u32 tid; /* who */\n\t__u8 name[16];\n};"),
    "probes/sched.bpf.c": HEAD % "sched.bpf.c" + '#include <bpf/bpf_helpers.h>\n'
                                                 '#include "cpt_abi.h"\n',
    "analysis/report.h": header("report.h", "#include <stdint.h>"),
    "analysis/report.c": HEAD % "report.c" + '#include "report.h"\n'
                                             '#include "../probes/cpt_abi.h"\n',
    "collector/bpf_session.c": HEAD % "bpf_session.c" + '#include "cpartrace.skel.h"\n'
                                                        '#include "analysis/report.h"\n',
    "workloads/threads.c": HEAD % "threads.c" + "#include <pthread.h>\n",
    "tests/unit/test_report.c": HEAD % "test_report.c" + '#include "analysis/report.h"\n',
    ".ci/run": "#!/bin/sh\n",
}

BREAK = [
    ("workloads/threads.c", HEAD % "threads.c" + '#include "../analysis/report.h"\n',
     "must not include analysis/report.h"),
    ("workloads/threads.c", HEAD % "threads.c" + "#include <jansson.h>\n", "the C library alone"),
    ("analysis/report.c", HEAD % "report.c" + '#include "collector/say.h"\n',
     "must not include collector/say.h"),
    ("analysis/report.c", HEAD % "report.c" + '#include "../probes/sched.bpf.c"\n',
     "must not include probes/sched.bpf.c"),
    ("analysis/report.c", HEAD % "report.c" + "#include <bpf/libbpf.h>\n", "pure library"),
    ("analysis/report.c", HEAD % "report.c" + "#include <analysis/report.h>\n", "in quotes"),
    ("probes/sched.bpf.c", HEAD % "sched.bpf.c" + '#include "../analysis/report.h"\n',
     "must not include analysis/report.h"),
    ("collector/run.c", HEAD % "run.c" + '#include "cpartrace.skel.h"\n', "alone"),
    ("analysis/report.c", HEAD % "report.c" + '#include "cpartrace.skel.h"\n',
     "must not include cpartrace.skel.h"),
    ("collector/run.c", HEAD % "run.c" + '#include "../probes/sched.bpf.c"\n',
     "must not include probes/sched.bpf.c"),
    (ABI, header("cpt_abi.h", "#include <stdio.h>"), "fixed-width types alone"),
    (ABI, header("cpt_abi.h", "struct cpt_rec {\n\tlong ts;\n};"), "fixed width: long ts"),
    (ABI, header("cpt_abi.h", "#include <linux/types.h>\nstruct cpt_rec {\n\t__u32 a : 3;\n};"),
     "fixed width: __u32 a : 3"),
    (ABI, header("cpt_abi.h", "struct cpt_rec {\n\tchar *name;\n};"), "fixed width: char *name"),
    ("analysis/report.h", header("other.h"), "include guard"),
    ("analysis/report.h", header("report.h", "uint64_t report_now(void);"), "included first"),
    ("analysis/report.c", "int x;\n", "first lines"),
    ("analysis/report.h", header("report.h").replace("report.h - ", ""), "begin with a comment"),
    ("analysis/report.c", HEAD % "report.c" + "int x;", "the last line does not end"),
    ("analysis/report.c", HEAD % "report.c" + "int x;\r\n", "carriage return"),
    ("README.md", "see /ho" "me/someone/x\n", "a path of one machine"),
    ("notes.txt", f"# {LICENCE}\n", "the top level holds"),
]


def write_tree(root, files):
    for path, text in files.items():
        os.makedirs(os.path.dirname(os.path.join(root, path)), exist_ok=True)
        with open(os.path.join(root, path), "w", encoding="utf-8", newline="") as file:
            file.write(text)


def self_test(cc):
    failures = []
    with tempfile.TemporaryDirectory() as root:
        write_tree(root, GOOD)
        failures += [f"a good tree: {breach}" for breach in check(root, cc)]
    for path, text, expected in BREAK:
        with tempfile.TemporaryDirectory() as root:
            write_tree(root, {**GOOD, path: text})
            found = check(root, cc)
            if not any(breach.startswith(path) and expected in breach for breach in found):
                failures.append(f"{path} '{text.splitlines()[-1]}': expected '{expected}',"
                                f" found {found}")
    return failures


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--cc", default="cc")
    parser.add_argument("--self-test", action="store_true")
    parser.add_argument("source", nargs="?")
    options = parser.parse_args()
    if bool(options.source) == options.self_test:
        parser.error("either SOURCE_DIR or --self-test")
    found = self_test(options.cc) if options.self_test else check(options.source, options.cc)
    for breach in found:
        print(breach)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
