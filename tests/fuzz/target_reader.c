// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * target_reader.c - any bytes as a trace, to the reader alone, which must keep its word (hostile.h).
 *
 * The input is a trace, without choices.
 */
#include <stdlib.h>
#include <string.h>

#include "../hostile/hostile.h"
#include "fuzz.h"

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t sz)
{
	uint8_t *copy = malloc(sz + 1);

	if (!copy)
		return 0;
	if (sz)
		memcpy(copy, data, sz);
	repair_sums(copy, sz);
	read_hostile(copy, sz);
	free(copy);
	return 0;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t sz, size_t max_sz, unsigned int seed)
{
	return trace__mutate(data, sz, max_sz, seed);
}
