/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* mark_files.h - files at which marks are listened for, as the user names them. */
#ifndef CPT_MARK_FILES_H
#define CPT_MARK_FILES_H

#include <stdint.h>

#define MARK_FILES_MAX 16

struct mark_files {
	const char *path[MARK_FILES_MAX];
	uint32_t cnt;
};

#endif /* CPT_MARK_FILES_H */
