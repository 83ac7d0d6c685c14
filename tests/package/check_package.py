#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""check_package.py - the Debian package that cpack makes, and what cmake --install leaves.

    check_package.py --build DIR --trace TRACE [--bpf]

The package depends on the libraries that the program needs, holds the manual and the completions in
Debian's places, and runs from where it was unpacked: a report, and, with --bpf (as root), a recording.
"""

import argparse
import glob
import os
import re
import subprocess
import sys
import tempfile

FINDINGS = []


def check(what, true, detail=""):
    if not true:
        FINDINGS.append(f"{what}: {detail}" if detail else what)


def run(*argv, status=0, **kwargs):
    result = subprocess.run(argv, capture_output=True, text=True, timeout=240, check=False,
                            stdin=subprocess.DEVNULL, **kwargs)
    if result.returncode != status:
        sys.exit(f"{' '.join(argv)}: status {result.returncode}: "
                 f"{(result.stderr or result.stdout).strip()[-1000:]}")
    return result.stdout


def fields(deb):
    text = run("dpkg-deb", "--field", deb)
    return dict(re.findall(r"^([A-Z][\w-]+): (.*)", text, re.M))


def needed(binary):
    """Debian packages of the libraries a program is linked with, by the package database."""
    found = set()
    for library in re.findall(r"NEEDED +(\S+)", run("objdump", "-p", binary)):
        paths = glob.glob(f"/lib/*-linux-gnu/{library}") + glob.glob(f"/usr/lib/*-linux-gnu/{library}")
        if paths:
            owners = subprocess.run(["dpkg", "-S", *{*paths, *map(os.path.realpath, paths)}],
                                    capture_output=True, text=True, check=False).stdout
            found |= {line.split(":")[0] for line in owners.split("\n") if ":" in line}
    return found


def check_fields(deb, root):
    facts = fields(deb)
    check("name", facts.get("Package") == "cpartrace", facts)
    check("architecture", facts.get("Architecture") == run("dpkg", "--print-architecture").strip())
    check("maintainer", "Maintainer" in facts)
    depends = {re.match(r"\s*([\w.+-]+)", one)[1] for one in facts.get("Depends", "").split(",")
               if one.strip()}
    expected = needed(os.path.join(root, "usr/bin/cpartrace"))
    check("it depends on what it is linked with", expected and expected <= depends,
          f"{expected - depends} are missing of {depends}")


def source_dir():
    return os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def check_files(root, commands):
    expected = ["usr/bin/cpartrace", "usr/share/man/man1/cpartrace.1.gz",
                "usr/share/man/man5/cpartrace.data.5.gz", "usr/share/doc/cpartrace/changelog.gz",
                "usr/share/bash-completion/completions/cpartrace",
                "usr/share/zsh/vendor-completions/_cpartrace", "usr/share/doc/cpartrace/copyright",
                "usr/share/doc/cpartrace/README.md",
                *(f"usr/share/man/man1/cpartrace-{name}.1.gz" for name in commands)]
    for path in expected:
        at = os.path.join(root, path)
        check(f"{path} is there and not empty", os.path.isfile(at) and os.path.getsize(at))
    for at, _, names in os.walk(root):
        for name in names:
            mode = os.stat(os.path.join(at, name)).st_mode & 0o7777
            check(f"mode of {name}", mode == (0o755 if name == "cpartrace" and at.endswith("bin")
                                              else 0o644), oct(mode))
    strings = run("grep", "-c", "-a", source_dir(),
                  os.path.join(root, "usr/bin/cpartrace"), status=1)
    check("the program has no path of the machine that built it", strings.strip() == "0", strings)


def spelt_by_instructions(line, program):
    """Whether a finding about spelling is of a word that only machine code has: a compiler that writes
    the beginning of a text with an instruction leaves part of a word ("boun") among the program's
    bytes, and what the checker reads is all that looks like text."""
    found = re.match(r"\w: cpartrace: spelling-error-in-binary (.+) \S+ \[usr/bin/cpartrace\]$", line)
    if not found:
        return False
    with tempfile.NamedTemporaryFile(prefix="cpartrace-text-") as text:
        run("objcopy", "-O", "binary", "--only-section=.rodata", program, text.name)
        return not re.search(rb"\b" + re.escape(found[1].encode()) + rb"\b", text.read())


def check_lintian(deb, program):
    """What Debian's own checker has to say: nothing, down to what it only informs of."""
    result = subprocess.run(["lintian", "--allow-root", "--display-info", "--tag-display-limit", "0",
                             deb],
                            capture_output=True, text=True, timeout=240, check=False)
    print(f"lintian: status {result.returncode}, "
          f"{len(result.stdout.splitlines())} lines{': ' if result.stdout else ''}{result.stdout}")
    told = [line for line in result.stdout.splitlines() if not spelt_by_instructions(line, program)]
    check("lintian is content", not result.returncode and not told, "\n".join([*told, result.stderr]))


def check_without_tools(options, directory):
    """Where its dependencies cannot be found no package is made, and it is said how to find them."""
    where = os.path.join(directory, "none")
    result = subprocess.run(["cpack", "--config", os.path.join(options.build, "CPackConfig.cmake"), "-G",
                             "DEB", "-B", where, "-D", "CMAKE_IGNORE_PATH=/usr/bin;/bin"],
                            capture_output=True, text=True, timeout=240, check=False, cwd=directory)
    made = glob.glob(os.path.join(where, "**/*.deb"), recursive=True)
    check("without dpkg-shlibdeps there is no package", result.returncode and not made, made)
    check("it is said why", "apt-get install dpkg-dev" in " ".join(result.stderr.split()), result.stderr)


def check_runs(program, trace, bpf, directory):
    check("version", run(program, "version").startswith("cpartrace "))
    check("report", "Concurrent" in run(program, "report", "-i", trace, "--width", "80"))
    check("help", "Commands:" in run(program, "help"))
    if bpf:
        data = os.path.join(directory, "run.data")
        result = subprocess.run([program, "run", "-o", data, "--", "/bin/sh", "-c",
                                 "exit 3"], capture_output=True, text=True, timeout=60,
                                stdin=subprocess.DEVNULL, cwd=directory, check=False)
        check("run returns what the command returned", result.returncode == 3, result.stderr)
        check("run reports", "exit status 3" in result.stderr, result.stderr)
        check("the trace is read", "exit status 3" in run(program, "report", "-i", data))


def commands_of(program):
    text = run(program, "help").partition("\nCommands:\n")[2]
    return re.findall(r"^  ([a-z]+) ", text, re.M)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--build", required=True)
    parser.add_argument("--trace", required=True)
    parser.add_argument("--bpf", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="cpartrace-package-") as directory:
        run("cpack", "--config", os.path.join(options.build, "CPackConfig.cmake"), "-G", "DEB", "-B",
            directory, cwd=directory)
        debs = glob.glob(os.path.join(directory, "*.deb"))
        check("one package", len(debs) == 1, debs)
        root = os.path.join(directory, "root")
        run("dpkg", "-x", debs[0], root)
        program = os.path.join(root, "usr/bin/cpartrace")
        check_fields(debs[0], root)
        check_lintian(debs[0], program)
        check_without_tools(options, directory)
        check_files(root, commands_of(program))
        check_runs(program, options.trace, options.bpf, directory)
        # The same by hand, somewhere else.
        prefix = os.path.join(directory, "prefix")
        run("cmake", "--install", options.build, "--prefix", prefix)
        check_runs(os.path.join(prefix, "bin/cpartrace"), options.trace, False, directory)
        check("the manual is found below the prefix",
              os.path.exists(os.path.join(prefix, "share/man/man1/cpartrace-run.1")))
    for finding in FINDINGS:
        print(finding)
    return 1 if FINDINGS else 0


if __name__ == "__main__":
    sys.exit(main())
