// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* examples.c - see examples.h. */
#include "examples.h"

#include <stddef.h>

#include "cli.h"

const struct example examples[] = {
	{"run", "sudo cpartrace run ./app", "run ./app, trace it and all it starts, and report"},
	{"run", "sudo cpartrace run -o app.data --json app.json -- ./app --its-option",
	 "keep the trace in app.data and write the report as JSON, too"},
	{"run", "sudo cpartrace run -r 5 -o before ./app",
	 "five runs, to before.1 ... before.5, for cpartrace diff"},
	{"run", "sudo cpartrace run --stacks ./app", "take stacks, and sample what runs"},
	{"run", "sudo cpartrace run --loops on ./app",
	 "follow its event loops and rings from the start on"},
	{"run", "sudo cpartrace run -a -d 2", "attach to the whole machine for two seconds"},
	{"record", "sudo cpartrace record -o app.data ./app", "the trace alone; report it later"},
	{"record", "sudo cpartrace record -d 2 ./app", "only the first two seconds"},
	{"record", "sudo cpartrace record -a --flight 60s -o live.data",
	 "keep the last minute of the machine; kill -USR2 writes it to live.data.1, .2 ..."},
	{"record", "sudo cpartrace record -a --flight 60s --trigger 'parallelism<1.5:5s'",
	 "and write it when for 5 s fewer than 1.5 CPUs were busy"},
	{"recover", "sudo cpartrace recover -o live.data live.data.ring.?",
	 "what is left of such a recording that was killed"},
	{"mark", "cpartrace mark load", "here the phase `load` begins"},
	{"report", "cpartrace report", "the report of cpartrace.data"},
	{"report", "cpartrace report --comm worker",
	 "as if threads of this name were all there is"},
	{"report", "cpartrace report --time 0.5,1.2", "only from 0.5 s to 1.2 s"},
	{"report", "cpartrace report --by process --sort waiting",
	 "a row for each process, those first that waited longest"},
	{"report", "cpartrace report --timeline", "what each CPU and thread did over time"},
	{"report", "cpartrace report --explain", "say how each figure came about"},
	{"report", "cpartrace report --json > app.json", "every figure, in ns"},
	{"export", "cpartrace export -f csv --table locks", "a line for each lock"},
	{"export", "cpartrace export -f jsonl --table intervals -o intervals.jsonl",
	 "a JSON object for each stretch of a thread in one state"},
	{"export", "cpartrace export -f csv --table ledger --step 100",
	 "how the time was used, in steps of 100 ms"},
	{"export", "cpartrace export -f html -o app.html", "a page to look at, and to pass on"},
	{"export", "cpartrace export -f svg --picture bottle -o bottle.svg",
	 "who ran alone, as a picture"},
	{"export", "cpartrace export -f perfetto -o app.pftrace",
	 "for Perfetto's viewer, ui.perfetto.dev"},
	{"export", "cpartrace export -f sqlite -o app.db", "all tables as one database"},
	{"export", "sqlite3 app.db 'SELECT * FROM where_time_went'",
	 "what the time went to, asked of that database"},
	{"export", "sqlite3 app.db 'SELECT * FROM worst_locks LIMIT 5'",
	 "which locks were waited for most, and what their holders did"},
	{"export", "sqlite3 app.db 'SELECT * FROM critical_path'",
	 "whose work and waiting the run was made of"},
	{"export", "cpartrace export -f openmetrics -o app.prom",
	 "the summary, for a node_exporter textfile"},
	{"script", "cpartrace script | head", "the first events"},
	{"script", "cpartrace script --comm worker",
	 "events that threads of this name take part in"},
	{"diff", "cpartrace diff before after",
	 "compare before.1, before.2, ... with after.1, after.2, ..."},
	{"diff", "cpartrace diff before.1 after.1",
	 "compare two runs; differences are shown, none is called a change"},
	{"diff", "cpartrace diff --json before.1 before.2 -- after.1 after.2",
	 "compare two sets of runs, as JSON"},
	{"stat", "sudo cpartrace stat ./app", "count for as long as ./app runs"},
	{"stat", "sudo cpartrace stat -a -I 1000 -d 3",
	 "the whole machine, a line each second, for three seconds"},
	{"doctor", "sudo cpartrace doctor", "look whether this machine can record"},
	{"version", "cpartrace version --build-options", "how the program was built"},
	{"help", "cpartrace help report", "explain a command"},
	{NULL, NULL, NULL},
};

void examples__help(struct strbuf *out, const char *command, unsigned int width)
{
	bool any = false;

	for (const struct example *e = examples; e->command; e++) {
		if (strcmp(e->command, command) != 0)
			continue;
		strbuf__addf(out, "%s  %s\n      ", any ? "" : "\nExamples:\n", e->line);
		cli_wrap(out, e->what, 6, 6, width);
		any = true;
	}
}
