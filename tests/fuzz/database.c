// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* database.c - see fuzz.h. A database that was written is read as its user would: whole, by SQLite. */
#include <sqlite3.h>
#include <string.h>

#include "fuzz.h"

static sqlite3 *db;

static sqlite3_stmt *ask(const char *query)
{
	sqlite3_stmt *rows;

	if (sqlite3_prepare_v2(db, query, -1, &rows, NULL) != SQLITE_OK)
		outputs__broken(sqlite3_errmsg(db));
	return rows;
}

/* Returns whether there is another row. */
static bool next(sqlite3_stmt *rows)
{
	const int code = sqlite3_step(rows);

	if (code != SQLITE_ROW && code != SQLITE_DONE)
		outputs__broken(sqlite3_errmsg(db));
	return code == SQLITE_ROW;
}

/* The file is in order, and no row points to one that is not there. */
static void check_file(void)
{
	sqlite3_stmt *rows = ask("PRAGMA integrity_check");

	if (!next(rows) || strcmp((const char *)sqlite3_column_text(rows, 0), "ok") != 0)
		outputs__broken("a database that is not in order");
	sqlite3_finalize(rows);
	rows = ask("PRAGMA foreign_key_check");
	if (next(rows))
		outputs__broken("a row that points to none");
	sqlite3_finalize(rows);
}

static void check_cells(const char *table)
{
	char query[256];
	sqlite3_stmt *rows;

	snprintf(query, sizeof(query), "SELECT * FROM \"%s\"", table);
	rows = ask(query);
	while (next(rows))
		for (int i = 0; i < sqlite3_column_count(rows); i++)
			if (sqlite3_column_type(rows, i) == SQLITE_TEXT)
				outputs__text((const char *)sqlite3_column_text(rows, i),
					      (size_t)sqlite3_column_bytes(rows, i));
	sqlite3_finalize(rows);
}

void database__check(const char *path)
{
	sqlite3_stmt *names;

	if (sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, NULL) != SQLITE_OK)
		outputs__broken("no database");
	check_file();
	names = ask("SELECT name FROM sqlite_master WHERE type IN ('table', 'view')");
	while (next(names))
		check_cells((const char *)sqlite3_column_text(names, 0));
	sqlite3_finalize(names);
	sqlite3_close(db);
}
