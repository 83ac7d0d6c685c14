#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""check_fresh_root.py - the Debian package on a machine that has nothing: a fresh Debian 12 root.

    sudo check_fresh_root.py --build DIR [--bpf]

mmdebstrap (debootstrap's choice of packages, in a third of its time) makes the smallest root that has apt, in
memory, from where this machine has its own Debian; apt installs the package in it, with what it depends on
and nothing else; from there a command is run and traced (with --bpf), its trace is reported and exported, and
the package is taken away again. The root's mounts are in a namespace of their own, so nothing is left behind.
"""

import argparse
import glob
import json
import os
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "kernels"))

import packages  # noqa: E402

SUITE = "bookworm"
ENV = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8", "HOME": "/root",
       "DEBIAN_FRONTEND": "noninteractive", "TERM": "dumb"}
# Where a machine reaches its mirror through something: these go with it.
PASSED_ON = ("http_proxy", "https_proxy", "no_proxy")


class Failed(Exception):
    """A step that did not do what it should; the text says which and how."""


def run(what, *argv, status=0, timeout=300, **options):
    begun = time.monotonic()
    env = {**ENV, **{name: os.environ[name] for name in PASSED_ON if name in os.environ}}
    result = subprocess.run(argv, capture_output=True, text=True, timeout=timeout, check=False, env=env,
                            stdin=subprocess.DEVNULL, **options)
    print(f"{what}: status {result.returncode}, {time.monotonic() - begun:.1f} s", flush=True)
    if result.returncode != status:
        raise Failed(f"{' '.join(argv)}: status {result.returncode}, not {status}: "
                     f"{(result.stdout + result.stderr).strip()[-2000:]}")
    return result


def expect(what, true, detail=""):
    print(f"  {'ok   ' if true else 'WRONG'} {what}", flush=True)
    if not true:
        raise Failed(f"{what}: {detail}")


def make_root(root):
    os.mkdir(root)
    run("mount a disk in memory", "mount", "-t", "tmpfs", "-o", "size=1g,mode=755", "cpartrace-root", root)
    run("mmdebstrap", "mmdebstrap", "--variant=minbase", "--mode=root", "--quiet",
        "--skip=cleanup/apt/lists", SUITE, root,
        packages.mirror())
    for name in ("proc", "sys"):
        run(f"mount {name}", "mount", "--rbind", f"/{name}", os.path.join(root, name))
    # Names are looked up as here.
    for name in ("resolv.conf", "hosts"):
        if os.path.exists(f"/etc/{name}"):
            run(f"copy {name}", "cp", "-L", f"/etc/{name}", os.path.join(root, "etc", name))


def install(root, deb):
    run("copy the package", "cp", deb, os.path.join(root, "var/tmp/cpartrace.deb"))
    before = run("list packages", "chroot", root, "dpkg-query", "-W", "-f", "${Package}\n").stdout.split()
    run("apt-get install", "chroot", root, "apt-get", "install", "-y", "-q", "--no-install-recommends",
        "/var/tmp/cpartrace.deb")
    after = run("list packages", "chroot", root, "dpkg-query", "-W", "-f", "${Package}\n").stdout.split()
    print(f"  came with it: {' '.join(sorted(set(after) - set(before) - {'cpartrace'}))}")
    state = run("dpkg-query", "chroot", root, "dpkg-query", "-W", "-f", "${db:Status-Status} ${Version}",
                "cpartrace").stdout
    expect(f"it is installed: {state}", state.startswith("installed "), state)


def use(root, bpf):
    def cpt(*argv, status=0):
        return run(f"cpartrace {' '.join(argv)}", "chroot", root, "cpartrace", *argv, status=status)

    expect("version", cpt("version").stdout.startswith("cpartrace "))
    expect("help", "Commands:" in cpt("help").stdout)
    if not bpf:
        return
    result = cpt("run", "-o", "/var/tmp/run.data", "--", "/bin/sh", "-c", "(sleep 0.1; echo child); exit 3",
                 status=3)
    expect("the command's output is its own", result.stdout == "child\n", result.stdout)
    expect("run reports", "exit status 3" in result.stderr, result.stderr)
    print("".join(f"  | {line}\n" for line in result.stderr.splitlines()[:12]), end="")
    report = json.loads(cpt("report", "--json", "-i", "/var/tmp/run.data").stdout)
    expect("report counts the processes", report["tasks"]["processes"] >= 2, report["tasks"])
    rows = cpt("export", "-f", "csv", "-i", "/var/tmp/run.data").stdout.splitlines()
    expect("export has a row for each thread", len(rows) == 1 + report["tasks"]["threads"], rows)
    for form in ("sqlite", "perfetto", "html", "svg"):
        cpt("export", "-f", form, "-i", "/var/tmp/run.data", "-o", f"/var/tmp/run.{form}")
        expect(f"{form} is there", os.path.getsize(os.path.join(root, f"var/tmp/run.{form}")) > 1000)


def remove(root):
    run("apt-get purge", "chroot", root, "apt-get", "purge", "-y", "-q", "cpartrace")
    left = [path for pattern in ("usr/bin/cpartrace", "usr/share/doc/cpartrace", "usr/share/*/*/*cpartrace*")
            for path in glob.glob(os.path.join(root, pattern))]
    expect("nothing of it is left", not left, left)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--build", required=True)
    parser.add_argument("--bpf", action="store_true", help="record, too")
    options = parser.parse_args()
    if os.geteuid() != 0:
        sys.exit("a root directory is made by root: run this with sudo")
    if "CPT_OWN_MOUNTS" not in os.environ:
        os.environ["CPT_OWN_MOUNTS"] = "1"
        os.execvp("unshare", ["unshare", "--mount", "--propagation", "private", sys.executable, "-B",
                              *sys.argv])
    begun = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="cpartrace-root-") as directory:
        root = os.path.join(directory, "root")
        try:
            config = os.path.join(os.path.abspath(options.build), "CPackConfig.cmake")
            run("cpack", "cpack", "--config", config, "-G", "DEB", "-B", directory, cwd=directory)
            deb, = glob.glob(os.path.join(directory, "*.deb"))
            make_root(root)
            install(root, deb)
            use(root, options.bpf)
            remove(root)
        except (Failed, packages.Unavailable) as err:
            print(f"FAILED: {err}")
            return 1
        finally:
            for name in ("proc", "sys"):
                subprocess.run(["umount", "--recursive", "--lazy", os.path.join(root, name)],
                               capture_output=True, check=False)
            subprocess.run(["umount", "--lazy", root], capture_output=True, check=False)
    print(f"The package installs in a fresh Debian 12 and works from there: {time.monotonic() - begun:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
