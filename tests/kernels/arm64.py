# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The guest of the other architecture: cpartrace cross-built with Debian's libraries of arm64, and its kernel.

Owns: which packages that takes, the build, where arm64 keeps what. By hand only: it fetches some 60 MB and
builds the program. Needs gcc-aarch64-linux-gnu, qemu-system-arm and what the build needs.
"""

import glob
import os
import re
import shutil
import subprocess

import image
import packages

LIBRARIES = ("libc6", "libc6-dev", "linux-libc-dev", "libcrypt1", "libgcc-s1", "libbpf1", "libbpf-dev",
             "libelf1", "libelf-dev", "libdw1", "libdw-dev", "zlib1g", "zlib1g-dev", "liblzma5",
             "liblzma-dev", "libbz2-1.0", "libbz2-dev",
             "libzstd1", "libzstd-dev", "libjansson4", "libjansson-dev", "libprotobuf-c1",
             "libprotobuf-c-dev", "libsqlite3-0", "libsqlite3-dev", "liburing2", "liburing-dev",
             "busybox-static", "util-linux", "libcap-ng0")
PROGRAMS = ("cpartrace", "workloads/threads", "workloads/processes", "workloads/locks", "workloads/epoll")
TRIPLET = "aarch64-linux-gnu"
FOLDERS = (f"lib/{TRIPLET}", f"usr/lib/{TRIPLET}", "lib")
KERNEL = re.compile(r"^linux-image-6\.1\.\d+-(\d+)-cloud-arm64-unsigned$")

TOOLCHAIN = """set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_C_COMPILER aarch64-linux-gnu-gcc)
set(CMAKE_LIBRARY_ARCHITECTURE aarch64-linux-gnu)
set(CMAKE_SYSROOT {root})
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
"""


def fetch(directory):
    """(package, vmlinuz) of the kernel; the tree of libraries is directory/root."""
    os.makedirs(directory, exist_ok=True)
    apt = packages.Apt(directory)
    apt.options += ["-o", "APT::Architecture=arm64", "-o", "APT::Architectures=arm64"]
    apt.update({"bookworm"})
    root = os.path.join(directory, "root")
    done = os.path.join(root, ".complete")
    if not os.path.exists(done):
        for name in LIBRARIES:
            apt.unpack(name, directory, root)
        with open(done, "w", encoding="ascii"):
            pass
    names = [name for name in packages.run("apt-cache", *apt.options, "pkgnames", "linux-image-6.1").split()
             if KERNEL.match(name)]
    if not names:
        raise packages.Unavailable("no kernel 6.1 for arm64 in bookworm")
    name = max(names, key=lambda one: int(KERNEL.match(one).group(1)))
    return name, apt.fetch(name, directory)


def build(source, directory):
    """Cross-builds the programs; the folder they are in."""
    root, into = os.path.join(directory, "root"), os.path.join(directory, "build")
    toolchain = os.path.join(directory, "toolchain.cmake")
    with open(toolchain, "w", encoding="utf-8") as text:
        text.write(TOOLCHAIN.format(root=root))
    where = dict(os.environ, PKG_CONFIG_SYSROOT_DIR=root,
                 PKG_CONFIG_LIBDIR=f"{root}/usr/lib/{TRIPLET}/pkgconfig:{root}/usr/share/pkgconfig")
    for command in (["cmake", "-S", source, "-B", into, f"-DCMAKE_TOOLCHAIN_FILE={toolchain}",
                     "-DCPT_WITH_TESTS=OFF", "-DCPT_WERROR=ON"],
                    ["cmake", "--build", into, f"-j{os.cpu_count()}", "--target",
                     *map(os.path.basename, PROGRAMS)]):
        done = subprocess.run(command, env=where, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              check=False)
        if done.returncode:
            raise packages.Unavailable(f"building for arm64: {done.stdout[-2000:]}")
    return into


def needed(program):
    text = subprocess.run(["readelf", "-d", program], check=True, text=True, stdout=subprocess.PIPE).stdout
    return re.findall(r"NEEDED.*\[(.*)\]", text)


class Arm64(image.Host):
    """What image.py asks of a guest's architecture."""

    strip = f"{TRIPLET}-strip"
    qemu = ("qemu-system-aarch64", "-M", "virt", "-accel", "tcg,thread=single", "-cpu",
            "max,pauth-impdef=on", *image.QEMU_PLAIN)
    # There is one port alone: the kernel is silent.
    ports = ("results",)
    port = "ttyAMA0"
    command_line = f"console=ttyAMA0 loglevel=0 {image.CHEAP}"

    def __init__(self, root):
        self.root = root
        self.busybox = os.path.join(root, "bin/busybox")

    def path(self, library):
        """Where the guest has it, below /."""
        for folder in FOLDERS:
            if os.path.exists(os.path.join(self.root, folder, library)):
                return os.path.join(folder, library)
        raise packages.Unavailable(f"{library} of arm64 is missing")

    def libraries(self, program):
        """(file here, place in the guest) of all that the program is loaded with."""
        found, ask = {}, [program]
        while ask:
            for library in needed(ask.pop()):
                place = self.path(library)
                if place not in found:
                    found[place] = os.path.join(self.root, place)
                    ask.append(found[place])
        loader = "lib/ld-linux-aarch64.so.1"
        found[loader] = os.path.join(self.root, loader)
        return [(file, "/" + place) for place, file in found.items()]


def missing():
    """A tool that is not here, or None."""
    for tool in ("qemu-system-aarch64", f"{TRIPLET}-gcc", "cmake"):
        if not shutil.which(tool):
            return tool
    return None


def tools(root):
    return glob.glob(os.path.join(root, "usr/bin/setpriv"))
