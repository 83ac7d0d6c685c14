# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What may happen to a machine while it is recorded: clocks that step, sleep, CPUs that go and come, and
too little memory.

Owns: those cases. Each waits until the workload runs, which is when the recording does, lets it happen,
and ends the workload then; so it happens within the recording, on however slow a guest.
Must not know: how a guest is made or booted.
"""

import datetime
import json

from case import RUN, Case, need, on_one, report_of, text_of

CPU = "/sys/devices/system/cpu/cpu"

# As many as $spinners shells that compute until told to end. They may run on any CPU.
SPIN = ("sh -c 'for i in $(seq '$spinners'); do while [ ! -e done ]; do :; done & done;"
        " : > began; wait'")


def during(record, happens, spinners="$(nproc)"):
    """A case's text: record while spinners compute, and meanwhile what happens."""
    return (f"spinners={spinners}; {record} {SPIN} & run=$!;"
            " until [ -e began ] || ! kill -0 $run; do sleep 0.1; done;"
            f" {happens}; : > done; wait $run")


def seconds_of(stamp):
    return datetime.datetime.fromisoformat(stamp.replace("Z", "+00:00")).timestamp()


def whole(report, guest, found):
    """Of a run of spinners: all of it is accounted for, on CPUs that were there."""
    quality = report["data_quality"]
    need(found, quality["odd_events"] == 0, f"{quality['odd_events']} odd events")
    need(found, report["ledger_ns"]["unknown"] == 0, f"unknown for {report['ledger_ns']['unknown']} ns")
    need(found, report["cpu_time_ns"] > 0, "no CPU time")
    need(found, report["parallelism"]["peak"] == guest.cpus,
         f"peak {report['parallelism']['peak']} of {guest.cpus} CPUs")


def check_goes(result, guest, found):
    """One CPU of several goes, and comes back."""
    need(found, text_of(result, "was").split() == ["1", "0", "1"], "the CPU did not go and come")
    report = report_of(result, found)
    if report:
        whole(report, guest, found)


def check_comes(result, guest, found):
    """A CPU that was not there when the recording began: what runs on it is recorded."""
    need(found, text_of(result, "was").split() == ["0", "1"], "the CPU did not come")
    report = report_of(result, found)
    if report:
        whole(report, guest, found)


def check_stat_hotplug(result, guest, found):
    need(found, text_of(result, "was").split() == ["0", "1", "0", "1"], "the CPU did not go and come")
    try:
        totals = [json.loads(line) for line in text_of(result, "stat.json").splitlines()]
    except ValueError as error:
        found.append(f"stat.json: {error}")
        return
    need(found, totals, f"no stat.json: {text_of(result, 'err')[-300:]}")
    for one in totals:
        profile = one["parallelism"]["profile_ns"]
        need(found, len(profile) <= guest.cpus + 1, f"a profile of {len(profile) - 1} CPUs")
        need(found, sum(profile) == one["window_ns"], f"profile {sum(profile)} of {one['window_ns']}")


def check_clocks(result, guest, found):
    """The day steps back and forth and the clock source changes: no time of the trace does."""
    report = report_of(result, found)
    if not report:
        return
    before, after, up, end = (float(word) for word in text_of(result, "times").split())
    sources = text_of(result, "sources").split()  # arm64 has one
    need(found, len(set(sources)) == 2 or guest.machine == "arm64", f"the clock source did not change: {sources}")
    # date is cut to the second
    need(found, before <= seconds_of(report["started_at"]) <= after + 1,
         f"started at {report['started_at']}, not between {before} and {after}")
    need(found, report["window_ns"] <= (end - up) * 1e9,
         f"a window of {report['window_ns']} ns in {end - up} s")
    whole(report, guest, found)


def check_suspend(result, guest, found):
    """The machine sleeps: the trace's clock stands, and the threads sleep without a gap or a jump."""
    report = report_of(result, found)
    if not report:
        return
    before, after, up, slept, woken, end = (float(word) for word in text_of(result, "times").split())
    stood, stands = (int(word) for word in text_of(result, "monotonic").split())
    need(found, text_of(result, "suspended").split() == ["1"],
         f"the machine was not suspended: {text_of(result, 'err')[-200:]}")
    # The clock of the boot goes on meanwhile, the trace's stands.
    need(found, woken - slept - (stands - stood) / 1e9 >= 1,
         f"it slept for {woken - slept} s, the trace's clock went on for {stands - stood} ns")
    need(found, before <= seconds_of(report["started_at"]) <= after + 1,
         f"started at {report['started_at']}, not between {before} and {after}")
    asleep = woken - slept - (stands - stood) / 1e9
    need(found, report["window_ns"] <= (end - up - asleep + 0.1) * 1e9,
         f"a window of {report['window_ns']} ns in {end - up} s, of which {asleep} s asleep")
    whole(report, guest, found)


def check_memory(result, guest, found):
    """In a group that may not have more memory: it needs none beyond, and where that is not enough to begin
    with, it says so."""
    report = report_of(result, found)
    if report:
        whole(report, guest, found)
    events = dict(line.split() for line in text_of(result, "memory.events").splitlines())
    need(found, int(events["oom_kill"]) == 0, f"killed for memory: {events}")
    need(found, int(events["max"]) > 0, f"memory was never short: {events}")
    said = text_of(result, "refusal").strip()
    need(found, text_of(result, "refused").split() == ["125"] and len(said.splitlines()) == 1 and
         "memory" in said, f"with too little memory: {text_of(result, 'refused')} {said}")


def one_of_several(guest):
    return guest.machine in ("smt", "eight", "numa", "arm64")


CASES = (
    Case("hotplug", f"online={CPU}1/online; cat $online > was; " +
         during(RUN, "sleep 0.5; echo 0 > $online; cat $online >> was; sleep 0.5;"
                " echo 1 > $online; cat $online >> was; sleep 0.5"),
         check_goes, fits=one_of_several),
    Case("hotplug_comes", f"online={CPU}2/online; n=$(nproc); echo 0 > $online; cat $online > was; " +
         during(RUN, "sleep 0.5; echo 1 > $online; cat $online >> was; sleep 1", "$n"),
         check_comes, fits=one_of_several),
    Case("hotplug_stat", f"online={CPU}1/online; " +
         during("cpartrace stat --json -I 200 -o stat.json",
                "for i in 0 1 0 1; do sleep 0.5; echo $i > $online; cat $online >> was; done; sleep 0.5"),
         check_stat_hotplug, fits=lambda guest: one_of_several(guest) and guest.machine != "numa"),
    Case("clocks", "source=/sys/devices/system/clocksource/clocksource0;"
         " read -r up idle < /proc/uptime; date +%s > times; cat $source/current_clocksource > sources; " +
         during(RUN, "date +%s >> times; date -s @1000000000 > /dev/null; sleep 0.3;"
                " for other in $(cat $source/available_clocksource); do"
                " [ $other = $(cat sources) ] || break; done; echo $other > $source/current_clocksource;"
                " cat $source/current_clocksource >> sources; sleep 0.3; date -s @2000000000 > /dev/null;"
                " sleep 0.3") +
         "; status=$?; read -r end idle < /proc/uptime; echo $up $end >> times;"
         " echo $(head -n 1 sources) > $source/current_clocksource; exit $status",
         check_clocks, fits=on_one),
    Case("suspend", "read -r up idle < /proc/uptime; date +%s > times; " +
         during(RUN, "date +%s >> times; sleep 0.3; read -r slept idle < /proc/uptime;"
                " grep -o 'now at [0-9]*' /proc/timer_list | cut -d ' ' -f 3 > monotonic;"
                " echo +8 > /sys/class/rtc/rtc0/wakealarm; echo mem > /sys/power/state;"
                " grep -o 'now at [0-9]*' /proc/timer_list | cut -d ' ' -f 3 >> monotonic;"
                " read -r woken idle < /proc/uptime; cat /sys/power/suspend_stats/success > suspended;"
                " sleep 0.3") +
         "; status=$?; read -r end idle < /proc/uptime; echo $up $slept $woken $end >> times; exit $status",
         check_suspend, fits=lambda guest: on_one(guest) and guest.machine != "arm64"),
    # 45 MB at most on 4 CPUs, of which most is what loading the probes takes for a moment; then too little.
    Case("memory", "group=/sys/fs/cgroup/small; mkdir -p $group; echo 0 > $group/memory.swap.max;"
         ' within() { sh -c "echo 0 > /sys/fs/cgroup/small/cgroup.procs; exec "\'"$@"\' - "$@"; };'
         " echo $(($(nproc) * 4 + 64))M > $group/memory.max; " +
         during(f"within {RUN}", "sleep 1") +
         "; status=$?; cat $group/memory.peak > memory.peak; echo 24M > $group/memory.max;"
         " within cpartrace run -q true 2> refusal; echo $? > refused;"
         " cat $group/memory.events > memory.events; exit $status", check_memory,
         fits=lambda guest: one_of_several(guest) and guest.machine != "numa"),
)
