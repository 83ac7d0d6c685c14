# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Whose rights are used for what: the workload gets what it would have had, files are written as the user
behind sudo, what is not needed is given up, and little is needed at all."""

import contextlib
import json
import os
import re
import shutil
import signal
import stat
import struct
import subprocess
import threading
import time

from harness import Failed, group

NOBODY = 65534
CAP_BITS = {"dac_override": 1, "dac_read_search": 2, "fowner": 3, "kill": 5, "sys_ptrace": 19,
            "syslog": 34, "perfmon": 38, "bpf": 39, "checkpoint_restore": 40}
BEHIND = {"SUDO_UID": str(NOBODY), "SUDO_GID": str(NOBODY), "SUDO_USER": "nobody"}

privileges, cases = group()


def mask(*names):
    return sum(1 << CAP_BITS[name] for name in names)


def words_of(path):
    with open(path, encoding="utf-8", errors="surrogateescape") as text:
        return text.read()


def status_of(pid):
    """The lines of /proc/PID/status."""
    return dict(line.split(":", 1) for line in words_of(f"/proc/{pid}/status").splitlines())


def own_caps():
    return int(status_of(os.getpid())["CapPrm"], 16)


def unprivileged(*caps):
    """What goes before a command to run it as nobody, with these capabilities and no others."""
    given = "".join(f",+{cap}" for cap in caps)
    return ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups",
            f"--inh-caps=-all{given}", f"--ambient-caps=-all{given}"]


def for_all(case, name="cpartrace"):
    """A copy of the program in a place that nobody can reach, where modes and file capabilities count."""
    os.chmod(case.dir, 0o755)
    path = shutil.copy(case.cpartrace, case.path(name))
    os.chmod(path, 0o755)
    return path


def theirs(case, name="theirs"):
    """A directory of nobody's."""
    path = case.path(name)
    os.mkdir(path)
    os.chown(path, NOBODY, NOBODY)
    return path


def wait_until(what, true, seconds=60):
    end = time.monotonic() + seconds
    while not true():
        if time.monotonic() > end:
            raise Failed(f"waited {seconds} s in vain for {what}")
        time.sleep(0.02)


def first_difference(left, right):
    left, right = left.splitlines(), right.splitlines()
    for a, b in zip(left, right):
        if a != b:
            return f"{a!r} and {b!r}"
    return f"{len(left)} and {len(right)} lines" if len(left) != len(right) else ""


# ---------------------------------------------------------------- what the workload has


def odd_world(descriptor):
    """In a child before its exec: nothing as it comes."""
    def change():
        import resource  # pylint: disable=import-outside-toplevel
        os.setsid()
        os.nice(3)
        os.umask(0o027)
        resource.setrlimit(resource.RLIMIT_NOFILE, (333, 444))
        hard = resource.getrlimit(resource.RLIMIT_MEMLOCK)[1]
        resource.setrlimit(resource.RLIMIT_MEMLOCK, (77 * 1024, hard))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 1024))
        signal.signal(signal.SIGUSR1, signal.SIG_IGN)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        signal.signal(signal.SIGPIPE, signal.SIG_IGN)
        signal.signal(signal.SIGUSR2, signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR2, signal.SIGRTMIN, signal.SIGTERM})
        os.dup2(descriptor, 57)
        with open("/proc/self/oom_score_adj", "w", encoding="ascii") as adjust:
            adjust.write("123")
    return change


def inherited(case, name, argv, closed=(), **kwargs):
    """What a program that argv starts prints of itself; argv(file): the command."""
    path = case.path(name)
    with open("/dev/zero", "rb") as zero:
        change = odd_world(zero.fileno())

        def prepare():
            change()
            for fd in closed:
                os.close(fd)
        result = case.run(argv(path), env={"ODD": "a b", "EMPTY": "", "LD_BIND_NOW": "1"},
                          preexec_fn=prepare, close_fds=False, **kwargs)
    if result.status != 0:
        raise Failed(f"{name}: {result}")
    return words_of(path)


@privileges("the workload has what it would have had without us")
def same_world(case):
    helper = case.helper("inherited")
    for closed in ((), (0,), (0, 1, 2)):
        plain = inherited(case, "plain", lambda path: [helper, "--child", path], closed)
        case.check("much is compared", plain.count("\n") > 120, plain.count("\n"))
        case.check("the odd world is seen", all(
            re.search(line, plain, re.M) for line in
            (r"^rlimit 8 13400 ", r"^signal 10 ignored", r"^signal 12 ignored .* blocked",
             r"^fd 57 /dev/zero", r"^/proc/self/oom_score_adj: 123$", r"nice 3$", r"^Umask:\s+0027")),
            plain)
        for what, options in (
                ("run", ["run", "-q", "-o", case.path("t")]),
                ("record", ["record", "-q", "-o", case.path("t")]),
                ("record --flight", ["record", "-q", "--flight", "1s", "-o", case.path("f")]),
                ("the last of run -r 3", ["run", "-q", "-r", "3", "-o", case.path("t")]),
                ("stat", ["stat", "-q", "-o", case.path("s")]),
                ("run with all there is", ["run", "-q", "-o", case.path("t"), "--stacks", "--sample",
                                           "--loops", "on", "--json", case.path("j"),
                                           "--report-file", case.path("r")])):
            under = inherited(case, "under", lambda path, o=options: [case.cpartrace, *o, "--", helper,
                                                                      path], closed)
            case.check(f"{what}, streams {closed or 'none'} closed", under == plain,
                       first_difference(plain, under))


@privileges("a workload under sudo stays root's, and has what it would have had")
def same_world_sudo(case):
    helper = case.helper("inherited")
    os.chown(case.dir, NOBODY, NOBODY)
    plain = inherited(case, "plain", lambda path: ["env", *pairs(BEHIND), helper, "--child", path])
    for command in (["run", "-q"], ["record", "-q"], ["stat", "-q"]):
        out = ["-o", case.path("t")]
        under = inherited(case, "under", lambda path, c=command, o=out: [
            "env", *pairs(BEHIND), case.cpartrace, *c, *o, "--", helper, path])
        case.check(f"{command[0]} under sudo", under == plain, first_difference(plain, under))


def pairs(env):
    return [f"{key}={value}" for key, value in env.items()]


@privileges("a program with file capabilities gives the workload none")
def file_capabilities(case):
    where = next((place for place in (case.dir, "/var/tmp", "/root")
                  if not os.statvfs(place).f_flag & os.ST_NOSUID), None)
    if not where:
        raise Failed("no directory where file capabilities count")
    binary = for_all(case)
    if where != case.dir:
        binary = shutil.copy(binary, os.path.join(where, f"cpartrace-{os.getpid()}"))
    try:
        # struct vfs_ns_cap_data, revision 2, with its effective bit.
        bits = mask("bpf", "perfmon", "sys_ptrace")
        os.setxattr(binary, "security.capability", struct.pack(
            "<IIIII", 0x02000001, bits & 0xffffffff, 0, bits >> 32, 0))
        directory, helper = theirs(case), case.helper("inherited")
        # The program loses LD_BIND_NOW and its like itself: the C library's law for such programs.
        who = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "env", "-u",
               "LD_BIND_NOW"]
        helper = shutil.copy(helper, case.path("inherited"))
        plain = inherited(case, "theirs/plain", lambda path: [*who, helper, "--child", path])
        case.check("plain has no capability", re.search(r"^CapPrm:\s+0{16}$", plain, re.M), plain)
        for command in (["run", "-q"], ["stat", "-q"]):
            under = inherited(case, "theirs/under", lambda path, c=command: [
                *who, binary, *c, "-o", os.path.join(directory, "t"), "--", helper, path])
            case.check(f"{command[0]} with file capabilities", under == plain,
                       first_difference(plain, under))
    finally:
        if where != case.dir:
            os.unlink(binary)


GROUPS = """
mount --bind {file} /etc/group || exit 99
exec {command}
"""


@privileges("--user: the user's number, group, supplementary groups, home and no capability")
def other_user(case):
    made = case.write("group", words_of("/etc/group").rstrip("\n")
                      + "\ncpartrace-one:x:64801:nobody\ncpartrace-two:x:64802:root,nobody\n")
    for user in ("nobody", str(NOBODY)):
        for command in ("run -q", "record -q", "stat -q"):
            result = case.run(["unshare", "-m", "sh", "-c", GROUPS.format(
                file=made, command=f"{case.cpartrace} {command} -o {case.path('t')} --user {user} -- "
                "sh -c 'id -u; id -g; id -G; echo $HOME $USER $LOGNAME $SHELL; cat /proc/self/status'")])
            lines = result.out.splitlines()
            if result.status or len(lines) < 5:
                raise Failed(f"it should say who it is: {result}")
            what = f"{command} --user {user}"
            case.equal(f"{what}: user and group", lines[:2], [str(NOBODY), str(NOBODY)])
            case.equal(f"{what}: groups", sorted(lines[2].split()), sorted([str(NOBODY), "64801", "64802"]))
            case.equal(f"{what}: environment", lines[3].split()[1:3], ["nobody", "nobody"])
            facts = dict(line.split(":", 1) for line in lines[4:])
            for key in ("CapPrm", "CapEff", "CapAmb"):
                case.equal(f"{what}: {key}", int(facts[key], 16), 0)
            case.equal(f"{what}: all four numbers", facts["Uid"].split(), 4 * [str(NOBODY)])


# ---------------------------------------------------------------- what is given up


def tracer(case, options, env=None, workload=("sleep", "30")):
    """A cpartrace that records, once its workload runs."""
    proc = case.spawn([case.cpartrace, *options, "--", *workload], env=env)
    wait_until("the workload", lambda: children(proc.pid, workload[0]))
    return proc


def children(pid, name):
    """Children of a process that have become the program."""
    found = []
    for task in os.listdir("/proc"):
        if not task.isdigit():
            continue
        try:
            text = words_of(f"/proc/{task}/stat")
        except OSError:
            continue
        if int(text.rpartition(")")[2].split()[1]) == pid and f"({os.path.basename(name)})" in text:
            found.append(int(task))
    return found


def end(proc):
    proc.send_signal(signal.SIGTERM)
    proc.communicate(timeout=60)


def check_rights(case, what, pid, expected, users=None):
    """The sets of a running recorder are those that are documented, as far as we have them."""
    facts = status_of(pid)
    expected &= own_caps()
    for key in ("CapPrm", "CapEff"):
        case.equal(f"{what}: {key}", f"{int(facts[key], 16):016x}", f"{expected:016x}")
    for key in ("CapInh", "CapAmb", "CapBnd"):
        case.equal(f"{what}: {key}", int(facts[key], 16), 0)
    case.equal(f"{what}: no new privileges", facts["NoNewPrivs"].strip(), "1")
    if users is not None:
        case.equal(f"{what}: user", facts["Uid"].split(), 4 * [str(users)])
        case.equal(f"{what}: group", facts["Gid"].split(), 4 * [str(users)])
        case.equal(f"{what}: groups", facts["Groups"].split(), [str(users)])


READS = ("dac_read_search", "sys_ptrace", "checkpoint_restore")


@privileges("what is not needed after attaching is given up")
def given_up(case):
    own = case.path("t")
    foreign = os.path.join(theirs(case), "t")
    for what, options, left in (
            ("record", ["record", "-q", "-o", own], (*READS, "kill", "bpf", "perfmon")),
            ("record --loops off", ["record", "-q", "--loops", "off", "-o", own], (*READS, "kill")),
            ("record --loops on", ["record", "-q", "--loops", "on", "-o", own], (*READS, "kill")),
            ("record --stacks", ["record", "-q", "--stacks", "--loops", "off", "-o", own],
             (*READS, "kill", "syslog")),
            ("record into a directory of another's", ["record", "-q", "--loops", "off", "-o", foreign],
             (*READS, "kill", "dac_override", "fowner")),
            ("run", ["run", "-q", "--loops", "off", "-o", own, "--json", case.path("j")],
             (*READS, "kill")),
            ("stat", ["stat", "-q"], ("kill",)),
            ("stat --openmetrics into a directory of another's",
             ["stat", "-q", "--openmetrics", foreign + ".prom"],
             ("kill", "dac_override", "fowner"))):
        proc = tracer(case, options)
        check_rights(case, what, proc.pid, mask(*left))
        end(proc)


@privileges("attached to what runs, there is no command to be signalled: less is left")
def given_up_attached(case):
    sleeper = case.spawn(["sleep", "60"])
    trace = case.path("t")
    for what, options, left in (("record -p", ["record", "-q", "--loops", "off", "-o", trace], READS),
                                ("stat -p", ["stat", "-q"], ())):
        proc = case.spawn([case.cpartrace, *options, "-p", str(sleeper.pid)])
        wait_until(f"{what} to give up rights", lambda p=proc: int(status_of(p.pid)["CapPrm"], 16) == mask(*left) & own_caps())
        check_rights(case, what, proc.pid, mask(*left))
        end(proc)


@privileges("the right to load probes goes with the last of them")
def given_up_late(case):
    flag = case.path("go")
    script = case.write("loop.py", "import os, select, time\n"
                        f"while not os.path.exists({flag!r}): time.sleep(0.02)\n"
                        "e, (r, w) = select.epoll(), os.pipe()\n"
                        "e.register(r, select.EPOLLIN)\n"
                        "while True: e.poll(0.05)\n")
    proc = tracer(case, ["record", "-q", "-o", case.path("t")], workload=("/usr/bin/python3", script))
    check_rights(case, "before a loop is met", proc.pid, mask(*READS, "kill", "bpf", "perfmon"))
    case.write("go", "")
    wait_until("the probes of loops", lambda: not int(status_of(proc.pid)["CapPrm"], 16) & mask("bpf"))
    check_rights(case, "once its probes are attached", proc.pid, mask(*READS, "kill"))
    end(proc)
    case.report_json(case.path("t"))


@privileges("who is behind sudo is looked up before the probes are attached, however long that takes")
def looked_up_early(case):
    os.chown(case.dir, NOBODY, NOBODY)
    env = dict(BEHIND, LD_PRELOAD=case.helper("liblate_lookups.so"))
    for options in (["record"], ["run", "-r", "2", "--json", case.path("j")], ["record", "--flight", "1s"]):
        result = case.run([case.cpartrace, *options, "-q", "-o", case.path("t"), "--", "true"], env=env)
        case.equal(str(result), result.status, 0)
        case.check("it is looked up", "looked up: early" in result.err, result.err)
        case.check(f"{options}: and not later", "looked up: late" not in result.err, result.err)
    result = case.run([case.cpartrace, "stat", "-q", "-o", case.path("s"), "--openmetrics", case.path("m"), "--",
                       "true"], env=env)
    case.check("stat", "late" not in result.err and "early" in result.err, result.err)


@privileges("under sudo the recorder becomes the user, and the command stays root's")
def becomes_user(case):
    os.chown(case.dir, NOBODY, NOBODY)
    for options, left in ((["record", "-q", "--loops", "off", "-o", case.path("t")], (*READS, "kill")),
                          (["stat", "-q", "-o", case.path("s")], ("kill",))):
        proc = tracer(case, options, env=BEHIND)
        check_rights(case, options[0], proc.pid, mask(*left), NOBODY)
        command = children(proc.pid, "sleep")[0]
        case.equal(f"{options[0]}: the command is root's", status_of(command)["Uid"].split(), 4 * ["0"])
        # SIGTERM reaches a command that is another user's now.
        end(proc)
        case.equal(f"{options[0]}: the signal was handed on", proc.returncode, 128 + signal.SIGTERM)
    info = os.stat(case.path("t"))
    case.equal("the trace is the user's", (info.st_uid, info.st_gid), (NOBODY, NOBODY))


# ---------------------------------------------------------------- what is needed


@privileges("without root, CAP_BPF and CAP_PERFMON are enough")
def little_is_needed(case):
    binary, directory = for_all(case), theirs(case)
    workload = shutil.copy(os.path.join(case.workloads, "threads"), case.path("threads"))
    for caps in (("bpf", "perfmon"), ("bpf", "perfmon", "sys_ptrace")):
        who = unprivileged(*caps)
        what = " ".join(caps)
        doctor = case.run([*who, binary, "doctor"], cwd=directory)
        case.equal(f"{what}: doctor's status", doctor.status, 0)
        # A workload that changes its user is another user's: that takes the third.
        case.check(f"{what}: doctor says what CAP_SYS_PTRACE is for",
                   (" less    others' address spaces" in doctor.out) == ("sys_ptrace" not in caps), doctor.out)
        trace = os.path.join(directory, "t")
        result = case.run([*who, binary, "run", "-o", trace, "--json", trace + ".json", "--stacks", "--",
                           workload, "mutex", "--work-ms", "200"], cwd=directory)
        if result.status:
            raise Failed(f"{what}: {result}")
        with open(trace + ".json", encoding="utf-8") as text:
            report = json.load(text)
        case.check_report(what, report)
        case.equal(f"{what}: the lock has its name",
                   [lock["symbol"] for lock in report["locks"] if lock["symbol"] == "queue_lock"],
                   ["queue_lock"])
        case.equal(f"{what}: nothing lost", report["data_quality"]["lost_events"], 0)
        result = case.run([*who, binary, "run", "--loops", "off", "-o", trace, "--", workload, "mutex",
                           "--work-ms", "200"], cwd=directory)
        case.check(f"{what}: likewise where nothing is left to be loaded", "threads:queue_lock" in result.err,
                   result)
        info = os.stat(trace)
        case.equal(f"{what}: the trace is the user's", info.st_uid, NOBODY)
        result = case.run([*who, binary, "stat", "-o", trace + ".stat", "--", workload, "parallel",
                           "--work-ms", "100"], cwd=directory)
        case.check(f"{what}: stat", result.status == 0 and "CPUs busy" in words_of(trace + ".stat"),
                   result)
        result = case.run([*who, binary, "run", "-q", "-o", trace, "--loops", "on", "--sample", "--",
                           "sleep", "0.2"], cwd=directory)
        case.equal(f"{what}: with loops and samples", result.status, 0)
    for caps, missing in ((("bpf",), "CAP_PERFMON"), (("perfmon",), "CAP_BPF")):
        doctor = case.run([*unprivileged(*caps), binary, "doctor"], cwd=directory)
        case.equal(f"only {caps[0]}: doctor's status", doctor.status, 3)
        case.check(f"only {caps[0]}: doctor names what is missing",
                   re.search(rf"MISSING privileges +missing: {missing}\n", doctor.out), doctor.out)
        result = case.run([*unprivileged(*caps), binary, "run", "-o", os.path.join(directory, "x"),
                           "true"], cwd=directory)
        case.check(f"only {caps[0]}: one line, nothing left",
                   result.status == 125 and result.err.count("\n") == 1 and "CAP_PERFMON" in result.err
                   and not os.path.exists(os.path.join(directory, "x")), result)


SECRET = "secretroot"


def busy(case, name, who=()):
    """A process that computes, and goes by the name."""
    program = shutil.copy("/usr/bin/yes", case.path(name))
    # Not before all others: the recorder is to come to its turn, too.
    proc = case.spawn([*who, program], stdout=subprocess.DEVNULL, preexec_fn=os.setsid)
    wait_until(f"{name} to run", lambda: f"({name})" in words_of(f"/proc/{proc.pid}/stat"))


@privileges("without root no other user's task is named")
def another_user(case):
    binary, directory = for_all(case), theirs(case)
    busy(case, SECRET)
    busy(case, "ownbusy", unprivileged())
    who = unprivileged("bpf", "perfmon", "sys_ptrace")
    trace = os.path.join(directory, "t")
    for what, options in (("everything", ["-a", "-d", "0.5"]),
                          ("a command of one's own", ["--", "sleep", "0.5"])):
        result = case.run([*who, binary, "run", "-o", trace, "--json", trace + ".json", *options],
                          cwd=directory)
        if result.status:
            raise Failed(f"{what}: {result}")
        told = result.err + words_of(trace + ".json")
        for argv in (["script", "-i", trace], ["export", "-i", trace, "-f", "jsonl", "--table", "threads"],
                     ["report", "-i", trace, "--by", "process"]):
            told += case.cpt(*argv).out
        case.check(f"{what}: others' names are nowhere", SECRET not in told,
                   told[max(0, told.find(SECRET) - 80):][:200])
        case.check(f"{what}: they are another user", "another user" in told, told[:500])
        if what == "everything":
            case.check("one's own is named", "ownbusy" in told, told[:500])
    report = case.report_json(trace)
    case.check("the command of one's own has its name and arguments",
               report["threads"][0]["command"] == "sleep 0.5", report["threads"][0])
    result = case.run([*who, binary, "stat", "-a", "-d", "0.5", "--top", "1000"], cwd=directory)
    case.check("stat -a names neither", result.status == 0 and SECRET not in result.out
               and "another user" in result.out and "ownbusy" in result.out, result)
    everything = case.cpt("run", "-q", "-a", "-d", "0.3", "-o", case.path("root"), "--json", case.path("j"))
    case.equal("root's status", everything.status, 0)
    case.check("root sees who it is", SECRET in words_of(case.path("j")))


@privileges("a program that root's mode runs under stays named, what sudo starts does not")
def changed_user(case):
    """The real user is what counts: that of a program which takes rights by its mode is who started it."""
    binary, directory = for_all(case), theirs(case)
    trace = os.path.join(directory, "t")
    script = case.write("change.py", "import os, sys\n"
                        "os.setresuid(0, 0, 0) if sys.argv[1] == 'real' else os.setresuid(-1, 0, 0)\n"
                        f"os.execv({case.path(SECRET)!r}, [{SECRET!r}, '0.1'])\n")
    shutil.copy("/bin/sleep", case.path(SECRET))
    for how, named in (("effective", True), ("real", False)):
        result = case.run([*unprivileged("bpf", "perfmon", "setuid"), binary, "run", "-q", "-o", trace, "--json",
                           trace + ".json", "--", "/usr/bin/python3", script, how], cwd=directory)
        if result.status:
            raise Failed(f"{how}: {result}")
        with open(trace + ".json", encoding="utf-8") as text:
            threads = json.load(text)["threads"]
        case.equal(f"{how}: is it named", threads[0]["name"] == SECRET, named)
        if not named:
            case.equal(f"{how}: what it is called", threads[0]["name"], "another user")


# ---------------------------------------------------------------- files

EXPORTS = (("csv", "ledger"), ("jsonl", "threads"), ("html", ""), ("svg", ""), ("perfetto", ""),
           ("sqlite", ""), ("openmetrics", ""), ("folded", ""))


def writers(case, path):
    """(what, arguments of cpartrace) of everything that writes a file, here to path."""
    trace = case.path("source")
    yield "run -o", ["run", "-q", "-o", path, "--", "true"]
    yield "run --json", ["run", "-q", "-o", spare(case), "--json", path, "--", "true"]
    yield "run --report-file", ["run", "-q", "-o", spare(case), "--report-file", path, "--", "true"]
    yield "record -o", ["record", "-q", "-o", path, "--", "true"]
    yield "stat -o", ["stat", "-o", path, "--", "true"]
    yield "stat --openmetrics", ["stat", "-q", "--openmetrics", path, "--", "true"]
    for form, table in EXPORTS:
        yield f"export -f {form}", ["export", "-i", trace, "-f", form,
                                    *(["--table", table] if table else []), "-o", path]


def spare(case):
    """A place for a trace that is no matter."""
    return os.path.join(case.path("spare"), "t")


def prepare_files(case):
    result = case.cpt("record", "-q", "--stacks", "-o", case.path("source"), "--",
                      os.path.join(case.workloads, "threads"), "mutex", "--work-ms", "20")
    if result.status:
        raise Failed(str(result))
    os.chmod(case.path("source"), 0o644)
    theirs(case, "spare")


def content(path):
    with open(path, "rb") as source:
        return source.read()


@privileges("every file is the user's behind sudo")
def owners(case):
    prepare_files(case)
    directory = theirs(case)
    for what, argv in writers(case, os.path.join(directory, "out")):
        result = case.cpt(*argv, env=BEHIND)
        case.equal(f"{what}: status", result.status, 0)
        info = os.stat(os.path.join(directory, "out"))
        case.equal(f"{what}: owner", (info.st_uid, info.st_gid), (NOBODY, NOBODY))
        case.check(f"{what}: mode", stat.S_IMODE(info.st_mode) == (0o644 if "openmetrics" in what else 0o600),
                   oct(info.st_mode))
        names = set(os.listdir(directory)) - {"out", "out.old"}
        case.check(f"{what}: nothing else is left", not names, names)
        # Again: what stands there is replaced, and a trace is kept as .old.
        case.equal(f"{what}: status of a second", case.cpt(*argv, env=BEHIND).status, 0)
        if what in ("run -o", "record -o"):
            case.equal(f"{what}: owner of .old", os.stat(os.path.join(directory, "out.old")).st_uid, NOBODY)
        for name in os.listdir(directory):
            os.unlink(os.path.join(directory, name))


@privileges("what the user behind sudo could not have written is not written")
def not_theirs(case):
    prepare_files(case)
    roots = case.path("roots")
    os.mkdir(roots, 0o755)
    case.write("roots/precious", "keep")
    os.mkdir(case.path("all"))
    os.chmod(case.path("all"), 0o1777)
    case.write("all/precious", "keep", 0o666)
    for place in ("roots/new", "roots/precious", "all/precious"):
        path = case.path(place)
        for what, argv in writers(case, path):
            result = case.cpt(*argv, env=BEHIND)
            case.check(f"{what} to {place} is refused", result.status in (1, 125), result)
            case.check(f"{what} to {place}: one line that says why", result.err.count("\n") == 1
                       and str(NOBODY) in result.err and "ermi" in result.err, result.err)
            case.equal(f"{what} to {place}: nothing changed",
                       (sorted(os.listdir(roots)), sorted(os.listdir(case.path("all")))),
                       (["precious"], ["precious"]))
            case.equal(f"{what} to {place}: the file is as it was",
                       (content(case.path("roots/precious")), content(case.path("all/precious"))),
                       (b"keep", b"keep"))


@privileges("links, hard links and FIFOs lead nowhere, under sudo and for root")
def traps(case):
    prepare_files(case)
    precious = case.write("precious", "keep")
    os.chmod(precious, 0o600)
    for who, env in (("sudo", BEHIND), ("root", {})):
        directory = theirs(case, f"{who}-traps")
        for trap in ("link", "hard link", "link to nothing"):
            for what, argv in writers(case, os.path.join(directory, "out")):
                for name in ("out", "out.old"):
                    place = os.path.join(directory, name)
                    if trap == "link":
                        os.symlink(precious, place)
                    elif trap == "hard link":
                        os.link(precious, place)
                    else:
                        os.symlink(case.path("nothing"), place)
                result = case.cpt(*argv, env=env)
                case.check(f"{who}, {trap}, {what}: status", result.status == 0, result)
                info = os.lstat(os.path.join(directory, "out"))
                case.check(f"{who}, {trap}, {what}: a file of its own",
                           stat.S_ISREG(info.st_mode) and info.st_nlink == 1
                           and info.st_uid == (NOBODY if env else 0), info)
                case.equal(f"{who}, {trap}, {what}: what it led to", content(precious), b"keep")
                case.equal(f"{who}, {trap}, {what}: its owner", os.stat(precious).st_uid, 0)
                case.check(f"{who}, {trap}, {what}: nothing was made there",
                           not os.path.exists(case.path("nothing")))
                for name in os.listdir(directory):
                    os.unlink(os.path.join(directory, name))
        os.mkfifo(os.path.join(directory, "out"))
        os.chmod(directory, 0o1777)
        os.chown(directory, 0, 0)
        os.chown(os.path.join(directory, "out"), 1, 1)
        for what, argv in writers(case, os.path.join(directory, "out")):
            result = case.cpt(*argv, env=env, timeout=30)
            case.check(f"{who}, a stranger's FIFO, {what}: refused", result.status in (1, 125)
                       and result.err.count("\n") == 1, result)
            case.check(f"{who}, a stranger's FIFO, {what}: it stands",
                       stat.S_ISFIFO(os.lstat(os.path.join(directory, "out")).st_mode))


class Swapper(threading.Thread):
    """The attacker: a directory of his and a link to root's take turns at one name."""

    def __init__(self, directory, target):
        super().__init__(daemon=True)
        self.name_, self.mine = os.path.join(directory, "d"), os.path.join(directory, "mine")
        self.target, self.over, self.turns, self.error = target, False, 0, None
        os.mkdir(self.mine)
        os.chown(self.mine, NOBODY, NOBODY)

    def run(self):
        try:
            self.swap()
        except OSError as err:
            self.error = err

    def swap(self):
        link = self.name_ + ".link"
        while not self.over:
            os.rename(self.mine, self.name_)
            # By turns one of both stands for as long as a file takes to be written: some come through, some do not.
            time.sleep(0.002 * (self.turns % 3 == 1))
            os.rename(self.name_, self.mine)
            os.symlink(self.target, link)
            os.rename(link, self.name_)
            time.sleep(0.002 * (self.turns % 3 == 2))
            os.unlink(self.name_)
            self.turns += 1


@privileges("a directory that is swapped for a link to root's, over and over")
def race(case):
    prepare_files(case)
    roots = case.path("roots")
    os.mkdir(roots, 0o755)
    for name in ("out", "out.old"):
        case.write(f"roots/{name}", "keep", 0o600)
    directory = theirs(case)
    attacker = Swapper(directory, roots)
    attacker.start()
    done = refused = 0
    path = os.path.join(directory, "d", "out")
    try:
        for _ in range(6):
            turns = attacker.turns
            for what, argv in writers(case, path):
                result = case.cpt(*argv, env=BEHIND)
                done += result.status == 0
                refused += result.status != 0
                if not case.check(f"{what}: root's files are as they were",
                                  sorted(os.listdir(roots)) == ["out", "out.old"]
                                  and content(case.path("roots/out")) == b"keep"
                                  and content(case.path("roots/out.old")) == b"keep", os.listdir(roots)):
                    return
            case.check("it was swapped all the while", attacker.turns > turns, attacker.error or turns)
    finally:
        attacker.over = True
        attacker.join()
    case.equal("what ended the swapping", attacker.error, None)
    # In the directory of his own a file may be written; in root's, or where neither stands, none.
    case.check("some came through, and some did not", done > 0 and refused > 0, (done, refused))
    case.note(f"{attacker.turns} swaps, {done} files written, {refused} refused")


def written(path):
    """Not those that are to replace one, and may be gone at any moment."""
    return [name for name in os.listdir(path) if not name.endswith(".tmp")]


@privileges("a directory that gives way to a link to root's, while a file of it is written over and over")
def later_files(case):
    writers_of = (("--openmetrics", ["stat", "-a", "-q", "-I", "100", "-o", "/dev/null", "--openmetrics"],
                   lambda proc: None),
                  ("--flight", ["record", "-a", "-q", "--flight", "1s", "-o"],
                   lambda proc: proc.send_signal(signal.SIGUSR2)))
    for what, argv, ask in writers_of:
        work, roots = case.path(f"{what[2:]}.work"), case.path(f"{what[2:]}.roots")
        for path in (work, roots):
            os.mkdir(path)
        os.chown(work, NOBODY, NOBODY)
        proc = case.spawn([case.cpartrace, *argv, os.path.join(work, "out")])
        wait_until(f"{what}: its first file", lambda p=work: written(p))
        os.rename(work, work + ".moved")
        os.symlink(roots, work)
        # What there is now is of before.
        for name in written(work + ".moved"):
            if ".ring." not in name:
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(os.path.join(work + ".moved", name))
        ask(proc)
        wait_until(f"{what}: one after that", lambda p=work: any(
            ".ring." not in name for path in (p, p + ".moved") for name in written(path)))
        end(proc)
        case.equal(f"{what}: status", proc.returncode, 0)
        case.equal(f"{what}: into root's directory", os.listdir(roots), [])
        case.check(f"{what}: into the one that was opened", "out" in os.listdir(work + ".moved"))


@privileges("a directory that the command itself gives way to a link, between the runs of a series")
def series(case):
    work, roots = case.path("work"), case.path("roots")
    os.mkdir(work)
    os.mkdir(roots)
    swap = f"[ -L {work} ] || {{ mv {work} {work}.moved && ln -s {roots} {work}; }}"
    result = case.cpt("run", "-r", "3", "-o", os.path.join(work, "t"), "--", "sh", "-c", swap)
    case.check("the report is of what was opened", "CPUs busy" in result.err and swap[:20] in result.err,
               result.err[-300:])
    case.equal(f"into root's directory, {result}", os.listdir(roots), [])
    case.equal("into the one that was opened", sorted(os.listdir(work + ".moved")), ["t.1", "t.2", "t.3"])


# ---------------------------------------------------------------- what doctor says


# libbpf looks in all of these.
HIDDEN = """
mount -t tmpfs none /sys/kernel/btf || exit 99
for place in /boot /lib/modules /usr/lib/debug; do
    [ ! -d $place ] || mount -t tmpfs none $place || exit 99
done
exec {command}
"""

REPLACED = """
mount --bind {file} /sys/kernel/btf/vmlinux || exit 99
exec {command}
"""


def under_mounts(case, script, command, **words):
    return case.run(["unshare", "-m", "sh", "-c", script.format(command=command, **words)])


@privileges("a kernel without type information, or without a tracepoint: what is missing and the mend")
def missing_parts(case):
    result = under_mounts(case, HIDDEN, f"{case.cpartrace} doctor")
    case.equal("doctor without BTF: status", result.status, 3)
    case.check("doctor without BTF: says so, and the mend",
               re.search(r"MISSING type information", result.out) and "CONFIG_DEBUG_INFO_BTF" in result.out, result)
    result = under_mounts(case, HIDDEN, f"{case.cpartrace} run -o {case.path('t')} true")
    case.check("run without BTF: one line, nothing left", result.status == 125 and result.err.count("\n") == 1
               and "CONFIG_DEBUG_INFO_BTF" in result.err and not os.path.exists(case.path("t")), result)
    kernel = content("/sys/kernel/btf/vmlinux")
    for name in ("sched_switch", "sched_waking", "task_newtask", "sched_process_exec", "task_rename"):
        word = b"\0btf_trace_" + name.encode() + b"\0"
        if not case.check(f"{name} is in this kernel's types", kernel.count(word) == 1, kernel.count(word)):
            continue
        changed = case.write("vmlinux", kernel.replace(word, word.replace(b"btf_trace", b"bxf_trace")))
        result = under_mounts(case, REPLACED, f"{case.cpartrace} doctor", file=changed)
        case.equal(f"doctor without {name}: status", result.status, 3)
        case.check(f"doctor without {name}: named, with the mend",
                   re.search(rf"MISSING .*\n?.*{name}", result.out) and "Linux 6.1" in result.out, result)
        result = under_mounts(case, REPLACED, f"{case.cpartrace} run -o {case.path('t')} true", file=changed)
        case.check(f"run without {name}: one line, nothing left", result.status == 125
                   and result.err.count("\n") == 1 and not os.path.exists(case.path("t")), result)


@privileges("in a user namespace capabilities do not count, and doctor says so")
def user_namespace(case):
    result = case.run(["unshare", "-Ur", case.cpartrace, "doctor"])
    case.equal("doctor's status", result.status, 3)
    case.check("doctor says which capabilities", re.search(r"MISSING privileges .*namespace", result.out), result)
    result = case.run(["unshare", "-Ur", case.cpartrace, "run", "-o", case.path("t"), "true"])
    case.check("run says so too", result.status == 125 and result.err.count("\n") == 1
               and "namespace" in result.err, result)
