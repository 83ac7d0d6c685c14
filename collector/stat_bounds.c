// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* stat_bounds.c - see stat_bounds.h. */
#include "stat_bounds.h"

#include <math.h>
#include <string.h>

#define ANY UINT64_MAX

static uint64_t less(uint64_t a, uint64_t b)
{
	return a > b ? a - b : 0;
}

/* ANY stays what it is. */
static uint64_t more(uint64_t a, uint64_t b)
{
	return a < ANY - b ? a + b : ANY;
}

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static double real(uint64_t ns)
{
	return ns == ANY ? INFINITY : (double)ns;
}

/* What is open, told apart. */
struct open {
	bool all;	    /* R may have been anything */
	bool up;	    /* R may have been more */
	uint64_t off_ns;    /* R may have been one off */
	uint64_t beside_ns; /* an entry of the profile may lack so much, or have too much */
	uint64_t longer_ns;
	uint32_t cpus;
};

static struct open what_is_open(const struct stat_sample *s, const struct stat_lost *lost)
{
	const uint32_t peak = stat_sample__peak(s);
	struct open o = {
		.all = lost->recursion || lost->impossible,
		.up = lost->marked && lost->tasks,
		.off_ns = s->doubt_ns,
		.cpus = lost->cpus > peak ? lost->cpus : peak,
	};

	o.beside_ns = s->doubt_ns + s->estimated_ns + s->settled_ns;
	if (lost->command && (o.up || lost->recursion))
		o.longer_ns = lost->longer_ns;
	return o;
}

static void bound_profile(struct stat_bounds *b, const struct stat_sample *s, const struct open *o)
{
	const uint64_t longest = b->window_ns.high;
	uint64_t up_to = 0;

	for (uint32_t k = 0; k < s->profile_cnt; k++) {
		const uint64_t ns = (uint64_t)s->profile_ns[k];
		struct cpt_ns_bounds *of = &b->profile_ns[k];

		up_to += ns;
		if (o->all) {
			*of = (struct cpt_ns_bounds){0, k <= o->cpus ? longest : 0};
			continue;
		}
		of->low = o->up && k < o->cpus ? 0 : less(ns, o->beside_ns);
		of->high = more(o->up ? up_to : ns, o->beside_ns);
		if (o->up)
			of->high = more(of->high, o->longer_ns);
		of->high = k <= o->cpus ? least(of->high, longest) : ns;
	}
}

static void bound_cpu_time(struct stat_bounds *b, uint64_t cpu_ns, const struct open *o)
{
	const uint64_t longest = b->window_ns.high;
	const uint64_t most = longest < ANY / (o->cpus + 1) ? longest * o->cpus : ANY;

	b->cpu_time_ns.low = o->all ? 0 : less(cpu_ns, o->off_ns);
	b->cpu_time_ns.high = o->all || o->up ? most : least(most, cpu_ns + o->off_ns);
	if (b->cpu_time_ns.high < cpu_ns)
		b->cpu_time_ns.high = cpu_ns;
}

static void bound_average(struct stat_bounds *b, const struct open *o)
{
	const double longest = real(b->window_ns.high), shortest = (double)b->window_ns.low;

	if (!b->window_ns.high)
		return;
	b->average.low = (double)b->cpu_time_ns.low / longest;
	b->average.high = shortest > 0 ? real(b->cpu_time_ns.high) / shortest : o->cpus;
	if (b->average.high > o->cpus)
		b->average.high = o->cpus;
}

/*
 * At least 1 wherever anything ran. What runs unseen lowers it most where nothing else does, one at a time
 * (more_ns), and raises it most where all other CPUs join what runs.
 */
static void bound_tlp(struct stat_bounds *b, const struct stat_sample *s, const struct open *o)
{
	const uint64_t window_ns = stat_sample__window_ns(s);
	const uint64_t idle_ns = s->profile_cnt ? (uint64_t)s->profile_ns[0] : 0;
	const uint64_t busy_ns = less(window_ns, idle_ns);
	const double cpu_ns = (double)b->cpu_time_ns.low;
	const double more_ns = o->up ? real(more(idle_ns, o->longer_ns)) : 0;
	const double busy_most = (double)(busy_ns + o->beside_ns) + more_ns;

	if (b->cpu_time_ns.low && !isinf(more_ns))
		b->tlp.low = fmax(1, (cpu_ns + more_ns) / busy_most);
	else if (b->cpu_time_ns.low)
		b->tlp.low = 1;
	if (o->all || o->up)
		b->tlp.high = b->cpu_time_ns.high ? o->cpus : 0;
	else if (busy_ns > o->beside_ns)
		b->tlp.high = fmin(o->cpus,
				   (double)b->cpu_time_ns.high / (double)(busy_ns - o->beside_ns));
	else
		b->tlp.high = b->cpu_time_ns.high ? o->cpus : 0;
}

static bool is_open(const struct stat_bounds *b, uint32_t profile_cnt)
{
	bool open = b->window_ns.low != b->window_ns.high || b->waits ||
		    b->cpu_time_ns.low != b->cpu_time_ns.high;

	for (uint32_t k = 0; k < profile_cnt; k++)
		open |= b->profile_ns[k].low != b->profile_ns[k].high;
	return open;
}

void stat_bounds__find(struct stat_bounds *out, const struct stat_sample *s,
		       const struct stat_lost *lost)
{
	const uint64_t window_ns = stat_sample__window_ns(s);
	const struct open o = what_is_open(s, lost);

	memset(out, 0, sizeof(*out));
	/* The exec that opens the account, and the end that shuts it, may be among what was skipped. */
	out->window_ns.low = lost->command && lost->recursion ? 0 : window_ns;
	out->window_ns.high = more(window_ns, o.longer_ns);
	out->waits = lost->tasks || lost->recursion;
	out->more = o.all || o.up;
	bound_profile(out, s, &o);
	bound_cpu_time(out, stat_sample__cpu_ns(s), &o);
	bound_average(out, &o);
	bound_tlp(out, s, &o);
	out->open = is_open(out, s->profile_cnt);
	/* As the figures are computed, where nothing is open: not a digit apart. */
	if (out->open)
		return;
	out->average.low = out->average.high = stat_sample__average(s);
	out->tlp.low = out->tlp.high = stat_sample__tlp(s);
}
