/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * sqlite_views.h - the indexes and views of an exported database.
 *
 * Owns:     which questions have a view, and their SQL.
 */
#ifndef CPT_SQLITE_VIEWS_H
#define CPT_SQLITE_VIEWS_H

struct sqlite_view {
	const char *name; /* NULL ends the list */
	const char *help; /* the question it answers */
	const char *sql;  /* its SELECT */
};

extern const struct sqlite_view sqlite_views[];
extern const char *const sqlite_indexes[]; /* statements; NULL-terminated */

#endif /* CPT_SQLITE_VIEWS_H */
