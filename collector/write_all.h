/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* write_all.h - all of a text to a descriptor: signals and readers that are slow do not cut it short. */
#ifndef CPT_WRITE_ALL_H
#define CPT_WRITE_ALL_H

#include <stddef.h>

/* Also where somebody who shares the descriptor has told it not to block: then it waits for room. 0 or -errno. */
int write_all(int fd, const char *bytes, size_t len);

#endif /* CPT_WRITE_ALL_H */
