#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""An independent account of a run, from perf's scheduler events.

Owns: recording a run with Debian's linux-perf, reading the recording through `perf script`,
and computing from it the figures the live tests compare with cpartrace's report: the window,
the parallelism profile, CPU time per thread, and the time other programs took away.

Must not know: anything of cpartrace's code, trace file or report. It sees the same run through
other eyes, or it would prove nothing.

Invariants: no recording with a lost event is ever accounted; per CPU the segments are disjoint
and ordered; the profile sums to the window; sum(k * profile[k]) is the sum of the threads'
running time.

    oracle.py record -o DIR -- CMD [ARGS]              record CMD and the whole machine around it
    oracle.py account DIR [--root-pid N] [--span A,B]  print the account as JSON (A, B: ns)

How a CPU's occupancy is read. A switch event names who leaves and who comes; the kernel's own
switch records (perf record --switch-events, no tracepoint) name the task that is about to leave,
and then, in its own context, the one that has come:

      switch(P leaves for N)   OUT(P, for N)   IN(N)
    ---------|----------------------|-------------|-------
             a      tracers         b    switch   c

All of it is one switch; a is taken for its instant. What is done on the occasion, perf's own writing
and the programs of other tracers, lies behind it, and is more where a thread ends than where one
comes: dated by b, each of 10,000 short threads ran 200 ns longer. Some switches have no event (on
some machines an idle task never gets one out, and thousands of threads that each run for some
microseconds come from idle): nothing is written then, but programs may run, so that from a to b it
takes more than nothing and less than is usual. Half of that is taken for it.

A switch without an event has its OUT (counted in mends): who comes, and whether who leaves is to go
on; it is put before b, by half the usual distance from a to b. One without either is found by IN(N),
where N is not who came last (counted in guesses): N is put before c, by the usual distance from b to
c besides. 3,641 such switches from idle were 1.5 us before their IN, where c is usually 1.7 behind a;
on another occasion 1,793 were 0.3 us before theirs. The task that left unseen is closed at the same
instant; where that is a task of the workload the time is counted in unmended_ns, for it may have left
earlier.

From b to c may take long besides: where a guest's page tables change by the gigabyte, one loading of them
in a hundred took 1 to 8 ms (81 ms of 18 s, no other tracer there). A recording with RUNTIME_EVENT shows
it also where the switch from idle had no event: the kernel itself says how long N ran until it left. That
clock may begin at N's wake-up, and is the one by which what is tested here dates such switches, too: it
moves a guess only by more than LATE_LOAD_NS.
"""

import argparse
import bisect
import json
import os
import re
import signal
import statistics
import subprocess
import sys
import time

PERF_EVENTS = (
    "sched:sched_switch",
    "sched:sched_waking",
    "sched:sched_wakeup_new",
    "sched:sched_process_exec",
    "task:task_newtask",
)

# By more than this a guess is moved to where the kernel says that the task began: see the head of this file.
LATE_LOAD_NS = 200_000

# The kernel's own account of how long a task ran, at each of its looks: two or three a switch, so only where
# it is asked for.
RUNTIME_EVENT = "sched:sched_stat_runtime"

CLONE_THREAD = 0x10000

# Taken for the distance from a switch to its OUT, and from OUT to IN, where a recording has no pair of them.
USUAL_RECORD_DELAY_NS = 500

SWITCH, IN, WAKE, WAKE_NEW, EXEC, NEWTASK, OUT, RUNTIME = range(8)

# Of one that is past its release, in a switch record.
NO_NUMBER = -1


class OracleError(Exception):
    """The recording cannot be trusted or read; the message says why."""


class EventsLost(OracleError):
    """perf lost events: the same run recorded again may do better."""


# ---------------------------------------------------------------- recording


class Recording:
    """A system-wide perf recording that is known to run: start() returns after perf has
    acknowledged that its events are enabled, stop() after the file is complete."""

    def __init__(self, directory, buffer="64M", events=PERF_EVENTS, preexec_fn=os.setsid):
        self.path = os.path.join(directory, "perf.data")
        self.span_path = os.path.join(directory, "span.json")
        self.enabled_ns = None
        self.log_path = os.path.join(directory, "perf.log")
        self.buffer = buffer
        self.events = events
        self.preexec_fn = preexec_fn  # of perf's process; ends its ties to our session
        self.proc = None
        self.ctl = None
        self.ack = None

    def start(self):
        ctl_r, ctl_w = os.pipe()
        ack_r, ack_w = os.pipe()
        argv = [
            "perf", "record", "-a", "-k", "CLOCK_MONOTONIC", "--switch-events", "--no-inherit",
            "--no-buildid", "--no-buildid-cache", "-m", self.buffer, "-D", "-1",
            f"--control=fd:{ctl_r},{ack_w}", "-o", self.path,
        ]
        for event in self.events:
            argv += ["-e", event]
        with open(self.log_path, "wb") as log:
            self.proc = subprocess.Popen(
                argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                pass_fds=(ctl_r, ack_w), preexec_fn=self.preexec_fn)
        os.close(ctl_r)
        os.close(ack_w)
        self.ctl, self.ack = ctl_w, ack_r
        try:
            self._command(b"enable\n")
        except OracleError:
            self.kill()
            raise
        self.enabled_ns = time.monotonic_ns()
        return self

    def _command(self, word):
        reason = "it ended"
        try:
            os.write(self.ctl, word)
            answer = os.read(self.ack, 64)
        except OSError as err:
            answer, reason = b"", str(err)
        if not answer.startswith(b"ack"):
            raise OracleError(f"perf record did not obey {word!r}: {reason}: {self._log()}")

    def _log(self):
        try:
            with open(self.log_path, encoding="utf-8", errors="replace") as log:
                return " | ".join(log.read().split("\n")[-6:])
        except OSError:
            return ""

    def stop(self):
        # perf switches its events on and off one after the other, so what it recorded is whole
        # only between the answer to "enable" and the word "disable".
        with open(self.span_path, "w", encoding="utf-8") as out:
            json.dump([self.enabled_ns, time.monotonic_ns()], out)
        self._command(b"disable\n")
        os.write(self.ctl, b"stop\n")
        try:
            self.proc.wait(timeout=60)
        except subprocess.TimeoutExpired:
            self.kill()
            raise OracleError("perf record did not end within 60 s of being told to") from None
        self._close()
        if not os.path.exists(self.path) or os.path.getsize(self.path) == 0:
            raise OracleError(f"perf record wrote nothing: {self._log()}")

    def kill(self):
        """Ends the recording whatever its state; harmless after stop()."""
        if self.proc and self.proc.poll() is None:
            self.proc.send_signal(signal.SIGKILL)
            self.proc.wait()
        self._close()

    def _close(self):
        for name in ("ctl", "ack"):
            fd = getattr(self, name)
            if fd is not None:
                os.close(fd)
                setattr(self, name, None)


# ---------------------------------------------------------------- reading perf's text

HEAD = re.compile(r"\s*(-?\d+)\s+\[(\d+)\]\s+(\d+)\.(\d{9}):\s+"
                  r"(?:[\w-]+:([\w-]+):|(PERF_RECORD_\w+))\s*(.*)", re.S)
SWITCH_RE = re.compile(
    r"prev_comm=(.*) prev_pid=(\d+) prev_prio=-?\d+ prev_state=(\S+) ==> "
    r"next_comm=.* next_pid=(\d+) next_prio=-?\d+\s*$", re.S)
WAKE_RE = re.compile(r"comm=.* pid=(\d+) prio=-?\d+ (?:success=\d+ )?target_cpu=\d+\s*$", re.S)
EXEC_RE = re.compile(r"filename=.* pid=(\d+) old_pid=(\d+)\s*$", re.S)
OUT_RE = re.compile(r"OUT\s+(preempt\s+)?next pid/tid:\s*-?\d+/(-?\d+)\s*$", re.S)
RUNTIME_RE = re.compile(r"comm=.* pid=(\d+) runtime=(\d+) \[ns\]", re.S)
NEWTASK_RE = re.compile(r"pid=(\d+) comm=.* clone_flags=(?:0x)?([0-9a-f]+) oom_score_adj=", re.S)


def _read_switch(rest):
    m = SWITCH_RE.match(rest)
    return m and (SWITCH, int(m[2]), m[3], int(m[4]), m[1])


def _read_waking(rest):
    m = WAKE_RE.match(rest)
    return m and (WAKE, int(m[1]))


def _read_wakeup_new(rest):
    m = WAKE_RE.match(rest)
    return m and (WAKE_NEW, int(m[1]))


def _read_exec(rest):
    m = EXEC_RE.match(rest)
    return m and (EXEC, int(m[1]), int(m[2]))


def _read_newtask(rest):
    m = NEWTASK_RE.match(rest)
    return m and (NEWTASK, int(m[1]), int(m[2], 16))


def _read_runtime(rest):
    m = RUNTIME_RE.match(rest)
    return m and (RUNTIME, int(m[1]), int(m[2]))


def _read_side(rest, record):
    if rest.startswith("IN"):
        return (IN,)
    m = OUT_RE.match(rest)
    if not m:
        raise OracleError(f"cannot read this line of perf script: {record!r}")
    return (OUT, "R" if m[1] else "S", int(m[2]))


READERS = {
    "sched_switch": _read_switch,
    "sched_waking": _read_waking,
    "sched_wakeup_new": _read_wakeup_new,
    "sched_process_exec": _read_exec,
    "task_newtask": _read_newtask,
    "sched_stat_runtime": _read_runtime,
}


def parse_script(lines):
    """Yields (time_ns, cpu, current_tid, kind, ...) from the lines of
    `perf script --ns -F tid,cpu,time,event,trace --show-switch-events --show-lost-events`."""
    for head, record in _records(lines):
        tid, cpu, sec, nsec, name, side, rest = head.groups()
        when = int(sec) * 1_000_000_000 + int(nsec)
        if side is not None:
            if side.startswith("PERF_RECORD_LOST"):
                raise EventsLost(f"perf lost events: {record.strip()}")
            if not side.startswith("PERF_RECORD_SWITCH"):
                raise OracleError(f"a record that was not asked for: {record!r}")
            yield (when, int(cpu), int(tid)) + _read_side(rest, record)
            continue
        reader = READERS.get(name)
        if reader is None:
            raise OracleError(f"an event that was not asked for: {record!r}")
        fields = reader(rest)
        if not fields:
            raise OracleError(f"cannot read this line of perf script: {record!r}")
        yield (when, int(cpu), int(tid)) + fields


def _records(lines):
    """(match of the head, whole record). A thread name may hold a line end, so a line without a
    head continues the one before."""
    record = head = None
    for line in lines:
        match = HEAD.match(line)
        if match:
            if record is not None:
                yield head or HEAD.match(record), record
            record, head = line, match
        elif "PERF_RECORD_LOST" in line:
            raise EventsLost(f"perf lost events: {line.strip()}")
        elif record is not None:
            record, head = record + line, None
        elif line.strip():
            raise OracleError(f"cannot read this line of perf script: {line!r}")
    if record is not None:
        yield head or HEAD.match(record), record


def read_recording(directory):
    """All events of a recording, ordered by time."""
    path = os.path.join(directory, "perf.data")
    argv = ["perf", "script", "-i", path, "--ns", "-F", "tid,cpu,time,event,trace",
            "--show-switch-events", "--show-lost-events"]
    with subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, errors="replace") as proc:
        # perf writes a handful of lines to stderr, far less than a pipe holds.
        try:
            events = list(parse_script(proc.stdout))
        finally:
            proc.stdout.close()
        complaint = proc.stderr.read()
    if proc.returncode != 0:
        raise OracleError(f"perf script returned {proc.returncode}: {complaint.strip()}")
    lost = [line for line in complaint.split("\n") if re.search(r"\blost\b", line, re.I)]
    if lost:
        raise EventsLost(f"perf lost events: {lost[0].strip()}")
    with open(os.path.join(directory, "span.json"), encoding="utf-8") as span:
        enabled_ns, disabled_ns = json.load(span)
    events = [event for event in events if enabled_ns <= event[0] < disabled_ns]
    if not events:
        raise OracleError(f"no events in {path}")
    events.sort(key=lambda event: event[0])
    return events


# ---------------------------------------------------------------- tasks and occupancy


class Task:
    """One thread, from its clone (or from before the recording) on. Tids are reused; tasks are
    not. Of the fields that serve the pass only: out_ns and out_state are its last switch-out,
    wake_ns the first wake since, woken_running says a wake came while it ran; came_after is the earliest
    it can have come in where its coming from idle is a guess (else None), and ran_ns what the kernel says
    it ran since."""

    __slots__ = ("tid", "tgid", "parent", "name", "family", "out_ns", "out_state", "wake_ns",
                 "woken_running", "came_after", "ran_ns", "on_cpu", "runs", "ready", "asleep", "voluntary",
                 "involuntary")

    def __init__(self, tid, tgid=None, parent=None):
        self.tid = tid
        self.tgid = tid if tgid is None else tgid
        self.parent = parent
        self.name = ""
        self.family = False
        self.out_ns = None
        self.out_state = None
        self.wake_ns = None
        self.woken_running = False
        self.came_after = None
        self.ran_ns = 0
        self.on_cpu = None
        self.runs = []   # (start, end, cpu)
        self.ready = []  # (start, end): runnable and not running
        self.asleep = []  # (start, end, state): from a switch-out that blocked to the wake-up
        self.voluntary = 0
        self.involuntary = 0

    def ready_since(self):
        """When the task, off its CPU, became runnable; None where it is blocked."""
        if self.out_state is not None and self.out_state[0] == "R":
            return self.out_ns
        if self.wake_ns is not None:
            return self.wake_ns
        if self.out_ns is not None and self.woken_running:
            # sched_waking can fire while the wakee is still on its way out. Had that wake not
            # ended this block (the task went on running then), another one would have followed.
            return self.out_ns
        return None


class Occupancy:
    """Who held which CPU when, and who was ready and held none, out of a list of events."""

    def __init__(self, events):
        self.tasks = []
        self.by_tid = {}
        self.cpus = {}         # cpu -> [task, since]; task None is idle
        self.segments = {}     # cpu -> [(start, end, task)], idle left out
        self.execs = []        # (time, task, tid)
        self.mends = 0         # switches that had no event, but a record of who left
        self.guesses = 0       # that had neither, and are dated by a record of who came
        self.moved = 0         # of the guesses: by what the kernel says the task ran
        self.unseen = 0        # likewise, and not even that: known when who came leaves
        self.unmended = []     # (start, end, task): see the head of this file
        self.first_ns = events[0][0]
        self.last_ns = events[-1][0]
        self.renames = {(e[4], e[5]) for e in events if e[3] == EXEC and e[4] != e[5]}
        behind_ns, after_ns = record_delays(events)
        self.out_late_ns = behind_ns // 2
        self.in_late_ns = after_ns + self.out_late_ns
        handlers = (self._switch, self._in, self._wake, self._wake_new, self._exec,
                    self._newtask, self._out, self._runtime)
        for event in dated(events):
            handlers[event[3]](event)
        self._finish()

    def task(self, tid):
        """The task that bears this tid now; None for idle."""
        if tid == 0:
            return None
        found = self.by_tid.get(tid)
        if found is None:
            found = Task(tid)
            self.by_tid[tid] = found
            self.tasks.append(found)
        return found

    def _newtask(self, event):
        _, _, current, _, tid, flags = event
        parent = self.task(current)
        thread = bool(flags & CLONE_THREAD) and parent is not None
        made = Task(tid, parent.tgid if thread else tid, parent)
        self.by_tid[tid] = made
        self.tasks.append(made)

    def _exec(self, event):
        when, _, _, _, tid, old_tid = event
        task = self.task(old_tid)
        if tid != old_tid:
            # A thread that is not the leader takes the leader's tid with it.
            self.by_tid[tid] = task
            self.by_tid.pop(old_tid, None)
            task.tid = tid
        self.execs.append((when, task, tid))

    def _wake(self, event):
        when, _, current, _, tid = event
        task = self.task(tid)
        if task.on_cpu is None:
            if task.wake_ns is None:
                task.wake_ns = when
        elif current != tid:
            task.woken_running = True

    def _wake_new(self, event):
        task = self.task(event[4])
        if task.on_cpu is None:
            task.wake_ns = event[0]

    def _runtime(self, event):
        task = self.task(event[4])
        if task is not None and task.came_after is not None:
            task.ran_ns += event[5]

    def _switch(self, event):
        when, cpu, _, _, prev_tid, state, next_tid, prev_name = event
        prev, coming = self.task(prev_tid), self.task(next_tid)
        occupant = self.cpus.setdefault(cpu, [prev, self.first_ns])
        if occupant[0] is not prev and not self._renamed(occupant, prev):
            # Neither the switch nor a record of prev's coming was seen.
            self.unseen += 1
            self.unmended.append((occupant[1], when, occupant[0] or prev))
            self._leave(cpu, when, "S")
            self._come(cpu, prev, when)
        if prev is not None:
            prev.name = prev_name
            if state[0] == "R":
                prev.involuntary += 1
            else:
                prev.voluntary += 1
        self._leave(cpu, when, state)
        self._come(cpu, coming, when)

    def _renamed(self, occupant, prev):
        """An exec by a thread that is not the leader changes its tid while it runs."""
        task = occupant[0]
        return (task is not None and prev is not None
                and (prev.tid, task.tid) in self.renames)

    def _out(self, event):
        """The record of a leaving whose switch had no event: see dated()."""
        when, cpu, tid, _, state, next_tid = event
        self.mends += 1
        occupant = self.cpus.setdefault(cpu, [self.task(max(tid, 0)), self.first_ns])
        when = max(occupant[1], when - self.out_late_ns)
        if tid >= 0:
            prev = self.task(tid)
            if occupant[0] is not prev and not self._renamed(occupant, prev):
                self.unseen += 1
                self.unmended.append((occupant[1], when, occupant[0] or prev))
                self._leave(cpu, when, "S")
                self._come(cpu, prev, when)
        self._leave(cpu, when, state)
        # Who comes without a number is known, if at all, by the event of its leaving.
        self._come(cpu, self.task(max(next_tid, 0)), when)

    def _in(self, event):
        when, cpu, tid, _ = event
        if tid < 0:
            return  # past its release: its record tells nothing
        task = self.task(tid)
        if cpu not in self.cpus:
            self.cpus[cpu] = [task, self.first_ns]
            return
        occupant = self.cpus[cpu]
        if occupant[0] is task or self._renamed(occupant, task):
            return
        when = max(occupant[1], when - self.in_late_ns)
        self.guesses += 1
        earliest = occupant[1]
        if occupant[0] is not None:
            self.unmended.append((occupant[1], when, occupant[0]))
            earliest = when
        ready = task.ready_since() if task is not None else None
        self._leave(cpu, when, "S")
        self._come(cpu, task, when)
        if ready is not None:
            task.came_after, task.ran_ns = max(earliest, ready), 0

    def _since(self, task, since, when):
        """When the task that leaves has come in, by what the kernel says it ran since where that was a guess."""
        if task.came_after is None:
            return since
        earlier = max(task.came_after, when - task.ran_ns)
        task.came_after = None
        if task.ran_ns == 0 or since - earlier <= LATE_LOAD_NS:
            return since
        self.moved += 1
        if task.ready and task.ready[-1][1] == since:
            task.ready[-1] = (task.ready[-1][0], earlier)
        return earlier

    def _leave(self, cpu, when, state):
        task, since = self.cpus[cpu]
        if task is None:
            return
        since = self._since(task, since, when)
        if when > since:
            task.runs.append((since, when, cpu))
            self.segments.setdefault(cpu, []).append((since, when, task))
        task.on_cpu = None
        task.out_ns = when
        task.out_state = state
        task.wake_ns = None

    def _come(self, cpu, task, when):
        self.cpus[cpu] = [task, when]
        if task is None:
            return
        start = task.ready_since()
        if start is not None and start < when:
            task.ready.append((start, when))
        if task.out_ns is not None and task.wake_ns is not None and task.out_state[0] != "R":
            task.asleep.append((task.out_ns, task.wake_ns, task.out_state))
        task.on_cpu = cpu
        task.wake_ns = None
        task.woken_running = False
        task.came_after = None

    def _finish(self):
        for cpu in self.cpus:
            self._leave(cpu, self.last_ns, "X")
        for task in self.tasks:
            start = task.ready_since()
            if start is not None and start < self.last_ns:
                task.ready.append((start, self.last_ns))


def dated(events):
    """The events, and of the records of leaving such as had no switch."""
    out, at = [], {}
    for event in events:
        kind, cpu = event[3], event[1]
        if kind == OUT:
            switch = at.pop(cpu, None)
            if switch is not None and event[2] in (switch[4], NO_NUMBER):
                continue
        elif kind == SWITCH:
            at[cpu] = event
        elif kind == IN:
            at.pop(cpu, None)
        out.append(event)
    return out


def record_delays(events):
    """The usual distances from a switch to the record of its leaving, and on to that of the coming."""
    leaving, switches, distances, behind = {}, {}, [], []
    for event in events:
        kind, cpu = event[3], event[1]
        if kind == SWITCH:
            switches[cpu] = event
        elif kind == OUT:
            switch = switches.pop(cpu, None)
            if switch and event[2] in (switch[4], NO_NUMBER):
                behind.append(event[0] - switch[0])
            leaving[cpu] = event
        elif kind == IN:
            out = leaving.pop(cpu, None)
            if out and out[5] == event[2]:
                distances.append(event[0] - out[0])
    return tuple(int(statistics.median(sample)) if sample else USUAL_RECORD_DELAY_NS
                 for sample in (behind, distances))


# ---------------------------------------------------------------- the account


class Account:
    """The figures of one workload: the tree of root_pid, between its first exec and the last
    switch-out of a thread of that process."""

    def __init__(self, events, root_pid, unbound=False, wait_all=False):
        """wait_all: the window lasts to the last switch-out of any of the tree. unbound: the tasks may use every CPU, as the caller knows. Else a task is taken to be
        confined to the CPUs it was seen on, of which too little rather than too much comes out as
        taken away."""
        self.occ = Occupancy(events)
        self.root_pid = root_pid
        self.unbound = unbound
        self.wait_all = wait_all
        self.start_ns, self.root = self._first_exec()
        self.family = self._family()
        self.end_ns = self._end()

    def _first_exec(self):
        for when, task, tid in self.occ.execs:
            if tid == self.root_pid:
                return when, task
        raise OracleError(f"the recording has no exec of process {self.root_pid}")

    def _family(self):
        self.root.family = True
        family = [self.root]
        # Tasks are in order of birth, so a parent is settled before its children.
        for task in self.occ.tasks:
            if task is not self.root and task.parent is not None and task.parent.family:
                task.family = True
                family.append(task)
        return family

    def held_up_ns(self, task):
        """For how long a task was in the kernel's uninterruptible sleep (D), within the window."""
        return sum(b - a for a, b, state in _clip(task.asleep, self.start_ns, self.end_ns)
                   if state.startswith("D"))

    def _end(self):
        ends = [task.runs[-1][1] for task in self.family
                if (self.wait_all or task.tgid == self.root.tgid) and task.runs]
        if not ends or max(ends) <= self.start_ns:
            raise OracleError(f"process {self.root_pid} was never seen on a CPU")
        return max(ends)

    def figures(self, start=None, end=None):
        """The account of [start, end), by default of the whole window (CLOCK_MONOTONIC ns)."""
        start = self.start_ns if start is None else max(start, self.start_ns)
        end = self.end_ns if end is None else min(end, self.end_ns)
        if end <= start:
            raise OracleError(f"nothing of the window lies in {start},{end}")
        changes = []
        threads = []
        seen_on = {}
        for task in self.family:
            runs = _clip(task.runs, start, end)
            ready = _clip(task.ready, start, end)
            for run in runs:
                changes.append((run[0], 0, 1))
                changes.append((run[1], 0, -1))
            for piece in ready:
                changes.append((piece[0], 1, 1))
                changes.append((piece[1], 1, -1))
            seen_on[task] = {run[2] for run in runs}
            threads.append({
                "tid": task.tid, "pid": task.tgid, "name": task.name,
                "running_ns": sum(run[1] - run[0] for run in runs),
                "runnable_ns": sum(piece[1] - piece[0] for piece in ready),
                "voluntary": task.voluntary, "involuntary": task.involuntary,
                "cpus_used": len(seen_on[task]),
            })
        profile, mixed = _sweep(changes, start, end)
        figures = {
            "root_pid": self.root_pid,
            "start_ns": start, "end_ns": end, "window_ns": end - start,
            "profile_ns": profile,
            "cpu_time_ns": sum(k * ns for k, ns in enumerate(profile)),
            "interleaved_ns": mixed[1], "none_but_ready_ns": mixed[0],
        }
        figures.update(self._stolen(seen_on, start, end))
        figures.update({
            "threads": threads,
            "processes": len({task.tgid for task in self.family}),
            "mends": self.occ.mends, "guesses": self.occ.guesses, "moved": self.occ.moved,
            "unseen": self.occ.unseen,
            "out_late_ns": self.occ.out_late_ns, "in_late_ns": self.occ.in_late_ns,
            "unmended_ns": sum(b - a for a, b, task in _clip(self.occ.unmended, start, end)
                               if task.family),
        })
        return figures

    def _stolen(self, seen_on, start, end):
        """Time in which tasks of others held CPUs while a task of ours that may use that CPU was
        ready. disturbed_ns: at least one such CPU; disturbed_cpu_ns: summed over them;
        foreign_ns: all that others ran, harmful or not."""
        foreign_ns = 0
        pieces = []
        for cpu, segments in self.occ.segments.items():
            ready = _union(_clip([piece for task, used in seen_on.items()
                                  if self.unbound or cpu in used
                                  for piece in task.ready], start, end))
            foreign = _clip([(a, b) for a, b, task in segments if not task.family], start, end)
            foreign_ns += sum(b - a for a, b in foreign)
            pieces += _overlap(foreign, ready)
        return {"disturbed_ns": sum(b - a for a, b in _union(pieces)),
                "disturbed_cpu_ns": sum(b - a for a, b in pieces),
                "foreign_ns": foreign_ns}


def _clip(pieces, start, end):
    return [(max(p[0], start), min(p[1], end)) + tuple(p[2:])
            for p in pieces if p[1] > start and p[0] < end]


def _union(pieces):
    out = []
    for a, b in sorted(pieces):
        if out and a <= out[-1][1]:
            out[-1] = (out[-1][0], max(b, out[-1][1]))
        else:
            out.append((a, b))
    return out


def _overlap(some, union):
    """The parts of the pieces `some` that lie in `union` (disjoint, sorted)."""
    starts = [u[0] for u in union]
    out = []
    for a, b in some:
        i = max(bisect.bisect_right(starts, a) - 1, 0)
        while i < len(union) and union[i][0] < b:
            low, high = max(a, union[i][0]), min(b, union[i][1])
            if high > low:
                out.append((low, high))
            i += 1
    return out


def _sweep(changes, start, end):
    """Time by number running; and with (none, one) running while others are ready."""
    changes.sort()
    profile = [0]
    mixed = [0, 0]
    running = ready = 0
    at = start
    for when, what, delta in changes + [(end, 2, 0)]:
        if when > at:
            while len(profile) <= running:
                profile.append(0)
            profile[running] += when - at
            if ready and running < 2:
                mixed[running] += when - at
            at = when
        if what == 0:
            running += delta
        elif what == 1:
            ready += delta
    return profile, mixed


# ---------------------------------------------------------------- command line


def command_record(args):
    os.makedirs(args.output, exist_ok=True)
    recording = Recording(args.output, args.buffer).start()
    try:
        with subprocess.Popen(args.command) as child:
            status = child.wait()
        # The last switch-out comes after the wait has been answered.
        time.sleep(0.05)
        recording.stop()
    finally:
        recording.kill()
    with open(os.path.join(args.output, "record.json"), "w", encoding="utf-8") as out:
        json.dump({"root_pid": child.pid, "status": status, "command": args.command}, out)
    return status if status >= 0 else 128 - status


def command_account(args):
    root_pid = args.root_pid
    if root_pid is None:
        with open(os.path.join(args.directory, "record.json"), encoding="utf-8") as record:
            root_pid = json.load(record)["root_pid"]
    account = Account(read_recording(args.directory), root_pid)
    span = [int(part) for part in args.span.split(",")] if args.span else (None, None)
    json.dump(account.figures(*span), sys.stdout, indent=1)
    print()
    return 0


def main(argv):
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    commands = parser.add_subparsers(required=True)
    record = commands.add_parser("record", help="record a command and the machine around it")
    record.add_argument("-o", "--output", required=True, metavar="DIR")
    record.add_argument("-m", "--buffer", default="64M", help="perf's buffer per CPU")
    record.add_argument("command", nargs="+")
    record.set_defaults(func=command_record)
    account = commands.add_parser("account", help="print the account of a recording as JSON")
    account.add_argument("directory")
    account.add_argument("--root-pid", type=int)
    account.add_argument("--span", metavar="A,B", help="CLOCK_MONOTONIC ns")
    account.set_defaults(func=command_account)
    args = parser.parse_args(argv)
    try:
        return args.func(args)
    except (OracleError, OSError, ValueError) as err:
        print(f"oracle: {err}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
