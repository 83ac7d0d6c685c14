/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * json_report.h - the report for programs: JSON, schema 1.
 *
 * Owns:     the keys and their order. They are a contract: added to, never renamed; a part that does
 *           not exist yet has no key.
 * Must not: compute facts, print.
 *
 * Times are integers in ns; averages are numbers. Every string is valid UTF-8: what was not has
 * U+FFFD in its place.
 */
#ifndef CPT_JSON_REPORT_H
#define CPT_JSON_REPORT_H

#include <jansson.h>

#include "analysis/report.h"

#define CPT_JSON_SCHEMA 1

/* The report without the rows of its threads, of which there may be many: "threads" is an empty array. The caller
 * owns it (json_decref). NULL with errno (ENOMEM). */
json_t *json_report__build(const struct cpt_report *r);

/* A row of them, r->threads_tab's. NULL without memory. */
json_t *json_report__thread(const struct cpt_report *r, const struct cpt_thread *t);

/* A text, indented, without a final newline; the caller frees. NULL with errno. */
char *json_report__dump(const json_t *json);

/* Where pieces of a text go, one behind the other: 0, or an error that ends it. */
typedef int (*json_put_fn)(void *ctx, const char *s, size_t sz);

/* The whole report's text, with a final newline: what was built of r, with a row for each thread in its place, of
 * which only one is in memory. 0, -ENOMEM, or what put returned. */
int json_report__write(const json_t *json, const struct cpt_report *r, json_put_fn put, void *ctx);

#endif /* CPT_JSON_REPORT_H */
