// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* cmd_version.c - `cpartrace version`. */
#include "cmds.h"

#include "config.h"
#include "exit_status.h"

struct version_opts {
	bool build_options;
};

static const struct cli_option options[] = {
	{"build-options", 0, NULL, "how this program was built", cli_set_flag,
	 offsetof(struct version_opts, build_options), 0, 0, NULL},
	CLI_OPTIONS_END,
};

static void add_build_options(struct strbuf *out)
{
	strbuf__addf(out, "%14s: %s\n", "bpf",
		     CPT_WITH_BPF ? "on (run, record, doctor)"
				  : "OFF (report, export and script only)");
	if (CPT_WITH_BPF)
		strbuf__addf(out, "%14s: %s\n", "libbpf", CPT_BUILD_LIBBPF);
	strbuf__addf(out, "%14s: %s\n", "libdw",
		     CPT_WITH_LIBDW ? CPT_BUILD_LIBDW : "OFF (modules and offsets, no symbols)");
	strbuf__addf(out, "%14s: %s\n", "protobuf-c",
		     CPT_WITH_PROTOBUF ? CPT_BUILD_PROTOBUF : "OFF (no export for Perfetto)");
	strbuf__addf(out, "%14s: %s\n", "jansson", CPT_BUILD_JANSSON);
	strbuf__addf(out, "%14s: %s\n", "zlib", CPT_BUILD_ZLIB);
	strbuf__addf(out, "%14s: %s\n", "sqlite",
		     CPT_WITH_SQLITE ? CPT_BUILD_SQLITE : "OFF (no export -f sqlite)");
	strbuf__addf(out, "%14s: %s\n", "sanitizers", CPT_SANITIZE ? "on" : "OFF");
	strbuf__addf(out, "%14s: %s, %s, %s\n", "build", CPT_BUILD_TYPE, CPT_BUILD_COMPILER,
		     CPT_BUILD_ARCH);
}

static int run(const struct command *self, int argc, char *const *argv)
{
	struct version_opts o = {0};
	struct strbuf out = {0};
	int first, status;

	if (!command__parse(self, &o, argc, argv, &first, &status))
		return status;
	if (first < argc)
		return command__usage(self, "unexpected '%s'", argv[first]);
	strbuf__addf(&out, "cpartrace %s\n", CPT_VERSION);
	if (o.build_options)
		add_build_options(&out);
	status = command__print_buf(&out) < 0 ? CPT_STATUS_FAILED : CPT_STATUS_OK;
	strbuf__free(&out);
	return status;
}

const struct command cmd_version = {
	.name = "version",
	.args = "[--build-options]",
	.summary = "Prints the version.",
	.options = options,
	.run = run,
	.usage_status = CPT_STATUS_USAGE,
};
