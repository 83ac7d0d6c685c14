# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""perfetto_trace.py - a Perfetto trace as its readers see it: protoc decodes, this follows the rules.

decode(bytes) -> Trace. What the format's documentation demands of a writer is demanded here: no field that
the public schema does not know, names interned and tracks described before they are used, slices of a track
nested, valid UTF-8. Broken ones raise Malformed.
"""

import collections
import os
import re
import subprocess

HERE = os.path.dirname(os.path.abspath(__file__))
LINE = re.compile(r'\s*(?:(\w+) \{|(\w+): (?:"((?:[^"\\]|\\.)*)"|(\S+))|(\}))$')
ESCAPE = re.compile(rb"\\([0-7]{1,3}|.)")
PLAIN = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b'"': b'"', b"'": b"'", b"\\": b"\\"}

Slice = collections.namedtuple("Slice", "start end name category note flows_in flows_out")
Instant = collections.namedtuple("Instant", "time name category flows_in flows_out")


class Malformed(Exception):
    """The trace breaks a rule of the format."""


class Trace:
    """What a trace says. Dictionaries are by the number of the track."""

    def __init__(self):
        self.tracks = {}                                # -> descriptor
        self.slices = collections.defaultdict(list)
        self.instants = collections.defaultdict(list)
        self.counters = collections.defaultdict(list)   # -> [(time, value)]
        self.clocks = {}


def unescape(text):
    def one(found):
        code = found[1]
        return PLAIN[code] if code in PLAIN else bytes([int(code, 8)])
    return ESCAPE.sub(one, text.encode()).decode("utf-8")  # invalid UTF-8 raises


def messages(text):
    """The packets of protoc's text, each as {field: [values]}."""
    packet, stack = None, []
    for line in text.splitlines():
        found = LINE.match(line)
        if not found:
            raise Malformed(f"not understood: {line}")
        opens, field, string, word, closes = found.groups()
        if (opens or field or "").isdigit():
            raise Malformed(f"a field that the schema does not know: {line.strip()}")
        if opens and packet is None:
            packet = collections.defaultdict(list)
            stack = [packet]
        elif opens:
            inner = collections.defaultdict(list)
            stack[-1][opens].append(inner)
            stack.append(inner)
        elif field:
            stack[-1][field].append(unescape(string) if string is not None else word)
        elif closes:
            stack.pop()
            if not stack:
                yield packet
                packet = None


class Reader:
    """Follows the packets of one sequence."""

    def __init__(self):
        self.trace = Trace()
        self.names = collections.defaultdict(dict)  # kind -> {iid: name}
        self.clock = None
        self.cleared = False
        self.events = []

    def intern(self, data):
        for kind, entries in data.items():
            for entry in entries:
                iid, name = entry["iid"][0], entry.get("name", entry["str"])[0]
                if self.names[kind].setdefault(iid, name) != name:
                    raise Malformed(f"{kind} {iid} is {self.names[kind][iid]} and {name}")

    def named(self, kind, iids):
        for iid in iids:
            if iid not in self.names[kind]:
                raise Malformed(f"{kind} {iid} is used before it is interned")
        return [self.names[kind][iid] for iid in iids]

    def describe(self, track):
        uuid = track["uuid"][0]
        parent = track["parent_uuid"]
        if uuid in self.trace.tracks or uuid == "0":
            raise Malformed(f"track {uuid} is described twice, or is 0")
        if parent and parent[0] not in self.trace.tracks:
            raise Malformed(f"the parent of track {uuid} is not known")
        self.trace.tracks[uuid] = track

    def event(self, packet):
        event = packet["track_event"][0]
        uuid = event["track_uuid"][0]
        if packet["sequence_flags"] != ["2"] or not self.cleared or self.clock != "3":
            raise Malformed("an event without the state it needs")
        if uuid not in self.trace.tracks:
            raise Malformed(f"an event on track {uuid}, which nobody described")
        notes = [f"{self.named('debug_annotation_names', note['name_iid'])[0]}="
                 f"{(note['uint_value'] or self.named('debug_annotation_string_values', note['string_value_iid']))[0]}"
                 for note in event["debug_annotations"]]
        self.events.append((int(packet["timestamp"][0]), len(self.events), event["type"][0], uuid,
                            (self.named("event_names", event["name_iid"]) + [None])[0],
                            (self.named("event_categories", event["category_iids"]) + [None])[0],
                            (notes + [None])[0], event["terminating_flow_ids"], event["flow_ids"],
                            event["counter_value"]))

    def packet(self, packet):
        if packet["trusted_packet_sequence_id"] != ["1"]:
            raise Malformed("a packet of no sequence, or of another one")
        if packet["sequence_flags"] == ["1"]:
            self.cleared = True
        for defaults in packet["trace_packet_defaults"]:
            self.clock = defaults["timestamp_clock_id"][0]
        for snapshot in packet["clock_snapshot"]:
            self.trace.clocks = {clock["clock_id"][0]: int(clock["timestamp"][0])
                                 for clock in snapshot["clocks"]}
        for data in packet["interned_data"]:
            self.intern(data)
        for track in packet["track_descriptor"]:
            self.describe(track)
        if packet["track_event"]:
            self.event(packet)

    def place(self):
        """Events in the order of time; those of one time as they stand in the file."""
        stacks = collections.defaultdict(list)
        for time, _, kind, uuid, name, category, note, ends, begins, value in sorted(
                self.events, key=lambda e: e[:2]):
            counter = bool(self.trace.tracks[uuid]["counter"])
            if counter != (kind == "TYPE_COUNTER"):
                raise Malformed(f"{kind} on track {uuid}")
            if kind == "TYPE_COUNTER":
                self.trace.counters[uuid].append((time, int(value[0])))
            elif kind == "TYPE_INSTANT":
                self.trace.instants[uuid].append(Instant(time, name, category, ends, begins))
            elif kind == "TYPE_SLICE_BEGIN":
                stacks[uuid].append((time, name, category, note, ends, begins))
            elif not stacks[uuid]:
                raise Malformed(f"an end of nothing on track {uuid} at {time}")
            else:
                start, *rest = stacks[uuid].pop()
                self.trace.slices[uuid].append(Slice(start, time, *rest))
        if any(stacks.values()):
            raise Malformed("slices that do not end")
        return self.trace


def decode(data):
    text = subprocess.run(["protoc", f"-I{HERE}", "--decode=perfetto.protos.Trace",
                           "perfetto_public.proto"], input=data, capture_output=True, check=True,
                          timeout=300).stdout.decode("ascii")
    reader = Reader()
    for packet in messages(text):
        reader.packet(packet)
    return reader.place()
