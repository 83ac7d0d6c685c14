/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * text_flights.h - operations in flight, for people: a table in the part on event loops, a sentence.
 */
#ifndef CPT_TEXT_FLIGHTS_H
#define CPT_TEXT_FLIGHTS_H

#include "text_report.h"

/* The instances that had operations, most in flight first. Nothing where there are none. */
void add_flights(struct strbuf *b, const struct cpt_report *r, const struct text_report_opts *opts);

/* Operations in flight, in one sentence: how many, in how many loops, how long each took. Nothing where there
 * were hardly ever two at once. */
void loops__flight_sentence(struct strbuf *b, const struct cpt_report *r, bool utf8);

#endif /* CPT_TEXT_FLIGHTS_H */
