"""The walls round one submission, put up by a fresh fork of the zygote before it sees a student's code.

`enter` gives the fork namespaces of its own (user, mount, process and IPC) with private, size-capped temporary folders and no /proc.
`lock` drops every privilege, sets the kernel's limits and filters system calls; nothing takes that back.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource

from autograder.inside import seccomp

NEW_MOUNTS, NEW_IPC, NEW_USERS, NEW_PROCESSES = 0x00020000, 0x08000000, 0x10000000, 0x20000000
READ_ONLY, NO_SUID, NO_DEVICES, NO_PROGRAMS, RECURSIVE, PRIVATE = 1, 2, 4, 8, 0x4000, 0x40000
NO_NEW_PRIVILEGES, DROP_BOUNDING, DUMPABLE = 38, 24, 4
NOBODY = 65534
OWN = os.environ.get("TMPDIR", "/tmp")
HOME = f"{OWN}/home"
MEGABYTE = 1 << 20

libc = ctypes.CDLL(None, use_errno=True)


def must(result: int, what: str) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


def write(path: str, text: str) -> None:
    with open(path, "w", encoding="ascii") as file:
        file.write(text)


def tmpfs(place: str, options: str, flags: int = NO_SUID | NO_DEVICES | NO_PROGRAMS) -> None:
    must(libc.mount(b"tmpfs", place.encode(), b"tmpfs", flags, options.encode()), f"a private {place}")


def enter(limits: dict) -> int:
    """Leave the zygote's namespaces; the next fork is process 1 of its own. Returns an open folder of the zygote's /proc, for the watch."""
    if os.getuid() == 0:
        os.setgroups([])
        os.setresgid(NOBODY, NOBODY, NOBODY)
        os.setresuid(NOBODY, NOBODY, NOBODY)
        must(libc.prctl(DUMPABLE, 1, 0, 0, 0), "prctl")
    user, group = os.getuid(), os.getgid()
    must(libc.unshare(NEW_USERS | NEW_MOUNTS | NEW_PROCESSES | NEW_IPC), "new namespaces")
    write("/proc/self/setgroups", "deny")
    write("/proc/self/uid_map", f"{user} {user} 1")
    write("/proc/self/gid_map", f"{group} {group} 1")
    must(libc.mount(b"none", b"/", None, RECURSIVE | PRIVATE, None), "private mounts")
    processes = os.open("/proc", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    tmpfs(OWN, f"size={limits['disk_mb']}m,nr_inodes={limits['files']},mode=700")
    tmpfs("/dev/shm", f"size={limits['disk_mb']}m,nr_inodes={limits['files']},mode=700")
    tmpfs("/proc", "size=4k,nr_inodes=1", NO_SUID | NO_DEVICES | NO_PROGRAMS | READ_ONLY)
    return processes


def lock(limits: dict, seconds: float) -> None:
    """Give up every privilege and accept the limits; called in the process that will run a student's code."""
    for capability in range(64):
        if libc.prctl(DROP_BOUNDING, capability, 0, 0, 0) != 0:
            break
    header, nothing = (ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)()
    must(libc.capset(header, nothing), "dropping capabilities")
    must(libc.prctl(NO_NEW_PRIVILEGES, 1, 0, 0, 0), "prctl")
    limit(resource.RLIMIT_CORE, 0)
    limit(resource.RLIMIT_CPU, int(seconds) + 5)
    limit(resource.RLIMIT_FSIZE, int(limits["disk_mb"]) * MEGABYTE)
    limit(resource.RLIMIT_NOFILE, 256)
    limit(resource.RLIMIT_MEMLOCK, 0)
    limit(resource.RLIMIT_NPROC, 2 * int(limits["processes"]) + 16)
    limit(resource.RLIMIT_AS, address_space() + int(limits["memory_mb"]) * MEGABYTE)
    seccomp.install()


def limit(kind: int, value: int) -> None:
    with contextlib.suppress(ValueError):
        resource.setrlimit(kind, (value, value))


SIZE = 0


def remember_size() -> None:
    """Note how large this process is, for `lock`, which has no /proc to look at."""
    global SIZE
    with open("/proc/self/statm", encoding="ascii") as file:
        SIZE = int(file.read().split()[0]) * resource.getpagesize()


def address_space() -> int:
    return SIZE
