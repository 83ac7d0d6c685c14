// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What is made of stacks: folded lines, the hot table, spin loops, kernel symbols, options. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../collector/folded.h"
#include "../../collector/kallsyms.h"
#include "../../collector/run_opts.h"
#include "../../collector/spin_code.h"
#include "../../collector/text_stacks.h"

static bool x86(const char *code, size_t sz, size_t at)
{
	return spin_code__is_loop(SPIN_X86_64, (const uint8_t *)code, sz, at);
}

static void a_pause_in_a_short_loop_is_spinning(void **state)
{
	/* 0: pause; 2: cmp [rdi], eax; 4: jne 0; 6: ret */
	static const char loop[] = "\xf3\x90\x39\x07\x75\xfa\xc3";
	/* the same without the pause: nop nop */
	static const char work[] = "\x90\x90\x39\x07\x75\xfa\xc3";
	/* pause, then a jump forward: no loop */
	static const char once[] = "\xf3\x90\x39\x07\x75\x01\xc3\xc3";
	/* 0: pause; 2: test; 4: jne near to 0 */
	static const char near[] = "\xf3\x90\x85\xc0\x0f\x85\xf6\xff\xff\xff\xc3";

	for (size_t at = 0; at < 6; at++)
		assert_true(x86(loop, sizeof(loop) - 1, at));
	assert_false(x86(loop, sizeof(loop) - 1, 6)); /* behind it */
	for (size_t at = 0; at < 7; at++) {
		assert_false(x86(work, sizeof(work) - 1, at));
		assert_false(x86(once, sizeof(once) - 1, at));
	}
	assert_true(x86(near, sizeof(near) - 1, 4));
	assert_false(x86(near, sizeof(near) - 1, 10));
	/* Cut off within the jump, and an address that is not there. */
	assert_false(x86(loop, 5, 0));
	assert_false(x86(loop, 3, 7));
	(void)state;
}

static void a_yield_in_a_short_loop_is_spinning_on_arm64(void **state)
{
	/* 0: yield; 4: ldr w0, [x1]; 8: cbnz w0, 0; 12: ret */
	static const uint8_t loop[] = {0x3f, 0x20, 0x03, 0xd5, 0x20, 0x00, 0x40, 0xb9,
				       0xc0, 0xff, 0xff, 0x35, 0xc0, 0x03, 0x5f, 0xd6};

	assert_true(spin_code__is_loop(SPIN_ARM64, loop, sizeof(loop), 4));
	assert_false(spin_code__is_loop(SPIN_ARM64, loop, sizeof(loop), 12));
	assert_false(spin_code__is_loop(SPIN_ARCH_UNKNOWN, loop, sizeof(loop), 4));
	assert_int_equal(spin_code__arch("aarch64"), SPIN_ARM64);
	assert_int_equal(spin_code__arch("riscv64"), SPIN_ARCH_UNKNOWN);
	(void)state;
}

static void kernel_functions_are_found_by_address(void **state)
{
	struct kallsyms *ks = kallsyms__parse(strdup("ffffffff81000200 T schedule\n"
						     "ffffffff81000100 t __schedule\n"
						     "ffffffff81000150 D no_function\n"
						     "garbage\n"
						     "ffffffffc0000000 t helper\t[some_module]\n"));
	const char *name = "", *module = "";

	assert_non_null(ks);
	assert_false(kallsyms__find(ks, 0xffffffff810000ffull, &name, &module));
	assert_true(kallsyms__find(ks, 0xffffffff810001ffull, &name, &module));
	assert_string_equal(name, "__schedule");
	assert_string_equal(module, "[kernel]");
	assert_true(kallsyms__find(ks, 0xffffffffc0000010ull, &name, &module));
	assert_string_equal(name, "helper");
	assert_string_equal(module, "[some_module]");
	assert_false(kallsyms__find(NULL, 1, &name, &module));
	kallsyms__free(ks);
	/* As the kernel hides them: all zeros. */
	assert_null(kallsyms__parse(strdup("0000000000000000 T schedule\n")));
	(void)state;
}

/* One thread name that would break the format, two stacks of equal names, a wait without a stack. */
struct facts {
	struct cpt_stacks *table;
	struct cpt_site at[4];
	char names[2][CPT_COMM_LEN];
	struct cpt_sites sites;
	struct cpt_report report;
};

static void draw_facts(struct facts *f)
{
	const struct cpt_frame a[2] = {
		{.symbol = "leaf", .module = "app", .file = "", .offset = 1},
		{.symbol = "ma;in\n", .module = "app", .file = "", .offset = 9}};
	const struct cpt_frame b[2] = {{.symbol = "leaf", .module = "app", .file = "", .offset = 2},
				       a[1]};
	const struct cpt_frame k[1] = {{.symbol = "",
					.module = "[kernel]",
					.file = "",
					.offset = 0x77,
					.flags = CPT_FRAME_KERNEL}};

	memset(f, 0, sizeof(*f));
	f->table = stacks__new();
	assert_int_equal(stacks__add(f->table, a, 2), 1);
	assert_int_equal(stacks__add(f->table, b, 2), 2);
	assert_int_equal(stacks__add(f->table, k, 1), 3);
	strcpy(f->names[0], "wor;ker");
	strcpy(f->names[1], "main");
	f->at[0] = (struct cpt_site){
		.user = 1, .kernel = 3, .wait_ns = 10, .lost_ns = 4.6, .reason = CPT_REASON_LOCK};
	f->at[1] = (struct cpt_site){
		.user = 2, .kernel = 3, .wait_ns = 5, .lost_ns = 0.6, .reason = CPT_REASON_LOCK};
	f->at[2] = (struct cpt_site){.name = 1, .wait_ns = 7, .reason = CPT_REASON_SLEEP};
	f->at[3] = (struct cpt_site){
		.name = 1, .user = 1, .reason = CPT_REASON_CNT, .samples = 3, .latency = 2};
	f->sites = (struct cpt_sites){.stacks = true,
				      .sample_hz = 1000,
				      .table = f->table,
				      .names = f->names,
				      .name_cnt = 2,
				      .at = f->at,
				      .cnt = 4,
				      .samples = 3,
				      .latency = 2};
	f->report.sites = &f->sites;
}

static void expect_folded(const struct facts *f, enum folded_weight weight, const char *want)
{
	struct strbuf out = {0};

	assert_true(folded__available(&f->report, weight));
	folded__add(&out, &f->report, weight);
	assert_string_equal(strbuf__str(&out), want);
	strbuf__free(&out);
}

static void folded_lines_sum_and_keep_the_format(void **state)
{
	struct facts f;

	draw_facts(&f);
	expect_folded(&f, FOLDED_WAIT,
		      "main;[no stack];[sleep] 7\n"
		      "wor:ker;ma:in\\n;leaf;[kernel]+0x77_[k] 15\n");
	expect_folded(&f, FOLDED_LOST, "wor:ker;ma:in\\n;leaf;[kernel]+0x77_[k] 5\n");
	expect_folded(&f, FOLDED_CPU, "main;ma:in\\n;leaf 3000000\n");
	expect_folded(&f, FOLDED_LATENCY, "main;ma:in\\n;leaf 2000000\n");
	f.sites.stacks = false;
	assert_false(folded__available(&f.report, FOLDED_WAIT));
	assert_true(folded__available(&f.report, FOLDED_CPU));
	f.report.sites = NULL;
	assert_false(folded__available(&f.report, FOLDED_CPU));
	stacks__free(f.table);
	(void)state;
}

static void busy_waiting_is_one_line_beside_the_profile(void **state)
{
	const struct text_style style = {.width = 80};
	struct cpt_thread threads[2] = {{.running_ns = 1000000000, .yields = 100000},
					{.running_ns = 1000000000, .yields = 10}};
	struct cpt_report r = {.threads_tab = threads, .threads_cnt = 2};
	struct cpt_sites s = {.samples = 100,
			      .spin_share = 0.4,
			      .spin_error = 0.1,
			      .effective = 1.2,
			      .effective_error = 0.2};
	struct strbuf out = {0};

	text_stacks__spin(&out, &r, &style);
	assert_non_null(strstr(strbuf__str(&out), "1 thread busy in sched_yield"));
	assert_non_null(strstr(strbuf__str(&out), "100,000 times a second"));
	strbuf__clear(&out);
	r.sites = &s;
	text_stacks__spin(&out, &r, &style);
	assert_non_null(strstr(strbuf__str(&out), "effective 1.20 +- 0.20"));
	assert_non_null(strstr(strbuf__str(&out), "40 +- 10 %"));
	strbuf__clear(&out);
	s.spin_share = 0;
	text_stacks__spin(&out, &r, &style);
	assert_string_equal(strbuf__str(&out), "");
	strbuf__free(&out);
	(void)state;
}

static int parse(struct run_opts *o, const char *option)
{
	char *argv[] = {"run", (char *)option, "cmd", NULL};
	struct strbuf err = {0};
	int first, ret;

	run_opts__init(o);
	ret = cli_parse(run_options, o, 3, argv, &first, &err);
	if (!ret)
		assert_int_equal(first, 2);
	strbuf__free(&err);
	return ret;
}

static void sample_takes_its_rate_in_the_same_word_only(void **state)
{
	struct run_opts o;

	assert_int_equal(parse(&o, "--sample"), 0);
	assert_int_equal(record_opts__sample_hz(&o.rec), 997);
	assert_int_equal(parse(&o, "--sample=100"), 0);
	assert_int_equal(record_opts__sample_hz(&o.rec), 100);
	assert_true(parse(&o, "--sample=0") < 0);
	assert_true(parse(&o, "--sample=") < 0);
	assert_int_equal(parse(&o, "--stacks"), 0);
	assert_true(o.rec.stacks);
	assert_int_equal(record_opts__sample_hz(&o.rec), 997);
	assert_int_equal(parse(&o, "--quiet"), 0);
	assert_int_equal(record_opts__sample_hz(&o.rec), 0);
	(void)state;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_pause_in_a_short_loop_is_spinning),
		cmocka_unit_test(a_yield_in_a_short_loop_is_spinning_on_arm64),
		cmocka_unit_test(kernel_functions_are_found_by_address),
		cmocka_unit_test(folded_lines_sum_and_keep_the_format),
		cmocka_unit_test(busy_waiting_is_one_line_beside_the_profile),
		cmocka_unit_test(sample_takes_its_rate_in_the_same_word_only),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
