#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# get_duckdb.sh DIR - installs DuckDB's module for node into DIR, once.

set -eu
version=1.5.6-r.1
mkdir -p "$1"
if [ -e "$1/node_modules/@duckdb/node-api/package.json" ]; then
	exit 0
fi
exec npm install --prefix "$1" --no-audit --no-fund --loglevel=error "@duckdb/node-api@$version" </dev/null
