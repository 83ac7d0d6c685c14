# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What inject.py makes fail of the commands that record.

Owns: what must hold of these beside what holds of all: the workload is let go or it is not, and then it runs to its
end and its status is returned; what was captured can be read; no process and no probe is left.
"""

import os
import re
import signal
import subprocess
import time

from inject import HARMLESS, OF_DATA, OLD, Target, one_line, reasons

READ_SECONDS = 60
STATUS = 7  # the workload's own
COMMAND = ["/bin/sh", "-c", f"echo ran >> \"$0\"; exit {STATUS}"]
# The same, and what is kept is asked for meanwhile.
DUMPED = ["/bin/sh", "-c", f"echo ran >> \"$0\"; kill -USR2 $PPID; sleep 0.15; exit {STATUS}"]


def in_session(sid):
    """Processes of that session that have not ended."""
    found = []
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                with open(f"/proc/{entry}/stat", encoding="utf-8", errors="replace") as file:
                    fields = file.read().rpartition(")")[2].split()
            except OSError:
                continue
            if int(fields[3]) == sid and fields[0] != "Z":
                found.append(int(entry))
    return found


def left_behind(run):
    """Processes of a run that are there when it has ended. What is ending is given time to."""
    until = time.monotonic() + 5
    while (found := in_session(run.pid)) and time.monotonic() < until:
        time.sleep(0.05)
    for pid in found:
        os.kill(pid, signal.SIGKILL)
    return found


def reads(args, path):
    """The status of `report` on a trace, and what it said."""
    done = subprocess.run([args.cpartrace, "report", "-i", path], capture_output=True, text=True, check=False,
                          timeout=READ_SECONDS)
    return done.returncode, done.stderr


def says_why(run, text, fault):
    """Does it give the reason? libbpf does not tell want of memory from type information that cannot be read, and takes
    a probe of what the kernel has, for which that has no memory, for the answer no."""
    return any(r in text for r in reasons(fault)) or (
        "most likely for want of memory" in text and any("_btf" in c or "btf_" in c for c in run.callers())) or (
        fault == "ENOMEM" and "the kernel refused the probe" in text and any("libbpf" in c for c in run.callers()))


def say_lines(run):
    return [line for line in run.err.split("\n") if line]


class Recording(Target):
    """run, record, stat of a command."""
    live, good = True, (STATUS,)

    def __init__(self, args, name, words, trace, command=COMMAND):
        super().__init__(name, words + ["--", *command, "OUT.mark"], out=True)
        self.args, self.trace, self.base = args, trace, None

    def judge(self, server, run, base, fault):
        left = left_behind(run)
        if run.hangs or run.signal:
            return "hangs" if run.hangs else f"is ended by signal {run.signal}"
        if run.status == 99 or "Sanitizer" in run.err or "runtime error" in run.err:
            return "a sanitizer found something"
        if left:
            return f"leaves processes {left}"
        ran = os.path.exists(os.path.join(server.out_dir, "file.mark"))
        lines = say_lines(run)
        if any(not line.startswith("cpartrace: ") for line in lines):
            return "says what is no line of its own"
        if run.call in OF_DATA and run.fd == 2 and not lines:
            lines = ["cpartrace: " + reasons(fault)[0]]
        if ran != (run.status == STATUS):
            return f"status {run.status}, and the command was {'' if ran else 'not '}run"
        if not ran:
            return self.not_run(run, fault, lines)
        if fault in HARMLESS and lines:
            return "says that something failed where nothing need"
        return self.was_run(server, run, fault, lines)

    def not_run(self, run, fault, lines):
        if run.status not in (125, 126, 127):
            return f"status {run.status}"
        if run.file != OLD or run.left != ["file"]:
            return f"leaves {run.left}"
        if len(lines) != 1:
            return "does not say it in one line"
        return None if says_why(run, lines[0], fault) else f"gives another reason than {fault}"

    def was_run(self, server, run, fault, lines):
        temp = [name for name in run.left if name.endswith(".tmp")]
        kept = re.search(r"kept at (\S+)", run.err)
        if temp and not (kept and len(temp) == 1 and kept[1].endswith(temp[0])):
            return f"leaves {temp}"
        if lines and not says_why(run, run.err, fault):
            return f"gives another reason than {fault}"
        if not self.trace:
            return None if run.file != OLD or lines else "another output, and nothing is said of it"
        status, said = reads(self.args, kept[1] if kept else server.out_path)
        if status not in (0, 4):
            return None if status == 1 and lines and "not a trace" in said or "no trace" in said \
                else f"its trace cannot be read (status {status}): {said}"
        if status == 4 and not lines:
            return "its trace is not whole, and nothing was said of it"
        return None


class Attached(Target):
    """record and stat of a process that runs already."""
    live, good = True, (0,)

    def __init__(self, args, name, words):
        super().__init__(name, words, out=True)
        self.args, self.proc = args, None

    def open(self):
        # It reads until there is nobody any more who could write: nothing of it outlives this.
        self.proc = subprocess.Popen(["/bin/bash", "-c", "until read -t 0.02; (($? == 1)); do /bin/true; done"],
                                     stdin=subprocess.PIPE, start_new_session=True)
        self.words = [word.replace("PID", str(self.proc.pid)) for word in self.words]

    def close(self):
        os.killpg(self.proc.pid, signal.SIGKILL)
        self.proc.wait()

    def judge(self, server, run, base, fault):
        left = left_behind(run)
        if run.hangs or run.signal:
            return "hangs" if run.hangs else f"is ended by signal {run.signal}"
        if run.status == 99 or "Sanitizer" in run.err or "runtime error" in run.err:
            return "a sanitizer found something"
        if left:
            return f"leaves processes {left}"
        with open(f"/proc/{self.proc.pid}/stat", encoding="utf-8") as file:
            if self.proc.poll() is not None or file.read().rpartition(")")[2].split()[0] in "TtZ":
                return "the process it looks at is stopped or gone"
        if any(name.endswith(".tmp") for name in run.left) and "kept at" not in run.err:
            return f"leaves {run.left}"
        lines = say_lines(run)
        if run.call in OF_DATA and run.fd == 2:
            return None
        if run.status not in (0, 1):
            return f"status {run.status}"
        if fault in HARMLESS:
            return "fails where it need not" if run.status or lines else None
        if run.status and not one_line(run.err) and not re.search("kept at|is lost", run.err):
            return "does not say it in one line"
        if lines and not says_why(run, run.err, fault):
            return f"gives another reason than {fault}"
        if run.status == 0 and "-o" in self.words and self.words[0] == "record":
            status, said = reads(self.args, server.out_path)
            if status == 4 and not lines or status not in (0, 4):
                return f"its trace reads with status {status}, which it did not say: {said}"
        return None


class Doctor(Target):
    """What is missing here for want of memory is said, or it fails."""
    live, good = True, (0,)

    def judge(self, server, run, base, fault):
        if run.hangs or run.signal:
            return "hangs" if run.hangs else f"is ended by signal {run.signal}"
        if run.status == 99 or "Sanitizer" in run.err or "runtime error" in run.err:
            return "a sanitizer found something"
        if run.status == 0:
            return None if run.out == base.out or fault not in HARMLESS else "another output"
        if run.call in OF_DATA and run.fd == 2:
            return None
        if run.status == 3 and b"MISSING" in run.out:
            return None
        return None if run.status == 1 and one_line(run.err) else f"status {run.status}, in {run.err.count(chr(10))} lines"


def targets(args):
    found = [Recording(args, "record", ["record", "-q", "-o", "OUT"], True),
             Recording(args, "record --stacks --sample", ["record", "-q", "--stacks", "--sample", "-o", "OUT"], True),
             Recording(args, "record --flight", ["record", "-q", "--flight", "1s,4M", "-o", "OUT"], True, DUMPED),
             Recording(args, "run", ["run", "-q", "-o", "OUT"], True),
             Recording(args, "run --stacks", ["run", "-q", "--stacks", "-o", "OUT"], True),
             Recording(args, "run, reports into files", ["run", "-q", "-o", "OUT", "--json", "OUT.json",
                                                         "--report-file", "OUT.report"], True),
             Recording(args, "run --user", ["run", "-q", "-o", "OUT", "--user", "root"], True),
             Recording(args, "stat", ["stat", "-o", "OUT"], False),
             Recording(args, "stat --openmetrics", ["stat", "-o", "OUT", "--openmetrics", "OUT.prom"], False)]
    attached = [("record -p", ["record", "-q", "-o", "OUT", "-p", "PID", "-d", "0.1"]),
                ("stat -p", ["stat", "-o", "OUT", "-p", "PID", "-d", "0.1"]),
                ("stat -a", ["stat", "-a", "-d", "0.1", "-o", "OUT"])]
    found += [Attached(args, name, words) for name, words in attached]
    found.append(Doctor("doctor", ["doctor"]))
    return found
