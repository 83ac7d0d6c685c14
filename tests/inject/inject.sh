#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# inject.sh [OPTION...] - all faults of inject.py, from $BUILD (default: build beside the sources) and from a build with
# sanitizers (build-inject); as root those of recordings, too. Options go to inject.py: --share 0.1, -k WHAT.
#
# The status is 0 when nothing was found.

set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
source=$(cd "$here/../.." && pwd)
build=${BUILD:-$source/build}
sanitized=${SANITIZED:-$source/build-inject}
options=("$@")

{
	cmake --build "$build" -j "${JOBS:-$(nproc)}" -t cpartrace inject
	cmake -S "$source" -B "$sanitized" -DCMAKE_C_COMPILER=gcc -DCPT_WITH_BPF=ON -DCPT_WITH_TESTS=OFF -DCPT_SANITIZE=ON
	cmake --build "$sanitized" -j "${JOBS:-$(nproc)}" -t cpartrace
} >"$build/inject.log" 2>&1 || { tail -n 20 "$build/inject.log" >&2; exit 1; }

status=0
# inject NAME BINARY OPTION...
inject() {
	echo "== $1"
	/usr/bin/python3 -B "$here/inject.py" --cpartrace "$2" --inject "$build/tests/inject/inject.so" "${@:3}" \
		"${options[@]}" || status=1
}

inject 'outputs' "$build/cpartrace"
inject 'outputs, sanitizers' "$sanitized/cpartrace"
if ((EUID == 0)); then
	inject 'recordings' "$build/cpartrace" --live
	inject 'recordings, sanitizers' "$sanitized/cpartrace" --live --share 0.2
fi
exit "$status"
