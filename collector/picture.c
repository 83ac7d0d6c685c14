// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* picture.c - see picture.h. */
#include "picture.h"

#include <errno.h>
#include <string.h>

#include "lanes.h"
#include "say.h"
#include "svg.h"

#define COLUMNS 365 /* of a timeline: two pixels each */

const char *const picture_words[] = {"timeline", "bottle", "ledger", NULL};

int picture__write(struct analysed *a, const char *path, const struct cpt_analysis_opts *opts,
		   const char *note, enum picture picture, uint32_t top, FILE *f, const char *to)
{
	struct lanes lanes = {0};
	struct strbuf out = {0};
	int err;

	if (picture == PICTURE_TIMELINE)
		err = lanes__make(&lanes, a, path, opts, COLUMNS, top);
	else
		err = analysed__run(a, path, opts);
	if (err)
		goto out;
	switch (picture) {
	case PICTURE_TIMELINE:
		svg_timeline__add(&out, a->report, note, &lanes);
		break;
	case PICTURE_BOTTLE:
		svg_bottle__add(&out, a->report, note, top);
		break;
	case PICTURE_LEDGER:
		svg_ledger__add(&out, a->report, note);
		break;
	}
	if (out.failed)
		err = fail(-ENOMEM, "cannot draw %s: out of memory", path);
	else if (fwrite(strbuf__str(&out), 1, out.len, f) != out.len || fflush(f))
		err = fail(-errno, "cannot export %s to %s: %s", path, to, strerror(errno));
out:
	strbuf__free(&out);
	lanes__free(&lanes);
	return err;
}
