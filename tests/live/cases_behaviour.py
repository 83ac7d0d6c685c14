# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What cpartrace does beside measuring: statuses, files, signals, bad input, odd process trees."""

import csv
import fcntl
import io
import json
import os
import pty
import re
import select
import shutil
import signal
import stat
import struct
import subprocess
import termios
import time
import zlib

from harness import (ANY_SHARE, HERE, Failed, check_agreement, check_run, figure, group,
                     stolen_ns, traced)

NOBODY = 65534
MS = 1_000_000
SHORT_THREADS = int(os.environ.get("SHORT_THREADS", "10000"))

behaviour, cases = group()


# ---------------------------------------------------------------- what the cases share


def run_json(case, *argv, options=(), status=0, name="r", **kwargs):
    """`run` with a trace and a report of its own: (result, report), report checked."""
    result = case.cpt("run", "-o", case.path(f"{name}.trace"), "--json", case.path(f"{name}.json"),
                      *options, "--", *argv, **kwargs)
    if result.status != status:
        raise Failed(f"expected status {status}: {result}")
    report = case.load_json(f"{name}.json")
    case.check_report("run", report)
    return result, report


def one_line(case, what, result, status):
    """Fails with one line on stderr that names us, nothing on stdout, and the status."""
    case.check(f"{what}: status", result.status in (status if isinstance(status, tuple)
                                                    else (status,)),
               f"{result.status}, expected {status}")
    lines = result.err.rstrip("\n").split("\n")
    case.check(f"{what}: one line on stderr", len(lines) == 1 and len(lines[0]) > 12
               and lines[0].startswith("cpartrace: "), repr(result.err))
    case.equal(f"{what}: nothing on stdout", result.out, "")


def looks_like_report(text):
    return "CPUs" in text and len(text.split("\n")) > 5


def wait_for(case, what, true, seconds=10):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if true():
            return
        time.sleep(0.02)
    raise Failed(f"waited {seconds} s in vain for {what}")


def read_text(path):
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as source:
            return source.read()
    except FileNotFoundError:
        return ""


def process_state(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as source:
            return source.read().rpartition(")")[2].split()[0]
    except OSError:
        return None


def on_terminal(case, argv, columns=80, env=None, timeout=60):
    """Runs argv with stdout and stderr on a terminal of so many columns: (status, bytes seen)."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    environment = {"TERM": "xterm-256color"}
    environment.update(env or {})
    proc = subprocess.Popen([str(arg) for arg in argv], stdin=subprocess.DEVNULL, stdout=slave,
                            stderr=slave, env=case.environment(environment), cwd=case.dir,
                            start_new_session=True)
    os.close(slave)
    seen, end = b"", time.monotonic() + timeout
    while True:
        ready, _, _ = select.select([master], [], [], 0.2)
        if ready:
            try:
                piece = os.read(master, 65536)
            except OSError:
                piece = b""
            if not piece:
                break
            seen += piece
        elif time.monotonic() > end:
            proc.kill()
            proc.wait()
            os.close(master)
            raise Failed(f"{argv} did not end within {timeout} s on a terminal")
    os.close(master)
    return proc.wait(), seen


def visible_lines(seen):
    """Lines as they stay on the screen: colours and erased progress lines taken out."""
    text = seen.decode("utf-8", "replace").replace("\r\n", "\n")
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text)
    return [line.rsplit("\r", 1)[-1] for line in text.split("\n")]


def small_trace(case, name="small"):
    """A trace of something small, and its report."""
    _, report = run_json(case, "sh", "-c", "sleep 0.05; ls / >/dev/null; sleep 0.05", name=name)
    return case.path(f"{name}.trace"), report


def thread_rows(report, name):
    return [row for row in report["threads"] if row["name"] == name]


# ---------------------------------------------------------------- statuses


@behaviour("the workload's status is ours")
def statuses(case):
    for argv, status, ended in [
            (["sh", "-c", "exit 7"], 7, {"code": 7}), (["true"], 0, {"code": 0}),
            (["sh", "-c", "exit 125"], 125, {"code": 125}),
            (["sh", "-c", "kill -9 $$"], 137, {"signal": 9}),
            (["sh", "-c", "kill -TERM $$"], 143, {"signal": 15}),
            (["sh", "-c", "kill -ABRT $$"], 134, {"signal": 6})]:
        _, report = run_json(case, *argv, status=status)
        case.equal(f"exit of {argv}", report.get("exit"), ended)
        case.equal(f"command of {argv}", report["command"], argv)


@behaviour("commands that cannot be started")
def not_started(case):
    text = case.write("text", "no program\n")
    for what, argv, status in [
            ("not found", ["no-such-command-anywhere"], 127),
            ("no such path", [case.path("nothing/here")], 127),
            ("not executable", [text], 126), ("a directory", [case.dir], 126)]:
        one_line(case, what, case.cpt("run", "-o", case.path("t"), "--", *argv), status)


@behaviour("usage errors are one line")
def usage(case):
    trace, _ = small_trace(case)
    for what, argv, status in [
            ("no command to run", ["run"], 125), ("run --", ["run", "--"], 125),
            ("unknown option of run", ["run", "--no-such-option", "true"], 125),
            ("bad -r", ["run", "-r", "0", "true"], 125),
            ("bad -r word", ["run", "-r", "many", "true"], 125),
            ("unknown user", ["run", "--user", "no-such-user", "true"], 125),
            ("unknown command", ["reprot"], 2),
            ("unknown option", ["report", "--jason"], 2),
            ("backward --time", ["report", "-i", trace, "--time", "5,1"], 2),
            ("bad --time", ["report", "-i", trace, "--time", "soon"], 2),
            ("bad --sort", ["report", "-i", trace, "--sort", "beauty"], 2),
            ("bad --by", ["report", "-i", trace, "--by", "colour"], 2),
            ("bad --pid", ["report", "-i", trace, "--pid", "x"], 2),
            ("bad export format", ["export", "-i", trace, "-f", "docx"], 2),
            ("bad table", ["export", "-i", trace, "-f", "csv", "--table", "moons"], 2)]:
        one_line(case, what, case.cpt(*argv), status)
    one_line(case, "export without a format", case.cpt("export", "-i", trace), 2)


@behaviour("help, version and doctor")
def help_version_doctor(case):
    result = case.cpt("help")
    case.equal("help's status", result.status, 0)
    for command in ("run", "record", "report", "export", "script", "doctor", "version"):
        case.check(f"help names {command}", re.search(rf"\b{command}\b", result.out))
        one = case.cpt(command, "--help")
        case.check(f"{command} --help", one.status == 0 and f"cpartrace {command}" in one.out, one)
        longest = max(len(line) for line in one.out.split("\n"))
        case.check(f"{command} --help fits 80 columns", longest <= 80, longest)
    case.equal("--help's status", case.cpt("--help").status, 0)
    bare = case.cpt()
    case.equal("no arguments: status", bare.status, 2)
    version = case.cpt("version")
    case.check("version", version.status == 0 and re.match(r"cpartrace \d+\.\d+", version.out),
               version)
    options = case.cpt("version", "--build-options")
    case.check("version --build-options says more", options.status == 0
               and len(options.out) > len(version.out), options)
    doctor = case.cpt("doctor")
    case.equal("doctor's status", doctor.status, 0)
    case.check("doctor says what it looked at", len(doctor.out.split("\n")) > 4, doctor)


# ---------------------------------------------------------------- the workload's world


@behaviour("stdin, stdout and stderr are the workload's own")
def streams(case):
    data = "".join(f"{n}\n" for n in range(150000))
    result = case.cpt("run", "-o", case.path("t"), "cat", stdin=data)
    case.equal("status of cat", result.status, 0)
    case.check("cat copied its input", result.out == data, f"{len(result.out)} of {len(data)}")
    case.check("the report is on stderr", looks_like_report(result.err), result.err[:200])
    report = case.path("report.txt")
    result = case.cpt("run", "-o", case.path("t"), "--report-file", report, "sh", "-c",
                      "echo out; echo err >&2")
    case.equal("stdout with --report-file", result.out, "out\n")
    case.equal("stderr with --report-file", result.err, "err\n")
    case.check("the report is in its file", looks_like_report(read_text(report)))


@behaviour("the workload's environment is untouched")
def environment(case):
    # The name of the command is all that may differ (`_`).
    env = {"ODD": "a b", "EMPTY": ""}
    for argv in (["env"], ["sh", "-c", "ls /proc/self/fd"], ["pwd"], ["sh", "-c", "umask"],
                 ["sh", "-c", "ulimit -a"], ["nice"],
                 ["grep", "-E", "Sig(Ign|Blk|Cgt)|Cpus_allowed_list|NoNewPrivs|Cap(Inh|Eff|Bnd)",
                  "/proc/self/status"]):
        plain = case.run(argv, env=env)
        under = case.cpt("run", "-o", case.path("t"), "--", *argv, env=env)
        case.equal(f"{' '.join(argv)} under run", under.out, plain.out)


@behaviour("--user runs the command as another")
def user(case):
    os.chmod(case.dir, 0o755)
    result = case.cpt("run", "-o", case.path("t"), "--user", "nobody", "--", "sh", "-c",
                      "id -un; id -gn; id -Gn; grep CapEff /proc/self/status")
    words = result.out.split()
    if result.status != 0 or len(words) < 5:
        raise Failed(f"it should print who it is: {result}")
    case.equal("user", words[0], "nobody")
    case.equal("groups", words[1:3], ["nogroup", "nogroup"])
    case.equal("capabilities", words[-1], "0" * 16)


@behaviour("without root: one clear line, and report works")
def no_root(case):
    binary = shutil.copy(case.cpartrace, case.path("cpartrace"))
    os.chmod(binary, 0o755)
    trace, _ = small_trace(case)
    os.chmod(trace, 0o644)
    os.mkdir(case.path("theirs"))
    os.chown(case.path("theirs"), NOBODY, NOBODY)
    who = {"user": NOBODY, "group": NOBODY, "extra_groups": [], "cwd": case.path("theirs")}
    marker = case.path("theirs/ran")
    result = case.run([binary, "run", "touch", marker], **who)
    one_line(case, "run without root", result, 125)
    case.check("says what to do", re.search(r"sudo|root|CAP_", result.err), result.err)
    case.check("the command was not run", not os.path.exists(marker))
    one_line(case, "record without root",
             case.run([binary, "record", "-o", "t", "touch", marker], **who), 125)
    case.check("nothing was left", not os.listdir(case.path("theirs")),
               os.listdir(case.path("theirs")))
    result = case.run([binary, "doctor"], **who)
    case.equal("doctor's status without root", result.status, 3)
    case.check("doctor says what is missing", re.search(r"MISSING.*\bCAP_|root", result.out), result)
    result = case.run([binary, "report", "-i", trace], **who)
    case.check("report needs no root", result.status == 0 and looks_like_report(result.out), result)


# ---------------------------------------------------------------- files


@behaviour("the default trace, its .old, and -o")
def default_trace(case):
    current, old = case.path("cpartrace.data"), case.path("cpartrace.data.old")
    for argv in (["sh", "-c", "exit 1"], ["sh", "-c", "exit 2"], ["sh", "-c", "exit 3"]):
        case.cpt("run", *argv)
    for path, argv in ((current, "exit 3"), (old, "exit 2")):
        report = case.json_of(case.cpt("report", "-i", path, "--json"))
        case.equal(f"command in {os.path.basename(path)}", report["command"][-1], argv)
    report = case.json_of(case.cpt("report", "--json"))
    case.equal("report reads the default trace", report["command"][-1], "exit 3")
    case.cpt("run", "-o", case.path("mine"), "true")
    report = case.json_of(case.cpt("report", "-i", case.path("mine"), "--json"))
    case.equal("-o was written", report["command"], ["true"])
    case.equal("-o leaves the default alone", case.json_of(
        case.cpt("report", "--json"))["command"][-1], "exit 3")


@behaviour("files belong to the user behind sudo")
def ownership(case):
    env = {"SUDO_UID": str(NOBODY), "SUDO_GID": str(NOBODY), "SUDO_USER": "nobody"}
    # They are written as that user: where the user may.
    os.chown(case.dir, NOBODY, NOBODY)
    result = case.cpt("run", "--json", "j.json", "--report-file", "r.txt", "true", env=env)
    case.equal("status", result.status, 0)
    for name in ("cpartrace.data", "j.json", "r.txt"):
        if not case.check(f"{name} is written", os.path.exists(case.path(name))):
            continue
        info = os.stat(case.path(name))
        case.equal(f"owner of {name}", (info.st_uid, info.st_gid), (NOBODY, NOBODY))
        case.check(f"{name} is a file others cannot write",
                   stat.S_ISREG(info.st_mode) and not info.st_mode & 0o022, oct(info.st_mode))


@behaviour("files that cannot be written")
def unwritable(case):
    marker = case.path("ran")
    for what, options in [
            ("trace in no directory", ["-o", case.path("no/where/t")]),
            ("trace on a directory", ["-o", case.dir]),
            ("json in no directory", ["-o", case.path("t"), "--json", case.path("no/j")]),
            ("report in no directory", ["-o", case.path("t"), "--report-file", case.path("no/r")])]:
        one_line(case, what, case.cpt("run", *options, "--", "touch", marker), 125)
        case.check(f"{what}: the command was not run", not os.path.exists(marker))
    result = case.cpt("run", "-o", case.path("t"), "--json", "/dev/full", "sh", "-c", "exit 7")
    case.equal("a full --json does not change the status", result.status, 7)
    case.check("a full --json is said", any(line.startswith("cpartrace: ") and "/dev/full" in line
                                            for line in result.err.split("\n")), result.err[-200:])
    trace, _ = small_trace(case)
    full = case.run(["sh", "-c", f"exec {case.cpartrace} report -i {trace} > /dev/full"])
    one_line(case, "report to a full disk", full, 1)
    full = case.cpt("export", "-i", trace, "-f", "csv", "-o", "/dev/full")
    one_line(case, "export to a full disk", full, 1)


def has_open_file_in(pid, directory):
    """A file there that has no name yet, or none any more."""
    try:
        return any(os.readlink(f"/proc/{pid}/fd/{fd}").startswith(directory + "/")
                   for fd in os.listdir(f"/proc/{pid}/fd"))
    except OSError:
        return False


def record_with_blocked_place(case, directory):
    """Recording to `t` there; (process, directory that keeps the older `t` from being moved away). It is made
    between the making of the file and its being put in place: on a busy machine that takes some tries."""
    trace, blocked = os.path.join(directory, "t"), os.path.join(directory, "t.old")
    for _ in range(10):
        shutil.rmtree(directory, ignore_errors=True)
        os.mkdir(directory)
        case.write(trace, "an older one")
        proc = case.spawn([case.cpartrace, "record", "-o", trace, "--", "sleep", "1.5"])
        until = time.monotonic() + 60
        while time.monotonic() < until and not has_open_file_in(proc.pid, directory):
            pass
        try:
            os.mkdir(blocked)
            return proc, blocked
        except FileExistsError:
            proc.communicate()
    raise Failed("it was put in place too soon, ten times")


@behaviour("a place that is taken while the probes are loaded costs no recording")
def place_taken(case):
    """An older trace stands there that is to be moved to .old, and a directory comes to be at that name."""
    directory = case.path("places")
    for goes in (False, True):
        proc, blocked = record_with_blocked_place(case, directory)
        if goes:
            first = proc.stderr.readline()
            case.check("it is said at once", "cannot put" in first, first)
            os.rmdir(blocked)
        err = proc.communicate()[1]
        kept = re.search(r"what was recorded is kept at (\S+)", err)
        case.check(f"gone again: {goes}: where it is", bool(kept) != goes, err)
        case.check(f"gone again: {goes}: what is said", ("in its place now" in err) == goes and
                   ("to see the report" in err) == goes, err)
        case.equal(f"gone again: {goes}: the command's status", proc.returncode, 0)
        report = case.report_json(os.path.join(directory, "t") if goes else kept[1])
        case.check(f"gone again: {goes}: all of it", report["window_ns"] > 1_400_000_000, report["window_ns"])


FULL_DISK = """
mount -t tmpfs -o size=192k none {mount} || exit 99
trap 'umount -l {mount}' EXIT
{binary} run -o {mount}/t {options} -- sh -c 'taskset -c 0 perf bench sched pipe -l 60000 >&2; exit 5' 2> {err}
status=$?
cp {mount}/t {copy}
exit $status
"""


@behaviour("a full disk keeps what was captured")
def full_disk(case):
    mount = case.path("mount")
    os.mkdir(mount)
    for options, status in (("", 5), ("--strict", 125)):
        err, copy = case.path("err"), case.path("copy")
        result = case.run(["sh", "-c",
                           FULL_DISK.format(mount=mount, binary=case.cpartrace, options=options,
                                            err=err, copy=copy)])
        case.equal(f"status with {options or 'no option'}", result.status, status)
        said = [line for line in read_text(err).split("\n") if line.startswith("cpartrace: ")]
        case.check("one line says that the disk is full",
                   len([line for line in said if "space" in line or "full" in line]) == 1, said)
        report = case.report_json(copy, status=4)
        case.check("the start of the run is in the trace", report["cpu_time_ns"] > 0)
        text = case.cpt("report", "-i", copy)
        case.check("report says the trace is cut", text.status == 4
                   and re.search("incomplete|cut|ends early|not whole", text.out + text.err), text)


def other_version(trace):
    """The bytes of a trace, its header saying the next major version; see analysis/FORMAT.md."""
    head = bytearray(trace[:60])
    struct.pack_into("<H", head, 8, struct.unpack_from("<H", head, 8)[0] + 1)
    return bytes(head) + struct.pack("<I", zlib.crc32(head)) + trace[64:]


@behaviour("hostile and damaged traces")
def damaged(case):
    run_json(case, "sh", "-c", "for i in 1 2 3 4 5 6; do sleep 0.3; ls / >/dev/null; done")
    with open(case.path("r.trace"), "rb") as source:
        whole = source.read()
    bad = case.path("bad")
    for what, content in [("an empty trace", b""), ("text", b"not a trace\n" * 100),
                          ("an ELF file", open(case.cpartrace, "rb").read(100000)),
                          ("zeroes", bytes(100000)), ("three bytes", whole[:3])]:
        case.write("bad", content)
        one_line(case, what, case.cpt("report", "-i", bad), 1)
    case.write("bad", other_version(whole))
    result = case.cpt("report", "-i", bad)
    one_line(case, "another version", result, 1)
    case.check("another version is named", re.search(r"format 2\.\d.*version", result.err), result.err)
    one_line(case, "no trace", case.cpt("report", "-i", case.path("none")), 1)
    one_line(case, "a directory", case.cpt("report", "-i", case.dir), 1)
    readable = 0
    for share in (0.02, 0.2, 0.4, 0.6, 0.8, 0.95, 0.999):
        case.write("bad", whole[:int(len(whole) * share)])
        result = case.cpt("report", "-i", bad)
        if not case.check(f"cut at {share}", result.status in (1, 4), result):
            continue
        if result.status == 4:
            readable += 1
            case.check(f"cut at {share} is reported", looks_like_report(result.out), result)
            case.report_json(bad, status=4)
        else:
            one_line(case, f"cut at {share}", result, 1)
    case.check("most cuts can be read", readable >= 4, readable)
    for at in range(0, len(whole), max(1, len(whole) // 60)):
        case.write("bad", whole[:at] + bytes([whole[at] ^ 0x41]) + whole[at + 1:])
        result = case.cpt("report", "-i", bad, timeout=10)
        case.check(f"byte {at} flipped", result.status in (0, 1, 3, 4), result)


# ---------------------------------------------------------------- signals

CATCHER = """
import signal, sys, time
def caught(number, frame):
    print("caught", flush=True); sys.exit(3)
signal.signal(signal.SIGINT, caught)
print("ready", flush=True)
while True: time.sleep(0.05)
"""


def start_and_wait(case, *argv, options=()):
    """Starts `run` and waits until the workload says it is ready."""
    proc = case.spawn([case.cpartrace, "run", "-o", case.path("s.trace"), "--json",
                       case.path("s.json"), *options, "--", *argv])
    line = proc.stdout.readline()
    if line != "ready\n":
        raise Failed(f"the workload said {line!r}: {proc.stderr.read()!r}")
    time.sleep(0.3)
    return proc


def finish(case, proc, timeout=15):
    try:
        return proc.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        raise Failed(f"cpartrace did not end within {timeout} s") from None


@behaviour("Ctrl-C goes to the workload, the report is still printed")
def interrupt(case):
    for argv, status, said in [
            (["/usr/bin/python3", case.write("c.py", CATCHER)], 3, "caught\n"),
            (["sh", "-c", "echo ready; exec sleep 30"], 130, "")]:
        proc = start_and_wait(case, *argv)
        os.killpg(proc.pid, signal.SIGINT)
        out, err = finish(case, proc)
        case.equal(f"status of {argv[0]}", proc.returncode, status)
        case.equal(f"output of {argv[0]}", out, said)
        case.check("the report is printed", looks_like_report(err), err[-300:])
        case.check_report("after Ctrl-C", case.load_json("s.json"))
        case.equal("report's status", case.cpt("report", "-i", case.path("s.trace")).status, 0)


@behaviour("SIGTERM ends the run in order")
def terminate(case):
    proc = start_and_wait(case, "sh", "-c", "echo ready; exec sleep 30")
    proc.send_signal(signal.SIGTERM)
    _, err = finish(case, proc)
    case.equal("status of a command that dies of it", proc.returncode, 143)
    case.check("the report is printed", looks_like_report(err), err[-300:])
    case.equal("exit", case.load_json("s.json").get("exit"), {"signal": 15})
    case.equal("the trace is whole", case.cpt("report", "-i", case.path("s.trace")).status, 0)
    catcher = case.write("t.py", CATCHER.replace("SIGINT", "SIGTERM"))
    proc = start_and_wait(case, "/usr/bin/python3", catcher)
    proc.send_signal(signal.SIGTERM)
    out, _ = finish(case, proc)
    case.equal("status of a command that handles it", proc.returncode, 3)
    case.equal("its output", out, "caught\n")


@behaviour("kill -9 of the tracer: the workload goes on, the trace is readable")
def kill_tracer(case):
    beat = case.path("beat")
    proc = start_and_wait(case, "sh", "-c", f"echo ready; echo $$ > {case.path('pid')}; "
                          f"for i in $(seq 60); do echo $i >> {beat}; sleep 0.05; done")
    time.sleep(0.7)
    proc.kill()
    proc.wait()
    proc.stdout.close()
    proc.stderr.close()
    pid = int(read_text(case.path("pid")))
    before = len(read_text(beat))
    case.check("the workload is not stopped", process_state(pid) in ("S", "R", "D"),
               process_state(pid))
    wait_for(case, "the workload to go on", lambda: len(read_text(beat)) > before)
    report = case.report_json(case.path("s.trace"), status=4)
    case.check("most of the time until then is in the trace", report["window_ns"] > 500 * MS,
               report["window_ns"])
    text = case.cpt("report", "-i", case.path("s.trace"))
    case.check("report says that the trace has no end", text.status == 4
               and looks_like_report(text.out), text)
    wait_for(case, "the workload to end", lambda: process_state(pid) in (None, "Z"))


@behaviour("kill -9 before the command is released leaves no child")
def kill_early(case):
    marker = case.path("ran")
    left = 0
    for delay in (0.01, 0.03, 0.06, 0.1, 0.15):
        proc = case.spawn([case.cpartrace, "run", "-o", case.path("t"), "--", "sh", "-c",
                           f"echo $$ > {marker}; exec sleep 0.2"])
        time.sleep(delay)
        proc.kill()
        proc.communicate()
        time.sleep(0.3)
        for entry in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{entry}/stat", encoding="utf-8", errors="replace") as source:
                    fields = source.read().rpartition(")")[2].split()
            except OSError:
                continue
            if int(fields[3]) == proc.pid and fields[0] != "Z":
                left += 1
                case.check(f"killed after {delay} s: nothing of it is left", False,
                           f"process {entry} in state {fields[0]}")
    case.equal("children left", left, 0)
    case.cpt("run", "-o", case.path("t"), "--", "touch", case.path("unharmed"))
    case.check("the same command runs when its tracer lives", os.path.exists(case.path("unharmed")))


# ---------------------------------------------------------------- odd process trees


@behaviour(f"{SHORT_THREADS:,} short threads")
def many_threads(case):
    run = traced(case, [case.helper("many_threads"), SHORT_THREADS], quiet_share=ANY_SHARE)
    check_run(case, run)
    case.equal("tasks.threads", run.report["tasks"]["threads"], SHORT_THREADS + 1)
    case.equal("tasks.processes", run.report["tasks"]["processes"], 1)
    within = run.report["tasks"]["peak_alive"]
    case.within("tasks.peak_alive", within, 2, 34)
    lines = len(run.result.err.split("\n"))
    case.check("the text report stays short", lines < 120, lines)


@behaviour("task names with control characters")
def hostile_names(case):
    _, report = run_json(case, case.helper("hostile_names"))
    with open(os.path.join(HERE, "../support/hostile_names.h"), encoding="utf-8") as header:
        count = len(re.findall(r"^\tX\(", header.read(), re.M))
    case.equal("tasks.threads", report["tasks"]["threads"], 1 + count)
    names = {row["name"] for row in report["threads"]}
    case.check("the JSON holds the names", {"\x1b]0;owned\x07", "a\nb\rc\td", "=cmd()"} <= names, names)
    trace = case.path("r.trace")
    allowed = {"\n"}
    outputs = {
        "run": case.cpt("run", "-o", case.path("t"), case.helper("hostile_names")).err,
        "report": case.cpt("report", "-i", trace).out,
        "report --by name": case.cpt("report", "-i", trace, "--by", "name").out,
        "script": case.cpt("script", "-i", trace).out,
    }
    for what, text in outputs.items():
        raw = sorted({c for c in text if (ord(c) < 32 or 127 <= ord(c) < 160) and c not in allowed
                      or 0xdc80 <= ord(c) <= 0xdcff})
        case.check(f"{what} prints no control character and only UTF-8", not raw, raw)
    _, seen = on_terminal(case, [case.cpartrace, "report", "-i", trace], env={"NO_COLOR": "1"})
    case.check("no escape reaches a terminal", b"\x1b" not in seen and b"\x07" not in seen,
               seen[:200])
    rows = list(csv.reader(io.StringIO(
        case.cpt("export", "-i", trace, "-f", "csv", "--table", "threads").out)))
    case.check("the CSV keeps its columns", len({len(row) for row in rows if row}) == 1,
               {len(row) for row in rows})
    for line in case.cpt("export", "-i", trace, "-f", "jsonl", "--table",
                         "threads").out.splitlines():
        json.loads(line)


@behaviour("an exec by a thread that is not the leader")
def exec_from_thread(case):
    run = traced(case, [case.helper("exec_from_thread")], unbound=True)
    check_run(case, run)
    case.equal("tasks.processes", run.report["tasks"]["processes"], 1)
    case.equal("tasks.threads", run.report["tasks"]["threads"], 2)
    stolen = stolen_ns(run.report)
    case.within("cpu_time_ns", run.report["cpu_time_ns"], 145 * MS, 200 * MS + stolen)
    case.within("parallel", figure(run.report, "ledger_ns.parallel"),
                35 * MS - run.account.figures()["disturbed_ns"], 60 * MS + stolen)


def taken_ns(run):
    """By how much later than by their own clocks tasks may end: by what others had of the CPUs."""
    return 2 * run.account.figures()["disturbed_ns"] + stolen_ns(run.report)


@behaviour("a daemon outlives the command")
def daemon(case):
    run = traced(case, [case.helper("daemonize"), case.path("done"), "300"])
    check_run(case, run)
    report = run.report
    case.equal("tasks.processes", report["tasks"]["processes"], 3)
    alive = [row for row in report["threads"] if row["alive_at_end"]]
    case.equal("tasks alive at the end", len(alive), 1)
    if alive:
        case.check("the survivor is cut at the end of the window",
                   alive[0]["running_ns"] < report["window_ns"] <= 250 * MS + taken_ns(run),
                   (alive[0], report["window_ns"]))
    wait_for(case, "the daemon to end", lambda: os.path.exists(case.path("done")))


@behaviour("--wait-all follows a daemon to its end")
def wait_all(case):
    begun = time.monotonic()
    run = traced(case, [case.helper("daemonize"), case.path("done"), "600"],
                 options=["--wait-all"])
    case.check("the daemon has ended", os.path.exists(case.path("done")))
    case.check("run lasts as long", time.monotonic() - begun >= 0.6)
    check_run(case, run)
    report = run.report
    case.equal("tasks.processes", report["tasks"]["processes"], 3)
    case.equal("tasks alive at the end", [row for row in report["threads"]
                                          if row["alive_at_end"]], [])
    case.check("the window lasts to the daemon's end", report["window_ns"] >= 600 * MS,
               report["window_ns"])
    root = [row for row in report["threads"] if row["tid"] == report["root_pid"]]
    case.check("the command ends before", root
               and root[0]["life_ns"] < 300 * MS + taken_ns(run), root)


@behaviour("a vforking parent waits for its child")
def vforker(case):
    run = traced(case, [case.helper("vforker")])
    check_run(case, run)
    case.equal("tasks.processes", run.report["tasks"]["processes"], 2)
    parent = [row for row in run.report["threads"] if row["tid"] == run.report["root_pid"]]
    case.check("the parent joins for 200 ms", parent
               and parent[0]["parked_ns"].get("join", 0) >= 195 * MS, parent)
    case.within("serial", figure(run.report, "ledger_ns.serial"),
                195 * MS, run.report["window_ns"])


@behaviour("a process whose leader exits first")
def leader_exits(case):
    run = traced(case, [case.helper("leader_exits")])
    check_run(case, run)
    case.equal("tasks.threads", run.report["tasks"]["threads"], 2)
    case.check("the window lasts as long as the process", run.report["window_ns"] >= 200 * MS,
               run.report["window_ns"])
    leader = [row for row in run.report["threads"] if row["tid"] == run.report["root_pid"]]
    case.check("the leader's life ends when it does", leader
               and leader[0]["life_ns"] < 150 * MS + taken_ns(run), leader)


@behaviour("a reused pid is another task")
def reuse_pid(case):
    run = traced(case, [case.helper("reuse_pid"), "5"])
    check_run(case, run)
    case.equal("tasks.processes", run.report["tasks"]["processes"], 6)
    children = [row for row in run.report["threads"] if row["tid"] != run.report["root_pid"]]
    case.equal("rows of children", len(children), 5)
    case.equal("pids of children", len({row["tid"] for row in children}), 1)
    for row in children:
        case.within(f"running_ns of task {row['id']}", row["running_ns"], 19.5 * MS,
                    30 * MS + stolen_ns(run.report))


@behaviour("two tracers at once")
def two_at_once(case):
    procs = []
    for name, count in (("one", 2), ("two", 3)):
        procs.append((name, count, case.spawn(
            [case.cpartrace, "run", "-o", case.path(name), "--json", case.path(f"{name}.json"), "--",
             "sh", "-c", " ".join(["sleep 0.4 &"] * count) + " wait; exit 4"])))
    for name, count, proc in procs:
        finish(case, proc)
        case.equal(f"status of {name}", proc.returncode, 4)
        report = case.load_json(f"{name}.json")
        case.check_report(name, report)
        case.equal(f"processes of {name}", report["tasks"]["processes"], count + 1)


@behaviour("a tracer under a tracer")
def nested(case):
    inner = [case.cpartrace, "run", "-o", case.path("inner"), "--", "sh", "-c",
             "sleep 0.2; exit 7"]
    _, report = run_json(case, *inner, status=7)
    case.check("the outer one sees the inner one's command",
               thread_rows(report, "sleep"), [row["name"] for row in report["threads"]])
    within = case.report_json(case.path("inner"))
    case.equal("the inner one's processes", within["tasks"]["processes"], 2)


# ---------------------------------------------------------------- options and outputs


@behaviour("-r repeats the command")
def repeat(case):
    tally = case.path("tally")
    result = case.cpt("run", "-r", "3", "-o", case.path("t"), "--json", case.path("r.json"), "--",
                      "sh", "-c", f"echo x >> {tally}; sleep 0.05")
    case.equal("status", result.status, 0)
    case.equal("runs", read_text(tally), "x\n" * 3)
    case.check("a report is printed", looks_like_report(result.err), result.err[:300])
    report = case.load_json("r.json")
    case.check_report("run -r", report)
    for what, figure in report["repeats"].items():
        case.check(f"{what}: nothing was lost, and bounds are what is said", what == "runs" or all(
            figure["bounds"][key] == [figure[key]] * 2 for key in ("median", "min", "max")), figure)
    result = case.cpt("run", "-r", "2", "-o", case.path("t"), "--", "sh", "-c", "exit 9")
    case.equal("status of a failing command", result.status, 9)


@behaviour("--strict leaves a good run alone")
def strict(case):
    result = case.cpt("run", "--strict", "-o", case.path("t"), "--", "sh", "-c", "exit 6")
    case.equal("status", result.status, 6)


@behaviour("colour and width on a terminal")
def terminal(case):
    run_json(case, os.path.join(case.workloads, "processes"), "exec-tree")
    trace = case.path("r.trace")
    for columns in (80, 120):
        for what, argv in (("report", [case.cpartrace, "report", "-i", trace]),
                           ("report --by name", [case.cpartrace, "report", "-i", trace, "--by",
                                                 "name"]),
                           ("run", [case.cpartrace, "run", "-o", case.path("t"), "sh", "-c",
                                    "sleep 0.1 & wait"])):
            status, seen = on_terminal(case, argv, columns)
            case.equal(f"{what} at {columns}: status", status, 0)
            longest = max(visible_lines(seen), key=len)
            case.check(f"{what} fits {columns} columns", len(longest) <= columns,
                       f"{len(longest)}: {longest!r}")
    _, coloured = on_terminal(case, [case.cpartrace, "report", "-i", trace])
    case.check("colour on a terminal", b"\x1b[" in coloured)
    _, plain = on_terminal(case, [case.cpartrace, "report", "-i", trace], env={"NO_COLOR": "1"})
    case.check("no colour with NO_COLOR", b"\x1b" not in plain)
    piped = case.cpt("report", "-i", trace)
    case.check("no colour in a pipe", "\x1b" not in piped.out)
    longest = max(piped.out.split("\n"), key=len)
    case.check("80 columns in a pipe", len(longest) <= 80, repr(longest))
    latin = case.cpt("report", "-i", trace, env={"LC_ALL": "C"})
    case.check("plain ASCII where the locale has nothing else", latin.out.isascii(),
               sorted({c for c in latin.out if not c.isascii()}))


@behaviour("affinity masks hold CPUs that there are")
def masks(case):
    run_json(case, os.path.join(case.workloads, "threads"), "parallel", "--work-ms", "50")
    with open("/sys/devices/system/cpu/possible", encoding="ascii") as source:
        last = int(re.findall(r"\d+", source.read())[-1])
    cpus = re.findall(r"affinity .* cpus=([\d,-]+)", case.cpt("script", "-i", case.path("r.trace")).out)
    case.equal("threads that were bound to a CPU", len(cpus), 2)
    case.check("no other CPUs", all(int(cpu) <= last for one in cpus
                                    for cpu in re.findall(r"\d+", one)), cpus)


@behaviour("script prints every event in order")
def script(case):
    _, report = run_json(case, "sh", "-c", "for i in 1 2 3; do sleep 0.02; done")
    result = case.cpt("script", "-i", case.path("r.trace"))
    case.equal("status", result.status, 0)
    lines = [line for line in result.out.split("\n") if line]
    switches = sum(sum(row["switches"].values()) for row in report["threads"])
    case.check("a line per switch at least", len(lines) >= switches, (len(lines), switches))
    times = [float(match[1]) for match in
             (re.search(r"(?<![\d.])(\d+\.\d{6,9})(?!\d)", line) for line in lines) if match]
    case.check("lines bear times", len(times) >= switches, len(times))
    case.check("times do not go back", times == sorted(times))
    case.check("every task is named",
               all(str(row["tid"]) in result.out for row in report["threads"]))


def same_cell(text, value):
    """A cell of CSV and the value JSON has there."""
    if text is None or value is None:
        return text == "" and value is None
    if isinstance(value, bool):
        return text == str(value).lower()
    return float(text) == value if isinstance(value, float) else text == str(value)


def table(case, trace, name, *filters):
    """A table, read from both formats, which must hold the same."""
    rows = list(csv.DictReader(io.StringIO(case.cpt(
        "export", "-i", trace, "-f", "csv", "--table", name, *filters).out)))
    lines = [json.loads(line) for line in case.cpt(
        "export", "-i", trace, "-f", "jsonl", "--table", name, *filters).out.splitlines()]
    case.check(f"{name} has rows", rows)
    case.equal(f"rows of {name} in csv and jsonl", len(rows), len(lines))
    for row, line in zip(rows, lines):
        differ = [key for key in set(row) | set(line) if not same_cell(row.get(key), line.get(key))]
        if not case.check(f"{name}: csv and jsonl say the same", not differ,
                          [(key, row.get(key), line.get(key)) for key in differ]):
            break
    return lines


@behaviour("tables carry the report's figures")
def tables(case):
    _, report = run_json(case, os.path.join(case.workloads, "threads"), "mutex")
    trace = case.path("r.trace")
    threads = table(case, trace, "threads")
    case.equal("rows of threads", len(threads), len(report["threads"]))
    case.equal("running_ns of threads", sum(row["running_ns"] for row in threads),
               report["cpu_time_ns"])
    default = case.cpt("export", "-i", trace, "-f", "csv")
    case.equal("threads is the default table", default.out, case.cpt(
        "export", "-i", trace, "-f", "csv", "--table", "threads").out)

    ledger = table(case, trace, "ledger")
    for name in ("parallel", "concurrent", "serial", "idle", "unknown"):
        case.equal(f"ledger over time sums to {name}", sum(row[f"{name}_ns"] for row in ledger),
                   report["ledger_ns"][name])

    check_intervals(case, table(case, trace, "intervals"), report)
    out = case.path("t.csv")
    result = case.cpt("export", "-i", trace, "-f", "csv", "--table", "threads", "-o", out)
    case.check("-o writes the same", result.status == 0 and result.out == ""
               and read_text(out) == default.out, result)


def check_intervals(case, intervals, report):
    """The intervals of each task, summed by state, are its row of the report."""
    sums = {}
    ends = {}
    gaps = 0
    for row in intervals:
        length = row["end_ns"] - row["start_ns"]
        key = (row["id"], row["state"], row.get("reason") or "")
        sums[key] = sums.get(key, 0) + length
        gaps += row["id"] in ends and ends[row["id"]] != row["start_ns"]
        ends[row["id"]] = row["end_ns"]
    case.equal("intervals of a task that do not join", gaps, 0)
    expected = {}
    for row in report["threads"]:
        for state in ("running", "runnable", "unknown"):
            if row[f"{state}_ns"]:
                expected[(row["id"], state, "")] = row[f"{state}_ns"]
        for state in ("waiting", "parked"):
            for reason, length in row[f"{state}_ns"].items():
                if length:
                    expected[(row["id"], state, reason)] = length
    sums = {key: length for key, length in sums.items() if length}
    wrong = {key: (sums.get(key), expected.get(key)) for key in set(sums) | set(expected)
             if sums.get(key) != expected.get(key)}
    case.check("sums of intervals are the report's figures", not wrong, list(wrong.items())[:4])


@behaviour("filters make the subset the workload")
def filters(case):
    run = traced(case, [os.path.join(case.workloads, "processes"), "fanout"])
    trace, report = run.trace, run.report
    whole = report["cpu_time_ns"]
    by_pid = {}
    for row in report["threads"]:
        by_pid[row["pid"]] = by_pid.get(row["pid"], 0) + row["running_ns"]
    total = 0
    for pid, running in by_pid.items():
        part = case.report_json(trace, "--pid", str(pid))
        case.equal(f"cpu_time_ns of --pid {pid}", part["cpu_time_ns"], running)
        total += part["cpu_time_ns"]
    case.equal("processes make the whole", total, whole)
    per_cpu = [case.report_json(trace, "--cpu", str(cpu))["cpu_time_ns"]
               for cpu in range(report["cpus"]["online"])]
    case.equal("CPUs make the whole", sum(per_cpu), whole)
    tid = max(report["threads"], key=lambda row: row["running_ns"])
    part = case.report_json(trace, "--tid", str(tid["tid"]))
    case.equal("--tid", part["cpu_time_ns"], tid["running_ns"])
    case.equal("one thread is never parallel", part["ledger_ns"]["parallel"], 0)
    window = report["window_ns"] / 1e9
    cuts = [0, window * 0.21, window * 0.5, window * 0.83, window]
    pieces = [case.report_json(trace, "--time", f"{a:.9f},{b:.9f}") for a, b in zip(cuts, cuts[1:])]
    case.equal("pieces of time make the window", sum(p["window_ns"] for p in pieces),
               report["window_ns"])
    for name in ("parallel", "concurrent", "serial", "idle"):
        case.equal(f"pieces of time make {name}", sum(p["ledger_ns"][name] for p in pieces),
                   report["ledger_ns"][name])
    start = report["window_start_ns"]
    for a, b, part in zip(cuts, cuts[1:], pieces):
        check_agreement(case, part, run.account.figures(start + round(a * 1e9),
                                                        start + round(b * 1e9)), f"{a:.2f},{b:.2f}")
    for by in ("thread", "process", "name"):
        case.equal(f"--by {by}", case.cpt("report", "-i", trace, "--by", by).status, 0)


@behaviour("record writes the trace that run would")
def record(case):
    trace = case.path("t")
    result = case.cpt("record", "-o", trace, "--", "sh", "-c", "sleep 0.1; exit 7")
    case.equal("status", result.status, 7)
    case.check("no report is printed", not looks_like_report(result.err), result.err)
    report = case.report_json(trace)
    case.equal("command", report["command"], ["sh", "-c", "sleep 0.1; exit 7"])
    case.equal("exit", report.get("exit"), {"code": 7})
    case.check("window", report["window_ns"] >= 100 * MS)
