# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""A case: what runs in a guest and what it must leave there.

Owns: the form of a case, and how a report that it left is read. Must not know: any single case, or how a
guest is made or booted.

A guest is emulated, its CPUs take turns on one of ours and its clock runs on: figures of time say
little there. Counts, classes, sums and what was named say all.
"""

import json
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "schema"))

import check_report  # noqa: E402

RUN = "cpartrace run --json report.json --report-file report.txt"


class Guest:
    """Where a case runs."""

    # Where all is asked; the other machines are asked what CPUs have a part in.
    WHOLE = ("smt", "arm64")

    def __init__(self, kernel, machine, cpus, siblings=False, supported=True):
        self.kernel, self.machine, self.cpus = kernel, machine, cpus
        self.siblings, self.supported = siblings, supported


class Case:
    """One case: which machines it is for, what runs there, what it must leave. refused: it is for a kernel that
    is refused, as all others are not."""

    def __init__(self, name, text, check, fits=lambda guest: guest.machine != "many", status=0, refused=False):
        self.name, self.text, self.check, self.fits, self.status = name, text, check, fits, status
        self.refused = refused

    def is_for(self, guest):
        return guest.supported != self.refused and self.fits(guest)


def on_one(guest):
    """Fits: one machine answers for all of its kernel."""
    return guest.machine in Guest.WHOLE


def need(found, true, what):
    if not true:
        found.append(what)


def text_of(result, stream):
    return result.get(stream, b"").decode("utf-8", "replace")


def report_of(result, found, name="report.json"):
    """The report, checked by the schema and every identity."""
    try:
        report = json.loads(result[name])
    except (KeyError, ValueError) as error:
        found.append(f"no report {name}: {error}; {text_of(result, 'err')[-300:]}")
        return None
    findings = check_report.schema_findings(report) or check_report.identity_findings(report)
    found += findings[:5]
    need(found, report["data_quality"]["lost_events"] == 0,
         f"{report['data_quality']['lost_events']} events lost")
    return report


def findings(case, result, guest):
    """What is wrong with the case's result, one line each."""
    found = []
    if result is None or result["status"] is None:
        return ["the guest did not get to its end"]
    if result["status"] != case.status:
        found.append(f"status {result['status']}, not {case.status}: "
                     f"{(text_of(result, 'err') or text_of(result, 'out')).strip()[-300:]}")
        return found
    try:
        case.check(result, guest, found)
    except Exception as error:  # pylint: disable=broad-except
        # Whatever the guest left: the other cases are judged all the same.
        found.append(f"what it left cannot be judged: {error!r}")
    return found
