// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* path_log.c - see path_log.h. */
#include "path_log.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "say.h"

#define CHUNK 4096u /* entries read at a time */

struct entry {
	uint64_t now_ns;
	uint32_t wakee, waker;
};

int path_log__follow(void *ctx, uint64_t now_ns, uint32_t wakee, uint32_t waker)
{
	const struct entry e = {now_ns, wakee, waker};
	struct path_log *log = ctx;

	if (!log->f) {
		log->f = tmpfile();
		if (!log->f)
			return log->err = -errno;
	}
	errno = 0;
	if (fwrite_unlocked(&e, sizeof(e), 1, log->f) != 1)
		return log->err = errno ? -errno : -EIO;
	log->cnt++;
	return 0;
}

/* Entries [from, from + cnt). 0 or -errno. */
static int read_entries(const struct path_log *log, struct entry *to, uint64_t from, size_t cnt)
{
	const size_t sz = cnt * sizeof(*to);
	size_t done = 0;

	while (done < sz) {
		ssize_t n = pread(fileno(log->f), (char *)to + done, sz - done,
				  (off_t)(from * sizeof(*to) + done));

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		done += (size_t)n;
	}
	return 0;
}

int path_log__walk(struct path_log *log, uint32_t end_id, uint64_t start_ns, uint64_t end_ns,
		   int (*on_piece)(void *ctx, uint32_t id, uint64_t from_ns, uint64_t to_ns),
		   void *ctx)
{
	struct entry entries[CHUNK];
	uint64_t left = log->cnt;
	uint32_t id = end_id;
	int err = 0;

	if (log->f && fflush(log->f) != 0)
		return -errno;
	while (left && !err) {
		const size_t cnt = left < CHUNK ? left : CHUNK;

		left -= cnt;
		err = read_entries(log, entries, left, cnt);
		for (size_t i = cnt; i-- && !err;) {
			if (entries[i].wakee != id)
				continue;
			if (entries[i].now_ns < end_ns)
				err = on_piece(ctx, id, entries[i].now_ns, end_ns);
			id = entries[i].waker;
			if (entries[i].now_ns < end_ns)
				end_ns = entries[i].now_ns;
		}
	}
	if (!err && start_ns < end_ns)
		err = on_piece(ctx, id, start_ns, end_ns);
	return err;
}

void path_log__say(const struct path_log *log, const char *path)
{
	if (log->err != -ENOMEM)
		fail(log->err, "cannot note the path of %s in a temporary file: %s", path,
		     strerror(-log->err));
}

void path_log__free(struct path_log *log)
{
	if (log->f)
		fclose(log->f);
	log->f = NULL;
}
