/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * svg.h - pictures of a report as SVG 1.1: for papers, tickets, slides.
 *
 * Owns:     the document: size, style, colours, escaping, the head that all pictures share.
 * Must not: compute figures.
 *
 * One file that needs no other: no script, no font but the reader's own sans-serif, nothing to load. It has its
 * own background, dark where the reader prefers that, so that it can be read wherever it is put. Colours are
 * the page's (page/colours.css); no figure is said by colour alone. Text from traces is escaped
 * as for data files, and then for XML.
 */
#ifndef CPT_SVG_H
#define CPT_SVG_H

#include "analysis/report.h"

#include "strbuf.h"

#define SVG_WIDTH  960.0
#define SVG_MARGIN 20.0
#define SVG_LINE   18.0 /* height of a line of text */

enum svg_anchor { SVG_START, SVG_MIDDLE, SVG_END };

/* The head of a picture, `height` high: command, figures, verdict. *y is where the rest begins. what: kind of
 * picture, for its title. note: the filter in words, or NULL. */
void svg__open(struct strbuf *b, const struct cpt_report *r, const char *what, const char *note,
	       double body_height, double *y);
void svg__close(struct strbuf *b);

/* cls: classes of the style, which svg.c holds ("run", "dim", ...). */
void svg__rect(struct strbuf *b, const char *cls, double x, double y, double w, double h);
void svg__line(struct strbuf *b, const char *cls, double x1, double y1, double x2, double y2);
/* Text as it is, at most `chars` characters; more end in an ellipsis. y is its base line. */
void svg__text(struct strbuf *b, const char *cls, enum svg_anchor anchor, double x, double y,
	       const char *text, unsigned int chars);
/* A raw name and what follows it: the name gives way. */
void svg__name(struct strbuf *b, const char *cls, enum svg_anchor anchor, double x, double y,
	       const char *name, const char *rest, unsigned int chars);
/* <title> of what is open: a tool tip. */
void svg__title(struct strbuf *b, const char *name, const char *rest);
/* A number with at most two decimals. */
void svg__number(struct strbuf *b, double n);
/* Lines that a chart's axis of time gets below it: ticks of round length. */
void svg__time_axis(struct strbuf *b, double x, double y, double width, uint64_t span_ns);

/* The pictures. Failure of memory is in b->failed. */
struct lanes;
void svg_bottle__add(struct strbuf *b, const struct cpt_report *r, const char *note,
		     unsigned int top);
void svg_ledger__add(struct strbuf *b, const struct cpt_report *r, const char *note);
void svg_timeline__add(struct strbuf *b, const struct cpt_report *r, const char *note,
		       const struct lanes *lanes);

#endif /* CPT_SVG_H */
