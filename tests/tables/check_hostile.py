#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""check_hostile.py - names that would do harm, in everything that is written for other programs or printed.

    check_hostile.py --cpartrace PROGRAM --hostile PROGRAM [--sqlite]

Each form is read by a reader that lets nothing pass, and has the very names: as documented, that is, raw
where the form carries any valid text (JSON, with U+FFFD for bytes that are no UTF-8), else with control characters, invisible characters and bytes that are
no UTF-8 escaped. Formulas of spreadsheets are names like others: csv holds them as they are.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import unicodedata

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", "live"), os.path.join(HERE, "..", "schema")]

import check_diff  # noqa: E402
import check_report  # noqa: E402
import openmetrics  # noqa: E402

LOCALES = ("C.UTF-8", "C")
FORMULAS = "=+-@"
SHORT = {"\n": "\\n", "\t": "\\t", "\r": "\\r"}


class Checker:
    def __init__(self, options, directory):
        self.program, self.dir = os.path.abspath(options.cpartrace), directory
        self.trace = os.path.join(directory, "hostile.cptrace")
        hostile = os.path.abspath(options.hostile)
        self.run([hostile, self.trace])
        self.raw = self.run([hostile]).split(b"\0")[:-1]
        self.findings, self.checks = [], 0

    def check(self, what, true, detail=""):
        self.checks += 1
        if not true:
            self.findings.append(f"{what}: {detail}"[:400])

    def equal(self, what, found, expected):
        self.check(what, found == expected, f"found {found!r}, expected {expected!r}")

    def run(self, argv, locale="C.UTF-8"):
        result = subprocess.run(argv, capture_output=True, timeout=120, check=False,
                                env={"LC_ALL": locale, "PATH": "/usr/bin:/bin"}, cwd=self.dir)
        if result.returncode:
            sys.exit(f"{argv}: status {result.returncode}: {result.stderr.decode('utf-8', 'replace')}")
        return result.stdout

    def cpt(self, *argv, locale="C.UTF-8"):
        return self.run([self.program, *argv], locale)

    def export(self, *options):
        return self.cpt("export", "-i", self.trace, *options)

    # ---- what a name is in each form

    def replaced(self):
        """In JSON: any text, and what is none is U+FFFD."""
        return {valid(name) for name in self.raw}

    def escaped(self):
        """Elsewhere: to be read, not to be reversed."""
        return {escape(name) for name in self.raw}


def pieces(raw):
    """Valid characters (str) and single bytes that are none (bytes), in order. Python's own decoder
    says what is valid."""
    at = 0
    while at < len(raw):
        for size in range(1, 5):
            try:
                yield raw[at:at + size].decode("utf-8")
                break
            except UnicodeDecodeError:
                pass
        else:
            size = 1
            yield raw[at:at + 1]
        at += size


def harmless(char):
    return not unicodedata.category(char).startswith("C")


def escape(raw):
    return "".join(one if isinstance(one, str) and harmless(one) else
                   SHORT.get(one) or "".join(f"\\x{byte:02x}" for byte in
                                             (one.encode() if isinstance(one, str) else one))
                   for one in pieces(raw))


def valid(raw):
    return "".join(one if isinstance(one, str) else "\ufffd" for one in pieces(raw))


def strict_csv(data):
    """Rows by RFC 4180: fields are quoted, or have no quote, comma or line end; lines end with CR LF."""
    field = re.compile(rb'(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n)')
    rows, row, at = [], [], 0
    while at < len(data):
        found = field.match(data, at)
        if not found:
            raise ValueError(f"not csv: {data[at:at + 40]!r}")
        text = found[2] if found[1] is None else found[1].replace(b'""', b'"')
        row.append(text.decode("utf-8"))
        at = found.end()
        if found[3] != b",":
            rows.append(row)
            row = []
    if row or len({len(one) for one in rows}) > 1:
        raise ValueError("rows of different lengths")
    return [dict(zip(rows[0], one)) for one in rows[1:]]


def unique(pairs):
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError(f"a key twice: {pairs}")
    return found


def strict_json(text):
    def refuse(word):
        raise ValueError(f"{word} is no JSON")

    return json.loads(text, object_pairs_hook=unique, parse_constant=refuse)


def tables_of(checker):
    """Documented columns by table."""
    text = checker.cpt("export", "--help").decode()
    return {name: re.findall(r"^  (\w+) ", body, re.M) for name, body in
            re.findall(r"^Table (\w+): [^\n]*\n((?:  [^\n]*\n)+)", text, re.M)}


# ---- the forms


def check_tables(checker):
    for table, columns in tables_of(checker).items():
        rows = strict_csv(checker.export("-f", "csv", "--table", table))
        lines = checker.export("-f", "jsonl", "--table", table).decode("utf-8").split("\n")
        objects = [strict_json(line) for line in lines[:-1]]
        checker.equal(f"{table}: the last line ends", lines[-1], "")
        checker.equal(f"{table}: as many rows", len(rows), len(objects))
        for row, one in zip(rows, objects):
            checker.equal(f"{table}: columns of csv", list(row), columns)
            checker.equal(f"{table}: columns of jsonl", list(one), columns)
            for key, text in row.items():
                checker.check(f"{table}.{key} is harmless", all(map(harmless, text)), repr(text))
        for key in {"threads": ("name",), "locks": ("symbol", "module"), "sites": ("name",), "phases": ("name",),
                    "marks": ("name",)}.get(table, ()):
            checker.check(f"{table}.{key}: csv has the names",
                          checker.escaped() - {""} <= {row[key] for row in rows},
                          checker.escaped() - {row[key] for row in rows})
            checker.check(f"{table}.{key}: jsonl has the names",
                          checker.replaced() - {""} <= {one[key] for one in objects},
                          checker.replaced() - {one[key] for one in objects})
    names = {row["name"] for row in strict_csv(checker.export("-f", "csv"))}
    checker.check("formulas are names like others", len({name for name in names
                                                         if name and name[0] in FORMULAS}) >= 4, names)


def check_sqlite(checker):
    database = os.path.join(checker.dir, "hostile.db")
    checker.export("-f", "sqlite", "-o", database)

    def ask(sql):
        out = checker.run(["sqlite3", "-json", database, sql])
        return json.loads(out) if out.strip() else []

    checker.equal("integrity", ask("PRAGMA integrity_check"), [{"integrity_check": "ok"}])
    checker.check("sqlite: threads", checker.escaped() <=
                  {row["name"] for row in ask("SELECT name FROM threads")})
    checker.check("sqlite: phases", checker.escaped() - {""} <=
                  {row["name"] for row in ask("SELECT name FROM phases")})
    checker.check("sqlite: locks", checker.escaped() - {""} <=
                  {row["symbol"] for row in ask("SELECT symbol FROM locks")})
    for view in ask("SELECT name FROM sqlite_master WHERE type IN ('view', 'table')"):
        for row in ask(f"SELECT * FROM \"{view['name']}\""):
            for text in row.values():
                checker.check(f"sqlite: {view['name']} is harmless",
                              not isinstance(text, str) or all(map(harmless, text)), repr(text))


def check_openmetrics(checker):
    text = checker.export("-f", "openmetrics").decode("utf-8")
    families = openmetrics.parse(text)
    checker.check("openmetrics is harmless", all(harmless(char) or char == "\n" for char in text))
    for family, label in (("thread_cpu_seconds", "name"), ("lock_blocked_seconds", "lock")):
        found = [sample.labels[label] for sample in families["cpartrace_run_" + family].samples]
        # Only those with the most are there.
        known = checker.escaped() | {"ma<in>"} if label == "name" else \
            {f"{name}:{name}" for name in checker.escaped()}
        checker.check(f"openmetrics: {family}", len(found) >= 10 and set(found) <= known,
                      set(found) - known)


def check_folded(checker):
    for weight in ("wait", "lost", "cpu", "latency"):
        lines = checker.export("-f", "folded", "--weight", weight).decode("utf-8").split("\n")
        checker.equal(f"folded {weight}: the last line ends", lines[-1], "")
        found = set()
        for line in lines[:-1]:
            frames = re.fullmatch(r"(.*) (\d+)", line)
            checker.check(f"folded {weight}: a line", frames and all(map(harmless, line)), repr(line))
            if frames and frames[1].count(";") == 2:
                found.add(tuple(frames[1].split(";")[::2]))
        names = {(name.replace(";", ":"),) * 2 for name in checker.escaped() - {""}}
        checker.check(f"folded {weight}: names and functions", names <= found, names - found)


def check_texts(checker):
    """What people read: no byte of a name reaches the terminal as it is, and ASCII where asked for."""
    other = os.path.join(checker.dir, "x\033[31m\n\xad.cptrace")
    os.link(checker.trace, other)
    for locale in LOCALES:
        for argv in (("report", "-i"), ("report", "--explain", "--top", "99", "-i"),
                     ("report", "--by", "name", "-i"), ("report", "--hot", "-i"),
                     ("report", "--timeline", "-i"), ("script", "-i"), ("diff", "--top", "99", other)):
            raw = checker.cpt(*argv, checker.trace, locale=locale)
            what = f"{locale}: {' '.join(argv[:2])}"
            text = raw.decode("utf-8" if locale != "C" or argv[0] == "script" else "ascii")
            bad = {char for char in text if char != "\n" and not harmless(char)}
            checker.check(f"{what} is harmless", not bad, bad)
    lines = checker.cpt("script", "-i", checker.trace).decode("utf-8").split("\n")[:-1]
    for line in lines:
        checker.check("script: a line", re.match(r" *\d+\.\d{9} \[\d+\] [a-z]+ ", line + " "), repr(line))


def check_json(checker):
    report = strict_json(checker.cpt("report", "--json", "-i", checker.trace).decode("utf-8"))
    for finding in check_report.findings(report):
        checker.check("report --json", False, finding)
    checker.check("report --json: names",
                  checker.replaced() <= {row["name"] for row in report["threads"]})
    for key in ("phases", "marks"):
        checker.check(f"report --json: {key}", checker.replaced() - {""} <= {row["name"] for row in report[key]})
    diff = strict_json(checker.cpt("diff", "--json", checker.trace, checker.trace).decode("utf-8"))
    for finding in check_diff.findings(diff):
        checker.check("diff --json", False, finding)
    found = {one["name"] for one in diff["figures"] if one["group"] == "thread"}
    checker.check("diff --json: names", found <= checker.replaced() | {"ma<in>"} |
                  {re.sub(r"\d+$", "*", name) for name in checker.replaced()},
                  found - checker.replaced())


def check_complaints(checker):
    """A message of one line, whatever the file is called."""
    for name in checker.raw:
        path = b"no-" + name.replace(b"/", b"_") + b".cptrace"
        result = subprocess.run([checker.program.encode(), b"report", b"-i", path], cwd=checker.dir,
                                capture_output=True, timeout=60, check=False, env={"LC_ALL": "C.UTF-8"})
        text = result.stderr.decode("utf-8")
        checker.check("a missing trace is said in one line", result.returncode == 1 and
                      text.count("\n") == 1 and all(map(harmless, text[:-1])), repr(text))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--cpartrace", required=True)
    parser.add_argument("--hostile", required=True, help="program that writes a trace of hostile names")
    parser.add_argument("--sqlite", action="store_true", help="the program can write databases")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="cpartrace-hostile-") as directory:
        checker = Checker(options, directory)
        for part in (check_tables, check_openmetrics, check_folded, check_texts, check_json,
                     check_complaints, *([check_sqlite] if options.sqlite else [])):
            try:
                part(checker)
            except (ValueError, openmetrics.Invalid, UnicodeDecodeError) as err:
                checker.check(part.__name__, False, repr(err))
    for finding in checker.findings:
        print(finding)
    print(f"{len(checker.raw)} names, {checker.checks} checks, {len(checker.findings)} findings")
    return 1 if checker.findings or not checker.checks else 0


if __name__ == "__main__":
    sys.exit(main())
