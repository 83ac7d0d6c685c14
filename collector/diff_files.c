// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* diff_files.c - see diff_files.h. */
#include "diff_files.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "say.h"

static int add_path(struct diff_files *files, int side, char *path)
{
	char **grown;

	if (!path)
		return fail(-ENOMEM, "cannot compare: out of memory");
	if (files->cnt[side] == DIFF_RUNS_MAX) {
		free(path);
		return fail(-E2BIG, "cannot compare more than %d traces of a side", DIFF_RUNS_MAX);
	}
	grown = reallocarray(files->path[side], files->cnt[side] + 1, sizeof(*grown));
	if (!grown) {
		free(path);
		return fail(-ENOMEM, "cannot compare: out of memory");
	}
	files->path[side] = grown;
	grown[files->cnt[side]++] = path;
	return 0;
}

static bool is_later(const struct stat *a, const struct stat *b)
{
	if (a->st_mtim.tv_sec != b->st_mtim.tv_sec)
		return a->st_mtim.tv_sec > b->st_mtim.tv_sec;
	return a->st_mtim.tv_nsec >= b->st_mtim.tv_nsec;
}

/* NAME.1, NAME.2, ... Returns how many, or -errno. */
static int add_series(struct diff_files *files, int side, const char *name)
{
	struct stat before = {0}, st;
	char *path;
	int n, err;

	for (n = 1;; n++) {
		if (asprintf(&path, "%s.%d", name, n) < 0)
			return fail(-ENOMEM, "cannot compare: out of memory");
		if (stat(path, &st) < 0 || !S_ISREG(st.st_mode) ||
		    (n > 1 && !is_later(&st, &before))) {
			free(path);
			return n - 1;
		}
		before = st;
		err = add_path(files, side, path);
		if (err < 0)
			return err;
	}
}

static int add_word(struct diff_files *files, int side, const char *word)
{
	struct stat st;
	int cnt = 0;

	if (stat(word, &st) < 0 && errno == ENOENT)
		cnt = add_series(files, side, word);
	/* Without one, the name itself: whoever opens it says what is wrong. */
	return cnt > 0 ? 0 : cnt < 0 ? cnt : add_path(files, side, strdup(word));
}

int diff_files__find(struct diff_files *files, int cnt, char *const *words)
{
	int split = -1, i, err = 0;

	*files = (struct diff_files){0};
	for (i = 0; i < cnt && split < 0; i++)
		if (!strcmp(words[i], "--"))
			split = i;
	if (split < 0 && cnt != 2)
		return -EINVAL;
	for (i = 0; i < cnt && !err; i++)
		if (i != split)
			err = add_word(files, split < 0 ? i : i > split, words[i]);
	if (!err && (!files->cnt[0] || !files->cnt[1]))
		err = -EINVAL;
	if (err < 0)
		diff_files__free(files);
	return err;
}

void diff_files__free(struct diff_files *files)
{
	for (int side = 0; side < 2; side++) {
		for (uint32_t i = 0; i < files->cnt[side]; i++)
			free(files->path[side][i]);
		free(files->path[side]);
	}
	*files = (struct diff_files){0};
}
