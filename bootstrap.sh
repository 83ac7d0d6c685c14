#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# bootstrap.sh - from a fresh Debian 12 to a built, demonstrated or tested cpartrace.
#
# Owns:     which Debian packages each step needs, and the order of the steps.
# Must not: know how a part is built or tested (CMake and ctest do).
#
# Everything is repeatable: what is installed or built already is not done again. Nothing reads
# stdin, every step is bounded in time, and what is built as root belongs to the owner of the
# checkout in the end, so that `cmake --build build` keeps working without sudo.

set -euo pipefail
exec </dev/null

SOURCE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
BUILD=$SOURCE/build
JOBS=$(nproc)

# By what needs them. linux-libc-dev and the sanitizers come with gcc and libc6-dev.
BUILD_PACKAGES=(gcc libc6-dev make cmake pkgconf clang bpftool libbpf-dev libelf-dev libdw-dev
	zlib1g-dev libjansson-dev libprotobuf-c-dev protobuf-c-compiler libsqlite3-dev)
TEST_PACKAGES=(libcmocka-dev python3 python3-jsonschema clang-format linux-perf procps xz-utils
	pigz strace stress-ng redis-server redis-tools nodejs valgrind
	qemu-system-x86 busybox-static cpio binutils util-linux btrfs-progs
	gcc-aarch64-linux-gnu libc6-dev-arm64-cross
	nginx-light wrk memcached liburing-dev
	protobuf-compiler libxml2-utils librsvg2-bin
	chromium chromium-driver python3-selenium
	sqlite3 jq python3-prometheus-client man-db mandoc zsh dpkg-dev fakeroot file lintian mmdebstrap)
LINT_PACKAGES=(libcmocka-dev python3 clang-format clang-tidy cppcheck liburing-dev)

# Packages of the above that start a daemon when they are installed, and its name.
SERVICES=(redis-server:redis-server nginx-light:nginx memcached:memcached)

usage() {
	cat <<-EOF
	Usage: sudo ./bootstrap.sh COMMAND

	  demo    install what is missing, build, trace a workload and print the report
	  test    install what is missing, build, and run the whole test suite
	  build   install what is missing and build build/cpartrace and build/workloads/
	  lint    install what is missing; run clang-format, clang-tidy and cppcheck
	  help    print this

	Debian 12 (amd64 or arm64). Without root, 'build' and 'lint' work where nothing is missing.
	EOF
}

say() {
	printf 'bootstrap: %s\n' "$*"
}

die() {
	printf 'bootstrap: %s\n' "$*" >&2
	exit 1
}

SCRATCH= # temporary directory
POLICY=  # the policy-rc.d that is ours and must go
CHILD=   # the command that runs, with a process group of its own

# bounded SECONDS COMMAND...: its status, 124 when it took too long. It runs beside us, for bash
# would act on Ctrl-C only after it; job control, for else it would ignore Ctrl-C itself.
bounded() {
	local limit=$1 status=0
	shift
	set -m
	timeout -k 10 "$limit" "$@" &
	CHILD=$!
	set +m
	wait "$CHILD" || status=$?
	CHILD=
	return "$status"
}

# One way out, whatever ended us.
leave() {
	local status=$?
	trap '' INT TERM
	if [[ -n $CHILD ]]; then
		kill "$CHILD" 2>/dev/null || true
		wait "$CHILD" || true
	fi
	if [[ -n $POLICY ]]; then
		rm -f "$POLICY"
	fi
	if [[ -n $SCRATCH ]]; then
		rm -rf "$SCRATCH"
	fi
	if ((EUID == 0)) && [[ -d $BUILD ]]; then
		give_back || status=1
	fi
	exit "$status"
}
trap leave EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# quietly SECONDS WHAT COMMAND...: says WHAT, keeps the output, and shows its end if that fails.
quietly() {
	local limit=$1 what=$2 log=$SCRATCH/log status=0
	shift 2
	say "$what"
	bounded "$limit" "$@" >"$log" 2>&1 || status=$?
	if ((status)); then
		tail -n 60 "$log" >&2
		((status == 124)) && die "$what: not done after $limit s"
		die "$what: failed with status $status (its last lines are above)"
	fi
}

installed() {
	[[ $(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null) == installed ]]
}

require_root() {
	((EUID == 0)) || die "$1 needs root: run it as 'sudo ./bootstrap.sh $1'"
}

require_debian() {
	local id='' version=''
	if [[ -r /etc/os-release ]]; then
		# shellcheck source=/dev/null
		id=$(. /etc/os-release && echo "${ID:-}")
		# shellcheck source=/dev/null
		version=$(. /etc/os-release && echo "${VERSION_ID:-}")
	fi
	[[ $id == debian ]] || die "this is '${id:-unknown}', and only Debian 12 or later is known here:" \
		"install the packages that README.md lists, then cmake -B build && cmake --build build"
	[[ -z $version ]] || ((${version%%.*} >= 12)) ||
		die "this is Debian $version: cpartrace needs the tools of Debian 12 or later"
	# libFuzzer and the sanitizers of clang, of Debian's default version.
	if [[ ${version%%.*} == 12 ]]; then
		TEST_PACKAGES+=(libclang-rt-14-dev)
	else
		TEST_PACKAGES+=(libclang-rt-19-dev)
	fi
}

# apt_get SECONDS WHAT ARGUMENTS...: asks nothing and waits for nothing for ever.
apt_get() {
	local limit=$1 what=$2 log=$SCRATCH/apt status=0
	shift 2
	DEBIAN_FRONTEND=noninteractive bounded "$limit" apt-get -y -qq \
		-o Acquire::Retries=3 -o Acquire::http::Timeout=30 -o Acquire::https::Timeout=30 \
		-o DPkg::Lock::Timeout=120 -o Dpkg::Use-Pty=0 "$@" >"$log" 2>&1 || status=$?
	if ((status)); then
		local reason
		reason=$(grep -hm 1 '^E: ' "$log" || tail -n 1 "$log")
		((status == 124)) && reason="not done after $limit s"
		die "$what: ${reason#E: }; check the network and /etc/apt/sources.list"
	fi
}

# Installs the packages named that are not there yet, and starts none of their daemons.
install_packages() {
	local missing=() services=() package
	for package in "$@"; do
		installed "$package" || missing+=("$package")
	done
	((${#missing[@]})) || return 0
	((EUID == 0)) || die "missing packages: ${missing[*]}; install them, or run this with sudo"
	say "installing ${#missing[@]} packages: ${missing[*]}"
	for package in "${SERVICES[@]}"; do
		[[ " ${missing[*]} " == *" ${package%:*} "* ]] && services+=("${package#*:}")
	done
	# Debian asks this file before it starts a daemon. One that is there is its owner's choice.
	if [[ ! -e /usr/sbin/policy-rc.d ]]; then
		POLICY=/usr/sbin/policy-rc.d
		printf '#!/bin/sh\nexit 101\n' >"$POLICY"
		chmod 755 "$POLICY"
	fi
	# An unreachable mirror must fail here, and not as packages that do not exist.
	apt_get 300 "cannot update the package lists" -o APT::Update::Error-Mode=any update
	apt_get 900 "cannot install packages" install --no-install-recommends "${missing[@]}"
	if [[ -n $POLICY ]]; then
		rm -f "$POLICY"
		POLICY=
	fi
	# Nor are they to start at the next boot (this sees to systemd's links too).
	for package in "${services[@]}"; do
		if ! update-rc.d "$package" disable >"$SCRATCH/apt" 2>&1; then
			die "cannot keep $package from starting at boot: $(tail -n 1 "$SCRATCH/apt")"
		fi
	done
}

# configure OPTIONS...: the build tree of the checkout. Always by the same compiler: where another one
# is named CMake starts anew and forgets the options given with it.
configure() {
	quietly 120 "configuring $BUILD" cmake -S "$SOURCE" -B "$BUILD" -DCMAKE_C_COMPILER=gcc "$@"
}

compile() {
	quietly 900 "building" cmake --build "$BUILD" -j "$JOBS"
}

do_build() {
	install_packages "${BUILD_PACKAGES[@]}"
	configure -DCPT_WITH_BPF=ON -DCPT_WITH_TESTS=OFF -DCPT_TEST_BUILDS=OFF
	compile
	say "built $BUILD/cpartrace"
}

# What the user behind sudo owns: cpartrace writes its files as that user.
give_back() {
	local owner=${SUDO_UID:+$SUDO_UID:${SUDO_GID:-$SUDO_UID}}
	chown -hR "${owner:-$(stat -c %u:%g "$SOURCE")}" "$BUILD"
}

do_demo() {
	do_build
	give_back
	cd "$SOURCE"
	say "sudo build/cpartrace run -o build/demo.data build/workloads/threads mutex"
	bounded 60 build/cpartrace run -o build/demo.data build/workloads/threads mutex 2>&1
	say "the same with threads that do run in parallel:"
	say "sudo build/cpartrace run build/workloads/threads parallel"
}

do_test() {
	# With Debian's nodejs it is a package of its own, with others it is part of it.
	command -v npm >/dev/null || TEST_PACKAGES+=(npm)
	install_packages "${BUILD_PACKAGES[@]}" "${TEST_PACKAGES[@]}"
	# Tests look nothing up in a locale, and leave no compiled scripts in the checkout.
	export LC_ALL=C.UTF-8 PYTHONDONTWRITEBYTECODE=1 CLICOLOR=0
	configure -DCPT_WERROR=ON -DCPT_WITH_BPF=ON -DCPT_WITH_TESTS=ON \
		-DCPT_TEST_BUILDS=ON
	compile
	say "testing"
	# The tests' own directories are root's, and they say themselves who is behind sudo.
	local status=0
	local doubts=$SCRATCH/doubts
	bounded 4800 env -u SUDO_UID -u SUDO_GID -u SUDO_USER LIVE_DOUBTS="$doubts" ctest --test-dir "$BUILD" -j "$(nproc)" \
		--output-on-failure --no-tests=error --timeout 600 || status=$?
	# ctest shows nothing of a test that passed.
	if [[ -s $doubts ]]; then
		cut -c 1-400 "$doubts"
		say "the live cases in doubt failed first, as shown, and passed twice since (or failed again: see above)"
	fi
	return "$status"
}

do_lint() {
	install_packages "${BUILD_PACKAGES[@]}" "${LINT_PACKAGES[@]}"
	configure -DCPT_WITH_BPF=ON -DCPT_WITH_TESTS=ON
	compile
	"$SOURCE/tests/builds/lint.sh" "$SOURCE" "$BUILD"
}

main() {
	local command=${1:-help}
	if (($# > 1)); then
		usage >&2
		exit 2
	fi
	case $command in
	help | -h | --help)
		usage
		exit 0
		;;
	demo | test) require_root "$command" ;;
	build | lint) ;;
	*)
		usage >&2
		exit 2
		;;
	esac
	require_debian
	SCRATCH=$(mktemp -d)
	"do_$command"
}

main "$@"
