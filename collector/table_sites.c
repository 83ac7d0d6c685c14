// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* table_sites.c - see table_sites.h. */
#include "table_sites.h"

#include <errno.h>
#include <string.h>

#include "frame_text.h"

struct site_row {
	struct cpt_site site;
	char name[CPT_COMM_LEN];
	const char *reason, *user, *kernel;
};

#define R(member) offsetof(struct site_row, member)

const struct table_col site_cols[] = {
	{"name", "of the threads", TABLE_COMM, R(name)},
	{"reason", "what they were blocked on; running: samples of what ran", TABLE_STRING,
	 R(reason)},
	{"waits", "times they blocked there", TABLE_U64, R(site.waits)},
	{"wait_ns", "until they were woken, summed over threads", TABLE_U64, R(site.wait_ns)},
	{"lost_ns", "of it, weighted by the share of allowed CPUs that ran none of ours",
	 TABLE_ROUNDED, R(site.lost_ns)},
	{"samples", "of the CPU clock that fell there", TABLE_U64, R(site.samples)},
	{"spins", "of them: found it waiting busily", TABLE_U64, R(site.spins)},
	{"latency", "sum over samples of 1 / CPUs busy: periods of wall time", TABLE_DOUBLE,
	 R(site.latency)},
	{"user", "frames from the outermost on, joined by ;", TABLE_STRING, R(user)},
	{"kernel", "likewise, in the kernel", TABLE_STRING, R(kernel)},
	{NULL, NULL, TABLE_U64, 0},
};

/* A frame's own name may hold a semicolon: it would look like two. */
static void add_frames(struct strbuf *b, const struct cpt_stacks *table, uint32_t stack)
{
	strbuf__clear(b);
	for (uint32_t i = table ? stacks__depth(table, stack) : 0; i; i--) {
		const size_t from = b->len;

		frame_text__add(b, stacks__frame(table, stack, i - 1));
		for (size_t k = from; k < b->len; k++)
			if (b->s[k] == ';')
				b->s[k] = ':';
		if (i > 1)
			strbuf__addc(b, ';');
	}
}

int write_sites(struct table_out *out, const struct cpt_report *r)
{
	const struct cpt_sites *s = r->sites;
	struct strbuf user = {0}, kernel = {0};
	int err = 0;

	for (uint32_t i = 0; s && i < s->cnt && !err; i++) {
		struct site_row row = {.site = s->at[i]};

		add_frames(&user, s->table, row.site.user);
		add_frames(&kernel, s->table, row.site.kernel);
		memcpy(row.name, s->names[row.site.name], sizeof(row.name));
		row.reason = row.site.reason < CPT_REASON_CNT
				     ? reason_name((enum cpt_reason)row.site.reason)
				     : "running";
		row.user = user.len ? user.s : NULL;
		row.kernel = kernel.len ? kernel.s : NULL;
		err = user.failed || kernel.failed ? -ENOMEM : table_out__row(out, &row);
	}
	strbuf__free(&user);
	strbuf__free(&kernel);
	return err;
}
