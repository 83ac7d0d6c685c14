/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * term.h - what the place a report goes to can show: width, colour, Unicode.
 *
 * Owns:     looking at terminals, COLUMNS, NO_COLOR, TERM and the locale.
 */
#ifndef CPT_TERM_H
#define CPT_TERM_H

#include "text_report.h"

/* Style for text written to fd. width_opt: --width, 0 not given; then COLUMNS, the terminal, 80. */
struct text_style term_style(int fd, unsigned int width_opt);

#endif /* CPT_TERM_H */
