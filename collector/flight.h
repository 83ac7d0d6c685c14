/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * flight.h - a recording that keeps its last part alone, and dumps it while it goes on.
 *
 * Owns:     the parts on disk and when one is begun anew; dumps: when, where to, how many; the end's.
 * Must not: know probes, or what is wanted when (flight_trigger.h).
 *
 *   FILE.ring.0 … FILE.ring.8      each a trace of an eighth of what is to be kept, written over in turn:
 *
 *      ring.7 │ ring.8 │ ring.0 │ ring.1 …
 *     ────────┴────────┴────────┴────────►     a part begins with what must be known of the time before
 *              └ dropped when ring.8 is begun anew          (carry.h), so each can be the first of a dump
 *
 *   dump n ──► FILE.n       by a child, from what is on disk, while the recording goes on
 *   the end ─► FILE         and the parts go away; after a SIGKILL they stay (`cpartrace recover`)
 *
 * On disk: the parts are at most as large as was said, together; a dump as the parts; `dumps` dumps.
 */
#ifndef CPT_FLIGHT_H
#define CPT_FLIGHT_H

#include <stdbool.h>
#include <stdint.h>

#include "../analysis/merge.h"
#include "../analysis/trace.h"
#include "../analysis/words.h"
#include "flight_trigger.h"

#define CPT_FLIGHT_PARTS     9
#define CPT_FLIGHT_BYTES     (UINT64_C(1) << 30) /* kept at most, where nothing was said */
#define CPT_FLIGHT_BYTES_MIN (UINT64_C(2) << 20)
#define CPT_FLIGHT_DUMPS     10
#define CPT_FLIGHT_SPAN_MIN  UINT64_C(500000000)
#define CPT_FLIGHT_SPAN_MAX  (UINT64_C(86400) * 365 * 1000000000)

struct flight_opts {
	uint64_t span_ns; /* kept at least, where there is room; 0: as long as there is */
	uint64_t bytes;	  /* all parts together; 0: CPT_FLIGHT_BYTES */
	uint32_t dumps;	  /* so many of the latest stay */
};

/* What a flight asks for at a time; of the recorder. */
struct flight_calls {
	/* Counters as they stand, as a closing section has them. */
	void (*counters)(void *ctx, struct cpt_trace_close *now);
	/* Gives words their names. */
	void (*name)(void *ctx, struct cpt_words *words);
	void *ctx;
};

struct flight;

/* Makes the files of the parts beside path. trigger's cnt 0: there is none. All is borrowed. NULL with errno, and
 * it has been said. */
struct flight *flight__open(const char *path, const struct flight_opts *opts,
			    const struct trigger_opts *trigger);
/* It was begun, but there was nothing to record: its parts go away. Accepts NULL. */
void flight__drop(struct flight *f);
void flight__free(
	struct flight *f); /* accepts NULL; files of parts that nothing was written to go away */
/* Rights (rights.h) that it needs to the end. */
uint64_t flight__rights(const struct flight *f);

/* Files of parts get their names. 0 or -errno, of which it has been said. */
int flight__place(struct flight *f);
/* The recording begins, behind that. 0 or -errno. */
int flight__begin(struct flight *f, const struct cpt_trace_meta *meta,
		  const struct flight_calls *calls);
/* For merge__new; and what comes beside it. */
struct cpt_merge_sink flight__sink(struct flight *f);
int flight__side(void *flight, const struct cpt_event *ev, size_t cnt);

/* Before a drain: all before at_ns was written and nothing behind it: begins a new part if it is time. 0 or
 * -errno. */
int flight__turn(struct flight *f, uint64_t at_ns);
/* After it: all before at_ns was written. Begins a dump if one is wanted from then on at the latest, and says
 * how the last one went. 0 or -errno, of writing the parts. */
int flight__tick(struct flight *f, uint64_t at_ns, uint64_t now_ns);

/* A dump of what was until now_ns is wanted. */
void flight__want(struct flight *f, uint64_t now_ns);

/* The recording has ended; close: what is known about all of it. Waits for a dump under way, writes FILE and
 * removes the parts. 0; -errno (nothing said): the parts stay, unless they are gone. */
int flight__end(struct flight *f, const struct cpt_trace_close *close);
/* Somebody has removed the parts while it was recorded, or their directory: what was recorded is lost. Until
 * flight__end has succeeded. */
bool flight__is_gone(const struct flight *f);

/* Of FILE. */
uint64_t flight__bytes(const struct flight *f);
uint64_t flight__switches(const struct flight *f); /* in all that was recorded */

/* SIGUSR2 wants a dump, from here on. */
void flight__signal(void);

/* ---- for the tests, and `recover` ------------------------------------------------------------------ */

/* One trace of parts, in their order, to fd: fds of cnt parts, each up to end_pos. end_ns: everything before it
 * was seen. close NULL: it has none, and stays marked as not whole. 0 or -errno; -EBADMSG: no part. */
struct flight_part {
	int fd;
	uint64_t end_pos; /* UINT64_MAX: to its end */
};
int flight__join(int fd, const struct flight_part *parts, uint32_t cnt,
		 const struct cpt_trace_close *close, uint32_t highest_task,
		 const struct flight_calls *calls, void (*copied)(void *ctx, uint32_t n),
		 void *copied_ctx);

#endif /* CPT_FLIGHT_H */
