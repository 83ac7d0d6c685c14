#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# get_duckdb.sh DIR - installs DuckDB's module for node into DIR, once. Status 77: npm cannot fetch it here.

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
npm install --prefix "$1" --no-audit --no-fund --loglevel=error "@duckdb/node-api@$version" \
	</dev/null 2>"$1/npm.err" || {
	cat "$1/npm.err" >&2
	# Out of reach is no fault of what is tested; anything else is.
	grep -qE 'ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|CERT|certificate' \
		"$1/npm.err" || exit 1
	echo "npm is out of reach: the tables are tested in SQLite alone" >&2
	exit 77
}
