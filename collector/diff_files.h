/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * diff_files.h - from what `diff` was given to the traces of its two sides.
 *
 * Owns:     the command line's A B and A... -- B..., and series of `run -r`.
 * Must not: read traces.
 *
 * A name without a file stands for the series NAME.1, NAME.2, ... that `run -r N -o NAME` wrote: as long as
 * each was written after the one before, so that the end of an older, longer series is not taken in.
 */
#ifndef CPT_DIFF_FILES_H
#define CPT_DIFF_FILES_H

#include <stdint.h>

#define DIFF_RUNS_MAX 1000 /* of a side */

struct diff_files {
	char **path[2]; /* owned */
	uint32_t cnt[2];
};

/* words: behind the options. 0, -EINVAL where they are not two sides, other -errno; what was wrong has been
 * said unless it is -EINVAL. */
int diff_files__find(struct diff_files *files, int cnt, char *const *words);
void diff_files__free(struct diff_files *files);

#endif /* CPT_DIFF_FILES_H */
