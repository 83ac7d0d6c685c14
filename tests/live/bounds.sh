#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# bounds.sh BUILD [ROUNDS] - records every mode of every workload once, and then leaves out any of its records,
# ROUNDS times (300) each: what the whole recording says must lie within the bounds, always. Needs root.

set -euo pipefail

build=${1:?usage: bounds.sh BUILD [ROUNDS]}
rounds=${2:-300}
traces=$(mktemp -d)
trap 'rm -rf "$traces"' EXIT
list=

fail()
{
	printf 'bounds.sh: %s\n' "$1" >&2
	exit 1
}

for program in threads locks epoll loops processes webserver; do
	modes=$("$build/workloads/$program" --help | sed -n 's/^  \([a-z-]*\): .*/\1/p')
	[[ $modes ]] || fail "$program --help names no mode"
	for mode in $modes; do
		trace=$traces/$program-$mode.cptrace
		[[ $program != webserver ]] || mode=--model=$mode
		"$build/cpartrace" record -o "$trace" -- "$build/workloads/$program" "$mode" --timeout 900 >"$traces/said" 2>&1 ||
			fail "$program $mode: status $?: $(tail -n 3 "$traces/said")"
		list+=${list:+:}$trace
	done
done
CPT_TRACES=$list CPT_CASES=$rounds "$build/tests/properties/test_bounds"
