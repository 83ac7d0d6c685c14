/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * wake.h - sleeping until a ring of the kernel asks to be drained.
 *
 * Owns:     that a ring's asking is heard once. Its records that ask for nothing (BPF_RB_NO_WAKEUP) make it
 *           readable all the same: with poll(2) alone, each one that comes between two drains would end
 *           the next sleep at once, for good.
 * Must not: read rings.
 */
#ifndef CPT_WAKE_H
#define CPT_WAKE_H

/* A set of rings with this one in it (the descriptor of its map, or of an epoll set that has it). A
 * descriptor to be closed by the caller, or -errno. */
int wake__new(int ring_fd);

/* One more. 0 or -errno. */
int wake__add(int wake_fd, int ring_fd);

/* Sleeps until a ring of the set asks, extra_fd (-1: none) is readable, a signal comes or timeout_ms passed.
 * 1 woken, 0 timed out, -errno. */
int wake__wait(int wake_fd, int timeout_ms, int extra_fd);

#endif /* CPT_WAKE_H */
