#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# get_duckdb.sh DIR - installs DuckDB's module for node into DIR, once. It fails where npm cannot fetch it:
# the tables are to load there, and nothing else shows that they do.

set -eu
version=1.5.6-r.1
mkdir -p "$1"
if [ -e "$1/node_modules/@duckdb/node-api/package.json" ]; then
	exit 0
fi
# Node brings certificates of its own; a machine's proxy may need those of the machine.
if [ -z "${NODE_EXTRA_CA_CERTS:-}" ] && [ -r /etc/ssl/certs/ca-certificates.crt ]; then
	export NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt
fi
for attempt in 1 2 3; do
	if npm install --prefix "$1" --no-audit --no-fund --loglevel=error \
		"@duckdb/node-api@$version" </dev/null 2>"$1/npm.err"; then
		exit 0
	fi
	echo "attempt $attempt: npm cannot install DuckDB's module:" >&2
	cat "$1/npm.err" >&2
	sleep 5
done
exit 1
