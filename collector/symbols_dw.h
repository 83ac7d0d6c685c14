/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * symbols_dw.h - one file's symbols and lines, by libdw.
 *
 * Owns:     the one use of libdw. Must not: be called in the tracer's own process (symbols.h).
 */
#ifndef CPT_SYMBOLS_DW_H
#define CPT_SYMBOLS_DW_H

#include "symbols.h"

struct dw_file;

/* fd is taken over. path: where its debug files are looked for. NULL: no file for libdw. */
struct dw_file *dw_file__open(int fd, const char *path);
void dw_file__close(struct dw_file *f);

/* The sized data object that holds addr: its name, and where in it. */
bool dw_file__object(struct dw_file *f, uint64_t addr, char name[CPT_SYMBOL_MAX], uint64_t *off);
/* As symbols__frames. */
uint32_t dw_file__frames(struct dw_file *f, uint64_t addr,
			 struct symbol_frame frames[CPT_SYMBOL_FRAMES_MAX]);

#endif /* CPT_SYMBOLS_DW_H */
