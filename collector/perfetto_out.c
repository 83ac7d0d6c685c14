// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* perfetto_out.c - see perfetto_out.h. */
#include "perfetto_out.h"

#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "escape.h"
#include "perfetto.pb-c.h"

#define SEQUENCE      1 /* number of the one packet sequence */
#define STATE_CLEARED 1
#define NEEDS_STATE   2
#define CLOCK_REAL    1
#define CLOCK_MONO    3
#define CLOCK_BOOT    6

/* Events that are kept, a power of two: a few for each of some thousand threads that run in turn. */
#define EVENTS_KEPT 16384u
#define EVENT_SZ    72 /* the largest: a slice with name, category, note and flow has 58 bytes */
#define BUFFER_SZ   (256u << 10)
#define VARINT_SZ   10
#define FLOW_SZ	    8
#define PACKET_HOT  (2 * (1 + VARINT_SZ) + EVENT_SZ)

/* Field number and wire type of Trace.packet and TracePacket.timestamp: all that is written beside the
 * library. */
#define TAG_PACKET    (1 << 3 | 2)
#define TAG_TIMESTAMP (8 << 3 | 0)

struct kept {
	struct pf_event key; /* type 0: free */
	uint8_t len;
	uint8_t bytes[EVENT_SZ];
};

struct pf_out {
	FILE *f;
	int err;
	size_t len; /* of what is in the buffer */
	struct kept *kept;
	uint8_t buffer[BUFFER_SZ];
};

struct pf_out *pf_out__new(FILE *f)
{
	struct pf_out *out = malloc(sizeof(*out));

	if (!out)
		return NULL;
	out->f = f;
	out->err = 0;
	out->len = 0;
	out->kept = calloc(EVENTS_KEPT, sizeof(*out->kept));
	if (!out->kept) {
		free(out);
		return NULL;
	}
	return out;
}

void pf_out__free(struct pf_out *out)
{
	if (!out)
		return;
	free(out->kept);
	free(out);
}

static int put(struct pf_out *out, const void *bytes, size_t len)
{
	errno = 0;
	if (!out->err && len && fwrite(bytes, 1, len, out->f) != len)
		out->err = errno ? -errno : -EIO;
	return out->err;
}

static int empty_buffer(struct pf_out *out)
{
	size_t len = out->len;

	out->len = 0;
	return put(out, out->buffer, len);
}

int pf_out__flush(struct pf_out *out)
{
	if (!empty_buffer(out) && fflush(out->f) != 0)
		out->err = -errno;
	return out->err;
}

static inline uint8_t *put_varint(uint8_t *to, uint64_t n)
{
	for (; n >= 0x80; n >>= 7)
		*to++ = (uint8_t)(n | 0x80);
	*to++ = (uint8_t)n;
	return to;
}

/* ---- rare packets ------------------------------------------------------------------------------- */

static int put_packet(struct pf_out *out, Pf__TracePacket *packet)
{
	Pf__Trace trace = PF__TRACE__INIT;
	uint8_t *bytes;
	size_t len;

	packet->has_trusted_packet_sequence_id = 1;
	packet->trusted_packet_sequence_id = SEQUENCE;
	trace.n_packet = 1;
	trace.packet = &packet;
	len = pf__trace__get_packed_size(&trace);
	if (out->err || empty_buffer(out))
		return out->err;
	bytes = len <= BUFFER_SZ ? out->buffer : malloc(len);
	if (!bytes)
		return out->err = -ENOMEM;
	len = pf__trace__pack(&trace, bytes);
	put(out, bytes, len);
	if (bytes != out->buffer)
		free(bytes);
	return out->err;
}

static Pf__Clock a_clock(uint32_t id, uint64_t ns)
{
	Pf__Clock clock = PF__CLOCK__INIT;

	clock.has_clock_id = clock.has_timestamp = 1;
	clock.clock_id = id;
	clock.timestamp = ns;
	return clock;
}

int pf_out__begin(struct pf_out *out, uint64_t mono_ns, uint64_t boot_ns, uint64_t real_ns)
{
	Pf__Clock at[] = {a_clock(CLOCK_MONO, mono_ns), a_clock(CLOCK_BOOT, boot_ns),
			  a_clock(CLOCK_REAL, real_ns)};
	Pf__Clock *clocks[] = {&at[0], &at[1], &at[2]};
	Pf__ClockSnapshot snapshot = PF__CLOCK_SNAPSHOT__INIT;
	Pf__TracePacketDefaults defaults = PF__TRACE_PACKET_DEFAULTS__INIT;
	Pf__TracePacket packet = PF__TRACE_PACKET__INIT;

	defaults.has_timestamp_clock_id = 1;
	defaults.timestamp_clock_id = CLOCK_MONO;
	packet.trace_packet_defaults = &defaults;
	packet.has_sequence_flags = packet.has_first_packet_on_sequence = 1;
	packet.sequence_flags = STATE_CLEARED;
	packet.first_packet_on_sequence = 1;
	if (put_packet(out, &packet))
		return out->err;
	packet = (Pf__TracePacket)PF__TRACE_PACKET__INIT;
	snapshot.n_clocks = 3;
	snapshot.clocks = clocks;
	snapshot.has_primary_trace_clock = 1;
	snapshot.primary_trace_clock = CLOCK_MONO;
	packet.clock_snapshot = &snapshot;
	return put_packet(out, &packet);
}

/* Bytes as valid UTF-8; the caller frees. NULL without memory. */
static char *as_text(const char *raw)
{
	struct strbuf text = {0};

	utf8_add_valid(&text, raw, strlen(raw));
	if (text.failed) {
		strbuf__free(&text);
		return NULL;
	}
	return text.s ? text.s : calloc(1, 1);
}

#define UNIT_COUNT 2

int pf_out__track(struct pf_out *out, const struct pf_track *t)
{
	Pf__TrackDescriptor track = PF__TRACK_DESCRIPTOR__INIT;
	Pf__ProcessDescriptor process = PF__PROCESS_DESCRIPTOR__INIT;
	Pf__ThreadDescriptor thread = PF__THREAD_DESCRIPTOR__INIT;
	Pf__CounterDescriptor counter = PF__COUNTER_DESCRIPTOR__INIT;
	Pf__TracePacket packet = PF__TRACE_PACKET__INIT;
	char *name = as_text(t->name), *command = as_text(t->command ? t->command : "");

	track.has_uuid = process.has_pid = thread.has_pid = thread.has_tid = counter.has_unit = 1;
	track.uuid = t->uuid;
	track.has_parent_uuid = t->parent != 0;
	track.parent_uuid = t->parent;
	process.pid = thread.pid = t->pid;
	thread.tid = t->tid;
	thread.thread_name = process.process_name = name;
	process.n_cmdline = command && *command;
	process.cmdline = &command;
	counter.unit = UNIT_COUNT;
	track.counter = t->counter ? &counter : NULL;
	track.thread = t->tid ? &thread : NULL;
	track.process = t->pid && !t->tid ? &process : NULL;
	track.name = t->pid ? NULL : name;
	packet.track_descriptor = &track;
	if (!name || !command)
		out->err = -ENOMEM;
	put_packet(out, &packet);
	free(name);
	free(command);
	return out->err;
}

int pf_out__name(struct pf_out *out, enum pf_names kind, uint64_t iid, const char *name)
{
	Pf__InternedString string = PF__INTERNED_STRING__INIT, *strings = &string;
	Pf__InternedData data = PF__INTERNED_DATA__INIT;
	Pf__TracePacket packet = PF__TRACE_PACKET__INIT;

	string.has_iid = 1;
	string.iid = iid;
	string.name = as_text(name);
	if (!string.name)
		return out->err = -ENOMEM;
	switch (kind) {
	case PF_NAMES_CATEGORY:
		data.n_event_categories = 1;
		data.event_categories = &strings;
		break;
	case PF_NAMES_EVENT:
		data.n_event_names = 1;
		data.event_names = &strings;
		break;
	case PF_NAMES_NOTE:
		data.n_debug_annotation_names = 1;
		data.debug_annotation_names = &strings;
		break;
	case PF_NAMES_TEXT:
		data.n_debug_annotation_string_values = 1;
		data.debug_annotation_string_values = &strings;
		break;
	}
	packet.interned_data = &data;
	packet.has_sequence_flags = 1;
	packet.sequence_flags = NEEDS_STATE;
	put_packet(out, &packet);
	free(string.name);
	return out->err;
}

/* ---- events ------------------------------------------------------------------------------------- */

static void fill_event(Pf__TrackEvent *te, const struct pf_event *ev)
{
	te->has_type = te->has_track_uuid = 1;
	te->type = ev->type;
	te->track_uuid = ev->track;
	te->has_name_iid = ev->name != 0;
	te->name_iid = ev->name;
	te->has_counter_value = ev->type == PF_COUNTER;
	te->counter_value = ev->value;
	te->n_flow_ids = ev->flow == PF_FLOW_BEGINS;
	te->n_terminating_flow_ids = ev->flow == PF_FLOW_ENDS;
}

/* The event's bytes without length and time: first what is no event, so that a flow's number is last. */
static int make(struct kept *k, const struct pf_event *ev)
{
	uint64_t category = ev->category, no_flow = 0;
	Pf__TracePacket packet = PF__TRACE_PACKET__INIT, rest = PF__TRACE_PACKET__INIT;
	Pf__TrackEvent te = PF__TRACK_EVENT__INIT;
	Pf__DebugAnnotation note = PF__DEBUG_ANNOTATION__INIT, count = PF__DEBUG_ANNOTATION__INIT;
	Pf__DebugAnnotation *notes[2];

	fill_event(&te, ev);
	te.n_category_iids = category != 0;
	te.category_iids = &category;
	te.flow_ids = te.terminating_flow_ids = &no_flow;
	note.has_name_iid = note.has_string_value_iid = 1;
	note.name_iid = PF_NOTE_NAME;
	note.string_value_iid = ev->note;
	count.has_name_iid = count.has_uint_value = 1;
	count.name_iid = PF_NOTE_COUNT;
	count.uint_value = (uint64_t)ev->value;
	if (ev->note)
		notes[te.n_debug_annotations++] = &note;
	if (ev->value && ev->type != PF_COUNTER)
		notes[te.n_debug_annotations++] = &count;
	te.debug_annotations = notes;
	rest.has_trusted_packet_sequence_id = rest.has_sequence_flags = 1;
	rest.trusted_packet_sequence_id = SEQUENCE;
	rest.sequence_flags = NEEDS_STATE;
	packet.track_event = &te;
	if (pf__trace_packet__get_packed_size(&rest) + pf__trace_packet__get_packed_size(&packet) >
	    EVENT_SZ)
		return -EOVERFLOW;
	k->key = *ev;
	k->len = (uint8_t)pf__trace_packet__pack(&rest, k->bytes);
	k->len += (uint8_t)pf__trace_packet__pack(&packet, k->bytes + k->len);
	return 0;
}

static inline bool same(const struct pf_event *a, const struct pf_event *b)
{
	return a->track == b->track && a->value == b->value && a->name == b->name &&
	       a->category == b->category && a->note == b->note && a->type == b->type &&
	       a->flow == b->flow;
}

static inline uint32_t place_of(const struct pf_event *ev)
{
	const uint64_t golden = UINT64_C(0x9e3779b97f4a7c15); /* multiplicative hashing */
	uint64_t h = ev->track * 8 + ev->type + ((uint64_t)ev->flow << 40);

	h = (h * golden ^ ev->name ^ (uint64_t)ev->note << 32) * golden;
	h = (h ^ (uint64_t)ev->value) * golden;
	return (uint32_t)(h >> 32) % EVENTS_KEPT;
}

int pf_out__event(struct pf_out *out, uint64_t ts_ns, const struct pf_event *ev, uint64_t flow)
{
	struct kept *k = &out->kept[place_of(ev)];
	uint8_t time[1 + VARINT_SZ], *end = time, *to;

	if (out->err)
		return out->err;
	if (!same(&k->key, ev)) {
		out->err = make(k, ev);
		if (out->err)
			return out->err;
	}
	if (out->len > BUFFER_SZ - PACKET_HOT && empty_buffer(out))
		return out->err;
	*end++ = TAG_TIMESTAMP;
	end = put_varint(end, ts_ns);
	to = out->buffer + out->len;
	*to++ = TAG_PACKET;
	to = put_varint(to, (uint64_t)(end - time) + k->len);
	memcpy(to, time, sizeof(time));
	to += end - time;
	memcpy(to, k->bytes, EVENT_SZ);
	to += k->len;
	if (ev->flow) {
		flow = htole64(flow);
		memcpy(to - FLOW_SZ, &flow, FLOW_SZ);
	}
	out->len = (size_t)(to - out->buffer);
	return 0;
}
