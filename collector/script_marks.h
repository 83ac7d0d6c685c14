/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* script_marks.h - marks of phases as `script` prints them. */
#ifndef CPT_SCRIPT_MARKS_H
#define CPT_SCRIPT_MARKS_H

#include "analysis/event.h"

#include "strbuf.h"

/* "mark" for events of marks, NULL for others. */
const char *script_marks__kind(uint8_t type);

/* What stands behind the task: " phase=NAME", and who set it where that is no task of the workload. */
void script_marks__add(struct strbuf *out, const struct cpt_event *ev);

#endif /* CPT_SCRIPT_MARKS_H */
