#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# lint.sh SOURCE BUILD [format|tidy|cppcheck]... - what the style tools of Debian 12 say; all of
# them by default. BUILD is a configured and built tree: clang-tidy takes the compile commands and
# the generated skeleton from there.
#
# The status is 0 when nothing was found.

set -uo pipefail

source_dir=$1
build_dir=$2
shift 2
checks=("$@")
((${#checks[@]})) || checks=(format tidy cppcheck)
cd "$source_dir" || exit 1
status=0

mapfile -t all < <(find probes analysis collector workloads tests -name '*.[ch]' | sort)

# Other versions of clang-format break lines elsewhere: the one of Debian 12 decides.
format() {
	local tool=clang-format-14
	command -v "$tool" >/dev/null || tool=clang-format
	"$tool" --dry-run -Werror "${all[@]}"
}

# The probes are no part of the compile commands: they are for another machine.
tidy() {
	local files
	mapfile -t files < <(find analysis collector workloads tests -name '*.c' | sort)
	printf '%s\n' "${files[@]}" | grep -Fxf <(sed -n \
		"s|^ *\"file\": \"$source_dir/\(.*\)\".*|\1|p" "$build_dir/compile_commands.json") |
		xargs -P "$(nproc)" -n 4 clang-tidy --quiet --warnings-as-errors='*' -p "$build_dir" \
			2> >(grep -v 'warnings generated\|^Suppressed\|^Use -header-filter' >&2)
}

# The kernel's C is not ISO's: arithmetic on void pointers, and >> of negative numbers.
cppcheck_all() {
	cppcheck --quiet --std=c11 --enable=warning,performance,portability --inline-suppr \
		--suppress=missingInclude --suppress=missingIncludeSystem \
		--suppress=arithOperationsOnVoidPointer --suppress=shiftTooManyBitsSigned \
		--error-exitcode=1 -j "$(nproc)" -D_GNU_SOURCE -D__x86_64__ -D__TARGET_ARCH_x86 \
		"-DLIBBPF_OPTS(type, name, ...)=struct type name = {__VA_ARGS__}" "-DSEC(name)=" \
		"-Dbpf_object__for_each_program(p, o)=while ((p = next(o)))" \
		-I . probes analysis collector workloads tests
}

for check in "${checks[@]}"; do
	echo "lint: $check"
	case $check in
	format) format ;;
	tidy) tidy ;;
	cppcheck) cppcheck_all ;;
	*)
		echo "usage: lint.sh SOURCE BUILD [format|tidy|cppcheck]..." >&2
		exit 2
		;;
	esac || status=1
done
exit "$status"
