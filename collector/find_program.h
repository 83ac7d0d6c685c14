/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* find_program.h - which file execvp would run. */
#ifndef CPT_FIND_PROGRAM_H
#define CPT_FIND_PROGRAM_H

#include <stddef.h>

#include "rights.h"

/* The file that execvp(3) would execute for that name: the first of the directories in PATH that has a file of the
 * name which may be executed; a directory of the name is passed by. A name with a slash is the path. as: the user who
 * executes it, if we are root; group_cnt 0: we ourselves. 0; -ENOENT: none is there, or its path does not fit; -errno of
 * rights__as_user. */
int find_program__path(const char *program, const struct rights_user *as, char *path, size_t sz);

#endif /* CPT_FIND_PROGRAM_H */
