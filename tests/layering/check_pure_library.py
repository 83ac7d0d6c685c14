#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""check_pure_library.py - the built analysis library keeps no state, prints nothing, never exits.

    check_pure_library.py [--objdump OBJDUMP] libanalysis.a

Looks at the objects and not at the sources, so that no macro and no header can hide a call.
"""

import argparse
import re
import subprocess
import sys

# Names of the C library that a library without side effects has no use for.
FORBIDDEN = re.compile(
    r"^(__)?(v?f?printf|v?dprintf|puts|fputs|putchar|putc|fputc|fwrite|perror)(_chk)?$"
    r"|^(stdout|stderr|stdin|errno_location)$"
    r"|^(exit|_exit|_Exit|quick_exit|abort|__assert_fail|atexit|raise|kill|signal|sigaction)$"
    r"|^(getenv|secure_getenv|setenv|setlocale|system|popen|fork|vfork|exec[vl]p?e?|posix_spawn)$"
    r"|^(getuid|geteuid|isatty|ioctl|ptrace|socket|connect|syslog|err|errx|warn|warnx)$"
    r"|^(strtok|rand|random|srand|localtime|gmtime|asctime|ctime)$"
    r"|^(bpf_|libbpf_|btf__|elf_|gelf_|json_)")

# One row of `objdump -t`: value, flags, section, size, name.
SYMBOL = re.compile(r"^[0-9a-f]+ (.{7}) (\S+)\s+([0-9a-f]+)\s+(?:\.hidden )?(\S+)$", re.M)
WRITABLE = re.compile(r"^\.(data(?!\.rel\.ro)|bss|tdata|tbss)|^\*COM\*$")


def breaches(listing):
    member = "?"
    for line in listing.split("\n"):
        named = re.match(r"^(?:\S+\()?([^\s(]+\.o)\)?:\s+file format", line)
        if named:
            member = named[1]
        symbol = SYMBOL.match(line)
        if not symbol:
            continue
        flags, section, size, name = symbol.groups()
        if section == "*UND*" and FORBIDDEN.match(name):
            yield f"{member}: calls {name}"
        if WRITABLE.match(section) and "d" not in flags and int(size, 16) > 0:
            yield f"{member}: keeps state between calls in {name} ({section})"


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--objdump", default="objdump")
    parser.add_argument("archive")
    options = parser.parse_args()
    listing = subprocess.run([options.objdump, "-t", options.archive], capture_output=True,
                             text=True, timeout=30, check=True).stdout
    if not SYMBOL.search(listing):
        print(f"{options.archive}: no symbols found in it")
        return 1
    found = list(breaches(listing))
    for breach in found:
        print(breach)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
