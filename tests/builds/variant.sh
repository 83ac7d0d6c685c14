#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# variant.sh SOURCE WORK NAME - configures, builds and tests the project in one more way.
#
#   clang        everything, by clang, warnings being errors
#   sanitized    everything, under AddressSanitizer and UndefinedBehaviorSanitizer
#   without_bpf  -DCPT_WITH_BPF=OFF, from configuring to testing as an ordinary user, who finds
#                neither clang nor bpftool
#
# The live tests are not run: they belong to the tree this is called from.

set -euo pipefail

source_dir=$1
work_dir=$2
name=$3
tree=$work_dir/$name
export CTEST_OUTPUT_ON_FAILURE=1 PYTHONDONTWRITEBYTECODE=1

# variant SOURCE TREE SELECTION... -- OPTIONS...
variant() {
	local source=$1 tree=$2 selection=()
	shift 2
	while [[ $1 != -- ]]; do
		selection+=("$1")
		shift
	done
	shift
	cmake -S "$source" -B "$tree" -DCPT_WITH_TESTS=ON "$@"
	cmake --build "$tree" -j "$(nproc)"
	ctest --test-dir "$tree" --no-tests=error -j "$(nproc)" "${selection[@]}"
}

# Runs in the copy that belongs to the ordinary user: variant.sh COPY TREE as-user
as_user() {
	if ((EUID == 0)); then
		echo "still root: the test would prove nothing" >&2
		exit 1
	fi
	mkdir "$work_dir/absent"
	local tool
	for tool in clang bpftool llvm-strip; do
		printf '#!/bin/sh\necho "%s is used without CPT_WITH_BPF" >&2\nexit 1\n' "$tool" \
			>"$work_dir/absent/$tool"
		chmod +x "$work_dir/absent/$tool"
	done
	PATH=$work_dir/absent:$PATH variant "$source_dir" "$work_dir/tree" -LE 'live|tables|package|kernels|browser|fuzz|inject' -- \
		-DCMAKE_C_COMPILER=gcc -DCPT_WERROR=ON -DCPT_WITH_BPF=OFF -DCPT_WITH_LIBDW=OFF \
		-DCPT_WITH_PROTOBUF=OFF -DCPT_WITH_SQLITE=OFF
	if ldd "$work_dir/tree/cpartrace" | grep -E 'libbpf|libelf'; then
		echo "cpartrace without BPF is linked with the above" >&2
		exit 1
	fi
}

without_bpf() {
	if ((EUID != 0)); then
		rm -rf "$tree"
		mkdir -p "$tree"
		exec "$0" "$source_dir" "$tree" as_user
	fi
	# The checkout may be out of an ordinary user's reach: a copy, and who owns it.
	local copy
	copy=$(mktemp -d)
	# shellcheck disable=SC2064 # the name as it is now
	trap "rm -rf '$copy'" EXIT
	mkdir "$copy/source" "$copy/work"
	tar -C "$source_dir" --exclude=./build* --exclude=./.git --exclude=__pycache__ -cf - . |
		tar -C "$copy/source" -xf -
	chown -R nobody:nogroup "$copy"
	cd "$copy"
	setpriv --reuid nobody --regid nogroup --clear-groups --no-new-privs \
		env -i HOME="$copy" PATH="/usr/bin:/bin" LC_ALL=C.UTF-8 \
		"$copy/source/tests/builds/variant.sh" "$copy/source" "$copy/work" as_user
}

# The cases that are generated number what README promises where the suite runs as it is built; here they are to
# show what another compiler or a sanitizer makes of the same code.
export CPT_CASES_PART=4

# What the sources alone decide, and programs that are built the same way, need not be tested twice.
selection=(-LE 'live|tables|package|kernels|browser' -E '^(layering.*|workloads_selfcheck)$')

case $name in
clang)
	variant "$source_dir" "$tree" "${selection[@]/#live/fuzz|inject|live}" -- -DCMAKE_C_COMPILER=clang \
		-DCPT_WERROR=ON -DCPT_WITH_BPF=ON
	;;
sanitized)
	# Without -Werror: gcc warns of what it has put in itself (bounds of checked shifts).
	variant "$source_dir" "$tree" "${selection[@]}" -- -DCMAKE_C_COMPILER=gcc \
		-DCPT_WERROR=OFF -DCPT_WITH_BPF=ON -DCPT_SANITIZE=ON
	;;
without_bpf) without_bpf ;;
as_user) as_user ;;
*)
	echo "usage: variant.sh SOURCE WORK clang|sanitized|without_bpf" >&2
	exit 2
	;;
esac
