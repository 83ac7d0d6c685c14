/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * flight_opts.h - values of --flight and --trigger.
 *
 * Owns:     how they are spelled.
 */
#ifndef CPT_FLIGHT_OPTS_H
#define CPT_FLIGHT_OPTS_H

#include "cli.h"
#include "flight.h"
#include "flight_trigger.h"

/* struct flight_opts: "60s", "200M", "60s,200M" */
int cli_set_flight(void *field, const char *value, const struct cli_option *opt,
		   struct strbuf *why);
/* struct trigger_opts; may be given several times */
int cli_set_trigger(void *field, const char *value, const struct cli_option *opt,
		    struct strbuf *why);

#endif /* CPT_FLIGHT_OPTS_H */
