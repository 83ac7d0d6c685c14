// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * fuzz_reader.c - libFuzzer's entry: any bytes as a trace. Check sums are made right first: they guard
 * against accident, not against intent, and would hide everything behind them.
 *
 * clang:  build/tests/hostile/fuzz_reader tests/hostile/corpus
 */
#include <stdlib.h>
#include <string.h>

#include "hostile.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t sz);

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
