// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* export_sqlite.c - see export_sqlite.h. */
#include "export_sqlite.h"

#include <errno.h>
#include <math.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "escape.h"
#include "export_tables.h"
#include "output_file.h"
#include "say.h"
#include "sqlite_tables.h"
#include "sqlite_views.h"

/* Pages SQLite keeps in memory, in KiB (negative: KiB, not pages). */
#define SETTINGS                                                                                   \
	"PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA locking_mode = EXCLUSIVE; "   \
	"PRAGMA cache_size = -8192; PRAGMA temp_store = FILE; PRAGMA trusted_schema = OFF"

#define TABLES_MAX 32

struct database {
	sqlite3 *db;
	const char *file;		  /* for messages */
	sqlite3_stmt *insert;		  /* of the table being written, or of export_tables[i] */
	sqlite3_stmt *stream[TABLES_MAX]; /* tables whose rows come while the trace is read */
	struct export_ctx *ctx;		  /* by export table; owned */
	int err;
};

static int failed(struct database *d)
{
	const int code = sqlite3_errcode(d->db);
	int why = 0;

	if (d->err)
		return d->err;
	if (code == SQLITE_NOMEM)
		return d->err = fail(-ENOMEM, "cannot write %s: out of memory", d->file);
	/* "disk I/O error" may mean a quota. */
	if (code == SQLITE_FULL)
		why = ENOSPC;
	else if (code == SQLITE_IOERR)
		sqlite3_file_control(d->db, NULL, SQLITE_FCNTL_LAST_ERRNO, &why);
	return d->err = fail(why ? -why : -EIO, "cannot write %s: %s", d->file,
			     why ? strerror(why) : sqlite3_errmsg(d->db));
}

static int execute(struct database *d, const char *sql)
{
	return sqlite3_exec(d->db, sql, NULL, NULL, NULL) == SQLITE_OK ? 0 : failed(d);
}

/* ---- tables ------------------------------------------------------------------------------------- */

static const char *type_name(enum table_type type)
{
	switch (type) {
	case TABLE_DOUBLE:
		return "REAL";
	case TABLE_STRING:
	case TABLE_COMM:
		return "TEXT";
	case TABLE_U16:
	case TABLE_U32:
	case TABLE_U64:
	case TABLE_ROUNDED:
	case TABLE_BOOL:
		break;
	}
	return "INTEGER";
}

/* Creates the table, tells of its columns, and prepares what inserts a row. NULL: said why. */
static sqlite3_stmt *create_table(struct database *d, const char *name, const char *help,
				  const struct table_col *cols)
{
	struct strbuf create = {0}, insert = {0};
	const struct table_col *col;
	sqlite3_stmt *stmt = NULL;
	char *about;

	strbuf__addf(&create, "CREATE TABLE \"%s\" (", name);
	strbuf__addf(&insert, "INSERT INTO \"%s\" VALUES (", name);
	for (col = cols; col->name; col++) {
		strbuf__addf(&create, "%s\"%s\" %s", col == cols ? "" : ", ", col->name,
			     type_name(col->type));
		strbuf__adds(&insert, col == cols ? "?" : ", ?");
	}
	strbuf__adds(&create, ") STRICT");
	strbuf__addc(&insert, ')');
	if (create.failed || insert.failed) {
		d->err = fail(-ENOMEM, "cannot write %s: out of memory", d->file);
	} else if (!execute(d, strbuf__str(&create)) &&
		   sqlite3_prepare_v2(d->db, strbuf__str(&insert), -1, &stmt, NULL) != SQLITE_OK) {
		failed(d);
	}
	for (col = cols; stmt && col->name; col++) {
		about = sqlite3_mprintf("INSERT INTO columns VALUES (%Q, %Q, %Q, %Q)", name, help,
					col->name, col->help);
		if (!about)
			d->err = fail(-ENOMEM, "cannot write %s: out of memory", d->file);
		if (!about || execute(d, about) < 0) {
			sqlite3_finalize(stmt);
			stmt = NULL;
		}
		sqlite3_free(about);
	}
	strbuf__free(&create);
	strbuf__free(&insert);
	return stmt;
}

static int bind_text(sqlite3_stmt *stmt, int at, const char *s, size_t len)
{
	struct strbuf safe = {0};
	int ret;

	escape_add_data(&safe, s, len);
	ret = safe.failed ? SQLITE_NOMEM
			  : sqlite3_bind_text(stmt, at, strbuf__str(&safe), (int)safe.len,
					      SQLITE_TRANSIENT);
	strbuf__free(&safe);
	return ret;
}

static sqlite3_int64 whole(uint64_t n)
{
	return n > INT64_MAX ? INT64_MAX : (sqlite3_int64)n;
}

static double finite_at(const char *field)
{
	double x;

	memcpy(&x, field, sizeof(x));
	return isfinite(x) ? x : 0;
}

static int bind_field(sqlite3_stmt *stmt, int at, const struct table_col *col, const void *row)
{
	const char *field = (const char *)row + col->off, *s;

	switch (col->type) {
	case TABLE_U16:
		return sqlite3_bind_int64(stmt, at, *(const uint16_t *)field);
	case TABLE_U32:
		return sqlite3_bind_int64(stmt, at, *(const uint32_t *)field);
	case TABLE_U64:
		return sqlite3_bind_int64(stmt, at, whole(*(const uint64_t *)field));
	case TABLE_DOUBLE:
		return sqlite3_bind_double(stmt, at, finite_at(field));
	case TABLE_ROUNDED:
		return sqlite3_bind_int64(stmt, at, (sqlite3_int64)(finite_at(field) + 0.5));
	case TABLE_BOOL:
		return sqlite3_bind_int(stmt, at, *(const bool *)field);
	case TABLE_COMM:
		return bind_text(stmt, at, field, strnlen(field, CPT_COMM_LEN));
	case TABLE_STRING:
		memcpy(&s, field, sizeof(s));
		return s ? bind_text(stmt, at, s, strlen(s)) : sqlite3_bind_null(stmt, at);
	}
	return SQLITE_MISUSE;
}

/* The sink of table_out: ctx is the database, whose `insert` says which table. */
static int insert_row(void *ctx, const struct table_col *cols, const void *row)
{
	struct database *d = ctx;
	int at = 1;

	for (const struct table_col *col = cols; col->name; col++, at++) {
		const int ret = bind_field(d->insert, at, col, row);

		if (ret == SQLITE_NOMEM) /* said by who reads, or by no_memory() */
			return -ENOMEM;
		if (ret != SQLITE_OK)
			return failed(d);
	}
	if (sqlite3_step(d->insert) == SQLITE_DONE && sqlite3_reset(d->insert) == SQLITE_OK)
		return 0;
	return sqlite3_errcode(d->db) == SQLITE_NOMEM ? -ENOMEM : failed(d);
}

/* ---- the pass ------------------------------------------------------------------------------------- */

static int stream_interval(void *ctx, const struct cpt_interval *iv)
{
	struct database *d = ctx;

	for (size_t i = 0; export_tables[i].name; i++) {
		if (!export_tables[i].on_interval)
			continue;
		d->insert = d->stream[i];
		if (export_tables[i].on_interval(&d->ctx[i], iv) < 0)
			return d->err ? -ECANCELED : d->ctx[i].err;
	}
	return 0;
}

static int stream_step(void *ctx, const struct cpt_step *step)
{
	struct database *d = ctx;

	for (size_t i = 0; export_tables[i].name; i++) {
		if (!export_tables[i].on_step)
			continue;
		d->insert = d->stream[i];
		if (export_tables[i].on_step(&d->ctx[i], step) < 0)
			return d->err ? -ECANCELED : d->ctx[i].err;
	}
	return 0;
}

static int create_tables(struct database *d, const struct cpt_trace_meta *meta, const char *note)
{
	size_t i;

	d->ctx = calloc(TABLES_MAX, sizeof(*d->ctx));
	if (!d->ctx)
		return d->err = fail(-ENOMEM, "cannot write %s: out of memory", d->file);
	if (execute(d, SETTINGS) < 0 || execute(d, "BEGIN") < 0 ||
	    execute(d, "CREATE TABLE columns (\"table\" TEXT, table_meaning TEXT, \"column\" TEXT, "
		       "meaning TEXT) STRICT") < 0)
		return d->err;
	for (i = 0; export_tables[i].name && i < TABLES_MAX; i++) {
		d->ctx[i].out = (struct table_out){.cols = export_tables[i].cols,
						   .sink = insert_row,
						   .sink_ctx = d,
						   .note = note};
		sysno_table(meta->machine, d->ctx[i].sys);
		d->stream[i] = create_table(d, export_tables[i].name, export_tables[i].help,
					    export_tables[i].cols);
		if (!d->stream[i])
			return d->err;
	}
	return 0;
}

/* A writer had no memory for its rows: the database would be less than it says. */
static int no_memory(struct database *d)
{
	if (!d->err)
		d->err = fail(-ENOMEM, "cannot write %s: out of memory", d->file);
	return d->err;
}

static int write_report(struct database *d, const struct cpt_report *r)
{
	struct table_out out = {.sink = insert_row, .sink_ctx = d};

	for (size_t i = 0; export_tables[i].name && !d->err; i++) {
		d->insert = d->stream[i];
		if (export_tables[i].write && export_tables[i].write(&d->ctx[i].out, r) < 0)
			return no_memory(d);
	}
	for (const struct sqlite_table *t = sqlite_tables; t->name && !d->err; t++) {
		out.cols = t->cols;
		d->insert = create_table(d, t->name, t->help, t->cols);
		if (!d->insert)
			return d->err;
		if (t->write(&out, r) < 0)
			no_memory(d);
		sqlite3_finalize(d->insert);
	}
	return d->err;
}

static int add_views(struct database *d)
{
	char *sql;

	for (const char *const *index = sqlite_indexes; *index && !d->err; index++)
		execute(d, *index);
	for (const struct sqlite_view *v = sqlite_views; v->name && !d->err; v++) {
		sql = sqlite3_mprintf("CREATE VIEW %s AS %s; INSERT INTO columns VALUES (%Q, %Q, "
				      "NULL, NULL)",
				      v->name, v->sql, v->name, v->help);
		if (sql)
			execute(d, sql);
		else
			d->err = fail(-ENOMEM, "cannot write %s: out of memory", d->file);
		sqlite3_free(sql);
	}
	return d->err ? d->err : execute(d, "COMMIT");
}

static int fill(struct database *d, struct analysed *a, const char *trace,
		const struct cpt_analysis_opts *asked, uint64_t step_ns, const char *note)
{
	struct cpt_analysis_opts opts = *asked;
	int err = create_tables(d, trace_reader__meta(a->reader), note);

	if (err < 0)
		return err;
	opts.on_interval = stream_interval;
	opts.on_step = stream_step;
	opts.step_ns = step_ns;
	opts.ctx = d;
	err = analysed__run(a, trace, &opts);
	if (d->err)
		return d->err;
	if (err < 0) {
		/* The limit of steps is not said elsewhere. */
		return err != -E2BIG
			       ? err
			       : fail(err,
				      "cannot export %s: too many steps; choose a longer --step",
				      trace);
	}
	err = write_report(d, a->report);
	return err < 0 ? err : add_views(d);
}

/* The name must still lead to the file that was created for us: a directory can be somebody else's. */
static int open_same(struct database *d, const struct output_file *out)
{
	struct stat ours, named;

	if (sqlite3_open_v2(out->temp, &d->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOFOLLOW,
			    NULL) != SQLITE_OK)
		return failed(d);
	if (fstat(out->fd, &ours) < 0 || lstat(out->temp, &named) < 0 ||
	    ours.st_dev != named.st_dev || ours.st_ino != named.st_ino)
		return d->err = fail(-EBUSY, "cannot write %s: it was replaced meanwhile", d->file);
	return 0;
}

static void close_database(struct database *d)
{
	for (size_t i = 0; i < TABLES_MAX; i++)
		sqlite3_finalize(d->stream[i]);
	if (sqlite3_close(d->db) != SQLITE_OK && !d->err)
		failed(d);
	free(d->ctx);
}

int export_sqlite__write(struct analysed *a, const char *trace,
			 const struct cpt_analysis_opts *opts, uint64_t step_ns, const char *note,
			 const char *file)
{
	struct database d = {.file = file};
	struct output_file out;
	int err = output_file__create(&out, file, OUTPUT_SEEKABLE | OUTPUT_NAMED);

	if (err < 0)
		return err;
	err = open_same(&d, &out);
	if (!err)
		err = fill(&d, a, trace, opts, step_ns, note);
	close_database(&d);
	if (!err)
		err = d.err;
	if (!err)
		err = output_file__publish(&out, 0);
	output_file__discard(&out);
	return err;
}
