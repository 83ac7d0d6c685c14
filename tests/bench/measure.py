# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""One run of a load under a recorder, and everything about it that can be measured from outside.

    spawn        stamp begins      load            stamp ends          exit
      |------ start ----|------------------------------|------ stop ------|
      |-- CPU before ---|--------- CPU during ---------|--- CPU after ----|

Owns: the processes of a run; none outlives it. The stamp (bench_load.c) notes times and the
recorder's CPU time on both sides of the load; the load tells its own time.

Must not know: any single recorder or load.
"""

import json
import os
import re
import signal
import subprocess
import tempfile
import threading
import time

TIMEOUT = 120
WATCH_SECONDS = 0.003
READY_TIMEOUT = 10


# The directories of a measurement are root's, and cpartrace writes as the user behind sudo.
for name in ("SUDO_UID", "SUDO_GID"):
    os.environ.pop(name, None)


class Failed(Exception):
    """The run says nothing; the message says why."""


class Finished:
    """A process that has ended: status, CPU time of it and all it waited for, peak memory (of what
    started it, too)."""

    def __init__(self, status, usage, ended_ns, text):
        self.status, self.ended_ns, self.text = status, ended_ns, text
        self.cpu_ns = round((usage.ru_utime + usage.ru_stime) * 1e9)
        self.rss_kb = usage.ru_maxrss


class Process:
    """A started process in a session of its own, its output in a file, its time bounded."""

    def __init__(self, argv, directory, env=None, stdout=None):
        self.argv = [str(arg) for arg in argv]
        self._log = tempfile.TemporaryFile(dir=directory)
        self.started_ns = time.monotonic_ns()
        try:
            self.popen = subprocess.Popen(
                self.argv, stdin=subprocess.DEVNULL, stdout=stdout or self._log, stderr=self._log,
                start_new_session=True, cwd=directory, env={**os.environ, **(env or {})})
        except OSError as err:
            raise Failed(f"{self.argv[0]}: {err.strerror}") from None
        self.pid = self.popen.pid
        self._timer = threading.Timer(TIMEOUT, self.kill)
        self._timer.daemon = True
        self._timer.start()
        self.peak_kb = 0

    def watch_memory(self):
        """Notes the peak of its memory, but for the last moments. What wait4 tells of that includes
        what this program had when it forked."""
        def watch():
            while self.popen.returncode is None:
                try:
                    with open(f"/proc/{self.pid}/status", encoding="ascii", errors="replace") as text:
                        peak = re.search(r"^VmHWM:\s+(\d+) kB", text.read(), re.M)
                except OSError:
                    return
                self.peak_kb = max(self.peak_kb, int(peak[1]) if peak else 0)
                time.sleep(WATCH_SECONDS)
        threading.Thread(target=watch, daemon=True).start()

    def kill(self):
        try:
            os.killpg(self.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass

    def wait(self):
        _, status, usage = os.wait4(self.pid, 0)
        ended_ns = time.monotonic_ns()
        self._timer.cancel()
        self.kill()  # what it may have left behind
        self.popen.returncode = os.waitstatus_to_exitcode(status)
        self._log.seek(0)
        text = self._log.read().decode("utf-8", "replace")
        self._log.close()
        return Finished(self.popen.returncode, usage, ended_ns, text)


def read_stamp(prefix):
    try:
        with open(f"{prefix}.stamp", encoding="utf-8") as source:
            return json.load(source)
    except (OSError, ValueError):
        return None


def read_output(prefix):
    with open(f"{prefix}.out", encoding="utf-8", errors="replace") as source:
        return source.read()


def _say_failure(what, finished, prefix):
    lines = finished.text.strip().split("\n")
    if os.path.exists(f"{prefix}.out"):
        lines += read_output(prefix).strip().split("\n")
    raise Failed(f"{what}: status {finished.status}: {' / '.join(lines)[-300:]}")


def run(recorder, load_argv, bench_load, directory, memory=False):
    """Runs the load under the recorder. A dict of facts, times in ns; Failed. memory: its peak, too,
    which disturbs the times."""
    prefix = os.path.join(directory, "run")
    for suffix in (".stamp", ".out"):
        if os.path.exists(prefix + suffix):
            os.unlink(prefix + suffix)
    stamped = [bench_load, "stamp", prefix, *load_argv]
    if recorder.beside:
        return _run_beside(recorder, stamped, prefix, directory, memory)
    process = Process(recorder.command(directory, stamped), directory,
                      stdout=subprocess.DEVNULL if recorder.mute else None)
    if memory:
        process.watch_memory()
    finished = process.wait()
    stamp = read_stamp(prefix)
    if stamp is None or finished.status != 0:
        _say_failure(recorder.label, finished, prefix)
    # Only what the recorder waited for is in its account; one that did not wait for the load has
    # used no less than the stamp saw.
    own_ns = max(finished.cpu_ns - stamp["load_cpu_ns"], stamp["cpu_end_ns"])
    return _facts(recorder, directory, stamp, prefix, process, finished, own_ns,
                  start_ns=stamp["start_ns"] - process.started_ns,
                  stop_ns=finished.ended_ns - stamp["end_ns"])


def _bpf_links(pid):
    cnt = 0
    try:
        for fd in os.listdir(f"/proc/{pid}/fd"):
            try:
                cnt += "bpf" in os.readlink(f"/proc/{pid}/fd/{fd}")
            except OSError:
                pass
    except OSError:
        pass
    return cnt


def _await_ready(process):
    """A tool that runs beside the load is ready when it holds BPF objects and their number has
    been still for a while. Returns when it became so."""
    held, since = 0, time.monotonic_ns()
    deadline = since + READY_TIMEOUT * 10 ** 9
    while time.monotonic_ns() < deadline:
        now = _bpf_links(process.pid)
        if now != held:
            held, since = now, time.monotonic_ns()
        if held and time.monotonic_ns() - since > 150_000_000:
            return since
        time.sleep(0.005)
    process.kill()
    finished = process.wait()
    raise Failed(f"{process.argv[0]} attached nothing within {READY_TIMEOUT} s: "
                 f"{finished.text.strip()[-200:]}")


def _run_beside(recorder, stamped, prefix, directory, memory):
    process = Process(recorder.command(directory, None), directory)
    if memory:
        process.watch_memory()
    try:
        ready_ns = _await_ready(process)
        load = Process(stamped, directory, env={"BENCH_RECORDER": str(process.pid)})
        load_end = load.wait()
        os.killpg(process.pid, signal.SIGINT)
    except BaseException:
        process.kill()
        raise
    finished = process.wait()
    stamp = read_stamp(prefix)
    if stamp is None or load_end.status != 0:
        _say_failure("load", load_end, prefix)
    return _facts(recorder, directory, stamp, prefix, process, finished, finished.cpu_ns,
                  start_ns=ready_ns - process.started_ns,
                  stop_ns=finished.ended_ns - load_end.ended_ns)


def _facts(recorder, directory, stamp, prefix, process, finished, own_ns, start_ns, stop_ns):
    facts = {
        "output": read_output(prefix),
        "start_ns": start_ns,
        "stop_ns": stop_ns,
        "load_cpu_ns": stamp["load_cpu_ns"],
        "load_switches": stamp["load_switches"],
        "cpu_before_ns": stamp["cpu_start_ns"],
        "cpu_during_ns": stamp["cpu_end_ns"] - stamp["cpu_start_ns"],
        "cpu_after_ns": own_ns - stamp["cpu_end_ns"],
        "rss_kb": process.peak_kb or None,
    }
    if recorder.traces:
        facts.update(recorder.look_at(directory, finished.text))
    else:
        for key in ("cpu_before_ns", "cpu_during_ns", "cpu_after_ns", "rss_kb"):
            facts[key] = None
    return facts
