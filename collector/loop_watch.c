// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* loop_watch.c - see loop_watch.h. */
#include "loop_watch.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../analysis/latencies.h"
#include "../analysis/services.h"
#include "../analysis/trace_limits.h"
#include "loop_book.h"
#include "loop_procs.h"
#include "loop_session.h"

#define OLD_NS	    20000000   /* a window held back for so long is taken out of its slot */
#define CENSUS_NS   1000000000 /* how often processes with loops are looked for */
#define PAYLOAD_MAX (1u << 20)

#define ROWS_SERVICES CPT_LOOP_WAYS
#define ROWS_CNT      (CPT_LOOP_WAYS + 1)

/* A row of the latencies, or of the services, encoded. */
struct row {
	uint32_t instance;
	size_t sz;
	uint8_t *bytes;
};

struct rows {
	struct row *at;
	size_t cnt, cap;
};

struct loop_watch {
	enum loops_mode mode;
	bool from_start; /* nothing of the workload has run yet when the probes come */
	struct bpf_session *bpf;
	struct trace_writer *writer; /* NULL: events go to `to`, and rows nowhere */
	int (*to)(void *ctx, const struct cpt_event *ev, size_t cnt);
	void *to_ctx;
	struct loop_session *session; /* NULL until a loop is seen */
	struct loop_book *book;
	uint64_t ring_losses;	    /* seen so far */
	uint64_t clean_ns;	    /* nothing more was lost up to here */
	uint64_t census_ns;	    /* the next look */
	struct rows rows[ROWS_CNT]; /* of latencies by way, and ROWS_SERVICES */
	struct loop_procs procs;    /* that have, or had, instances and have not ended */
	bool can_ask;		    /* who has ended, and what they have open */
	char failure[160];
};

static int write_events(void *ctx, const struct cpt_event *ev, size_t cnt)
{
	struct loop_watch *w = ctx;

	return w->writer ? trace_writer__side(w->writer, ev, cnt) : w->to(w->to_ctx, ev, cnt);
}

static bool at_once(enum loops_mode mode)
{
	return mode == LOOPS_ON || mode == LOOPS_FDS;
}

static int attach(struct loop_watch *w)
{
	w->session = loop_session__open(bpf_session__tasks_fd(w->bpf), w->from_start,
					w->mode == LOOPS_FDS, w->failure, sizeof(w->failure));
	if (!w->session)
		return -errno;
	bpf_session__also_wake(w->bpf, loop_session__wake_fd(w->session));
	return 0;
}

struct loop_watch *loop_watch__new(enum loops_mode mode, bool released, struct bpf_session *session,
				   struct trace_writer *writer, char *err, size_t err_sz)
{
	struct loop_watch *w = calloc(1, sizeof(*w));
	int ret = -ENOMEM;

	if (w) {
		w->mode = mode;
		w->from_start = at_once(mode) && !released;
		w->bpf = session;
		w->writer = writer;
		w->can_ask = loop_procs__can_ask();
		w->book = loop_book__new(write_events, w);
		ret = w->book ? 0 : -ENOMEM;
	}
	if (!ret && at_once(mode))
		ret = attach(w);
	if (!ret)
		return w;
	snprintf(err, err_sz, "%s", w && w->failure[0] ? w->failure : "out of memory");
	loop_watch__free(w);
	errno = -ret;
	return NULL;
}

void loop_watch__divert(struct loop_watch *w,
			int (*to)(void *ctx, const struct cpt_event *ev, size_t cnt), void *ctx)
{
	w->writer = NULL;
	w->to = to;
	w->to_ctx = ctx;
}

bool loop_watch__may_attach(const struct loop_watch *w)
{
	return !w->session && w->mode == LOOPS_AUTO && !w->failure[0];
}

void loop_watch__free(struct loop_watch *w)
{
	if (!w)
		return;
	loop_session__free(w->session);
	loop_book__free(w->book);
	for (uint32_t of = 0; of < ROWS_CNT; of++) {
		for (size_t i = 0; i < w->rows[of].cnt; i++)
			free(w->rows[of].at[i].bytes);
		free(w->rows[of].at);
	}
	loop_procs__free(&w->procs);
	free(w);
}

/* ---- what was there before ---------------------------------------------------------------------- */

/* One line each: "tfd: 5 events: 19 data: 5 …", numbers but the first in hex. */
static void seed(struct loop_watch *w, uint32_t tgid, uint32_t epfd)
{
	char path[64], line[256];
	uint64_t cookie;
	uint32_t fd;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%u/fdinfo/%u", tgid, epfd);
	f = fopen(path, "re");
	if (!f)
		return; /* it has ended: nothing will be asked of it */
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "tfd: %" SCNu32 " events: %*x data: %" SCNx64, &fd, &cookie) == 2)
			(void)loop_session__seed(w->session, tgid, epfd, fd, cookie);
	fclose(f);
}

/* ---- the end of an instance ----------------------------------------------------------------------- */

static int add_row(struct rows *rows, const struct row *row)
{
	struct row *at;

	if (rows->cnt == rows->cap) {
		at = realloc(rows->at, (rows->cap ? 2 * rows->cap : 16) * sizeof(*at));
		if (!at)
			return -ENOMEM;
		rows->at = at;
		rows->cap = rows->cap ? 2 * rows->cap : 16;
	}
	rows->at[rows->cnt++] = *row;
	return 0;
}

static int keep_row(struct loop_watch *w, const struct cpt_loop_inst *in, uint32_t slot,
		    uint32_t way)
{
	uint64_t buckets[CPT_LOOP_BUCKETS];
	struct row row = {.instance = in->instance};
	uint8_t *bytes;
	int err;

	/* A number that a trace cannot hold: it was not followed either. */
	if (!in->max_ns[way] || in->instance > CPT_LOOP_NUMBER_MAX ||
	    loop_session__histogram(w->session, slot, way, buckets))
		return 0;
	bytes = malloc(LATENCIES_ROW_MAX);
	if (!bytes)
		return -ENOMEM;
	row.sz = (size_t)(latencies__put(bytes, in->instance, buckets, in->max_ns[way]) - bytes);
	row.bytes = realloc(bytes, row.sz);
	if (!row.bytes)
		row.bytes = bytes;
	err = add_row(&w->rows[way], &row);
	if (err)
		free(row.bytes);
	return err;
}

static int compare_services(const void *a, const void *b)
{
	const struct cpt_service *x = a, *y = b;

	return x->service_ns < y->service_ns ? 1 : -(x->service_ns > y->service_ns);
}

static int keep_services(struct loop_watch *w, const struct cpt_loop_inst *in)
{
	struct cpt_service tab[CPT_LOOP_SERVICES];
	struct row row = {.instance = in->instance};
	uint32_t cnt = 0;
	int err;

	/* A program may be at one of them: what does not fit together is left out. */
	for (uint32_t i = 0; i < CPT_LOOP_SERVICES; i++) {
		const struct cpt_loop_service *s = &in->services[i];

		if (s->times && s->longest_ns <= s->ns && s->ns <= CPT_TIME_MAX)
			tab[cnt++] = (struct cpt_service){s->fd, s->kind, s->times, s->ns,
							  s->longest_ns};
	}
	if (!cnt || in->instance > CPT_LOOP_NUMBER_MAX)
		return 0;
	qsort(tab, cnt, sizeof(*tab), compare_services);
	row.bytes = malloc(SERVICES_ROW_MAX);
	if (!row.bytes)
		return -ENOMEM;
	row.sz = (size_t)(services__put(row.bytes, in->instance, tab, cnt) - row.bytes);
	err = add_row(&w->rows[ROWS_SERVICES], &row);
	if (err)
		free(row.bytes);
	return err;
}

static int keep_rows(struct loop_watch *w, uint32_t slot)
{
	const struct cpt_loop_inst *in = loop_session__slot(w->session, slot);
	int err = 0;

	for (uint32_t way = 0; way < CPT_LOOP_WAYS && !err; way++)
		err = keep_row(w, in, slot, way);
	return err ? err : keep_services(w, in);
}

static int take_window(struct loop_watch *w, uint32_t slot, uint64_t before_ns)
{
	struct cpt_rec_loop rec;

	if (!loop_session__take_window(w->session, slot, before_ns, &rec))
		return 0;
	return loop_book__record(w->book, &rec);
}

/* The instance in this slot is over. */
static int end_instance(struct loop_watch *w, uint32_t slot, uint64_t ts_ns)
{
	const struct cpt_loop_inst *in = loop_session__slot(w->session, slot);
	int err = take_window(w, slot, UINT64_MAX);

	if (!err)
		err = loop_book__end(w->book, in->instance, ts_ns);
	if (!err)
		err = keep_rows(w, slot);
	loop_session__free_slot(w->session, slot);
	return err;
}

/* ---- processes ------------------------------------------------------------------------------------ */

/* Threads that polled and have ended, in processes that go on. */
static int end_pollers(struct loop_watch *w, uint64_t now_ns)
{
	const uint32_t slots = loop_session__slots(w->session);
	int err = 0;

	for (uint32_t slot = 0; slot < slots && !err; slot++) {
		const struct cpt_loop_inst *in = loop_session__slot(w->session, slot);

		if (!in->instance || !(in->flags & CPT_LOOP_POLL) ||
		    !syscall(SYS_tgkill, in->tgid, in->epfd & ~CPT_POLL_FD, 0) || errno != ESRCH)
			continue;
		loop_session__forget_instance(w->session, in->tgid, in->epfd);
		err = end_instance(w, slot, now_ns);
	}
	return err;
}

static int end_dead(struct loop_watch *w, const uint32_t *dead, size_t cnt, uint64_t now_ns)
{
	const uint32_t slots = loop_session__slots(w->session);
	int err = 0;

	for (uint32_t slot = 0; slot < slots && !err; slot++) {
		const struct cpt_loop_inst *in = loop_session__slot(w->session, slot);

		if (in->instance && loop_procs__among(dead, cnt, in->tgid))
			err = end_instance(w, slot, now_ns);
	}
	return err;
}

/* Where not all of their descriptors could be forgotten they are asked for again at the next. */
static int take_census(struct loop_watch *w, uint64_t now_ns)
{
	const size_t living = loop_procs__part(&w->procs), cnt = w->procs.cnt - living;
	const uint32_t *dead = w->procs.list + living;
	bool forgotten;
	int err;

	if (cnt) {
		forgotten = !loop_session__forget(w->session, dead, cnt);
		err = end_dead(w, dead, cnt, now_ns);
		if (err)
			return err;
		if (forgotten)
			w->procs.cnt = living;
	}
	return end_pollers(w, now_ns);
}

/* ---- draining ---------------------------------------------------------------------------------- */

static int on_end(struct loop_watch *w, const struct cpt_rec_loop_new *rec)
{
	if (rec->slot >= CPT_LOOP_INSTANCES ||
	    loop_session__slot(w->session, rec->slot)->instance != rec->instance)
		return 0;
	return end_instance(w, rec->slot, rec->ts_ns);
}

static int on_record(void *ctx, const void *data, size_t sz)
{
	struct loop_watch *w = ctx;
	const uint32_t type = sz >= sizeof(uint32_t) ? *(const uint32_t *)data : 0;
	const struct cpt_rec_loop_new *rec = data;
	int err;

	if (type == CPT_REC_LOOP && sz >= sizeof(struct cpt_rec_loop))
		return loop_book__record(w->book, data);
	if (sz < sizeof(*rec))
		return 0;
	if (type == CPT_REC_LOOP_END)
		return on_end(w, rec);
	if (type != CPT_REC_LOOP_NEW)
		return 0;
	err = loop_book__new_instance(w->book, rec);
	if (!err)
		err = loop_procs__note(&w->procs, rec->tgid);
	if (!err && w->can_ask && (rec->flags & (CPT_LOOP_FOUND | CPT_LOOP_POLL)) == CPT_LOOP_FOUND)
		seed(w, rec->tgid, rec->epfd);
	return err;
}

/* Records that found the ring full: all is in doubt, until the kernel's own counts are read. */
static int look_for_losses(struct loop_watch *w, uint64_t now_ns)
{
	uint64_t losses[CPT_LOOP_LOSS_CNT];
	int err;

	loop_session__losses(w->session, losses);
	if (losses[CPT_LOOP_LOSS_RING_FULL] == w->ring_losses) {
		w->clean_ns = now_ns;
		return 0;
	}
	w->ring_losses = losses[CPT_LOOP_LOSS_RING_FULL];
	err = loop_book__lost(w->book, w->clean_ns);
	for (uint32_t slot = 0; slot < loop_session__slots(w->session) && !err; slot++) {
		const struct cpt_loop_inst *in = loop_session__slot(w->session, slot);

		if (!in->instance)
			continue;
		if (in->flags & CPT_LOOP_OVER) {
			err = end_instance(w, slot, now_ns);
			continue;
		}
		err = take_window(w, slot, UINT64_MAX);
		if (!err)
			err = loop_book__resync(w->book, in, now_ns);
		if (!err)
			err = loop_procs__note(&w->procs, in->tgid);
	}
	w->clean_ns = now_ns;
	return err;
}

static int read_all(struct loop_watch *w, uint64_t now_ns, uint64_t old_ns)
{
	int err = loop_session__drain(w->session, on_record, w);

	for (uint32_t slot = 0; slot < loop_session__slots(w->session) && !err; slot++)
		err = take_window(w, slot, old_ns);
	return err ? err : look_for_losses(w, now_ns);
}

int loop_watch__tick(struct loop_watch *w, uint64_t now_ns, uint64_t horizon_ns)
{
	int err;

	if (!w->session) {
		if (w->mode != LOOPS_AUTO || w->failure[0] || !bpf_session__loop_met(w->bpf))
			return 0;
		if (attach(w))
			return 0; /* said at the end: the recording goes on */
		w->clean_ns = now_ns;
	}
	err = read_all(w, now_ns, now_ns - OLD_NS);
	if (!err && w->can_ask && now_ns >= w->census_ns) {
		err = take_census(w, now_ns);
		w->census_ns = now_ns + CENSUS_NS;
	}
	return err ? err : loop_book__advance(w->book, horizon_ns);
}

static int compare_rows(const void *a, const void *b)
{
	const struct row *x = a, *y = b;

	return x->instance < y->instance ? -1 : x->instance > y->instance;
}

static int write_payload(struct loop_watch *w, uint32_t of, const uint8_t *payload, size_t sz)
{
	return of == ROWS_SERVICES
		       ? trace_writer__services(w->writer, payload, sz)
		       : trace_writer__latencies(w->writer, of == CPT_LOOP_OUT, payload, sz);
}

static int write_rows(struct loop_watch *w, uint32_t of)
{
	const struct rows *rows = &w->rows[of];
	uint8_t *payload = malloc(PAYLOAD_MAX + LATENCIES_ROW_MAX);
	size_t sz = 0;
	int err = 0;

	if (!payload)
		return -ENOMEM;
	qsort(rows->at, rows->cnt, sizeof(*rows->at), compare_rows);
	for (size_t i = 0; i < rows->cnt && !err; i++) {
		memcpy(payload + sz, rows->at[i].bytes, rows->at[i].sz);
		sz += rows->at[i].sz;
		if (sz < PAYLOAD_MAX)
			continue;
		err = write_payload(w, of, payload, sz);
		sz = 0;
	}
	if (!err)
		err = write_payload(w, of, payload, sz);
	free(payload);
	return err;
}

int loop_watch__finish(struct loop_watch *w, uint64_t end_ns)
{
	int err = 0;

	if (!w->session)
		return 0;
	loop_session__detach(w->session);
	err = read_all(w, end_ns, UINT64_MAX);
	for (uint32_t slot = 0; slot < loop_session__slots(w->session) && !err; slot++) {
		const struct cpt_loop_inst *in = loop_session__slot(w->session, slot);

		if (in->instance)
			err = keep_rows(w, slot);
	}
	if (!err)
		err = loop_book__advance(w->book, UINT64_MAX);
	return err;
}

int loop_watch__write_rows(struct loop_watch *w)
{
	int err = 0;

	for (uint32_t of = 0; of < ROWS_CNT && !err; of++)
		err = w->rows[of].cnt ? write_rows(w, of) : 0;
	return err;
}

uint8_t loop_watch__state(const struct loop_watch *w, uint64_t losses[CPT_LOOP_LOSS_CNT])
{
	memset(losses, 0, CPT_LOOP_LOSS_CNT * sizeof(*losses));
	if (!w->session)
		return w->failure[0] ? CPT_LOOPS_FAILED : CPT_LOOPS_NONE;
	loop_session__losses(w->session, losses);
	losses[CPT_LOOP_LOSS_SKIPPED] = loop_session__skipped(w->session);
	return CPT_LOOPS_FOLLOWED;
}

const char *loop_watch__failure(const struct loop_watch *w)
{
	return !w->session && w->failure[0] ? w->failure : NULL;
}
