/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * perfetto_out.h - packets of a Perfetto trace to a file.
 *
 * Owns:     the wire: what a packet's bytes are, the one packet sequence, names and their numbers' packets.
 * Must not: know what the tracks mean (perfetto.c does).
 *
 * libprotobuf-c makes every message. But a trace has millions of events, which differ in their time and
 * hardly in anything else; so an event is made once, without its time, kept by what it is, and then copied:
 *
 *      packet  | length | timestamp | sequence, flags, event { category, type, name, track, ... } |
 *                         each time    made by the library, kept by (track, type, name, ...)
 *
 * That relies on what every reader of the format grants: fields may come in any order. A flow's number is of
 * fixed length and stands last; it is written over what the kept event has there.
 *
 * Memory: EVENTS_KEPT events and one buffer, whatever is written.
 */
#ifndef CPT_PERFETTO_OUT_H
#define CPT_PERFETTO_OUT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum pf_event_type { PF_SLICE_BEGIN = 1, PF_SLICE_END, PF_INSTANT, PF_COUNTER };
enum pf_flow { PF_NO_FLOW, PF_FLOW_BEGINS, PF_FLOW_ENDS };

/* All that makes an event but its time and its flow's number. Fields of 0 are not written. */
struct pf_event {
	uint64_t track;
	int64_t value;	   /* COUNTER; SLICE_BEGIN: in the annotation PF_NOTE_COUNT */
	uint32_t name;	   /* number of an interned name */
	uint32_t category; /* likewise */
	uint32_t note;	   /* number of an interned text, in the annotation PF_NOTE_NAME */
	uint8_t type;	   /* enum pf_event_type */
	uint8_t flow;	   /* enum pf_flow */
	uint16_t reserved;
};

/* A track. Strings are any bytes, made valid UTF-8. */
struct pf_track {
	uint64_t uuid, parent; /* 0 none */
	const char *name;
	bool counter;
	/* Not 0: it is that of a process (pid alone), or of a thread, called name. */
	int32_t pid, tid;
	const char *command; /* process: NULL or "" unknown */
};

#define PF_NOTE_NAME  1 /* numbers of the annotations' names */
#define PF_NOTE_COUNT 2

enum pf_names { PF_NAMES_CATEGORY, PF_NAMES_EVENT, PF_NAMES_NOTE, PF_NAMES_TEXT };

struct pf_out;

/* f stays the caller's. NULL with errno. */
struct pf_out *pf_out__new(FILE *f);
void pf_out__free(struct pf_out *out); /* accepts NULL; flushes nothing */

/* All of these: 0 or -errno, which sticks. */

/* The sequence begins: its clocks, one instant on each. Times of events are CLOCK_MONOTONIC. */
int pf_out__begin(struct pf_out *out, uint64_t mono_ns, uint64_t boot_ns, uint64_t real_ns);
int pf_out__track(struct pf_out *out, const struct pf_track *track);
/* A name to be used by its number: any bytes, made valid UTF-8. */
int pf_out__name(struct pf_out *out, enum pf_names kind, uint64_t iid, const char *name);
int pf_out__event(struct pf_out *out, uint64_t ts_ns, const struct pf_event *ev, uint64_t flow);
int pf_out__flush(struct pf_out *out);

#endif /* CPT_PERFETTO_OUT_H */
