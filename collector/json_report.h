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

/* The whole report; the caller owns it (json_decref). NULL with errno (ENOMEM). */
json_t *json_report__build(const struct cpt_report *r);

/* Its text, indented, without a final newline; the caller frees. NULL with errno. */
char *json_report__dump(const json_t *json);

#endif /* CPT_JSON_REPORT_H */
