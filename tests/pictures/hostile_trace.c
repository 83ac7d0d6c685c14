// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* hostile_trace.c - a trace whose names would break what is drawn carelessly. usage: hostile_trace FILE */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../support/trace_builder.h"

static const char *const names[] = {
	"</text><script>",
	"\"&amp;<&>'",
	"\xff\xfe\x80",
	"\033[31mred",
	"\xef\xbf\xbe",
	"\xed\xa0\x80",
	"a\nb\tc\r",
	"\x01\x02\x7f",
	"\xe2\x80\xaetxt",
	"]]>",
	"\xf4\x90\x80\x80",
	"",
	"\xe6\xbc\xa2\xe5\xad\x97\xe6\xbc\xa2\xe5\xad\x97",
};

int main(int argc, char **argv)
{
	char *command[] = {"<app>", "--name=\"\xff\x01&\"", "\xef\xbf\xbf", NULL};
	struct trace_builder *tb = tb__new(2);
	uint32_t main_ = tb__command(tb, 1000, "ma<in>");
	uint64_t now = 2000;
	struct stat st = {0};
	off_t at = 0;
	int from, to;

	tb__meta(tb)->argv = command;
	tb__run(tb, 1000, 0, main_);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++, now += 1000) {
		uint32_t task = tb__fork(tb, now, main_, names[i]);

		tb__run(tb, now + 10, 1, task);
		tb__block(tb, now + 200, task, tb_wait_pipe(3), TB_IDLE);
		tb__wake(tb, now + 400, task, main_);
		tb__run(tb, now + 450, 1, task);
		tb__exit(tb, now + 900, task, 0, TB_IDLE);
	}
	tb__exit(tb, now, main_, 0, TB_IDLE);
	from = tb__trace_fd(tb);
	to = argc == 2 ? open(argv[1], O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644) : -1;
	if (to < 0 || fstat(from, &st) ||
	    sendfile(to, from, &at, (size_t)st.st_size) != st.st_size) {
		fprintf(stderr, "hostile_trace: cannot write: %s\n", strerror(errno));
		return 1;
	}
	tb__free(tb);
	return 0;
}
