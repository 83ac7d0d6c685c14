// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * test_stat_bounds.c - what `stat` says of its figures holds, whatever it did not see.
 *
 * A random course of the true R is drawn, and what of it was seen: less where tasks are missing, one off
 * where a change was put off, time beside its entry where a mend was late; and the command may have gone on
 * for a while after its account was shut. The true figures lie in the bounds made of what was seen.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "check.h"
#include "collector/stat_bounds.h"
#include "rng.h"

#define CPUS_MAX 5

struct lossy {
	struct stat_sample truth, seen;
	struct stat_lost lost;
};

/* One stretch: ns with R, of which was seen what the losses left. */
static void draw_stretch(struct rng *rng, struct lossy *c, uint32_t cpus)
{
	const uint32_t r = rng_below(rng, cpus + 1);
	const int64_t ns = 1 + rng_below(rng, 1000000);
	uint32_t seen = r, other = rng_below(rng, cpus + 1);

	if (c->lost.recursion || c->lost.impossible)
		seen = other;
	else if (c->lost.tasks && c->lost.marked)
		seen = rng_below(rng, r + 1);
	c->truth.profile_ns[r] += ns;
	if (rng_percent(rng, 10) && (rng_percent(rng, 50) ? seen < cpus && ++seen : seen && seen--))
		c->seen.doubt_ns += (uint64_t)ns;
	c->seen.profile_ns[seen] += ns;
}

/* A mend took time from where R was not; CPU time and window are what they were. */
static void misplace(struct rng *rng, struct lossy *c, uint32_t cpus)
{
	const uint32_t k = 1 + rng_below(rng, cpus - 1);
	int64_t *p = c->seen.profile_ns, ns = p[k] / 2;

	p[k] -= ns * 2;
	p[k - 1] += ns;
	p[k + 1] += ns;
	c->seen.estimated_ns += (uint64_t)ns * 2;
}

static void draw_case(struct rng *rng, struct lossy *c)
{
	const uint32_t cpus = 2 + rng_below(rng, CPUS_MAX - 1);

	memset(c, 0, sizeof(*c));
	c->lost = (struct stat_lost){.marked = rng_percent(rng, 70),
				     .tasks = rng_percent(rng, 60),
				     .recursion = rng_percent(rng, 10),
				     .impossible = rng_percent(rng, 10),
				     .cpus = cpus};
	c->lost.command = c->lost.marked && rng_percent(rng, 50);
	c->truth.profile_cnt = c->seen.profile_cnt = CPUS_MAX + 2;
	for (uint32_t i = rng_below(rng, 20); i; i--)
		draw_stretch(rng, c, cpus);
	if (rng_percent(rng, 20))
		misplace(rng, c, cpus);
	/* Its last tasks were not seen. */
	if (c->lost.command && c->lost.tasks) {
		const uint32_t longer_ns = rng_below(rng, 3) * (1 + rng_below(rng, 500000));

		c->truth.profile_ns[rng_below(rng, cpus + 1)] += longer_ns;
		c->lost.longer_ns = rng_percent(rng, 30) ? UINT64_MAX : longer_ns;
	}
}

static int outside(const char *name, double truth, double low, double high)
{
	const double slack = 1e-9 * (fabs(truth) + 1);

	if (truth >= low - slack && truth <= high + slack)
		return 0;
	fprintf(stderr, "%s is %.9g, bounds are %.9g and %.9g\n", name, truth, low, high);
	return 1;
}

static int outside_ns(const char *name, uint64_t truth, const struct cpt_ns_bounds *b)
{
	return outside(name, (double)truth, (double)b->low, (double)b->high);
}

static int check_case(const struct stat_sample *truth, const struct stat_bounds *b)
{
	int bad = outside_ns("the window", stat_sample__window_ns(truth), &b->window_ns);
	char name[32];

	bad += outside_ns("CPU time", stat_sample__cpu_ns(truth), &b->cpu_time_ns);
	bad += outside("the average", stat_sample__average(truth), b->average.low, b->average.high);
	bad += outside("TLP", stat_sample__tlp(truth), b->tlp.low, b->tlp.high);
	for (uint32_t k = 0; k < truth->profile_cnt; k++) {
		snprintf(name, sizeof(name), "profile[%u]", k);
		bad += outside_ns(name, (uint64_t)truth->profile_ns[k], &b->profile_ns[k]);
	}
	return bad;
}

static void truth_is_within(void **state)
{
	const uint64_t seed = first_seed("test_stat_bounds");
	const uint32_t cases = case_count(5000);
	uint32_t closed = 0, narrow = 0;

	for (uint32_t i = 0; i < cases; i++) {
		struct rng rng = {seed + i};
		struct stat_bounds b;
		struct lossy c;

		draw_case(&rng, &c);
		stat_bounds__find(&b, &c.seen, &c.lost);
		if (check_case(&c.truth, &b))
			fail_msg("CPT_SEED=%llu CPT_CASES=1", (unsigned long long)(seed + i));
		closed += !b.open;
		narrow += b.open && b.average.high - b.average.low < c.lost.cpus * 0.9;
	}
	/* Bounds that leave everything open, always, would hold, too. */
	assert_true(cases < 1000 || (closed > cases / 10 && narrow > cases / 10));
	printf("%u cases, %u without loss, %u that say something\n", cases, closed, narrow);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(truth_is_within),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
