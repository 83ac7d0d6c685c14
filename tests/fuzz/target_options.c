// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * target_options.c - command lines. The input is words, each ended by a NUL; the first names the command.
 *
 * What parses is not run: of `report`, `export`, `script` and `diff` the trace named cannot be opened, for
 * each is given one that is not there.
 */
#include <locale.h>
#include <stdlib.h>
#include <string.h>

#include "../../collector/cmds.h"
#include "../../collector/exit_status.h"
#include "../../collector/run_opts.h"
#include "../../collector/say.h"
#include "../../collector/stat_opts.h"
#include "fuzz.h"

#define WORDS_MAX 64

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	if (!setlocale(LC_CTYPE, "C.UTF-8"))
		abort();
	outputs__take();
	return 0;
}

/* A parser that is not run; what it says is printed as the program does (say.h: the words are escaped). */
static void parse(const struct cli_option *options, void *into, int argc, char *const *argv)
{
	struct strbuf err = {0};
	int first = 0;
	const int ret = cli_parse(options, into, argc, argv, &first, &err);

	if (ret < 0 && (err.failed || !err.len))
		outputs__broken("a mistake without words");
	if (!ret && (first < 1 || first > argc))
		outputs__broken("words that are none");
	if (ret < 0)
		say_error("%s", strbuf__str(&err));
	strbuf__free(&err);
}

static void parse_run(int argc, char *const *argv)
{
	struct run_opts o = {0};
	const char *mistake;

	run_opts__init(&o);
	parse(run_options, &o, argc, argv);
	mistake = record_opts__mistake(&o.rec, argc % 2);
	fprintf(stdout, "%s %u\n", mistake ? mistake : "", record_opts__sample_hz(&o.rec));
}

static void parse_record(int argc, char *const *argv)
{
	struct record_opts o = {0};

	parse(record_options, &o, argc, argv);
}

static void parse_stat(int argc, char *const *argv)
{
	struct stat_opts o = {0};
	const char *mistake;

	stat_opts__init(&o);
	parse(stat_options, &o, argc, argv);
	mistake = stat_opts__mistake(&o, argc % 2);
	fprintf(stdout, "%s\n", mistake ? mistake : "");
}

/* With a trace that is not there as its last word or two, behind what options it takes. */
static void parse_reader(const struct command *c, int argc, char **argv)
{
	int status;

	argv[argc] = NULL;
	status = c->run(c, argc, argv);
	if (status < 0 || status > CPT_STATUS_INCOMPLETE)
		outputs__broken("a status that is none");
}

/* Words that lead to files of this machine are not for a command that runs. */
static bool is_safe(int argc, char *const *argv)
{
	for (int i = 1; i < argc; i++)
		if (!strncmp(argv[i], "-o", 2) || !strncmp(argv[i], "--o", 3))
			return false;
	return true;
}

static void run_words(int argc, char **argv)
{
	static const struct command *const readers[] = {&cmd_report, &cmd_export, &cmd_script,
							&cmd_diff, &cmd_version};

	parse_run(argc, argv);
	parse_record(argc, argv);
	parse_stat(argc, argv);
	for (size_t i = 0; i < sizeof(readers) / sizeof(readers[0]) && is_safe(argc, argv); i++)
		parse_reader(readers[i], argc, argv);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t sz)
{
	char *text = malloc(sz + 1), *argv[WORDS_MAX + 1] = {(char *)"cpartrace"};
	int argc = 1;

	if (!text)
		return 0;
	if (sz)
		memcpy(text, data, sz);
	text[sz] = '\0';
	for (size_t at = 0; at < sz && argc < WORDS_MAX; at += strlen(text + at) + 1)
		argv[argc++] = text + at;
	run_words(argc, argv);
	outputs__check(OUTPUT_TEXT, false);
	free(text);
	return 0;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t sz, size_t max_sz, unsigned int seed)
{
	(void)seed;
	return LLVMFuzzerMutate(data, sz, max_sz);
}
