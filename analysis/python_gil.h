/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * python_gil.h - CPython's interpreter lock among the words of a run.
 *
 * Owns:     which of a process's objects it is, by the symbol of the runtime's state and its layout.
 * Must not: time anything, or tell the lock of an interpreter that lies on the heap (PEP 684): no
 *           symbol leads there, and the pattern of ceiling.h offers it as a possibility.
 *
 * CPython since 3.2 keeps, side by side (struct _gil_runtime_state; in 3.11 in the runtime's own state,
 * from 3.12 on in the main interpreter's, which lies in the same symbol, _PyRuntime):
 *
 *      +0        +48      +48+M         +96+M
 *      cond      mutex    switch_cond   switch_mutex          M: size of pthread_mutex_t
 *
 * A thread that wants the lock waits on cond; one that was asked to let go, and has, waits on switch_cond
 * until another one has taken it. A build without the lock (3.13t) has both and waits on neither: it takes
 * its small locks on semaphores of each waiter's own stack.
 */
#ifndef CPT_PYTHON_GIL_H
#define CPT_PYTHON_GIL_H

#include "words.h"

enum python_gil {
	PYTHON_GIL_NONE,
	PYTHON_GIL_LOCK, /* threads that wait there want it; also where only one of the two was seen */
	PYTHON_GIL_SWITCH, /* threads that wait there have let it go on request */
};

/* word is one of words. */
enum python_gil python_gil_of(const struct cpt_words *words, const struct cpt_word *word);

#endif /* CPT_PYTHON_GIL_H */
