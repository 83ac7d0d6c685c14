// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* without_sqlite.c - export_sqlite.h where the program was built without libsqlite3. */
#include "export_sqlite.h"

#include <errno.h>

#include "say.h"

int export_sqlite__write(struct analysed *a, const char *trace,
			 const struct cpt_analysis_opts *opts, uint64_t step_ns, const char *note,
			 const char *file)
{
	return fail(-ENOTSUP,
		    "cannot write %s: this program was built without libsqlite3; export csv, which "
		    "`sqlite3 %s '.import --csv FILE TABLE'` reads",
		    file, file);
}
