/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * channel.h - the descriptor a thread waits on, as a node of the wake graph.
 *
 * Owns:     which waits are on one descriptor, and that as one number.
 * Must not: know whose descriptor it is: its number means something in the waiter's process alone.
 *
 *   channel   [ 31 .. 24 ][ 23 .. 0 ]      0: the wait is on none, or on several
 *              CPT_FD_*    number
 *
 * Only what somebody writes, closes or sets free for another to go on is a channel: pipes, sockets,
 * eventfds, timerfds, epoll instances and their like. What a wait for a file or a device was ended by is
 * told by who ended it.
 *
 * Private to analysis/.
 */
#ifndef CPT_CHANNEL_H
#define CPT_CHANNEL_H

#include "event.h"
#include "sysno.h"

#define CHANNEL_FD_MAX ((1u << 24) - 1)

/* sys: wait->sysno by the trace's table. */
uint32_t channel_of(const struct cpt_wait *wait, enum cpt_sys sys);

static inline uint8_t channel_kind(uint32_t channel)
{
	return (uint8_t)(channel >> 24);
}

static inline int32_t channel_fd(uint32_t channel)
{
	return (int32_t)(channel & CHANNEL_FD_MAX);
}

#endif /* CPT_CHANNEL_H */
