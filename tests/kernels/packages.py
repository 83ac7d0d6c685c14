# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Debian's packages of other releases, kernels above all: found, fetched and unpacked, never installed.

Owns: which suites hold which series, and apt with a state of its own, so that the machine's lists and
sources stay as they are. Must not know: what is done with them.
"""

import glob
import os
import re
import subprocess

KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"

# Series and the suites that may hold it, beside bookworm's own.
SUITES = {"5.10": ("bullseye",), "6.1": ("bookworm",), "6.12": ("bookworm-backports", "trixie"),
          "6.18": ("trixie-backports", "forky"), "newest": ("trixie-backports", "forky")}
# The same without the lists of a whole release, which cost more than the boot: backports follow it closely.
QUICK = dict(SUITES, newest=("trixie-backports",))

# Newer ones keep vmlinuz in linux-binary-*, and linux-image-* only pulls it in.
KERNEL = re.compile(r"^linux-(binary|image)-(\d+(?:\.\d+)+(?:-\d+)?\S*)-cloud-amd64$")


class Unavailable(Exception):
    """A kernel that cannot be had here; the text says why."""


def run(*command, **options):
    return subprocess.run(command, check=True, text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, timeout=600, **options).stdout


def mirror():
    """Where this machine has its Debian from."""
    for line in run("apt-get", "indextargets", "--format", "$(REPO_URI) $(CODENAME)",
                    "Created-By: Packages").splitlines():
        uri, codename = line.split()
        if codename == "bookworm":
            return uri
    raise Unavailable("no source of bookworm is configured (sudo apt-get update)")


class Apt:
    """apt with sources and lists in a directory of its own."""

    def __init__(self, directory):
        self.options = []
        for key, path in (("Dir::State", "state"), ("Dir::Cache", "cache")):
            os.makedirs(os.path.join(directory, path, "lists/partial"), exist_ok=True)
            os.makedirs(os.path.join(directory, path, "archives/partial"), exist_ok=True)
            self.options += ["-o", f"{key}={os.path.join(directory, path)}"]
        self.sources = os.path.join(directory, "sources.list")
        self.options += ["-o", f"Dir::Etc::sourcelist={self.sources}", "-o",
                         "Dir::Etc::sourceparts=/dev/null", "-o", "Dir::State::status=/dev/null",
                         "-o", "APT::Sandbox::User=root", "-o", "Acquire::Languages=none"]

    def update(self, suites):
        uri = mirror()
        with open(self.sources, "w", encoding="utf-8") as sources:
            for suite in sorted(suites):
                sources.write(f"deb [signed-by={KEYRING}] {uri} {suite} main\n")
        try:
            run("apt-get", *self.options, "update")
        except subprocess.CalledProcessError as error:
            raise Unavailable(f"apt-get update: {error.stderr.strip()[-300:]}") from error

    def kernels(self):
        """(version as a tuple, name) of each kernel, the newest last."""
        found = {}
        names = run("apt-cache", *self.options, "pkgnames", "linux-").split()
        for name in sorted(names):
            match = KERNEL.match(name)
            if match:
                version = tuple(int(part) for part in re.findall(r"\d+", match.group(2)))
                # "binary" sorts before "image" and holds the kernel where both are there
                found.setdefault((version, match.group(2)), name)
        return [(version, name) for (version, _), name in sorted(found.items())]

    def unpack(self, name, into, root, only=None):
        """only: a pattern of the files that are wanted (default: all)."""
        run("apt-get", *self.options, "download", name, cwd=into)
        package = os.path.join(into, max((entry for entry in os.listdir(into)
                                          if entry.startswith(name + "_") and entry.endswith(".deb"))))
        os.makedirs(root, exist_ok=True)
        with subprocess.Popen(["dpkg-deb", "--fsys-tarfile", package], stdout=subprocess.PIPE) as parts:
            tar = subprocess.run(["tar", "-x", "-C", root, *(["--wildcards", only] if only else [])],
                                 stdin=parts.stdout, stderr=subprocess.PIPE, text=True, check=False, timeout=600)
        if parts.returncode or tar.returncode:
            raise Unavailable(f"{name} cannot be unpacked: dpkg-deb's status {parts.returncode}, tar's "
                              f"{tar.returncode}: {tar.stderr.strip()[-300:]}")
        os.unlink(package)

    def fetch(self, name, into):
        """Unpacks the package; the path of its vmlinuz."""
        root = os.path.join(into, name)
        # /boot/vmlinuz-*, with newer ones /usr/lib/modules/*/vmlinuz
        patterns = ("boot/vmlinuz-*", "usr/lib/modules/*/vmlinuz")
        for fetched in (False, True):
            for pattern in patterns:
                for path in glob.glob(os.path.join(root, pattern)):
                    return path
            if not fetched:
                self.unpack(name, into, root, only="*/vmlinuz*")
        raise Unavailable(f"{name} holds no vmlinuz")


def tree(suite, names, directory):
    """The packages of a suite, unpacked into one tree that is kept in directory; its path."""
    root = os.path.join(directory, suite)
    done = os.path.join(root, ".complete")
    if os.path.exists(done):
        return root
    os.makedirs(directory, exist_ok=True)
    apt = Apt(directory)
    apt.update({suite})
    for name in names:
        try:
            apt.unpack(name, directory, root)
        except subprocess.CalledProcessError as error:
            raise Unavailable(f"{name} of {suite}: {error.stderr.strip()[-300:]}") from error
    with open(done, "w", encoding="ascii"):
        return root


def kernels(series, directory, suites=SUITES):
    """{series: (package, path of its vmlinuz)}; the newest of each series."""
    os.makedirs(directory, exist_ok=True)
    apt = Apt(directory)
    apt.update({suite for one in series for suite in suites[one]})
    there = apt.kernels()
    chosen = {}
    for one in series:
        fits = [name for version, name in there
                if one == "newest" or version[:2] == tuple(int(n) for n in one.split("."))]
        if not fits:
            raise Unavailable(f"no kernel {one} in {', '.join(suites[one])}")
        chosen[one] = (fits[-1], apt.fetch(fits[-1], directory))
    return chosen
