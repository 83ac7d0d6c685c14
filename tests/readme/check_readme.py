#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""check_readme.py - README.md shows what the program prints, and names options that exist.

    check_readme.py --cpartrace PROGRAM [--update] README.md

A session is a fenced block after a line `<!-- report NAME [OPTIONS] [first LINES] -->`: its command after a
`$`, what the workload printed itself (lines that do not begin with a space), and then what
`cpartrace report` prints of NAME.cptrace, beside this file, with these options, all of it or its first lines. With
--update that is written anew.
"""

import argparse
import os
import re
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
BLOCK = re.compile(r"^<!-- report (\w+)((?: --[\w-]+)*)(?: first (\d+))? -->\n"
                   r"```\n(\$ [^\n]*\n(?:[^ `\n][^\n]*\n)*)(.*?)```\n", re.M | re.S)


def run(program, *arguments):
    environment = {"LC_ALL": "C.UTF-8", "PATH": "/usr/bin:/bin"}
    return subprocess.run([program, *arguments], capture_output=True, text=True, timeout=30,
                          env=environment, stdin=subprocess.DEVNULL, check=False)


def report(program, name, options, lines):
    result = run(program, "report", "-i", os.path.join(HERE, name + ".cptrace"), "--width", "80",
                 *options.split())
    if result.returncode or result.stderr:
        sys.exit(f"report of {name}: status {result.returncode}, {result.stderr.strip()}")
    return "".join(result.stdout.splitlines(keepends=True)[:int(lines) if lines else None])


def unknown_options(program, text):
    """Options the README gives our commands that no command's help names."""
    known = {"--help"}
    names = re.findall(r"^  ([a-z]+) ", run(program, "help").stdout, re.M)
    for name in names:
        known.update(re.findall(r"(?<![\w-])--?[a-zA-Z][\w-]*", run(program, "help", name).stdout))
    used = set()
    for line in re.findall(r"cpartrace ((?:%s)\b[^`\n#|]*)" % "|".join(names), text):
        used.update(re.findall(r"(?<= )--?[a-zA-Z][\w-]*", line))
    return sorted(used - known)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--cpartrace", required=True)
    parser.add_argument("--update", action="store_true")
    parser.add_argument("readme")
    options = parser.parse_args()
    with open(options.readme, encoding="utf-8") as file:
        text = file.read()

    failures = []

    def renew(found):
        name, how, lines, head, shown = found.groups()
        printed = report(options.cpartrace, name, how, lines)
        if printed != shown and not options.update:
            failures.append(f"the session '{name}' is not what is printed now:\n{printed}")
        return found[0].replace(f"{head}{shown}```", f"{head}{printed}```")

    renewed, sessions = BLOCK.subn(renew, text)
    if not sessions or sessions != text.count("<!-- report "):
        failures.append(f"{text.count('<!-- report ')} sessions announced, {sessions} found")
    # Built without BPF the program has fewer commands than the README describes.
    if "bpf: on" in run(options.cpartrace, "version", "--build-options").stdout:
        failures += [f"no command has the option {option}"
                     for option in unknown_options(options.cpartrace, text)]
    if options.update and renewed != text:
        with open(options.readme, "w", encoding="utf-8") as file:
            file.write(renewed)
    for failure in failures:
        print(failure)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
