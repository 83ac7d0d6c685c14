// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// query.js - runs SQL in DuckDB and prints the rows of each query, as JSON.
//
//     node query.js MODULES < {"queries": ["SELECT ...", ...]}
//
// MODULES: the directory that npm installed @duckdb/node-api into.
'use strict';
const fs = require('fs');
const path = require('path');

async function main() {
  const at = path.resolve(process.argv[2], 'node_modules', '@duckdb', 'node-api');
  const { DuckDBInstance } = require(at);
  const { queries } = JSON.parse(fs.readFileSync(0, 'utf8'));
  const connection = await (await DuckDBInstance.create(':memory:')).connect();
  const answers = [];
  for (const query of queries) {
    const reader = await connection.runAndReadAll(query);
    answers.push(reader.getRowObjectsJson());
  }
  console.log(JSON.stringify(answers));
}

main().catch((err) => {
  console.error(err.message);
  process.exit(1);
});
