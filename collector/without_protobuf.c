// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* without_protobuf.c - perfetto.h in a build without libprotobuf-c. */
#include "perfetto.h"

#include <errno.h>

const bool perfetto_is_built = false;

/* Its caller asks first, and says why not. */
int perfetto__write(struct analysed *a, const char *path, const struct cpt_analysis_opts *opts,
		    FILE *f, const char *to)
{
	return -ENOTSUP;
}
