// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* places.c - see places.h. */
#include "places.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>

#include "../analysis/trace_limits.h"
#include "../probes/cpt_abi.h"

#define FILTER_SLOTS   8192u /* addresses just noted, a power of two: most are noted again */
#define READS_MAX      200   /* of one address space */
#define READS_AT_ONCE  8     /* before it is left alone for a while */
#define REREAD_NS      200000000
#define TRIES_MAX      4	 /* drains an address waits for the birth of its task */
#define CHAIN_MAX      64	 /* spaces of a process, forks of forks that are followed */
#define LAST_TICK_NS   200000000 /* of reading when the recording is over */
#define FILE_WAITS_MAX 64	 /* of one drain, that are looked at */
#define NONE	       UINT32_MAX

/* What a process is between two execs. */
struct space {
	uint32_t older;	 /* index of the one before, NONE */
	uint32_t number; /* execs before it */
	uint64_t since_ns;
	struct image image;
	struct maps maps;
	uint64_t read_ns; /* when maps was read, 0 never */
	uint64_t next_ns; /* not to be read again before */
	uint32_t reads;
	bool gone; /* its process has ended */
	pid_t tid; /* that it was read of */
};

struct process {
	uint32_t lead;	  /* task number */
	uint32_t space;	  /* index of the latest */
	uint32_t parent;  /* index of the process it was forked from, NONE */
	uint32_t creator; /* and of that one's space then */
	bool looked_at;	  /* it has noted addresses */
	uint64_t born_ns;
};

struct task_ref {
	uint32_t process; /* index + 1, 0 not known */
	pid_t tid;
};

struct note {
	uint32_t task;
	uint32_t tries;
	uint64_t ts_ns, addr;
};

/* A wait for a lock on a file. */
struct file_wait {
	uint32_t task;
	int sysno;
	uint64_t ts_ns, fd;
};

struct places {
	struct task_ref *tasks; /* by task number */
	uint32_t task_cap;
	struct process *processes;
	uint32_t process_cnt, process_cap;
	struct space *spaces;
	uint32_t space_cnt, space_cap;
	size_t table_bytes;
	struct maps_names *names;
	struct modules *modules;
	struct note pending[CPT_PLACES_PENDING_MAX];
	uint32_t pending_cnt;
	struct file_locks *files;
	struct file_wait file_waits[FILE_WAITS_MAX];
	uint32_t file_wait_cnt;
	struct {
		uint32_t task;
		uint64_t addr;
	} filter[FILTER_SLOTS];
	struct places_stats stats;
};

struct places *places__new(void)
{
	struct places *ps = calloc(1, sizeof(*ps));

	if (!ps)
		return NULL;
	ps->names = maps_names__new();
	ps->modules = modules__new();
	ps->files = file_locks__new();
	if (ps->names && ps->modules && ps->files)
		return ps;
	places__free(ps);
	errno = ENOMEM;
	return NULL;
}

void places__free(struct places *ps)
{
	if (!ps)
		return;
	for (uint32_t i = 0; i < ps->space_cnt; i++)
		maps__fini(&ps->spaces[i].maps);
	free(ps->spaces);
	free(ps->processes);
	free(ps->tasks);
	file_locks__free(ps->files);
	modules__free(ps->modules);
	maps_names__free(ps->names);
	free(ps);
}

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

/* ---- who there is ------------------------------------------------------------------------------- */

/* Room for one element more than cnt. */
static void *grow(void *list, uint32_t cnt, uint32_t *cap, size_t sz)
{
	uint32_t bigger = *cap ? 2 * *cap : 64;
	void *moved;

	if (cnt < *cap)
		return list;
	moved = realloc(list, bigger * sz);
	if (!moved)
		return NULL;
	memset((char *)moved + *cap * sz, 0, (bigger - *cap) * sz);
	*cap = bigger;
	return moved;
}

static struct task_ref *task_at(struct places *ps, uint32_t task)
{
	while (task >= ps->task_cap) {
		void *list;

		if (task > CPT_TASK_MAX)
			return NULL;
		list = grow(ps->tasks, ps->task_cap, &ps->task_cap, sizeof(*ps->tasks));
		if (!list)
			return NULL;
		ps->tasks = list;
	}
	return &ps->tasks[task];
}

static struct process *process_of(const struct places *ps, uint32_t task)
{
	if (task >= ps->task_cap || !ps->tasks[task].process)
		return NULL;
	return &ps->processes[ps->tasks[task].process - 1];
}

static struct space *new_space(struct places *ps, uint32_t older, uint32_t number, uint64_t ts_ns)
{
	void *list = grow(ps->spaces, ps->space_cnt, &ps->space_cap, sizeof(*ps->spaces));

	if (!list)
		return NULL;
	ps->spaces = list;
	ps->spaces[ps->space_cnt] = (struct space){
		.older = older,
		.number = number,
		.since_ns = ts_ns,
		.image.path = "",
	};
	return &ps->spaces[ps->space_cnt++];
}

static int new_process(struct places *ps, uint32_t task, uint32_t parent, uint64_t ts_ns)
{
	void *list = grow(ps->processes, ps->process_cnt, &ps->process_cap, sizeof(*ps->processes));
	const struct process *creator;
	struct space *space;
	struct process *p;

	if (!list)
		return -ENOMEM;
	ps->processes = list;
	creator = process_of(ps, parent);
	p = &ps->processes[ps->process_cnt];
	*p = (struct process){
		.lead = task,
		.parent = creator ? (uint32_t)(creator - ps->processes) : NONE,
		.creator = creator ? creator->space : NONE,
		.born_ns = ts_ns,
	};
	space = new_space(ps, NONE, 0, ts_ns);
	if (!space)
		return -ENOMEM;
	p->space = ps->space_cnt - 1;
	if (p->creator != NONE)
		space->image = ps->spaces[p->creator].image;
	ps->tasks[task].process = ++ps->process_cnt;
	return 0;
}

static int born(struct places *ps, const struct cpt_rec_task *rec)
{
	const struct process *creator = process_of(ps, rec->parent);
	struct task_ref *t = task_at(ps, rec->head.id);

	if (!t)
		return rec->head.id > CPT_TASK_MAX ? 0 : -ENOMEM;
	t->tid = (pid_t)rec->tid;
	if (t->process)
		return 0; /* named twice: a record that was lost and found */
	if (!(rec->flags & CPT_TASK_THREAD) || !creator)
		return new_process(ps, rec->head.id, rec->parent, rec->head.ts_ns);
	t->process = (uint32_t)(creator - ps->processes) + 1;
	return 0;
}

static int exec(struct places *ps, struct cpt_rec_exec *rec)
{
	struct task_ref *t = task_at(ps, rec->head.id);
	struct process *p;
	struct space *space;
	int err;

	if (!t)
		return rec->head.id > CPT_TASK_MAX ? 0 : -ENOMEM;
	if (!t->process) {
		err = new_process(ps, rec->head.id, 0, rec->head.ts_ns);
		if (err)
			return err;
	}
	t->tid = (pid_t)rec->tid;
	p = process_of(ps, rec->head.id);
	space = new_space(ps, p->space, ps->spaces[p->space].number + 1, rec->head.ts_ns);
	if (!space)
		return -ENOMEM;
	p->space = ps->space_cnt - 1;
	rec->filename[CPT_PATH_LEN - 1] = rec->interp[CPT_PATH_LEN - 1] = '\0';
	space->image = (struct image){
		.path = maps_names__intern(ps->names, *rec->interp ? rec->interp : rec->filename,
					   CPT_PATH_LEN),
		.dev = rec->exe_dev,
		.ino = rec->exe_ino,
		.start_code = rec->start_code,
	};
	/* What was noted of these addresses before is of other things. */
	if (p->looked_at)
		memset(ps->filter, 0, sizeof(ps->filter));
	p->looked_at = false;
	return 0;
}

int places__life(struct places *ps, const void *rec, size_t sz)
{
	struct cpt_rec_head head;
	struct cpt_rec_task task;
	struct cpt_rec_exec image;

	if (sz < sizeof(head))
		return 0;
	memcpy(&head, rec, sizeof(head));
	if (head.type == CPT_REC_NEW && sz >= sizeof(task)) {
		memcpy(&task, rec, sizeof(task));
		return born(ps, &task);
	}
	if (head.type == CPT_REC_EXEC && sz >= sizeof(image)) {
		memcpy(&image, rec, sizeof(image));
		return exec(ps, &image);
	}
	return 0;
}

/* ---- noting ---------------------------------------------------------------------------------------- */

void places__note(struct places *ps, uint32_t task, uint64_t ts_ns, uint64_t addr)
{
	uint64_t key = (addr + task * 0x5851f42d4c957f2dull) * 0x9e3779b97f4a7c15ull;
	uint32_t slot = (uint32_t)(key >> 32) & (FILTER_SLOTS - 1);

	if (!task || (ps->filter[slot].task == task && ps->filter[slot].addr == addr))
		return;
	if (ps->pending_cnt == CPT_PLACES_PENDING_MAX) {
		ps->stats.dropped++; /* and not in the filter: its next wait notes it again */
		return;
	}
	ps->filter[slot].task = task;
	ps->filter[slot].addr = addr;
	ps->pending[ps->pending_cnt++] = (struct note){.task = task, .ts_ns = ts_ns, .addr = addr};
	ps->stats.noted++;
}

/* Whoever waits now has waited last. */
static void note_file(struct places *ps, const struct cpt_rec_switch *rec)
{
	struct file_wait *wait = ps->file_waits;
	uint32_t i = 0;

	while (i < ps->file_wait_cnt && wait[i].task != rec->prev)
		i++;
	if (i == FILE_WAITS_MAX)
		return;
	ps->file_wait_cnt += i == ps->file_wait_cnt;
	wait[i] = (struct file_wait){rec->prev, rec->sysno, rec->ts_ns, rec->arg0};
}

void places__records(struct places *ps, const void *recs, size_t cnt)
{
	const struct cpt_rec_switch *rec = recs;

	for (size_t i = 0; i < cnt; i++, rec++) {
		if (rec->type != CPT_REC_SWITCH || !(rec->flags & CPT_SW_PREV_BLOCKED))
			continue;
		if (rec->sysno == SYS_futex)
			places__note(ps, rec->prev, rec->ts_ns, rec->arg0);
		else if (rec->sysno == SYS_flock || rec->sysno == SYS_fcntl)
			note_file(ps, rec);
	}
}

/* ---- looking ---------------------------------------------------------------------------------------- */

/* Takes the table of what tid is now into space, if it is still that program: an exec may have come in
 * between, and even another process. */
static int take_maps(struct places *ps, struct space *space, pid_t tid)
{
	const struct image *image = &space->image;
	size_t before = space->maps.cnt;
	struct maps maps;
	int64_t text;
	int err;

	if (ps->table_bytes > CPT_PLACES_TABLE_BYTES)
		return -ENOSPC;
	ps->stats.reads++;
	err = maps__read(&maps, ps->names, tid);
	if (err)
		return err;
	text = image->start_code ? maps__find(&maps, image->start_code) : -1;
	if ((image->start_code && maps__start_code(tid) != image->start_code) ||
	    (text >= 0 && image->ino && maps.list[text].ino != image->ino) ||
	    maps__keep(&maps, &space->maps)) {
		maps__fini(&maps);
		return -ESTALE;
	}
	maps__fini(&space->maps);
	space->maps = maps;
	space->tid = tid;
	ps->table_bytes += (maps.cnt - before) * sizeof(*maps.list);
	return 0;
}

static bool read_space(struct places *ps, const struct process *p, struct space *space, pid_t tid)
{
	pid_t leader = ps->tasks[p->lead].tid;
	uint64_t begun = now_ns(), took;
	int err = take_maps(ps, space, tid);
	bool ok;

	/* A leader that has ended shows nothing, though its threads live; and the other way round. */
	if (err && leader != tid)
		err = take_maps(ps, space, leader);
	/* While threads live, their leader is there, if only as a zombie. */
	space->gone = err == -ENOENT;
	ok = !err;
	space->read_ns = ok ? begun : space->read_ns;
	took = now_ns() - begun;
	space->reads++;
	space->next_ns = begun + (space->reads < READS_AT_ONCE ? 0 : REREAD_NS);
	ps->stats.read_ns += took;
	ps->stats.failed += !ok;
	return ok;
}

static uint32_t space_at(const struct places *ps, const struct process *p, uint64_t ts_ns)
{
	uint32_t idx = p->space;

	for (int i = 0; i < CHAIN_MAX && ps->spaces[idx].since_ns > ts_ns; i++) {
		if (ps->spaces[idx].older == NONE)
			break;
		idx = ps->spaces[idx].older;
	}
	return idx;
}

/* What can be known of a space whose process is gone: from those it was forked from, from its file. */
static bool find_without(struct places *ps, const struct process *p, uint32_t idx, pid_t tid,
			 uint64_t addr, struct place *place)
{
	uint64_t born_ns = p->born_ns;
	uint32_t at = idx;

	for (int i = 0; i < CHAIN_MAX && ps->spaces[at].older == NONE && p->creator != NONE; i++) {
		struct space *from = &ps->spaces[p->creator];

		if (from->read_ns && from->read_ns < born_ns)
			return locate__in_maps(ps->modules, from->tid, &from->maps, addr, place);
		at = p->creator;
		p = &ps->processes[p->parent];
		born_ns = p->born_ns < born_ns ? p->born_ns : born_ns;
	}
	return locate__in_image(ps->modules, tid, &ps->spaces[idx].image, addr, place);
}

/* True: done with it. */
static bool settle(struct places *ps, struct note *note, bool last)
{
	struct process *p = process_of(ps, note->task);
	struct space *space;
	struct place place;
	uint32_t idx;
	pid_t tid;

	if (!p)
		return ++note->tries > TRIES_MAX;
	p->looked_at = true;
	idx = space_at(ps, p, note->ts_ns);
	space = &ps->spaces[idx];
	if (locate__in_maps(ps->modules, space->tid, &space->maps, note->addr, &place))
		return true;
	tid = ps->tasks[note->task].tid;
	if (idx == p->space && !space->gone && space->reads < READS_MAX) {
		if (space->next_ns > now_ns() && !last)
			return false;
		if (read_space(ps, p, space, tid)) {
			(void)locate__in_maps(ps->modules, space->tid, &space->maps, note->addr,
					      &place);
			return true;
		}
	}
	if (!space->read_ns) /* opens what there is to open, while it is there */
		(void)find_without(ps, p, idx, idx == p->space ? tid : 0, note->addr, &place);
	return true;
}

static void look_at_files(struct places *ps)
{
	for (uint32_t i = 0; i < ps->file_wait_cnt; i++) {
		const struct file_wait *wait = &ps->file_waits[i];
		const struct process *p = process_of(ps, wait->task);

		/* One from before an exec is over. */
		if (p && ps->spaces[p->space].since_ns <= wait->ts_ns)
			file_locks__look(ps->files, ps->tasks[wait->task].tid, p->lead,
					 ps->spaces[p->space].number, wait->sysno, wait->fd);
	}
	ps->file_wait_cnt = 0;
}

void places__tick(struct places *ps, bool last)
{
	uint64_t end, took = ps->stats.read_ns;
	uint32_t kept = 0, i;

	look_at_files(ps);
	if (!ps->pending_cnt)
		return;
	end = now_ns() + (last ? LAST_TICK_NS : CPT_PLACES_TICK_NS);
	for (i = 0; i < ps->pending_cnt; i++) {
		/* The clock is only worth asking when something was read. */
		if (ps->stats.read_ns != took && now_ns() > end)
			break;
		if (!settle(ps, &ps->pending[i], last))
			ps->pending[kept++] = ps->pending[i];
	}
	memmove(ps->pending + kept, ps->pending + i, (ps->pending_cnt - i) * sizeof(*ps->pending));
	ps->pending_cnt = kept + ps->pending_cnt - i;
}

/* ---- finding ---------------------------------------------------------------------------------------- */

bool places__find(struct places *ps, uint32_t proc, uint32_t space, uint64_t addr,
		  struct place *place)
{
	const struct process *p = process_of(ps, proc);
	uint32_t idx;
	struct space *s;

	if (!p)
		return false;
	idx = p->space;
	for (int i = 0; i < CHAIN_MAX && idx != NONE && ps->spaces[idx].number != space; i++)
		idx = ps->spaces[idx].older;
	if (idx == NONE || ps->spaces[idx].number != space)
		return false;
	s = &ps->spaces[idx];
	if (s->read_ns)
		return locate__in_maps(ps->modules, s->tid, &s->maps, addr, place);
	return find_without(ps, p, idx, 0, addr, place);
}

bool places__locked_file(const struct places *ps, uint32_t proc, uint32_t space, uint64_t fd,
			 struct file_lock *file)
{
	return file_locks__find(ps->files, proc, space, fd, file);
}

void places__stats(const struct places *ps, struct places_stats *stats)
{
	*stats = ps->stats;
}
