#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# reproducible.sh SOURCE TREE PROGRAM - builds PROGRAM once more, from a copy of SOURCE in a folder of another
# name and length, with the options of TREE, and compares the bytes.

set -euo pipefail

source_dir=$1
tree=$2
program=$3
copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT

mkdir -p "$copy/another place/source" "$copy/tree"
tar -C "$source_dir" --exclude='./build*' --exclude=./.git --exclude=__pycache__ -cf - . |
	tar -C "$copy/another place/source" -xf -

# What decides the bytes: the compiler, and the project's own options.
mapfile -t options < <(sed -n -E \
	-e 's/^((CMAKE_C_COMPILER|CMAKE_BUILD_TYPE|CMAKE_C_FLAGS[A-Z_]*|CPT_(WITH|WERROR|SANITIZE)[A-Z_]*):[A-Z]+=.*)$/-D\1/p' \
	"$tree/CMakeCache.txt")
# A cache of compiled files would answer for the compiler.
export CCACHE_DISABLE=1
cmake -S "$copy/another place/source" -B "$copy/tree" "${options[@]}" -DCPT_WITH_TESTS=OFF >"$copy/log" 2>&1 ||
	{ tail -n 20 "$copy/log"; exit 1; }
cmake --build "$copy/tree" -j "$(nproc)" -t cpartrace >>"$copy/log" 2>&1 ||
	{ tail -n 20 "$copy/log"; exit 1; }

# Of a tree whose compiler is called by way of a cache, that may have written paths another way into what
# debuggers read: there, all else is compared.
loaded() {
	objcopy --strip-debug --remove-section .note.gnu.build-id --remove-section .gnu_debuglink "$1" "$2"
}
built=$copy/tree/cpartrace
if grep -q '^CMAKE_C_COMPILER_LAUNCHER:[A-Z]*=.' "$tree/CMakeCache.txt"; then
	loaded "$program" "$copy/one"
	loaded "$built" "$copy/two"
	program=$copy/one built=$copy/two
fi
if ! cmp "$program" "$built"; then
	echo "the program depends on where it is built:"
	strings -a "$built" | grep -F "$copy" | sort -u | head -n 20
	exit 1
fi
sha256sum <"$program"
