# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What the live cases stand on: running things and leaving nothing behind, tracing a command
under the oracle's eyes, and the checks every report must pass.

Owns: the Case a test function is given, and traced(). Must not know: any single case.

Invariants: whatever a case does, when it ends its directory is gone and every process it started
has ended; only processes descended from this program are ever killed.
"""

import ctypes
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
sys.path.insert(0, os.path.join(HERE, "..", "schema"))

import check_report  # noqa: E402
import oracle  # noqa: E402

# Agreement with perf's recording asked of profile_ns, cpu_time_ns and window_ns, in windows.
AGREEMENT = 0.005
# Of each task, between two recorders of its birth and its end: 1.3 us on a slow machine.
LIFE_NS = 1_500
# A run in which others held CPUs our tasks were ready for longer than this share of the window is
# done again, up to TRIES times: what a loosened bound says of it is little.
QUIET_SHARE = 0.05
TRIES = 3
# Both distances were 0.2 to 2.4 us on the machines seen.
LATE_MAX_NS = 5000

# For a case whose judgements hold however much others take. That is summed over the CPUs: 10,000 threads
# beside three programs that compute were disturbed for 1.01 windows, and recorded three times, in 45 s.
ANY_SHARE = float("inf")

# What runs beside the tests is to take as little from them as can be: a truth that was taken away
# cannot be tested. The weight counts within a session's group where the kernel groups by session,
# so it is given to both.
NICE = -19

PR_SET_CHILD_SUBREAPER = 36


def group():
    """(a decorator that takes a case's name, what live.py asks for the cases): those of one file, in their
    order."""
    found = []

    def register(name):
        def keep(function):
            found.append((name, function))
            return function
        return keep
    return register, lambda *_: found


class Failed(Exception):
    """The case cannot go on; the message says why."""


class CaseTimeout(BaseException):
    """The case took longer than it may. Not an Exception, so that no case swallows it."""


def become_subreaper():
    """Orphans of what a case started become our children, so that none is left behind."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_CHILD_SUBREAPER)")


def take_signals():
    """What a shell lets programs in its background ignore they would pass on to all they start."""
    for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGHUP, signal.SIGTERM, signal.SIGTSTP):
        if signal.getsignal(number) == signal.SIG_IGN:
            signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)


def come_first():
    """In a child, before its exec: a session of its own that is served before other programs."""
    os.setsid()
    os.setpriority(os.PRIO_PROCESS, 0, NICE)
    try:
        with open("/proc/self/autogroup", "w", encoding="ascii") as group:
            group.write(str(NICE))
    except OSError:
        pass  # a kernel without groups by session


def children_of(pid):
    """Every living or dead descendant of a process, by /proc."""
    parents = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                with open(f"/proc/{entry}/stat", encoding="utf-8", errors="replace") as stat:
                    parents[int(entry)] = int(stat.read().rpartition(")")[2].split()[1])
            except OSError:
                pass
    found, frontier = [], {pid}
    while frontier:
        frontier = {child for child, parent in parents.items() if parent in frontier}
        found += frontier
    return found


def reap_everything():
    """Kills what is left of a case and waits for it. Returns the pids that were still alive."""
    left = []
    for _ in range(100):
        remaining = children_of(os.getpid())
        if not remaining:
            return left
        for pid in remaining:
            try:
                os.kill(pid, signal.SIGKILL)
                os.kill(pid, signal.SIGCONT)
                left.append(pid)
            except ProcessLookupError:
                pass
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            return left
        time.sleep(0.02)
    raise Failed(f"processes {remaining} did not end when killed")


class Result:
    """A finished command."""

    def __init__(self, argv, status, out, err):
        self.argv, self.status, self.out, self.err = argv, status, out, err

    def __str__(self):
        return (f"{' '.join(map(str, self.argv))}: status {self.status}, "
                f"stderr {self.err[-300:]!r}")


class Traced:
    """A command that ran under cpartrace while perf recorded the machine."""

    def __init__(self, result, trace, report, account):
        self.result, self.trace, self.report, self.account = result, trace, report, account


class Case:
    """One case's world: a directory, commands with bounded time, findings, notes."""

    def __init__(self, binary, workloads, helpers):
        self.cpartrace = binary
        self.workloads = workloads
        self.helpers = helpers
        self.dir = tempfile.mkdtemp(prefix="cpartrace-live-")
        os.chmod(self.dir, 0o755)
        self.findings = []
        self.final = False  # a finding that no run again could take back
        self.notes = []
        self.checks = 0
        self.deviation = (0.0, "")
        self.recording = None

    def close(self):
        """Leaves nothing behind; says what a case left running, which is a finding of its own
        unless the case is over because its time was."""
        if self.recording:
            self.recording.kill()
        reap_everything()
        shutil.rmtree(self.dir, ignore_errors=True)

    # ---- findings

    def check(self, what, true, detail=""):
        self.checks += 1
        if not true:
            self.findings.append(f"{what}: {detail}" if detail != "" else what)
        return bool(true)

    def equal(self, what, found, expected):
        return self.check(what, found == expected, f"found {found!r}, expected {expected!r}")

    def within(self, what, value, low, high):
        return self.check(what, low <= value <= high, f"{value:.6g} is not in [{low:.6g}, {high:.6g}]")

    def deviates(self, name, share):
        """Keeps the largest deviation from perf's recording, as a share of the window."""
        if abs(share) >= abs(self.deviation[0]):
            self.deviation = (share, name)

    def note(self, text):
        self.notes.append(text)

    # ---- files and commands

    def path(self, name):
        return os.path.join(self.dir, name)

    def helper(self, name):
        return os.path.join(self.helpers, name)

    def write(self, name, content, mode=0o644):
        path = self.path(name)
        with open(path, "wb" if isinstance(content, bytes) else "w") as out:
            out.write(content)
        os.chmod(path, mode)
        return path

    def environment(self, extra=None):
        """A plain environment: no colour or width from the one who runs the tests."""
        env = {key: value for key, value in os.environ.items()
               if key in ("PATH", "HOME", "TMPDIR", "USER", "LANG", "LC_ALL")}
        env.setdefault("LC_ALL", "C.UTF-8")
        env.update(extra or {})
        return env

    def run(self, argv, timeout=60, stdin=None, env=None, cwd=None, **popen):
        """Runs to the end. Output as text; bytes that are not UTF-8 survive as surrogates."""
        proc = self.spawn(argv, stdin=subprocess.PIPE if stdin is not None else subprocess.DEVNULL,
                          env=env, cwd=cwd, **popen)
        try:
            out, err = proc.communicate(stdin, timeout=timeout)
        except subprocess.TimeoutExpired:
            proc.kill()
            proc.communicate()
            raise Failed(f"{' '.join(map(str, argv))} did not end within {timeout} s") from None
        return Result(argv, proc.returncode, out, err)

    def spawn(self, argv, stdin=subprocess.DEVNULL, env=None, cwd=None, **popen):
        popen.setdefault("stdout", subprocess.PIPE)
        popen.setdefault("stderr", subprocess.PIPE)
        if "user" in popen:
            popen.setdefault("start_new_session", True)  # no weight that only root may give
        else:
            popen.setdefault("preexec_fn", come_first)
        return subprocess.Popen(
            [str(arg) for arg in argv], stdin=stdin, env=self.environment(env),
            cwd=cwd or self.dir, encoding="utf-8", errors="surrogateescape", **popen)

    def cpt(self, *argv, **kwargs):
        return self.run([self.cpartrace, *argv], **kwargs)

    # ---- cpartrace's answers

    def json_of(self, result):
        try:
            return json.loads(result.out)
        except ValueError as err:
            raise Failed(f"no JSON from {result}: {err}") from None

    def report_json(self, trace, *filters, status=0):
        """`report --json` with filters: its schema and identities hold, or it is a finding."""
        result = self.cpt("report", "-i", trace, "--json", *filters)
        if result.status != status:
            raise Failed(f"expected status {status}: {result}")
        report = self.json_of(result)
        self.check_report(" ".join(["report", *filters]), report)
        return report

    def check_report(self, what, report):
        for finding in check_report.findings(report):
            self.check(what, False, finding)
            self.final = True
        self.checks += 1

    def load_json(self, name):
        try:
            with open(self.path(name), encoding="utf-8") as source:
                return json.load(source)
        except (OSError, ValueError) as err:
            raise Failed(f"--json {name}: {err}") from None


# ---------------------------------------------------------------- tracing under the oracle


def traced(case, argv, options=(), name="run", status=0, quiet_share=QUIET_SHARE, unbound=False,
           slow_loads=False, **kwargs):
    """Runs argv under `cpartrace run` while perf records everything, and accounts the recording. unbound: its
    tasks may use every CPU. slow_loads: to load its page tables may take long, see oracle.py. Runs again
    when perf lost events or others took much of the machine; the quietest run that was recorded whole counts."""
    best = None
    for attempt in range(TRIES):
        one = _trace_once(case, argv, options, f"{name}{attempt}", status, unbound, slow_loads, kwargs)
        if one is None:
            continue
        if best is None or stolen_share(one) < stolen_share(best):
            best = one
        if stolen_share(best) <= quiet_share:
            break
    if best is None:
        raise Failed(f"perf lost events in {TRIES} runs of {' '.join(map(str, argv))}")
    figures = best.account.figures()
    moved = f", {figures['moved']} moved" if slow_loads else ""
    case.note(f"disturbed {100 * stolen_share(best):.2f} %, {figures['mends']} mends by the oracle "
              f"within {figures['out_late_ns']} ns, {figures['guesses']} within {figures['in_late_ns']} ns{moved}, "
              f"{100 * figures['unmended_ns'] / figures['window_ns']:.4f} % untold")
    return best


def stolen_share(run):
    figures = run.account.figures()
    return figures["disturbed_cpu_ns"] / figures["window_ns"]


def _trace_once(case, argv, options, name, status, unbound, slow_loads, kwargs):
    directory = case.path(f"{name}.perf")
    os.mkdir(directory)
    trace = case.path(f"{name}.trace")
    events = oracle.PERF_EVENTS + ((oracle.RUNTIME_EVENT,) if slow_loads else ())
    case.recording = oracle.Recording(directory, events=events, preexec_fn=come_first).start()
    result = case.run([case.cpartrace, "run", "-o", trace, "--json", case.path(f"{name}.json"),
                       *options, "--", *argv], **kwargs)
    # The workload's last switch-out precedes its tracer's end; perf's buffers need no more.
    try:
        case.recording.stop()
    except oracle.OracleError as err:
        raise Failed(str(err)) from None
    finally:
        case.recording.kill()
        case.recording = None
    if result.status != status:
        raise Failed(f"expected status {status}: {result}")
    report = case.load_json(f"{name}.json")
    try:
        account = oracle.Account(oracle.read_recording(directory), report["root_pid"],
                                 unbound, "--wait-all" in options)
    except oracle.EventsLost as err:
        case.note(str(err))
        return None
    except oracle.OracleError as err:
        raise Failed(str(err)) from None
    finally:
        shutil.rmtree(directory)
    return Traced(result, trace, report, account)


def stolen_ns(report):
    """What the hypervisor took in the window, on all CPUs. A thread's own clock leaves it out; how
    long it ran and when it ended does not."""
    return report["data_quality"]["steal_ns"] or 0


def unclocked_ns(report):
    """What no thread's own clock counts of the time it stood on a CPU, at most: stolen, or of interrupts."""
    return stolen_ns(report) + (report.get("irq_ns") or 0)


def slack_of(figures):
    """How far a sum of times may be from the oracle's. A switch of which perf has no event is put before
    the record of who left or, without that, who came, by less than these usually are behind an event
    in this recording: it is off by no more than that, or, where the kernel's own running time has moved it
    (oracle.LATE_LOAD_NS), by what that clock is behind. All others are dated by their event. What is usual
    on a machine where perf's writing is interrupted may be much: it counts up to LATE_MAX_NS."""
    return (AGREEMENT * figures["window_ns"]
            + min(figures["out_late_ns"], LATE_MAX_NS) * figures["mends"]
            + min(figures["in_late_ns"], LATE_MAX_NS) * figures["guesses"])


def check_agreement(case, report, figures, what="run"):
    """profile_ns, cpu_time_ns and window_ns against the oracle's figures of the same time."""
    window = figures["window_ns"]
    slack = slack_of(figures)
    # Two recorders of one event read the clock one after the other: that is the same at each switch and no matter,
    # but not at the first and the last of a task.
    lives = slack + LIFE_NS * len(figures["threads"])

    def agree(name, ours, theirs, slack=lives):
        case.deviates(f"{what} {name}", (ours - theirs) / window)
        case.check(f"{what}: {name} agrees with perf's recording", abs(ours - theirs) <= slack,
                   f"{ours} here, {theirs} there: {100 * (ours - theirs) / window:+.3f} % "
                   f"of the window of {window} ns")

    agree("window_ns", report["window_ns"], window, slack)
    agree("window_start_ns", report["window_start_ns"], figures["start_ns"], slack)
    agree("cpu_time_ns", report["cpu_time_ns"], figures["cpu_time_ns"])
    ours, theirs = report["parallelism"]["profile_ns"], figures["profile_ns"]
    for k in range(max(len(ours), len(theirs))):
        agree(f"profile_ns[{k}]", ours[k] if k < len(ours) else 0,
              theirs[k] if k < len(theirs) else 0)
    case.check(f"{what}: the recording itself is sound", figures["unmended_ns"] <= slack / 2,
               f"{figures['unmended_ns']} ns of it cannot be told")


def check_run(case, run):
    """What every run under the oracle must satisfy: schema, identities, agreement, no loss, and
    a report that reads the same from the trace."""
    case.check_report("run", run.report)
    check_agreement(case, run.report, run.account.figures())
    case.equal("lost_events", run.report["data_quality"]["lost_events"], 0)
    again = case.report_json(run.trace)
    if again != run.report:
        case.check("report --json is what run wrote", False, first_difference(run.report, again))
    check_same_text(case, run)


def check_same_text(case, run):
    """`report` prints what `run` printed; beside it `run` may say a line of its own."""
    text = case.cpt("report", "-i", run.trace)
    case.equal("report's status", text.status, 0)
    case.check("report prints something", text.out.strip() != "")
    printed = run.result.err
    if not case.check("report prints what run printed", text.out in printed,
                      first_line_difference(text.out, printed)):
        return
    rest = printed.replace(text.out, "", 1)
    case.check("run prints only its report and lines of its own",
               all(not line or line.startswith("cpartrace: ") for line in rest.split("\n")), rest)


def first_difference(left, right, path="report"):
    if isinstance(left, dict) and isinstance(right, dict):
        for key in sorted(set(left) | set(right)):
            if left.get(key) != right.get(key):
                return first_difference(left.get(key), right.get(key), f"{path}.{key}")
    if isinstance(left, list) and isinstance(right, list) and len(left) == len(right):
        for index, (a, b) in enumerate(zip(left, right)):
            if a != b:
                return first_difference(a, b, f"{path}[{index}]")
    return f"{path}: {str(left)[:120]} and {str(right)[:120]}"


def first_line_difference(left, right):
    """The first line of left that right lacks."""
    lines = set(right.split("\n"))
    for line in left.split("\n"):
        if line not in lines:
            return repr(line)
    return "the same lines in another order"


# ---------------------------------------------------------------- figures by path

TOKEN = re.compile(r"\.?([A-Za-z_]\w*)|\[(\d+)\]|\[(\w+)=([^\]]*)\]")


def figure(report, path):
    """The number a path names. [n] is an index (beyond the end: 0), [key=value] sums over all rows
    that match; a reason that never occurred is 0."""
    return _resolve(report, _tokens(path), path)


def _tokens(path):
    tokens, at = [], 0
    while at < len(path):
        match = TOKEN.match(path, at)
        if not match:
            raise Failed(f"cannot read the path {path!r} at {path[at:]!r}")
        tokens.append(match.groups())
        at = match.end()
    return tokens


def _resolve(value, tokens, path):
    for position, (name, index, key, wanted) in enumerate(tokens):
        if name is not None:
            if not isinstance(value, dict):
                raise Failed(f"{path}: {name} is asked of something that has no keys")
            if name not in value:
                if position and tokens[position - 1][0] in ("waiting_ns", "parked_ns"):
                    return 0
                raise Failed(f"{path}: the report has no {name} there")
            value = value[name]
        elif index is not None:
            if int(index) >= len(value):
                return 0
            value = value[int(index)]
        else:
            rows = [row for row in value if str(row[key]) == wanted]
            if not rows:
                raise Failed(f"{path}: no row has {key} = {wanted}")
            return sum(_resolve(row, tokens[position + 1:], path) for row in rows)
    return value
