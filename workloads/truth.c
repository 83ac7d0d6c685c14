// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Writes the truth line. Owns its JSON; knows nothing of the workloads.
 */
#include "truth.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "common.h"

static int64_t machine_steal_ns(void)
{
	FILE *stat = fopen("/proc/stat", "re");
	long long steal = 0;

	if (!stat)
		return 0;
	if (fscanf(stat, "cpu %*d %*d %*d %*d %*d %*d %*d %lld", &steal) != 1)
		steal = 0;
	fclose(stat);
	return steal * (WL_NS_PER_SEC / sysconf(_SC_CLK_TCK));
}

void truth_init(struct truth *truth)
{
	*truth = (struct truth){.steal_start_ns = machine_steal_ns()};
}

static struct truth_row *add_row(struct truth *truth, struct truth_row row)
{
	if (truth->row_cnt == TRUTH_ROWS_MAX)
		die(0, "more than %d rows of truth: raise TRUTH_ROWS_MAX", TRUTH_ROWS_MAX);
	truth->rows[truth->row_cnt] = row;
	return &truth->rows[truth->row_cnt++];
}

struct truth_row *truth_expect(struct truth *truth, const char *scope, const char *figure,
			       const char *of, double min, double max)
{
	return add_row(
		truth,
		(struct truth_row){
			.figure = figure, .of_path = of, .min = min, .max = max, .scope = scope});
}

struct truth_row *truth_expect_of(struct truth *truth, const char *scope, const char *figure,
				  double number, double min, double max)
{
	/* Nothing can be a share of nothing: the figure itself must then be about nothing. */
	if (number <= 0)
		return truth_expect(truth, scope, figure, NULL, TRUTH_NO_MIN, WL_NS_PER_MS);
	return add_row(truth, (struct truth_row){.figure = figure,
						 .of_number = number,
						 .min = min,
						 .max = max,
						 .scope = scope});
}

struct truth_row *truth_expect_cpu(struct truth *truth, const char *scope, const char *figure,
				   int64_t cpu_ns, double min, double max)
{
	/* It is told in whole ticks of each CPU; a machine that never lost any has none. */
	const int64_t now = machine_steal_ns();
	const int64_t ticks = sysconf(_SC_NPROCESSORS_ONLN) * WL_NS_PER_SEC / sysconf(_SC_CLK_TCK);
	const double steal = now ? (double)(now - truth->steal_start_ns + ticks) : 0;

	return truth_expect_of(truth, scope, figure, (double)cpu_ns, min,
			       cpu_ns > 0 ? max + steal / (double)cpu_ns : max);
}

void truth_expect_own_cpu(struct truth *truth, double min, double max)
{
	int64_t cpu = process_cpu_ns() + children_cpu_ns();

	truth_fact(truth, "steal_ns", (double)(machine_steal_ns() - truth->steal_start_ns));
	truth_fact(truth, "own_cpu_ns", (double)cpu);
	truth_expect_cpu(truth, TRUTH_RUN, "cpu_time_ns", cpu, min, max);
}

static void add_fact(struct truth *truth, struct truth_fact fact)
{
	if (truth->fact_cnt == TRUTH_FACTS_MAX)
		die(0, "more than %d facts of truth: raise TRUTH_FACTS_MAX", TRUTH_FACTS_MAX);
	truth->facts[truth->fact_cnt++] = fact;
}

void truth_fact(struct truth *truth, const char *key, double number)
{
	add_fact(truth, (struct truth_fact){.key = key, .number = number});
}

void truth_fact_text(struct truth *truth, const char *key, const char *text)
{
	add_fact(truth, (struct truth_fact){.key = key, .text = text});
}

const char *truth_path(struct truth *truth, const char *format, ...)
{
	char *path = truth->paths + truth->path_sz;
	size_t room = sizeof(truth->paths) - (size_t)truth->path_sz;
	va_list args;
	int size;

	va_start(args, format);
	size = vsnprintf(path, room, format, args);
	va_end(args);
	if (size < 0 || (size_t)size >= room)
		die(0, "no room left for texts of the truth: raise TRUTH_PATHS_MAX");
	truth->path_sz += size + 1;
	return path;
}

static void print_text(const char *text)
{
	putchar('"');
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			printf("\\%c", *text);
		else if ((unsigned char)*text < 0x20)
			printf("\\u%04x", (unsigned char)*text);
		else
			putchar(*text);
	}
	putchar('"');
}

/* Whole numbers, times above all, without an exponent and to the last digit. */
static void print_number(double number)
{
	if (number == floor(number) && fabs(number) < 1e15)
		printf("%.0f", number);
	else
		printf("%.6g", number);
}

static void print_key(const char *before, const char *key)
{
	printf("%s", before);
	print_text(key);
	putchar(':');
}

static void print_row(const struct truth_row *row)
{
	print_key("{", "figure");
	print_text(row->figure);
	if (row->of_path) {
		print_key(",", "of");
		print_text(row->of_path);
	} else if (row->of_number > 0) {
		print_key(",", "of");
		print_number(row->of_number);
	}
	print_key(",", "scope");
	print_text(row->scope);
	if (row->min >= 0) {
		print_key(",", "min");
		print_number(row->min);
	}
	if (isfinite(row->max)) {
		print_key(",", "max");
		print_number(row->max);
	}
	if (row->filter) {
		print_key(",", "filter");
		print_text(row->filter);
	}
	if (row->needs) {
		print_key(",", "needs");
		print_text(row->needs);
	}
	putchar('}');
}

int truth_print(const struct truth *truth, const char *workload, const char *mode)
{
	print_key("{", "workload");
	print_text(workload);
	print_key(",", "mode");
	print_text(mode);
	print_key(",", "class");
	if (truth->verdict_class)
		print_text(truth->verdict_class);
	else
		printf("null");
	print_key(",", "span_ns");
	printf("[%lld,%lld]", (long long)truth->span_start_ns, (long long)truth->span_end_ns);
	print_key(",", "expect");
	putchar('[');
	for (int i = 0; i < truth->row_cnt; i++) {
		if (i)
			putchar(',');
		print_row(&truth->rows[i]);
	}
	putchar(']');
	print_key(",", "facts");
	putchar('{');
	for (int i = 0; i < truth->fact_cnt; i++) {
		print_key(i ? "," : "", truth->facts[i].key);
		if (truth->facts[i].text)
			print_text(truth->facts[i].text);
		else
			print_number(truth->facts[i].number);
	}
	printf("}}\n");
	errno = 0;
	if (fflush(stdout) || ferror(stdout))
		return errno ? -errno : -EIO;
	return 0;
}
