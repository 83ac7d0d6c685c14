#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# run.sh MINUTES [TARGET...] - runs the fuzz targets by libFuzzer, one after the other, MINUTES each, and prints
# what came of it. Builds what it needs in $FUZZ_TREE (default: build-fuzz beside the sources), where inputs that
# reach something new are kept in inputs/ from run to run, and what was found is in found/.
#
# The status is 0 when every target ran and nothing was found. What was found goes into tests/fuzz/regress/TARGET
# once it is mended.

set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
source=$(cd "$here/../.." && pwd)
tree=${FUZZ_TREE:-$source/build-fuzz}
all=(reader report csv jsonl perfetto html svg folded openmetrics sqlite script diff options proc elf)
: "${CLANG:=clang}"

# What an input may cost, sanitizers and all: s, MB, bytes.
SECONDS_MAX=60
RSS_MAX=2048
LEN_MAX=16384

if (($# < 1)) || [[ ! $1 =~ ^[0-9]+([.][0-9]+)?$ ]]; then
	echo "usage: run.sh MINUTES [${all[*]}]" >&2
	exit 2
fi
limit=$(awk -v m="$1" 'BEGIN { print int(m * 60) }')
minutes=$1
shift
targets=("${@:-${all[@]}}")

cmake -S "$source" -B "$tree" -DCMAKE_C_COMPILER="$CLANG" -DCPT_WITH_FUZZ=ON -DCPT_WITH_BPF=OFF \
	-DCPT_WITH_TESTS=ON >"$tree.log" 2>&1 || { tail -n 20 "$tree.log" >&2; exit 1; }
cmake --build "$tree" -j "${JOBS:-$(nproc)}" -t fuzz_seeds "${targets[@]/#/fuzz_}" >>"$tree.log" 2>&1 ||
	{ tail -n 20 "$tree.log" >&2; exit 1; }
mv "$tree.log" "$tree/run.log"
bin=$tree/tests/fuzz
rm -rf "$bin/seeds"
"$bin/fuzz_seeds" "$bin/seeds" "$source"/tests/golden/*.cptrace \
	"$source"/tests/readme/parallel.cptrace

# seeds_of TARGET: the folders it begins with.
seeds_of() {
	local name
	case $1 in
	reader | diff | options | proc | elf) echo "$bin/seeds/$1" ;;
	*) echo "$bin/seeds/trace" ;;
	esac
	for name in corpus regress; do
		[[ ! -d $here/$name/$1 ]] || echo "$here/$name/$1"
	done
}

status=0
printf '%-12s %12s %8s %9s %9s  %s\n' target runs minutes features 'peak MB' findings
for target in "${targets[@]}"; do
	kept=$tree/inputs/$target found=$tree/found/$target log=$tree/$target.log
	mkdir -p "$kept" "$found"
	: >"$log"
	mapfile -t seeds < <(seeds_of "$target")
	start=$EPOCHSECONDS
	# A finding ends a run; there is more to find behind it.
	while ((EPOCHSECONDS - start < limit)); do
		(cd "$found" && "$bin/fuzz_$target" -max_total_time=$((limit - (EPOCHSECONDS - start))) \
			-timeout=$SECONDS_MAX -rss_limit_mb=$RSS_MAX -max_len=$LEN_MAX -print_final_stats=1 \
			-report_slow_units=$SECONDS_MAX -detect_leaks=1 "$kept" "${seeds[@]}") >>"$log" 2>&1 && break
	done
	runs=$(awk '/^stat::number_of_executed_units/ { n += $2 } END { print n + 0 }' "$log")
	peak=$(awk '/^stat::peak_rss_mb/ && $2 > n { n = $2 } END { print n + 0 }' "$log")
	features=$(grep -o 'ft: [0-9]*' "$log" | tail -n 1 | cut -d' ' -f2 || true)
	cnt=$(find "$found" -type f | wc -l)
	((cnt == 0 && runs > 0)) || status=1
	printf '%-12s %12s %8.1f %9s %9s  %s\n' "$target" "$runs" \
		"$(awk -v s=$((EPOCHSECONDS - start)) 'BEGIN { print s / 60 }')" "${features:--}" "$peak" "$cnt"
done
echo "$minutes minutes each; at most $SECONDS_MAX s, $RSS_MAX MB and $LEN_MAX bytes an input"
exit "$status"
