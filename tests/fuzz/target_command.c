// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * target_command.c - the commands that read traces, as they are called: `FUZZ_COMMAND` is one row of the
 * table below, so that each output is a target of its own. The choices of an input pick options.
 */
#include <locale.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../analysis/varint.h"
#include "../../collector/cmds.h"
#include "../../collector/exit_status.h"
#include "../../collector/export_tables.h"
#include "../../collector/folded.h"
#include "../../collector/picture.h"
#include "../../collector/rows.h"
#include "fuzz.h"

#define ARGS_MAX 40
#define ARG_MAX	 160

struct args {
	int cnt;
	bool timed; /* a stretch of time has been chosen */
	char text[ARGS_MAX][ARG_MAX];
	char *list[ARGS_MAX + 1];
};

__attribute__((format(printf, 2, 3))) static void add(struct args *a, const char *fmt, ...)
{
	va_list args;

	if (a->cnt == ARGS_MAX)
		abort();
	va_start(args, fmt);
	vsnprintf(a->text[a->cnt], ARG_MAX, fmt, args);
	va_end(args);
	a->list[a->cnt] = a->text[a->cnt];
	a->list[++a->cnt] = NULL;
}

static const char *word(const char *const *words, uint8_t choice)
{
	size_t cnt = 0;

	while (words[cnt])
		cnt++;
	return words[choice % cnt];
}

/* ---- options ----------------------------------------------------------------------------------- */

static void add_brief(struct args *a)
{
	add(a, "--time=0,0.05");
	a->timed = true;
}

/* What selects events. Half of the inputs have none of it. */
static void add_view(struct args *a, const uint8_t *c)
{
	static const char *const times[] = {"0,",      ",0.0000005",  "0.0000001,0.000001",
					    "1us,1ms", "0.5,9",	      "0,9000000000",
					    "1ns,2ns", "0.000000001,"};
	static const char *const comms[] = {"app", "worker", "ma<in>", "a,\"b\",c", "007", "NULL"};

	if (c[6] & 0x80)
		return;
	if ((c[6] & 0x01) && !a->timed)
		add(a, "--time=%s", times[c[7] % 8]);
	if (c[6] & 0x02)
		add(a, "--comm=%s", comms[c[7] % 6]);
	if (c[6] & 0x04)
		add(a, "--pid=%u", 1000u + c[7] % 24);
	if (c[6] & 0x08)
		add(a, "--tid=%u,%u", 1000u + c[7] % 24, 1001u + c[5] % 24);
	if (c[6] & 0x10)
		add(a, "--cpu=%s", c[7] & 1 ? "0" : "1-3");
}

/* What decides what is counted, and where. */
static void add_counts(struct args *a, const uint8_t *c)
{
	static const char *const kinds[] = {"sleep", "condvar", "sleep,condvar"};
	static const char *const phases[] = {"load", "a", "<b>", "\xff"};

	if (c[6] & 0x20)
		add(a, "--in-progress=%s", kinds[c[5] % 3]);
	if (c[6] & 0x40)
		add(a, "--phase=%s", phases[c[5] / 4 % 4]);
}

static enum fuzz_output report(struct args *a, const uint8_t *c)
{
	static const char *const forms[] = {NULL, "--json", "--explain", "--hot", "--timeline"};
	static const unsigned widths[] = {60, 80, 200, 101};
	const char *form = forms[c[1] % 5];

	if (form)
		add(a, "%s", form);
	add(a, "--sort=%s", word(cpt_sort_words, c[2]));
	add(a, "--by=%s", word(cpt_rows_by_words, c[3]));
	add(a, "--width=%u", widths[c[4] % 4]);
	add(a, "--top=%u", c[4] / 4 % 16 + 1);
	add_counts(a, c);
	return c[1] % 5 == 1 ? OUTPUT_JSON : OUTPUT_TEXT;
}

static enum fuzz_output table(struct args *a, const uint8_t *c, const char *format)
{
	static const char *const steps[] = {"1us", "10", "1ms", "33333ns"};

	add(a, "-f%s", format);
	add(a, "--table=%s", word(export_table_words, c[1]));
	/* A trace may span centuries: up to the limit of 100,000,000 rows it would be written. */
	if (c[2] & 0x80)
		add(a, "--step=3600s");
	else {
		add(a, "--step=%s", steps[c[2] % 4]);
		add_brief(a);
	}
	add_counts(a, c);
	return OUTPUT_CSV;
}

static enum fuzz_output csv(struct args *a, const uint8_t *c)
{
	return table(a, c, "csv");
}

static enum fuzz_output jsonl(struct args *a, const uint8_t *c)
{
	table(a, c, "jsonl");
	return OUTPUT_JSONL;
}

static enum fuzz_output perfetto(struct args *a, const uint8_t *c)
{
	add(a, "-fperfetto");
	add_counts(a, c);
	return OUTPUT_BINARY;
}

static enum fuzz_output html(struct args *a, const uint8_t *c)
{
	add(a, "-fhtml");
	add_counts(a, c);
	return OUTPUT_HTML;
}

static enum fuzz_output svg(struct args *a, const uint8_t *c)
{
	add(a, "-fsvg");
	add(a, "--picture=%s", word(picture_words, c[1]));
	add(a, "--top=%u", c[2] % 64 + 1);
	add_counts(a, c);
	return OUTPUT_SVG;
}

static enum fuzz_output folded(struct args *a, const uint8_t *c)
{
	add(a, "-ffolded");
	add(a, "--weight=%s", word(folded_weight_words, c[1]));
	add_counts(a, c);
	return OUTPUT_FOLDED;
}

static enum fuzz_output openmetrics(struct args *a, const uint8_t *c)
{
	add(a, "-fopenmetrics");
	add_counts(a, c);
	return OUTPUT_METRICS;
}

static char database[64];

static void remove_database(void)
{
	unlink(database);
}

static enum fuzz_output sqlite(struct args *a, const uint8_t *c)
{
	if (!*database) {
		snprintf(database, sizeof(database), "/tmp/fuzz-sqlite-%d.db", (int)getpid());
		atexit(remove_database);
	}
	add(a, "-fsqlite");
	add(a, "-o%s", database);
	/* As in table(); and rows take longer here. */
	add(a, "--step=1ms");
	add_brief(a);
	add_counts(a, c);
	return OUTPUT_TEXT;
}

static enum fuzz_output script(struct args *a, const uint8_t *c)
{
	(void)a;
	(void)c;
	return OUTPUT_TEXT;
}

static enum fuzz_output diff(struct args *a, const uint8_t *c)
{
	if (c[1] & 1)
		add(a, "--json");
	add(a, "--top=%u", c[2] % 16 + 1);
	add(a, "--width=%u", 60u + c[3]);
	add_counts(a, c);
	return c[1] & 1 ? OUTPUT_JSON : OUTPUT_TEXT;
}

static const struct target {
	const char *name;
	const struct command *command;
	enum fuzz_output (*options)(struct args *a, const uint8_t *choices);
	int traces;
} targets[] = {
	{"report", &cmd_report, report, 1}, {"csv", &cmd_export, csv, 1},
	{"jsonl", &cmd_export, jsonl, 1},   {"perfetto", &cmd_export, perfetto, 1},
	{"html", &cmd_export, html, 1},	    {"svg", &cmd_export, svg, 1},
	{"folded", &cmd_export, folded, 1}, {"openmetrics", &cmd_export, openmetrics, 1},
	{"sqlite", &cmd_export, sqlite, 1}, {"script", &cmd_script, script, 1},
	{"diff", &cmd_diff, diff, 2},
};

static const struct target *target;

/* ---- entry points ------------------------------------------------------------------------------ */

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	for (size_t i = 0; i < sizeof(targets) / sizeof(targets[0]); i++)
		if (!strcmp(targets[i].name, FUZZ_COMMAND))
			target = &targets[i];
	if (!target || !setlocale(LC_CTYPE, "C.UTF-8"))
		abort();
	unsetenv("COLUMNS");
	outputs__take();
	return 0;
}

/* Where the second body is; sz: there is none. */
static size_t second_body(const uint8_t *data, size_t sz)
{
	const size_t first = FUZZ_CHOICES + 4;
	size_t len;

	if (sz < first)
		return sz;
	len = get_le(data + FUZZ_CHOICES, 4);
	return len <= sz - first ? first + len : sz;
}

/* Opens the input's traces as fds[0..target->traces - 1]. False: at least one is none; none is open. */
static bool open_bodies(const uint8_t *data, size_t sz, int *fds)
{
	const bool program = data[0] & FUZZ_PROGRAM;
	const size_t first = FUZZ_CHOICES + (target->traces > 1 ? 4 : 0);
	size_t second = sz;

	if (sz < first)
		return false;
	if (target->traces > 1)
		second = second_body(data, sz);
	fds[0] = body_open(data + first, second - first, program);
	if (fds[0] < 0)
		return false;
	fds[1] = target->traces > 1 ? body_open(data + second, sz - second, program) : -1;
	if (target->traces == 1 || fds[1] >= 0)
		return true;
	close(fds[0]);
	return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t sz)
{
	struct args a = {0};
	enum fuzz_output kind;
	int fds[2], status;

	if (sz < FUZZ_CHOICES || !open_bodies(data, sz, fds))
		return 0;
	add(&a, "%s", target->command->name);
	kind = target->options(&a, data);
	add_view(&a, data);
	for (int i = 0; i < target->traces; i++)
		add(&a, "%s/proc/self/fd/%d", target->traces == 1 ? "-i" : "", fds[i]);
	status = target->command->run(target->command, a.cnt, a.list);
	/* Wrong usage would be this file's mistake. */
	if (status < 0 || status == CPT_STATUS_USAGE || status > CPT_STATUS_INCOMPLETE)
		outputs__broken("a status that is none");
	outputs__check(kind, status == CPT_STATUS_OK || status == CPT_STATUS_INCOMPLETE);
#ifdef FUZZ_WITH_SQLITE
	if (*database && (status == CPT_STATUS_OK || status == CPT_STATUS_INCOMPLETE))
		database__check(database);
#endif
	for (int i = 0; i < target->traces; i++)
		close(fds[i]);
	return 0;
}

/* Changes the body in data[at, end); returns the new size of all. */
static size_t change_body(uint8_t *data, size_t sz, size_t max, size_t at, size_t end,
			  unsigned int seed)
{
	const size_t len = end - at, room = max - sz + len;
	uint8_t *body = malloc(room ? room : 1);
	size_t changed;

	if (!body)
		return sz;
	memcpy(body, data + at, len);
	changed = data[0] & FUZZ_PROGRAM ? LLVMFuzzerMutate(body, len, room)
					 : trace__mutate(body, len, room, seed);
	memmove(data + at + changed, data + end, sz - end);
	memcpy(data + at, body, changed);
	free(body);
	return sz - len + changed;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t sz, size_t max_sz, unsigned int seed)
{
	const size_t first = FUZZ_CHOICES + (target->traces > 1 ? 4 : 0);
	size_t second, changed;

	if (sz <= first || max_sz <= first)
		return LLVMFuzzerMutate(data, sz, max_sz);
	if (seed % 8 == 0) {
		const uint8_t form = data[0] & FUZZ_PROGRAM;

		LLVMFuzzerMutate(data, FUZZ_CHOICES, FUZZ_CHOICES);
		data[0] = (uint8_t)((data[0] & ~FUZZ_PROGRAM) | form);
		return sz;
	}
	if (target->traces == 1)
		return change_body(data, sz, max_sz, first, sz, seed / 8);
	second = second_body(data, sz);
	if (seed % 2)
		return change_body(data, sz, max_sz, second, sz, seed / 8);
	changed = change_body(data, sz, max_sz, first, second, seed / 8);
	put_le(data + FUZZ_CHOICES, second - first + changed - sz, 4);
	return changed;
}
