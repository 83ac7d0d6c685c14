// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* script_marks.c - see script_marks.h. */
#include "script_marks.h"

#include <inttypes.h>
#include <string.h>

#include "escape.h"

const char *script_marks__kind(uint8_t type)
{
	return type == CPT_EV_MARK ? "mark" : NULL;
}

void script_marks__add(struct strbuf *out, const struct cpt_event *ev)
{
	if (ev->flags & CPT_MARK_OUTSIDE)
		strbuf__addf(out, "(other)/%" PRIu32, ev->other);
	if (ev->flags & CPT_MARK_UNREADABLE) {
		strbuf__adds(out, " phase unreadable");
		return;
	}
	strbuf__adds(out, " phase=");
	escape_add(out, ev->mark, strlen(ev->mark), true);
}
