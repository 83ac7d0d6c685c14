// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * replay_corpus.c - the fuzz target over the files of directories, for compilers without libFuzzer.
 *
 * usage: replay_corpus DIR…              every file must pass
 *        replay_corpus --make-seeds DIR  writes the seeds anew
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hostile.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t sz);

static int replay_file(const char *path)
{
	static uint8_t data[1 << 20];
	FILE *f = fopen(path, "rb");
	size_t sz;

	if (!f) {
		fprintf(stderr, "replay_corpus: cannot open %s: %s\n", path, strerror(errno));
		return 1;
	}
	sz = fread(data, 1, sizeof(data), f);
	fclose(f);
	LLVMFuzzerTestOneInput(data, sz);
	return 0;
}

static int replay_dir(const char *dir, size_t *cnt)
{
	DIR *d = opendir(dir);
	struct dirent *e;
	char path[4096];
	int err = 0;

	if (!d) {
		fprintf(stderr, "replay_corpus: cannot open %s: %s\n", dir, strerror(errno));
		return 1;
	}
	while (!err && (e = readdir(d))) {
		if (e->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/%s", dir, e->d_name);
		err = replay_file(path);
		++*cnt;
	}
	closedir(d);
	return err;
}

static int write_seed(const char *dir, const char *name, struct bytes b)
{
	char path[4096];
	FILE *f;
	int err;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "wb");
	err = !f || fwrite(b.at, 1, b.sz, f) != b.sz;
	if (f && fclose(f))
		err = 1;
	if (err)
		fprintf(stderr, "replay_corpus: cannot write %s: %s\n", path, strerror(errno));
	free(b.at);
	return err;
}

/* Small ones, packed and not: what matters is that every part of the format is there. */
static int make_seeds(const char *dir)
{
	static const struct {
		uint64_t seed;
		uint32_t steps;
	} seeds[] = {{32, 300}, {26, 300}, {4, 300}, {1, 20}};
	char name[64];
	int err = 0;

	for (size_t i = 0; i < sizeof(seeds) / sizeof(seeds[0]) && !err; i++) {
		const struct bytes packed = sample_trace(seeds[i].seed, seeds[i].steps);

		snprintf(name, sizeof(name), "stored-%zu.cptrace", i);
		err = write_seed(dir, name, store_columns(packed));
		snprintf(name, sizeof(name), "packed-%zu.cptrace", i);
		err |= write_seed(dir, name, packed);
	}
	return err;
}

int main(int argc, char **argv)
{
	size_t cnt = 0;
	int err = 0;

	if (argc == 3 && !strcmp(argv[1], "--make-seeds"))
		return make_seeds(argv[2]);
	for (int i = 1; i < argc && !err; i++)
		err = replay_dir(argv[i], &cnt);
	if (!err && !cnt) {
		fprintf(stderr, "replay_corpus: nothing to replay; name a directory of traces\n");
		return 1;
	}
	return err;
}
