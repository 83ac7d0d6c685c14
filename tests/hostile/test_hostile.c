// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Every prefix of a trace and every byte of it changed: the reader refuses or says what is missing. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../analysis/trace_format.h"
#include "../support/event_list.h"
#include "hostile.h"

#define SEED  4
#define STEPS 300

static struct bytes sample, stored;

static int set_up(void **state)
{
	sample = sample_trace(SEED, STEPS);
	stored = store_columns(sample);
	return 0;
}

static int tear_down(void **state)
{
	free(sample.at);
	free(stored.at);
	return 0;
}

static struct event_list read_events(struct bytes b)
{
	const int fd = memfd_create("hostile", MFD_CLOEXEC);
	struct event_list l = {0};

	assert_int_equal(write(fd, b.at, b.sz), b.sz);
	assert_int_equal(event_list__read(&l, fd, NULL), 0);
	close(fd);
	return l;
}

/* The sample is worth mistreating only if it has everything. */
static void sample_has_every_kind_of_event_and_section(void **state)
{
	struct event_list l = read_events(sample);
	unsigned types = 0, sections = 0, marks = 0;
	struct section s;

	for (size_t i = 0; i < l.cnt; i++)
		if (l.ev[i].type == CPT_EV_MARK)
			marks |= (l.ev[i].task ? 1u : 2u) | (*l.ev[i].mark ? 4u : 8u);
		else
			types |= 1u << l.ev[i].type;
	assert_int_equal(marks, 15);
	for (uint32_t type = CPT_EV_SWITCH; type < CPT_EV_CNT; type++)
		assert_true(types & 1u << type);
	for (size_t at = TRACE_HEADER_SZ; at < sample.sz; at += SECTION_HEADER_SZ + s.sz) {
		assert_int_equal(section__decode(&s, sample.at + at), 0);
		sections |= 1u << s.type;
	}
	assert_int_equal(sections, 1u << SECTION_META | 1u << SECTION_BLOCK | 1u << SECTION_LATE |
					   1u << SECTION_WORDS | 1u << SECTION_MARKS |
					   1u << SECTION_CLOSE);
	assert_false(read_hostile(sample.at, sample.sz).incomplete);
	assert_false(read_hostile(stored.at, stored.sz).incomplete);
	assert_int_equal(read_hostile(sample.at, sample.sz).hash,
			 read_hostile(stored.at, stored.sz).hash);
	event_list__clear(&l);
}

/* The next event at or behind i; marks: the next mark. They come in sections of their own, before the block of their time. */
static size_t next_of(const struct event_list *l, size_t i, bool marks)
{
	while (i < l->cnt && (l->ev[i].type == CPT_EV_MARK) != marks)
		i++;
	return i;
}

/* What is read of a prefix is what the whole trace begins with. Only late facts may be missing. */
static void assert_beginning(const struct event_list *part, const struct event_list *whole,
			     bool marks)
{
	size_t j = next_of(whole, 0, marks);

	for (size_t i = next_of(part, 0, marks); i < part->cnt; i = next_of(part, i + 1, marks)) {
		while (j < whole->cnt && whole->ev[j].type == CPT_EV_WAKE &&
		       (part->ev[i].type != CPT_EV_WAKE ||
			part->ev[i].ts_ns != whole->ev[j].ts_ns ||
			part->ev[i].task != whole->ev[j].task))
			j = next_of(whole, j + 1, marks);
		assert_true(j < whole->cnt);
		assert_int_equal(part->ev[i].ts_ns, whole->ev[j].ts_ns);
		assert_int_equal(part->ev[i].type, whole->ev[j].type);
		assert_int_equal(part->ev[i].task, whole->ev[j].task);
		if (part->ev[i].type == CPT_EV_SWITCH && part->ev[i].end != CPT_END_OPEN)
			assert_int_equal(part->ev[i].end, whole->ev[j].end);
		if (marks)
			assert_string_equal(part->ev[i].mark, whole->ev[j].mark);
		j = next_of(whole, j + 1, marks);
	}
}

/* Events of a file that is cut off behind its last block: marks behind that are left out. */
static size_t without_late_marks(const struct event_list *l)
{
	uint64_t last_ns = 0;
	size_t cnt = 0;

	for (size_t i = 0; i < l->cnt; i++)
		if (l->ev[i].type != CPT_EV_MARK && l->ev[i].ts_ns > last_ns)
			last_ns = l->ev[i].ts_ns;
	for (size_t i = 0; i < l->cnt; i++)
		cnt += l->ev[i].type != CPT_EV_MARK || l->ev[i].ts_ns <= last_ns;
	return cnt;
}

static void every_prefix_is_refused_or_reads_up_to_the_cut(void **state)
{
	struct event_list whole = read_events(sample);
	size_t last_cnt = 0;

	for (size_t sz = 0; sz < sample.sz; sz++) {
		const struct reading got = read_hostile(sample.at, sz);

		assert_true(got.open_errno || got.incomplete);
		assert_true(!got.open_errno || got.open_errno == ENODATA ||
			    got.open_errno == EBADMSG);
		assert_true(got.event_cnt >= last_cnt);
		if (got.event_cnt > last_cnt) {
			struct event_list part = read_events((struct bytes){sample.at, sz});

			assert_beginning(&part, &whole, false);
			assert_beginning(&part, &whole, true);
			event_list__clear(&part);
		}
		last_cnt = got.event_cnt;
	}
	/* The closing section alone was missing at the end. */
	assert_int_equal(last_cnt, without_late_marks(&whole));
	assert_true(last_cnt < whole.cnt);
	event_list__clear(&whole);
}

/* Without check sums repaired no change goes unnoticed. */
static void every_changed_byte_is_noticed(void **state)
{
	uint8_t *data = malloc(sample.sz);

	assert_non_null(data);
	memcpy(data, sample.at, sample.sz);
	for (size_t i = 0; i < sample.sz; i++) {
		const uint8_t masks[] = {(uint8_t)(1u << i % 8), 0xff, 0x80};

		for (size_t j = 0; j < sizeof(masks); j++) {
			struct reading got;

			data[i] ^= masks[j];
			got = read_hostile(data, sample.sz);
			assert_true(got.open_errno || got.incomplete);
			data[i] ^= masks[j];
		}
	}
	free(data);
}

static void change_all(struct bytes b)
{
	uint8_t *data = malloc(b.sz);

	assert_non_null(data);
	for (size_t i = 0; i < b.sz; i++) {
		const uint8_t values[] = {(uint8_t)(b.at[i] ^ 1u << i % 8), 0xff,
					  (uint8_t)(b.at[i] + 1), 0};

		for (size_t j = 0; j < sizeof(values); j++) {
			memcpy(data, b.at, b.sz);
			data[i] = values[j];
			repair_sums(data, b.sz);
			read_hostile(data, b.sz);
		}
	}
	free(data);
}

static void changed_byte_with_right_sums_breaks_nothing(void **state)
{
	change_all(sample);
}

static void changed_column_with_right_sums_breaks_nothing(void **state)
{
	change_all(stored);
}

/* Two sections in the wrong order, one twice, one missing. */
static void sections_may_be_shuffled(void **state)
{
	size_t at[64], sz[64], cnt = 0;
	struct section s;

	for (size_t pos = TRACE_HEADER_SZ; pos < sample.sz && cnt < 64; cnt++) {
		assert_int_equal(section__decode(&s, sample.at + pos), 0);
		at[cnt] = pos;
		sz[cnt] = SECTION_HEADER_SZ + s.sz;
		pos += sz[cnt];
	}
	for (size_t i = 0; i < cnt; i++) {
		for (size_t j = 0; j < cnt; j++) {
			uint8_t *data = malloc(2 * sample.sz), *p = data + TRACE_HEADER_SZ;

			assert_non_null(data);
			memcpy(data, sample.at, TRACE_HEADER_SZ);
			for (size_t k = 0; k < cnt; k++) {
				const size_t from = k == i ? j : k;

				memcpy(p, sample.at + at[from], sz[from]);
				p += sz[from];
			}
			read_hostile(data, (size_t)(p - data));
			free(data);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sample_has_every_kind_of_event_and_section),
		cmocka_unit_test(every_prefix_is_refused_or_reads_up_to_the_cut),
		cmocka_unit_test(every_changed_byte_is_noticed),
		cmocka_unit_test(changed_byte_with_right_sums_breaks_nothing),
		cmocka_unit_test(changed_column_with_right_sums_breaks_nothing),
		cmocka_unit_test(sections_may_be_shuffled),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
