// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* stat_procs.c - see stat_procs.h. */
#include "stat_procs.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct sums {
	uint64_t run_ns, wait_ns;
};

struct proc {
	uint64_t start_ns; /* with the pid, unique */
	uint32_t pid;
	uint32_t next;	 /* in its bucket, + 1 */
	uint32_t living; /* tasks of it the last complete look has seen */
	uint32_t seen;	 /* likewise, the look that goes on */
	char name[CPT_STAT_COMM + 1];
	struct sums ended; /* of tasks that have */
	struct sums alive; /* of living ones */
	struct sums now, mark, start;
};

struct stat_procs {
	struct proc *procs;
	uint32_t *buckets; /* index + 1, 0 empty */
	uint32_t cap, cnt, bucket_cnt;
	struct proc others;
	uint32_t folded; /* processes in it */
	uint32_t living_cnt;
};

static uint32_t bucket_of(const struct stat_procs *p, uint32_t pid, uint64_t start_ns)
{
	uint64_t h = (start_ns ^ ((uint64_t)pid << 32)) * UINT64_C(0x9e3779b97f4a7c15);

	return (uint32_t)(h >> 40) & (p->bucket_cnt - 1);
}

struct stat_procs *stat_procs__new(uint32_t cap)
{
	struct stat_procs *p = calloc(1, sizeof(*p));

	if (!p)
		return NULL;
	p->cap = cap ? cap : 1;
	p->bucket_cnt = 1;
	while (p->bucket_cnt < p->cap)
		p->bucket_cnt *= 2;
	p->procs = calloc(p->cap, sizeof(*p->procs));
	p->buckets = calloc(p->bucket_cnt, sizeof(*p->buckets));
	if (!p->procs || !p->buckets) {
		stat_procs__free(p);
		return NULL;
	}
	return p;
}

void stat_procs__free(struct stat_procs *p)
{
	if (!p)
		return;
	free(p->procs);
	free(p->buckets);
	free(p);
}

/* ---- rows ---------------------------------------------------------------------------------- */

static void sums_add(struct sums *to, const struct sums *s)
{
	to->run_ns += s->run_ns;
	to->wait_ns += s->wait_ns;
}

static void bring_up_to_date(struct proc *proc)
{
	struct sums now = proc->ended;

	sums_add(&now, &proc->alive);
	if (now.run_ns > proc->now.run_ns)
		proc->now.run_ns = now.run_ns;
	if (now.wait_ns > proc->now.wait_ns)
		proc->now.wait_ns = now.wait_ns;
}

static void fold(struct stat_procs *p, const struct proc *proc)
{
	/* What it is known to have used counts, even where the sums have not caught up. */
	sums_add(&p->others.ended, &proc->now);
	sums_add(&p->others.now, &proc->now);
	sums_add(&p->others.mark, &proc->mark);
	sums_add(&p->others.start, &proc->start);
	p->folded++;
}

static int cmp_ended(const void *pa, const void *pb)
{
	const struct proc *a = pa, *b = pb;
	uint64_t ra = a->living | a->seen ? UINT64_MAX : a->now.run_ns;
	uint64_t rb = b->living | b->seen ? UINT64_MAX : b->now.run_ns;

	return ra < rb ? 1 : ra > rb ? -1 : 0;
}

/* Adds up the half of the ended processes that used least. Moves rows. */
static void make_room(struct stat_procs *p)
{
	uint32_t ended = 0, i;

	for (i = 0; i < p->cnt; i++) {
		bring_up_to_date(&p->procs[i]);
		ended += !(p->procs[i].living | p->procs[i].seen);
	}
	if (!ended)
		return;
	qsort(p->procs, p->cnt, sizeof(*p->procs), cmp_ended);
	for (i = 0; i < (ended + 1) / 2; i++)
		fold(p, &p->procs[--p->cnt]);
	memset(p->buckets, 0, p->bucket_cnt * sizeof(*p->buckets));
	for (i = 0; i < p->cnt; i++) {
		uint32_t *bucket = &p->buckets[bucket_of(p, p->procs[i].pid, p->procs[i].start_ns)];

		p->procs[i].next = *bucket;
		*bucket = i + 1;
	}
}

/* The row of a process; a new one if need be, the common one if there is no room. */
static struct proc *find(struct stat_procs *p, const struct cpt_stat_rec *rec)
{
	uint32_t *bucket = &p->buckets[bucket_of(p, rec->tgid, rec->group_start_ns)], i;
	struct proc *proc;

	for (i = *bucket; i; i = p->procs[i - 1].next) {
		proc = &p->procs[i - 1];
		if (proc->pid == rec->tgid && proc->start_ns == rec->group_start_ns)
			return proc;
	}
	if (p->cnt == p->cap)
		make_room(p);
	if (p->cnt == p->cap)
		return &p->others;
	proc = &p->procs[p->cnt++];
	*proc = (struct proc){.pid = rec->tgid, .start_ns = rec->group_start_ns, .next = *bucket};
	*bucket = p->cnt;
	return proc;
}

/* The last one heard of holds: an exec changes it. */
static void take_name(struct proc *proc, const struct cpt_stat_rec *rec)
{
	memcpy(proc->name, rec->comm, CPT_STAT_COMM);
	proc->name[CPT_STAT_COMM] = '\0';
}

void stat_procs__ended(struct stat_procs *p, const struct cpt_stat_rec *rec)
{
	struct proc *proc = find(p, rec);

	take_name(proc, rec);
	sums_add(&proc->ended, &(struct sums){rec->run_ns, rec->wait_ns});
}

void stat_procs__begin(struct stat_procs *p)
{
	for (uint32_t i = 0; i < p->cnt; i++) {
		p->procs[i].alive = (struct sums){0, 0};
		p->procs[i].seen = 0;
	}
	p->others.alive = (struct sums){0, 0};
	p->others.seen = 0;
	p->living_cnt = 0;
}

void stat_procs__living(struct stat_procs *p, const struct cpt_stat_rec *rec)
{
	struct proc *proc = find(p, rec);

	take_name(proc, rec);
	sums_add(&proc->alive, &(struct sums){rec->run_ns, rec->wait_ns});
	proc->seen++;
	p->living_cnt++;
}

void stat_procs__end(struct stat_procs *p)
{
	for (uint32_t i = 0; i <= p->cnt; i++) {
		struct proc *proc = i < p->cnt ? &p->procs[i] : &p->others;

		proc->living = proc->seen;
		bring_up_to_date(proc);
	}
}

uint32_t stat_procs__living_cnt(const struct stat_procs *p)
{
	return p->living_cnt;
}

void stat_procs__mark(struct stat_procs *p, bool start)
{
	for (uint32_t i = 0; i <= p->cnt; i++) {
		struct proc *proc = i < p->cnt ? &p->procs[i] : &p->others;

		proc->mark = proc->now;
		if (start)
			proc->start = proc->now;
	}
}

/* ---- tables -------------------------------------------------------------------------------- */

static struct stat_row row_of(const struct proc *proc, bool total)
{
	const struct sums *from = total ? &proc->start : &proc->mark;

	return (struct stat_row){
		.pid = proc->pid,
		.processes = 1,
		.name = proc->name,
		.run_ns = proc->now.run_ns - from->run_ns,
		.wait_ns = proc->now.wait_ns - from->wait_ns,
	};
}

static int cmp_row(const void *pa, const void *pb)
{
	const struct stat_row *a = pa, *b = pb;

	if (a->run_ns != b->run_ns)
		return a->run_ns > b->run_ns ? -1 : 1;
	if (a->wait_ns != b->wait_ns)
		return a->wait_ns > b->wait_ns ? -1 : 1;
	return a->pid < b->pid ? -1 : a->pid > b->pid;
}

int stat_procs__rows(struct stat_procs *p, bool total, uint32_t top, struct stat_rows *out)
{
	struct stat_row others = row_of(&p->others, total);
	uint32_t i;

	memset(out, 0, sizeof(*out));
	out->rows = calloc(p->cnt + 1, sizeof(*out->rows));
	if (!out->rows)
		return -ENOMEM;
	others.name = "";
	others.processes = 0;
	if (others.run_ns | others.wait_ns)
		others.processes = p->folded + p->others.living;
	for (i = 0; i < p->cnt; i++) {
		struct stat_row row = row_of(&p->procs[i], total);

		if (row.run_ns | row.wait_ns)
			out->rows[out->cnt++] = row;
		out->run_ns += row.run_ns;
		out->wait_ns += row.wait_ns;
	}
	out->run_ns += others.run_ns;
	out->wait_ns += others.wait_ns;
	out->processes = out->cnt + others.processes;
	qsort(out->rows, out->cnt, sizeof(*out->rows), cmp_row);
	for (i = top; i < out->cnt; i++) {
		others.run_ns += out->rows[i].run_ns;
		others.wait_ns += out->rows[i].wait_ns;
		others.processes++;
	}
	if (out->cnt > top)
		out->cnt = top;
	out->others = others;
	return 0;
}
