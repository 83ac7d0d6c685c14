// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* grid_names.c - see grid_names.h. */
#include "grid_names.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static uint64_t later(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

/* What runs together now is not booked yet. */
static void add_open(const struct timeline *tl, uint64_t *ns)
{
	for (uint32_t i = 0; i < tl->group_active_cnt; i++) {
		const uint32_t g = tl->group_active[i];

		if (tl->groups[g].running >= 2)
			ns[cpt_grid_pair(g, g)] += tl->now_ns - tl->groups[g].pair_since_ns;
		for (uint32_t k = 0; k < i; k++)
			ns[cpt_grid_pair(g, tl->group_active[k])] +=
				tl->now_ns - later(tl->group_since[i], tl->group_since[k]);
	}
}

int grid_names__end_tile(struct grid_names *g, const struct timeline *tl, struct cpt_grid *out)
{
	const uint32_t names = tl->group_cnt, pairs = names * (names + 1) / 2;
	struct cpt_grid_tile tile = {0}, *tiles;
	uint32_t cnt = 0;

	for (uint32_t h = 0; h < names; h++)
		for (uint32_t k = 0; k <= h; k++)
			g->now_ns[cpt_grid_pair(k, h)] = timeline__overlap_ns(tl, k, h);
	add_open(tl, g->now_ns);
	for (uint32_t i = 0; i < pairs; i++)
		cnt += g->now_ns[i] != g->at_ns[i];
	tiles = realloc(out->tiles, ((size_t)out->tiles_cnt + 1) * sizeof(*tiles));
	if (tiles)
		out->tiles = tiles;
	tile.tab = malloc((cnt ? cnt : 1) * sizeof(*tile.tab));
	if (!tiles || !tile.tab) {
		free(tile.tab);
		return -ENOMEM;
	}
	for (uint32_t i = 0; i < pairs; i++) {
		if (g->now_ns[i] == g->at_ns[i])
			continue;
		tile.tab[tile.cnt++] =
			(struct cpt_grid_together){.ns = g->now_ns[i] - g->at_ns[i], .pair = i};
		g->at_ns[i] = g->now_ns[i];
	}
	tiles[out->tiles_cnt++] = tile;
	return 0;
}
