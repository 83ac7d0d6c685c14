/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * trace_block.h - events to the payload of a BLOCK section, and back.
 *
 * Owns:     columns, shapes, compression of columns. A block decodes without any other block.
 * Must not: do I/O, know sections.
 *
 * An event is one token in column TOKEN, an index into the block's list of shapes, plus what its
 * shape says is not as predicted (trace_model.h), each kind of it in a column of its own, because
 * like numbers compress well side by side. FORMAT.md draws every column.
 */
#ifndef CPT_TRACE_BLOCK_H
#define CPT_TRACE_BLOCK_H

#include "merge.h"
#include "trace_limits.h"

/* X(NAME, value): values are the order on disk. */
#define BLOCK_COLUMNS(X)                                                                           \
	X(SHAPES, 0)  /* list of shapes */                                                         \
	X(TASKS, 1)   /* list of task numbers */                                                   \
	X(WAITS, 2)   /* list of wait descriptors */                                               \
	X(TOKEN, 3)   /* per event: shape */                                                       \
	X(TIME, 4)    /* per event: low byte of the time since the event before */                 \
	X(TIME_HI, 5) /* per event: the rest of it */                                              \
	X(CPU, 6)     /* where the shape has a CPU */                                              \
	X(TASK, 7)    /* indexes into TASKS that were not predicted */                             \
	X(WAKER, 8)   /* wakers that were not predicted */                                         \
	X(WAIT, 9)    /* indexes into WAITS that were not predicted */                             \
	X(ENDS, 10)   /* how waits ended, where the block's own events do not tell */              \
	X(EXTRA, 11)  /* what rare events carry */

#define BLOCK_COLUMN_ENUM(name, value) COL_##name = value,
enum { BLOCK_COLUMNS(BLOCK_COLUMN_ENUM) COL_CNT };
#undef BLOCK_COLUMN_ENUM

/* An event of a shape is alike in these. */
struct shape {
	uint8_t type; /* CPT_EV_* */
	uint8_t pred; /* SHAPE_*: what the columns hold */
	uint8_t ctx;  /* WAKE: CPT_CTX_* */
	uint8_t reserved;
	uint16_t flags; /* SWITCH, WAKE: cpt_event.flags; OCCUPANCY: kind | next << 8 */
	uint16_t sysno; /* WAKE: waker_sysno */
};

/* SWITCH: outgoing task in TASK, else it is the CPU's current one. */
#define SHAPE_PREV 0x01
/* SWITCH: incoming task. */
#define SHAPE_NEXT(pred) ((pred) >> 1 & 0x3)
#define NEXT_QUEUED	 0 /* head of the CPU's queue, none if it is empty */
#define NEXT_NONE	 1
#define NEXT_LISTED	 2 /* in TASK */
/* SWITCH with PREV_BLOCKED: its wait. */
#define SHAPE_WAIT(pred) ((pred) >> 3 & 0x3)
#define WAIT_SAME	 0 /* as the task's last in this block */
#define WAIT_NEW	 1 /* the first of WAITS not used yet */
#define WAIT_LISTED	 2 /* in WAIT */
#define SWITCH_PRED_MAX	 0x1f
/* WAKE: its waker. */
#define SHAPE_WAKER(pred) ((pred)&0x7)
#define WAKER_NONE	  0
#define WAKER_CUR	  1    /* the current one of the wakee's CPU */
#define WAKER_LAST	  2    /* as the wakee's last in this block */
#define WAKER_CPU	  3    /* the current one of the CPU in WAKER */
#define WAKER_LISTED	  4    /* the task whose index is in WAKER */
#define WAKER_RAW	  5    /* the number in WAKER */
#define SHAPE_WAKE_CPU	  0x08 /* CPU in column CPU, else where the task was put last */
#define WAKE_PRED_MAX	  0x0f
/* OCCUPANCY: its start is in EXTRA, else it is the CPU's last SWITCH or OCCUPANCY. */
#define SHAPE_SINCE	   0x01
#define OCCUPANCY_PRED_MAX 0x01

/* ---- encoder --------------------------------------------------------------------------------- */

struct block_encoder;

/* NULL without memory. */
struct block_encoder *block_encoder__new(uint32_t cpu_cnt);
void block_encoder__free(struct block_encoder *e); /* accepts NULL */

/* Whether another event might not fit: encode and start again. */
bool block_encoder__full(const struct block_encoder *e);
/* Adds one event. 0, -ENOMEM, or -EINVAL: out of order, or a CPU, task or field out of range. */
int block_encoder__add(struct block_encoder *e, const struct cpt_event *ev);
uint32_t block_encoder__cnt(const struct block_encoder *e);
uint64_t block_encoder__first_ns(const struct block_encoder *e);
uint64_t block_encoder__last_ns(const struct block_encoder *e);

/* Lets a CPT_LATE_END take effect if its switch-out is in this block: true if so. */
bool block_encoder__end(struct block_encoder *e, const struct cpt_late *late);

/* The payload of what was added, valid until the next add; the encoder is then empty. NULL with
 * errno. */
const uint8_t *block_encoder__encode(struct block_encoder *e, size_t *sz);

/* ---- decoder --------------------------------------------------------------------------------- */

struct block_decoder;

/* NULL without memory. task_max: highest task number to accept. */
struct block_decoder *block_decoder__new(uint32_t cpu_cnt, uint32_t task_max);
void block_decoder__free(struct block_decoder *d); /* accepts NULL */

/* Decodes a payload that holds cnt events from first_ns to last_ns. 0 with *ev, owned by d until the
 * next call (the caller may change them, and must keep the payload as long); -ENOMEM; -EBADMSG with *why saying what is wrong. */
int block_decoder__decode(struct block_decoder *d, const uint8_t *payload, size_t sz, uint32_t cnt,
			  uint64_t first_ns, uint64_t last_ns, struct cpt_event **ev,
			  const char **why);

/* The tasks that the block names which was decoded last, in no order; owned by d likewise. */
struct model_task;
const struct model_task *block_decoder__tasks(const struct block_decoder *d, uint32_t *cnt);

#endif /* CPT_TRACE_BLOCK_H */
