// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * dump_words TRACE - the synchronisation objects a trace's own section names, a line of tab-separated
 * fields each: kind, reason, waits, proc, space, addr, same, module, build-id, offset, symbol.
 *
 * What was known when the recording ended, that is: nothing is looked up here.
 */
#include <fcntl.h>
#include <inttypes.h>

#include "../../../analysis/trace_reader.h"
#include "../../../analysis/words.h"
#include "helper.h"

int main(int argc, char **argv)
{
	char why[CPT_TRACE_ERR_LEN] = "";
	struct trace_reader *reader;
	const struct cpt_words *ws;
	int fd;

	if (argc != 2)
		return 2;
	fd = open(argv[1], O_RDONLY);
	if (fd < 0)
		die(argv[1]);
	reader = trace_reader__open(fd, why);
	if (!reader) {
		fprintf(stderr, "%s: %s\n", argv[1], why);
		return 1;
	}
	ws = trace_reader__words(reader);
	if (!ws) {
		fprintf(stderr, "%s: no words\n", argv[1]);
		return 1;
	}
	for (uint32_t i = 0; i < words__cnt(ws); i++) {
		const struct cpt_word *w = words__at(ws, i);

		printf("%s\t%s\t%" PRIu64 "\t%u\t%u\t0x%" PRIx64 "\t%u\t%s\t%s\t0x%" PRIx64
		       "\t%s\n",
		       word_kind_name(w->kind), reason_name(w->reason), w->waits, w->proc, w->space,
		       w->addr, w->same, w->module, w->build_id, w->offset, w->symbol);
	}
	trace_reader__free(reader);
	return 0;
}
