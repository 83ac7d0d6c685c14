/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * text_loop_rates.h - what an event loop gets to do, and how it does it, in a sentence or two of the text report.
 *
 * Owns:     arrivals, connections, timers, batches and service time in words; why two utilisations differ.
 * Must not: choose which loops are worth it (text_loops.c, text_flights.c do).
 */
#ifndef CPT_TEXT_LOOP_RATES_H
#define CPT_TEXT_LOOP_RATES_H

#include "text_report.h"

/* "`name` (tid)"; t NULL: not known. */
void add_loop_name(struct strbuf *b, const struct cpt_thread *t, bool utf8);

/* A paragraph of its own, if there is anything in it; text is empty then. */
void add_loop_text(struct strbuf *b, struct strbuf *text, const struct text_style *style);

/* Appends a paragraph, or nothing where nothing of it is known. */
void add_loop_rates(struct strbuf *b, const struct cpt_report *r, const struct cpt_loop *l,
		    const struct text_style *style);
void add_flight_rates(struct strbuf *b, const struct cpt_report *r,
		      const struct cpt_epoll_instance *in, const struct text_style *style);
/* The descriptors that took most; nothing where that is little. */
void add_services(struct strbuf *b, const struct cpt_report *r, const struct cpt_epoll_instance *in,
		  const struct text_style *style);

/* Does a kernel thread that polls for a ring spin more than a little? */
bool spins_for_rings(const struct cpt_report *r);

/* A paragraph on each such thread; nothing where none does. */
void add_sqpolls(struct strbuf *b, const struct cpt_report *r, const struct text_style *style);

#endif /* CPT_TEXT_LOOP_RATES_H */
