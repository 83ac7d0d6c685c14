/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * path_log.h - where the critical path ran when: its pieces of one thread each.
 *
 * Owns:     a log of who followed whom (analysis.h: on_follow), in a file without a name, and the walk back
 *           through it.
 * Must not: know what the path is (analysis/path.h), or draw it.
 *
 * The one forward pass cannot tell the path before its end is known; the log can be read backwards. When
 * the thread at hand is found as the one that followed, the path before was the other's:
 *
 *      log          A from main      B from A        A from B          main from A
 *      walk back                                            A <--------- main, at the end
 *                                        B <--------- A
 *      pieces       |main ------------------|A -------|B -----|A ------------|main ---|
 *
 * Memory: one buffer. On disk 16 bytes for each wait that a thread of the workload ended.
 */
#ifndef CPT_PATH_LOG_H
#define CPT_PATH_LOG_H

#include <stdint.h>
#include <stdio.h>

struct path_log {
	FILE *f; /* NULL: nothing was logged yet */
	uint64_t cnt;
	int err; /* what path_log__follow returned last */
};

/* For cpt_analysis_opts.on_follow; its ctx is the log. 0 or -errno. */
int path_log__follow(void *log, uint64_t now_ns, uint32_t wakee, uint32_t waker);

/* The path that ends with end_id at end_ns, from its last piece to the first, which starts at start_ns;
 * pieces without length are left out. on_piece returns 0, or -errno to stop. 0 or -errno. */
int path_log__walk(struct path_log *log, uint32_t end_id, uint64_t start_ns, uint64_t end_ns,
		   int (*on_piece)(void *ctx, uint32_t id, uint64_t from_ns, uint64_t to_ns),
		   void *ctx);

/* Says why path_log__follow failed, but for want of memory, which whoever called it has said. */
void path_log__say(const struct path_log *log, const char *path);

void path_log__free(struct path_log *log);

#endif /* CPT_PATH_LOG_H */
