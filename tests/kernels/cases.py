# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What is asked of a guest, and what its answers must be.

Owns: the cases. Each is a shell text that runs in the guest in a directory of its own, and a check of
what it left there. Must not know: how a guest is made or booted.
"""

import json

from case import RUN, Case, need, on_one, report_of, text_of
import faults
import known_answers

AS_NOBODY = ("/bin/setpriv --reuid 65534 --regid 65534 --clear-groups --inh-caps=-all,+bpf,+perfmon"
             " --ambient-caps=-all,+bpf,+perfmon")


def check_doctor(result, _guest, found):
    out, release = text_of(result, "out"), text_of(result, "release").strip()
    need(found, any("ok" in line and "kernel version" in line and line.split()[-1] == release
                    for line in out.splitlines()), f"doctor does not name {release}: {out[:300]}")
    need(found, "MISSING" not in out, f"missing: {out[:600]}")


def check_parallel(result, guest, found):
    report = report_of(result, found)
    if not report:
        return
    workers = [row for row in report["threads"] if row["name"] == "worker"]
    need(found, len(workers) == guest.cpus, f"{len(workers)} workers on {guest.cpus} CPUs")
    if not workers:
        return
    # On a busy machine the program's own start takes as long as its work.
    there = max(row["end_ns"] for row in workers) - min(row["start_ns"] for row in workers)
    parallel = report["ledger_ns"]["parallel"]
    need(found, parallel > there / 2, f"parallel for {parallel} ns of the workers' {there} ns")
    most = max(("parallel", "concurrent", "serial"), key=report["ledger_ns"].get)
    need(found, report["verdict"]["class"] == most, f"verdict {report['verdict']}, most is {most}")
    need(found, report["parallelism"]["peak"] == guest.cpus,
         f"peak {report['parallelism']['peak']} of {guest.cpus} CPUs")
    need(found, report["cpus"]["online"] == guest.cpus, f"online {report['cpus']['online']}")
    need(found, report["cpus"]["physical_cores"] == guest.cpus // (2 if guest.siblings else 1),
         f"physical cores {report['cpus']['physical_cores']}")


def check_siblings(result, _guest, found):
    for name, split, other in (("one.json", "smt_only", "multi_core"),
                               ("two.json", "multi_core", "smt_only")):
        report = report_of(result, found, name)
        if report:
            parts = report["ledger_ns"]["parallel_split"]
            need(found, parts[split] > 0 and parts[other] == 0, f"{name}: {parts}")


def check_mask(result, _guest, found):
    report = report_of(result, found)
    if not report:
        return
    found += known_answers.one_cpu_of_several(report)
    need(found, "mask" in report["verdict"]["limit"] or "affinity" in report["verdict"]["limit"],
         f"limit: {report['verdict']['limit']}")


def check_far_masks(result, _guest, found):
    """CPUs beyond the first 64: one of them, four of them."""
    one, four = report_of(result, found, "one.json"), report_of(result, found, "four.json")
    if one:
        found += known_answers.one_cpu_of_several(one)
        need(found, one["cpus"]["online"] == 72, f"online {one['cpus']['online']}")
    if four:
        need(found, four["cpus"]["allowed"] == 4, f"allowed {four['cpus']['allowed']}")
        need(found, four["parallelism"]["peak"] == 4, f"peak {four['parallelism']['peak']}")
        masks = {row["to"] for row in four["affinity"]["rows"]}
        need(found, masks == {"62", "63", "64", "71"}, f"the workers' masks {sorted(masks)}")


def check_quota(result, _guest, found):
    report = report_of(result, found)
    if not report:
        return
    stat = dict(line.split() for line in text_of(result, "cpu.stat").splitlines())
    found += known_answers.quota_of_a_group(report, int(stat.get("throttled_usec", 0)) * 1000)
    need(found, "quota" in report["verdict"]["limit"], f"limit: {report['verdict']['limit']}")


def check_isolated(result, guest, found):
    report = report_of(result, found)
    if report:
        need(found, report["cpus"]["allowed"] == guest.cpus - 1,
             f"allowed {report['cpus']['allowed']} of {guest.cpus}, one isolated")
        need(found, report["parallelism"]["peak"] <= guest.cpus - 1,
             f"peak {report['parallelism']['peak']}")


def check_mutex(result, _guest, found):
    report = report_of(result, found)
    if not report:
        return
    need(found, report["verdict"]["class"] == "concurrent", f"verdict {report['verdict']}")
    found += known_answers.convoy(report)


def check_marks(result, _guest, found):
    report = report_of(result, found)
    if report:
        marks = [mark["name"] for mark in report.get("marks", [])]
        need(found, marks == ["first", "second"], f"marks {marks}")


def check_stacks(result, _guest, found):
    report_of(result, found)
    need(found, text_of(result, "folded").count("\n") > 0, "no stacks were exported")


def check_loops(result, _guest, found):
    report = report_of(result, found)
    if not report:
        return
    served = [i for i in report.get("epoll_instances", []) if i["direction"] == "inbound"]
    need(found, len(served) == 1, f"instances {report.get('epoll_instances')}")
    if served:
        flight = served[0]["in_flight"]
        need(found, flight["completed"] == 400 and flight["peak"] == 16, f"in flight {flight}")
        took = served[0].get("services", [])
        # The eight that took the most. "other" is the eventfd that ends the server: once, and long where it is slow.
        kinds = {one["kind"] for one in took if one["kind"] != "other" or one["times"] != 1}
        need(found, len(took) == 8 and "inbound" in kinds and kinds <= {"inbound", "timer", "listener"}, f"took {took}")


def check_loops_auto(result, _guest, found):
    """Nothing was watched before the loop was met: what is told is what came after."""
    report = report_of(result, found)
    if not report:
        return
    served = [i for i in report.get("epoll_instances", []) if i["direction"] == "inbound"]
    need(found, len(served) == 1, f"instances {report.get('epoll_instances')}")
    if served:
        flight = served[0]["in_flight"]
        need(found, 0 < flight["completed"] <= 900 and flight["peak"] == 8, f"in flight {flight}")
        need(found, served[0]["loops_since"] > 0, f"loops_since {served[0]['loops_since']}")


def check_attach(result, _guest, found):
    """Found half way: its process, the cgroup it was moved to, the machine."""
    for name, threads in (("process.json", 5), ("group.json", 5), ("all.json", 6)):
        report = report_of(result, found, name)
        if not report:
            continue
        here = report["tasks"]["threads"]
        need(found, here == threads or here > threads > 5, f"{name}: {here} threads")
        main = [row for row in report["threads"]
                if row["name"] == "main" and row["parked_ns"].get("join", 0) > 0]
        need(found, len(main) == 1, f"{name}: the first thread joins none of the others")
        need(found, any(lock["symbol"] == "queue_lock" for lock in report["locks"]),
             f"{name}: locks {report['locks'][:1]}")
        need(found, report["data_quality"]["odd_events"] == 0,
             f"{name}: {report['data_quality']['odd_events']} odd events")


def check_stat(result, _guest, found):
    try:
        stat = json.loads(result["stat.json"])
    except (KeyError, ValueError) as error:
        found.append(f"no stat.json: {error}; {text_of(result, 'err')[-300:]}")
        return
    profile = stat["parallelism"]["profile_ns"]
    need(found, sum(profile[2:]) > 0, f"nothing parallel: {profile}")
    need(found, sum(profile) == stat["window_ns"], f"profile {sum(profile)} of {stat['window_ns']}")


def check_ring(result, _guest, found):
    report = report_of(result, found)
    if not report:
        return
    facts = json.loads(text_of(result, "truth"))
    rings = [one for one in report["epoll_instances"] if one["kind"] == "io_uring"]
    need(found, len(rings) == 1, f"{len(rings)} rings")
    for ring in rings:
        for key in ("completed", "peak"):
            need(found, ring["in_flight"][key] == facts[key],
                 f"{key}: {ring['in_flight'][key]}, not {facts[key]}")
        # Whether a poll is armed depends on who is faster, the writer or the reader: no matter here.


def check_unprivileged(result, _guest, found):
    errors = text_of(result, "err").strip()
    need(found, len(errors.splitlines()) == 1, f"not one line: {errors[-300:]}")
    need(found, "root" in errors or "CAP_BPF" in errors, f"no mend named: {errors[-300:]}")


def check_refused(result, _guest, found):
    errors = text_of(result, "err").strip()
    need(found, len(errors.splitlines()) == 1, f"not one line: {errors[-300:]}")
    need(found, "kernel" in errors and "5.10" in errors, f"not said why: {errors[-300:]}")


def check_capabilities(result, _guest, found):
    """Without root all is there that is with it."""
    report = report_of(result, found)
    if not report:
        return
    found += known_answers.convoy(report)
    need(found, any(lock["symbol"] == "queue_lock" for lock in report["locks"]), f"locks {report['locks'][:1]}")


def check_another_user(result, _guest, found):
    """Without root no task of others is named, and the kernel's own are."""
    everything = report_of(result, found)
    if not everything:
        return
    names = {row["name"] for row in everything["threads"]}
    need(found, "another user" in names and "kthreadd" in names, f"names {sorted(names)}")
    need(found, not names & {"sh", "init", "timeout", "sleep"}, f"names {sorted(names)}")


def check_unprivileged_bpf(result, _guest, found):
    """Whatever it is set to: the capabilities are what counts."""
    for value, word in (("2", "off"), ("0", "on"), ("1", "off")):
        doctor = text_of(result, f"doctor.{value}")
        need(found, f"{word} (kernel.unprivileged_bpf_disabled={value})" in doctor, f"doctor of {value}: {doctor}")
        need(found, "MISSING privileges" in doctor, f"doctor of {value}: {doctor}")
        need(found, text_of(result, f"said.{value}").split() == ["0", "3"],
             f"statuses of {value}: {text_of(result, f'said.{value}')}")


def check_lockdown(result, _guest, found):
    """Told from what it leaves, the mend is named, and run says it in one line."""
    need(found, text_of(result, "said").split() == ["0", "0", "3", "125"],
         f"statuses {text_of(result, 'said')}")
    for name, text in (("integrity", "ok      kernel lockdown              integrity"),
                       ("confidentiality", "MISSING kernel lockdown              confidentiality")):
        need(found, text in text_of(result, name), f"doctor: {text_of(result, name)}")
    need(found, "boot without lockdown=confidentiality" in text_of(result, "confidentiality"), "no mend")
    errors = text_of(result, "refusal").strip()
    need(found, len(errors.splitlines()) == 1 and "lockdown" in errors, f"run says: {errors}")


def check_reading(result, _guest, found):
    need(found, int(text_of(result, "lines") or 0) > 10, "script printed nothing")
    need(found, text_of(result, "threads.csv").count("\n") > 2, "no table of threads")


CASES = (
    Case("doctor", "uname -r > release; cpartrace doctor; status=$?; cpartrace version --build-options; exit $status",
         check_doctor, fits=on_one),
    Case("parallel", f"{RUN} threads parallel --workers $(nproc) --work-ms 400", check_parallel,
         fits=lambda guest: guest.machine not in ("isolated", "many")),
    Case("siblings",
         "taskset 3 cpartrace run -q --json one.json threads parallel --work-ms 200 &&"
         " taskset 5 cpartrace run -q --json two.json threads parallel --work-ms 200",
         check_siblings, fits=lambda guest: guest.siblings),
    # Long enough that what an emulated program computes alone at its start is less.
    Case("mask", f"taskset 1 {RUN} threads parallel --work-ms 600", check_mask),
    Case("far_masks", "taskset -c 70 cpartrace run -q --json one.json threads parallel --workers 2 --work-ms 600 &&"
         " taskset -c 62,63,64,71 cpartrace run -q --json four.json threads parallel --workers 4 --work-ms 600",
         check_far_masks, fits=lambda guest: guest.machine == "many"),
    Case("mutex", f"{RUN} threads mutex --work-ms 300 --hold-us 4000", check_mutex,
         fits=lambda guest: guest.machine not in ("isolated", "many")),
    Case("quota",
         "mkdir -p /sys/fs/cgroup/half; echo '50000 100000' > /sys/fs/cgroup/half/cpu.max &&"
         f" {RUN} sh -c 'echo $$ > /sys/fs/cgroup/half/cgroup.procs;"
         " exec threads serial --workers 1 --work-ms 800';"
         " status=$?; cat /sys/fs/cgroup/half/cpu.stat > cpu.stat; exit $status", check_quota),
    Case("isolated", f"{RUN} threads parallel --workers $(nproc) --work-ms 200", check_isolated,
         fits=lambda guest: guest.machine == "isolated"),
    # Whether it is heard, also: it says so by its status.
    Case("marks", f"{RUN} sh -c 'cpartrace mark --strict first && cpartrace mark --strict second' &&"
         " ! cpartrace mark -q --strict late", check_marks, fits=on_one),
    Case("stacks",
         f"{RUN} --stacks -o t.data threads handoff --work-ms 60 &&"
         " cpartrace export -i t.data -f folded -o folded", check_stacks, fits=on_one),
    Case("reading",
         "cpartrace record -q -o t.data processes --timeout 50 &&"
         " cpartrace script -i t.data | wc -l > lines &&"
         " cpartrace export -i t.data -f csv -o threads.csv", check_reading, fits=on_one),
    # From the start: when a loop is first seen, loading takes longer here than a case may last.
    Case("loops",
         f"ip link set lo up; {RUN} --loops fds epoll one-loop --connections 16 --requests 400",
         check_loops, fits=on_one),
    Case("loops_auto",
         f"ip link set lo up; {RUN} epoll one-loop --connections 8 --requests 900 --delay-us 200000",
         check_loops_auto, fits=on_one),
    # With a fifth of a CPU it leaves the emulation to what loads meanwhile.
    Case("attach",
         "cd /sys/fs/cgroup; mkdir -p some fifth; for one in some fifth; do echo '20000 100000' > $one/cpu.max; done;"
         " cd - > /dev/null; sh -c 'echo $$ > /sys/fs/cgroup/fifth/cgroup.procs;"
         " exec threads mutex --work-ms 600000 --hold-us 4000 --timeout 550' > /dev/null & pid=$!; sleep 1;"
         " cpartrace run -q --json process.json --report-file text -d 1 -p $pid &&"
         " echo $pid > /sys/fs/cgroup/some/cgroup.procs &&"
         " cpartrace run -q --json group.json --report-file text -d 1 --cgroup /sys/fs/cgroup/some &&"
         " cpartrace run -q --json all.json --report-file text -d 1 -a;"
         " status=$?; kill -9 $pid; exit $status", check_attach, fits=on_one),
    Case("stat", "cpartrace stat --json -o stat.json threads parallel --work-ms 200", check_stat,
         fits=lambda guest: guest.machine in ("smt", "eight", "arm64")),
    Case("rings", f"{RUN} --loops on ring_load armed 8 80 > truth", check_ring,
         fits=lambda guest: on_one(guest) and guest.machine != "arm64"),
    Case("unprivileged", "chmod 777 .; /bin/setpriv --reuid 65534 --regid 65534 --clear-groups"
         " cpartrace run threads parallel",
         check_unprivileged, fits=on_one, status=125),
    Case("capabilities", f"chmod 777 .; as='{AS_NOBODY}';"
         f" $as {RUN} threads mutex --work-ms 300 --hold-us 4000", check_capabilities,
         fits=lambda guest: guest.machine == "two"),
    Case("another_user", f"chmod 777 .; {AS_NOBODY} {RUN} -a -d 0.3", check_another_user,
         fits=lambda guest: guest.machine == "two"),
    *faults.CASES,
    # The last ones: what they set cannot be set back. One machine is enough for what CPUs have no part in.
    Case("unprivileged_bpf", f"chmod 777 .; as='{AS_NOBODY}'; none='{AS_NOBODY.split(' --inh')[0]}';"
         " for value in 2 0 1; do echo $value > /proc/sys/kernel/unprivileged_bpf_disabled;"
         " $as cpartrace run -q threads serial --work-ms 50; echo $? > said.$value;"
         " $none cpartrace doctor > doctor.$value; echo $? >> said.$value; done",
         check_unprivileged_bpf, fits=lambda guest: guest.machine == "two"),
    Case("lockdown", "mount -t securityfs none /sys/kernel/security; down=/sys/kernel/security/lockdown;"
         " try() { cpartrace doctor > $1; echo $? >> said;"
         " cpartrace run -q threads serial --work-ms 50 2> refusal; echo $? >> said; };"
         " echo integrity > $down; try integrity; echo confidentiality > $down; try confidentiality",
         check_lockdown, fits=lambda guest: guest.machine == "two"),
    Case("refused", "cpartrace run threads parallel", check_refused,
         status=125, refused=True),
)


def fitting(guest):
    """Its cases. Of a kernel that is refused: how it is refused, and nothing else."""
    return [case for case in CASES if case.is_for(guest)]
