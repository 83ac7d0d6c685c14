# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The guest: an initramfs of busybox, cpartrace, its workloads and their libraries; and its boot.

Owns: what is in the image, how results come out, qemu's command line. Must not know: what is run in
the guest, or what it should print.

Results leave by the second serial port, which the kernel does not write to:

    @@begin NAME
    @@out STREAM        its bytes follow, base64, line by line
    @@end NAME STATUS FROM TO     by the guest's clock, s since its boot
    @@closed            the last line; without it the guest did not get to its end
"""

import base64
import os
import re
import shutil
import signal
import subprocess

QEMU_PLAIN = ("-m", "640", "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot")

INIT = """#!/bin/sh
mount -t proc proc /proc; mount -t sysfs sys /sys; mount -t devtmpfs dev /dev
mount -t tmpfs tmp /tmp; mount -t tracefs tracefs /sys/kernel/tracing 2>/dev/null
mount -t cgroup2 cgroup2 /sys/fs/cgroup
echo '+cpu +cpuset +memory' > /sys/fs/cgroup/cgroup.subtree_control 2>/dev/null
ip link set lo up
cd /tmp
exec 3>/dev/PORT
stty -F /dev/PORT raw 2>/dev/null
for part in /cases/*; do
	name=${part##*/}
	read -r start rest < /proc/uptime
	echo "@@begin $name" >&3
	mkdir -p /tmp/$name; cd /tmp/$name
	timeout 600 sh $part > out 2> err < /dev/null
	status=$?
	for file in *; do
		case $file in *.data|*.data.old|*.tmp) continue ;; esac
		echo "@@out $file" >&3
		base64 $file >&3
	done
	read -r end rest < /proc/uptime
	echo "@@end $name $status $start $end" >&3
	cd /tmp
done
echo '@@closed' >&3
sleep 1
reboot -f # ends qemu; powering off does not when the machine has slept
"""

APPLETS = ("awk base64 cat chmod cp cut date dd dmesg echo env false grep head id ip kill ls mkdir mount "
           "mv nproc ps reboot rm rmdir sed seq sh sleep sort stty tail taskset tee test timeout touch "
           "tr true umount uname wait wc which").split()

# Of this machine's, busy with other things as it may be.
GUEST_SECONDS = 1800

# What costs an emulated guest much, and the program under test is not asked about, is off.
CHEAP = ("quiet panic=-1 psi=1 mitigations=off init_on_alloc=0 hardened_usercopy=off"
         " rcupdate.rcu_expedited=1")


class Host:
    """What depends on the guest's architecture: this machine's, x86-64."""

    # The vendor is what makes siblings visible; with more threads than one the emulation of what the kernel
    # expects of memory order is not reliable.
    qemu = ("qemu-system-x86_64", "-M", "q35", "-accel", "tcg,thread=single", "-cpu",
            "max,vendor=GenuineIntel", *QEMU_PLAIN)
    busybox = "/usr/bin/busybox"
    strip = "strip"
    ports = ("console", "results")  # files, by serial port
    port = "ttyS1" # where results leave
    # Whether the timer works the kernel tells from ticks that a busy machine does not deliver in time: it panics.
    command_line = f"console=ttyS0 tsc=reliable no_timer_check {CHEAP}"

    def libraries(self, program):
        """(file here, its place in the guest) of all the program is loaded with."""
        text = subprocess.run(["ldd", program], check=True, text=True, stdout=subprocess.PIPE).stdout
        return [(path, path) for path in re.findall(r"(/\S+) \(0x", text)]


def archive(root, path):
    """All below root as an archive; not compressed: emulated, unpacking costs more than reading."""
    with open(path, "wb") as out:
        subprocess.run("find . -print0 | cpio --null --quiet -o -H newc -R 0:0", shell=True, check=True, cwd=root,
                       stdout=out)


def base(into, programs, host):
    """An initramfs with the programs, without cases; its path. Many boots share it."""
    root = os.path.join(into, "root")
    for directory in ("bin", "cases", "dev", "proc", "sys", "tmp", "etc", "run"):
        os.makedirs(os.path.join(root, directory))
    shutil.copy(host.busybox, os.path.join(root, "bin/busybox"))
    for applet in APPLETS:
        os.symlink("busybox", os.path.join(root, "bin", applet))
    for program in programs:
        target = os.path.join(root, "bin", os.path.basename(program))
        shutil.copy(program, target)
        subprocess.run([host.strip, "-g", target], check=True)
        for library, place in host.libraries(program):
            os.makedirs(os.path.dirname(root + place), exist_ok=True)
            shutil.copy(os.path.realpath(library), root + place)
    with open(os.path.join(root, "etc/passwd"), "w", encoding="utf-8") as passwd:
        passwd.write("root:x:0:0:root:/:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/sh\n")
    init = os.path.join(root, "init")
    with open(init, "w", encoding="utf-8") as text:
        text.write(INIT.replace("PORT", host.port))
    os.chmod(init, 0o755)
    path = os.path.join(into, "base.cpio")
    archive(root, path)
    return path


def build(into, base_path, cases):
    """The initramfs of one boot: that of base() and the cases ({name: shell text}); its path."""
    root = os.path.join(into, "more")
    os.makedirs(os.path.join(root, "cases"))
    for name, text in cases.items():
        with open(os.path.join(root, "cases", name), "w", encoding="utf-8") as case:
            case.write(text + "\n")
    image, more = os.path.join(into, "initrd"), os.path.join(into, "more.cpio")
    archive(root, more)
    with open(image, "wb") as out:
        for part in (base_path, more):
            with open(part, "rb") as text:
                shutil.copyfileobj(text, out)
    return image


def results(text):
    """{case: {"status": n, "took": seconds, stream: bytes}} and whether the guest came to its end."""
    cases, name, stream = {}, None, None
    closed = False
    for line in text.splitlines():
        line = line.strip("\r\0 ")
        if line.startswith("@@begin "):
            name, stream = line.split()[1], None
            cases[name] = {"status": None}
        elif line.startswith("@@out ") and name:
            stream = line.split()[1]
            cases[name][stream] = []
        elif line.startswith("@@end "):
            status, start, end = line.split()[2:]
            cases[name]["status"], cases[name]["took"] = int(status), float(end) - float(start)
            name = stream = None
        elif line == "@@closed":
            closed = True
        elif stream:
            cases[name][stream].append(line)
    for case in cases.values():
        for key, lines in case.items():
            if isinstance(lines, list):
                case[key] = base64.b64decode("".join(lines))
    return cases, closed


def boot(into, vmlinuz, initrd, machine, host, append=""):
    """Boots to the guest's end. What results() gives, and the console's text."""
    console, out = os.path.join(into, "console"), os.path.join(into, "results")
    for path in (console, out):
        with open(path, "w", encoding="utf-8"):
            pass
    command = [*host.qemu, *machine, "-kernel", vmlinuz, "-initrd", initrd, "-append",
               f"{host.command_line} {append}".strip()]
    for port in host.ports:
        command += ["-serial", f"file:{os.path.join(into, port)}"]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                          stderr=subprocess.PIPE, text=True) as qemu:
        try:
            _, errors = qemu.communicate(timeout=GUEST_SECONDS)
        except subprocess.TimeoutExpired:
            qemu.send_signal(signal.SIGKILL)
            _, errors = qemu.communicate()
            errors = f"no end within {GUEST_SECONDS} s"
    with open(out, encoding="ascii", errors="replace") as text:
        cases, closed = results(text.read())
    with open(console, encoding="utf-8", errors="replace") as text:
        said = text.read()
    return cases, closed, said + (errors or "")
