// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * driver.c - runs a fuzz target without libFuzzer: over files, and over changes of them that a seed decides.
 * No feedback: what it finds is found again by any compiler, and so is what was found once.
 *
 * usage: fuzz_NAME [-runs=N] [-seed=N] [-max_len=N] [-timeout=S] [-every=N] FILE|DIR...
 *
 * The options are those that libFuzzer calls so; -every: of the first DIR only each Nth file is run as it is
 * (any may be changed).
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "../properties/rng.h"
#include "fuzz.h"

#define INPUTS_MAX 4096
#define LEN_MAX	   (256u << 10)

struct input {
	uint8_t *at;
	size_t sz;
};

static struct {
	unsigned long runs, seed, max_len, timeout, every;
	struct input inputs[INPUTS_MAX];
	uint32_t cnt, first_cnt; /* of the first path */
	struct rng rng;
	struct input now; /* what is being run: written down if it is the end */
	const char *self;
	char crash[96]; /* where to */
} d = {.seed = 1, .max_len = LEN_MAX, .timeout = 60, .every = 1};

/* ---- what libFuzzer has, too ------------------------------------------------------------------- */

static size_t change_once(struct rng *rng, uint8_t *data, size_t sz, size_t max)
{
	static const uint8_t values[] = {0, 1, 0x7f, 0x80, 0xff, 0x20, '"', '<'};
	const uint32_t how = rng_below(rng, 6);
	const size_t at = sz ? rng_below(rng, (uint32_t)sz) : 0;
	size_t len = 1 + rng_below(rng, 8), from;

	if (!sz || (how == 0 && sz < max)) {
		memmove(data + at + 1, data + at, sz - at);
		data[at] = (uint8_t)rng_u64(rng);
		return sz + 1;
	}
	if (how == 1 && sz > 1) {
		if (len > sz - at)
			len = sz - at;
		if (len == sz)
			len--;
		memmove(data + at, data + at + len, sz - at - len);
		return sz - len;
	}
	if (how == 2) {
		from = rng_below(rng, (uint32_t)sz);
		if (len > sz - at)
			len = sz - at;
		if (len > sz - from)
			len = sz - from;
		memmove(data + at, data + from, len);
	} else if (how == 3) {
		data[at] ^= (uint8_t)(1u << rng_below(rng, 8));
	} else if (how == 4) {
		data[at] = values[rng_below(rng, sizeof(values))];
	} else {
		data[at] = (uint8_t)rng_u64(rng);
	}
	return sz;
}

size_t LLVMFuzzerMutate(uint8_t *data, size_t sz, size_t max_sz)
{
	if (!max_sz)
		return sz;
	for (uint32_t i = 1 + rng_below(&d.rng, 4); i; i--)
		sz = change_once(&d.rng, data, sz, max_sz);
	return sz;
}

/* ---- the end ----------------------------------------------------------------------------------- */

static void write_down(void)
{
	int fd;

	if (!d.now.at)
		return;
	fd = open(d.crash, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd < 0 || write(fd, d.now.at, d.now.sz) != (ssize_t)d.now.sz)
		return;
	close(fd);
}

static void on_signal(int sig)
{
	static const char text[] = "fuzz: ended by a signal, or it took too long; the input is in "
				   "TARGET-crash-input\n";

	write_down();
	if (write(STDERR_FILENO, text, sizeof(text) - 1) < 0)
		_exit(1);
	signal(sig, SIG_DFL);
	raise(sig);
}

/* Sanitizers call it where there are any. */
void __sanitizer_set_death_callback(void (*callback)(void)) __attribute__((weak));

static void watch_for_the_end(void)
{
	static const int signals[] = {SIGABRT, SIGALRM, SIGSEGV, SIGBUS, SIGFPE, SIGILL};

	if (__sanitizer_set_death_callback) {
		__sanitizer_set_death_callback(write_down);
		signal(SIGABRT, on_signal);
		signal(SIGALRM, on_signal);
		return;
	}
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		signal(signals[i], on_signal);
}

/* ---- runs -------------------------------------------------------------------------------------- */

static void run(const uint8_t *data, size_t sz)
{
	/* The copy is as large as the input: what reads beyond it is seen. */
	uint8_t *copy = malloc(sz ? sz : 1);

	if (!copy)
		abort();
	if (sz)
		memcpy(copy, data, sz);
	d.now = (struct input){copy, sz};
	alarm((unsigned int)d.timeout);
	LLVMFuzzerTestOneInput(copy, sz);
	alarm(0);
	d.now.at = NULL;
	free(copy);
}

static int add_file(const char *path)
{
	const int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct input in = {.at = malloc(LEN_MAX)};
	ssize_t got = fd >= 0 && in.at ? read(fd, in.at, LEN_MAX) : -1;

	if (fd >= 0)
		close(fd);
	if (got < 0 || d.cnt == INPUTS_MAX) {
		dprintf(STDERR_FILENO, "%s: cannot read %s: %s\n", d.self, path, strerror(errno));
		free(in.at);
		return 1;
	}
	in.sz = (size_t)got;
	d.inputs[d.cnt++] = in;
	return 0;
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int add_path(const char *path)
{
	struct dirent **list = NULL;
	struct stat st;
	char file[4096];
	int cnt, err = 0;

	if (stat(path, &st) || !S_ISDIR(st.st_mode))
		return add_file(path);
	cnt = scandir(path, &list, NULL, by_name);
	for (int i = 0; i < cnt; i++) {
		snprintf(file, sizeof(file), "%s/%s", path, list[i]->d_name);
		if (list[i]->d_name[0] != '.')
			err |= add_file(file);
		free(list[i]);
	}
	free(list);
	return err || cnt < 0;
}

static void run_changed(void)
{
	uint8_t *data = malloc(d.max_len);

	if (!data)
		abort();
	for (unsigned long i = 0; i < d.runs; i++) {
		const struct input *in = &d.inputs[rng_below(&d.rng, d.cnt)];
		size_t sz = in->sz < d.max_len ? in->sz : d.max_len;

		memcpy(data, in->at, sz);
		for (uint32_t n = 1 + rng_below(&d.rng, 4); n; n--)
			sz = LLVMFuzzerCustomMutator(data, sz, d.max_len,
						     (unsigned int)rng_u64(&d.rng));
		run(data, sz);
	}
	free(data);
}

static bool is_option(const char *arg)
{
	return sscanf(arg, "-runs=%lu", &d.runs) == 1 || sscanf(arg, "-seed=%lu", &d.seed) == 1 ||
	       sscanf(arg, "-max_len=%lu", &d.max_len) == 1 ||
	       sscanf(arg, "-timeout=%lu", &d.timeout) == 1 ||
	       (sscanf(arg, "-every=%lu", &d.every) == 1 && d.every);
}

int main(int argc, char **argv)
{
	int err = 0;

	d.self = argv[0];
	snprintf(d.crash, sizeof(d.crash), "%.64s-crash-input", basename(argv[0]));
	LLVMFuzzerInitialize(&argc, &argv);
	for (int i = 1; i < argc && !err; i++) {
		if (is_option(argv[i]))
			continue;
		err = add_path(argv[i]);
		d.first_cnt = d.first_cnt ? d.first_cnt : d.cnt;
	}
	if (err || !d.cnt) {
		dprintf(STDERR_FILENO, "usage: %s [-runs=N] [-seed=N] FILE|DIR...\n", d.self);
		return 2;
	}
	d.rng.state = d.seed;
	watch_for_the_end();
	for (uint32_t i = 0; i < d.cnt; i++)
		if (i >= d.first_cnt || i % d.every == 0)
			run(d.inputs[i].at, d.inputs[i].sz);
	run_changed();
	dprintf(STDOUT_FILENO, "%u inputs and %lu changes of them\n", d.cnt, d.runs);
	for (uint32_t i = 0; i < d.cnt; i++)
		free(d.inputs[i].at);
	return 0;
}
