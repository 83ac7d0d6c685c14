// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* without_bpf.c - what run, record and doctor are in a program that cannot record. */
#include "cmds.h"

#include "exit_status.h"
#include "say.h"

static const struct cli_option options[] = {CLI_OPTIONS_END};

static int run(const struct command *self, int argc, char *const *argv)
{
	return fail(CPT_STATUS_UNSUPPORTED,
		    "built without BPF: %s needs a program built with -DCPT_WITH_BPF=ON; report, "
		    "export "
		    "and script work",
		    self->name);
}

#define WITHOUT_BPF(symbol, word)                                                                  \
	const struct command symbol = {                                                            \
		.name = word,                                                                      \
		.args = "...",                                                                     \
		.summary = "(not in this program: it was built without BPF)",                      \
		.options = options,                                                                \
		.run = run,                                                                        \
		.usage_status = CPT_STATUS_USAGE,                                                  \
	}

WITHOUT_BPF(cmd_run, "run");
WITHOUT_BPF(cmd_record, "record");
WITHOUT_BPF(cmd_stat, "stat");
WITHOUT_BPF(cmd_doctor, "doctor");
