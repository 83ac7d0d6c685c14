# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""A strict reader of the OpenMetrics 1.0 text format, as far as counters, gauges and histograms go.

Owns: the grammar and the rules beyond it. parse() gives families by name; Invalid says what is
wrong in which line. Prometheus' own reader for Python is asked as well, and the reader of the older text
format, which is that of node_exporter's textfiles: all must find the same. Must not know: any metric's
meaning.
"""

import math
import re

import prometheus_client.openmetrics.parser
import prometheus_client.parser

NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\"n])*)"')
COMMENT = re.compile(rf"# (HELP|TYPE|UNIT) ({NAME}) (.*)")
SAMPLE = re.compile(rf"({NAME})(\{{.*\}})? (\S+)")
NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?|[+-]?Inf|NaN")
# A base unit ends the name, and what is one in other systems is none.
UNITS = ("seconds", "bytes", "ratio")
ABBREVIATED = {"ns", "us", "ms", "nanoseconds", "microseconds", "milliseconds", "minutes", "percent", "kb",
               "mb", "sec", "secs"}
PEERS = (prometheus_client.openmetrics.parser.text_string_to_metric_families,
         prometheus_client.parser.text_string_to_metric_families)
SUFFIXES = {"counter": {"_total"}, "gauge": {""}, "histogram": {"_bucket", "_sum", "_count"}}


class Invalid(Exception):
    """The text is not OpenMetrics."""


class Sample:
    def __init__(self, suffix, labels, value):
        self.suffix, self.labels, self.value = suffix, labels, value


class Family:
    def __init__(self, name):
        self.name, self.samples = name, []
        self.facts = {}  # HELP, TYPE, UNIT


def parse(text):
    """Families by name, or Invalid."""
    if not text.endswith("# EOF\n"):
        raise Invalid("the last line is not # EOF")
    if "\r" in text:
        raise Invalid("a carriage return")
    families, current = {}, None
    for number, line in enumerate(text[:-len("# EOF\n")].split("\n")[:-1], 1):
        try:
            current = _line(line, families, current)
        except Invalid as err:
            raise Invalid(f"line {number}: {err}: {line!r}") from None
    for family in families.values():
        _check(family)
    ours = sorted((family.name + sample.suffix, sorted(sample.labels.items()), sample.value)
                  for family in families.values() for sample in family.samples)
    for reader in PEERS:
        try:
            theirs = sorted((sample.name, sorted(sample.labels.items()), float(sample.value))
                            for family in reader(text) for sample in family.samples)
        except ValueError as err:
            raise Invalid(f"{reader.__module__}: {err}") from None
        if theirs != ours:
            raise Invalid(f"{reader.__module__} finds other samples")
    _check_names(families)
    return families


def _check_names(families):
    """The conventions of Prometheus beyond the grammar: base units, which are the end of the name; _total for
    counters alone; one prefix for all."""
    for name, family in families.items():
        unit = family.facts.get("UNIT")
        for word in name.split("_"):
            if word in ABBREVIATED:
                raise Invalid(f"{name}: {word} is no base unit")
        if not name.startswith("cpartrace_") or re.search(r"[A-Z:]|__", name):
            raise Invalid(f"{name}: not a name as others are")
        if "HELP" not in family.facts or not family.facts["HELP"].endswith("."):
            raise Invalid(f"{name}: no sentence says what it is")
        if name.endswith(("_total", "_sum", "_count", "_bucket", "_info")):
            raise Invalid(f"{name}: a suffix that means something else")
        if (unit is None) == name.endswith(tuple("_" + one for one in UNITS)):
            raise Invalid(f"{name}: its unit is not said, or no unit")


def _line(line, families, current):
    comment = COMMENT.fullmatch(line)
    if comment:
        kind, name, rest = comment.groups()
        if current is None or current.name != name:
            if name in families:
                raise Invalid("a family in two places")
            current = families[name] = Family(name)
        if kind in current.facts or current.samples:
            raise Invalid(f"{kind} again, or after samples")
        if kind == "TYPE" and rest not in SUFFIXES:
            raise Invalid("an unknown type")
        if kind == "UNIT" and not name.endswith("_" + rest):
            raise Invalid("the name does not end with the unit")
        if kind == "HELP" and re.search(r'\\(?![\\"n])', rest):
            raise Invalid("a bad escape")
        current.facts[kind] = rest
        return current
    if line.startswith("#"):
        raise Invalid("a comment that is none of HELP, TYPE, UNIT, EOF")
    sample = SAMPLE.fullmatch(line)
    if not sample or current is None or "TYPE" not in current.facts:
        raise Invalid("not a sample of a family whose type is known")
    name, labels, value = sample.groups()
    suffix = name[len(current.name):]
    if not name.startswith(current.name) or suffix not in SUFFIXES[current.facts["TYPE"]]:
        raise Invalid("not a name of its family")
    if not NUMBER.fullmatch(value):
        raise Invalid("not a number")
    current.samples.append(Sample(suffix, _labels(labels), float(value)))
    return current


def _labels(text):
    found = {}
    if text is None:
        return found
    at, inside = 0, text[1:-1]
    while at < len(inside):
        label = LABEL.match(inside, at)
        if not label or label[1] in found:
            raise Invalid("bad or repeated labels")
        found[label[1]] = re.sub(r"\\(.)", lambda m: "\n" if m[1] == "n" else m[1], label[2])
        at = label.end()
        if at < len(inside):
            if inside[at] != "," or at + 1 == len(inside):
                raise Invalid("labels are separated by single commas")
            at += 1
    return found


def _check(family):
    if not family.samples:
        raise Invalid(f"{family.name} has no samples")
    seen = set()
    for sample in family.samples:
        key = (sample.suffix, tuple(sorted(sample.labels.items())))
        if key in seen:
            raise Invalid(f"{family.name}: {key} twice")
        seen.add(key)
        if family.facts["TYPE"] != "gauge" and not 0 <= sample.value < math.inf:
            raise Invalid(f"{family.name}: a count that is negative or endless")
    if family.facts["TYPE"] == "histogram":
        _check_histogram(family)


def _check_histogram(family):
    buckets = [(float(sample.labels["le"].replace("+Inf", "inf")), sample.value)
               for sample in family.samples if sample.suffix == "_bucket"]
    count = [sample.value for sample in family.samples if sample.suffix == "_count"]
    if [le for le, _ in buckets] != sorted({le for le, _ in buckets}):
        raise Invalid(f"{family.name}: buckets out of order")
    if not buckets or buckets[-1][0] != math.inf:
        raise Invalid(f"{family.name}: no bucket +Inf")
    if [value for _, value in buckets] != sorted(value for _, value in buckets):
        raise Invalid(f"{family.name}: buckets that go down")
    if count != [buckets[-1][1]]:
        raise Invalid(f"{family.name}: _count is not the bucket +Inf")
