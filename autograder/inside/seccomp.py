"""A filter of system calls for student code, as the kernel's classic BPF program: what a notebook never needs is refused.

Numbers from the kernel's own tables (`asm/unistd_64.h` for x86_64, `asm-generic/unistd.h` for aarch64); structures from `linux/seccomp.h`,
`linux/filter.h` and `linux/bpf_common.h`.
"""

from __future__ import annotations

import ctypes
import errno
import os
import struct

LOAD, EQUAL, ABOVE, ANY, RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
NUMBER, ARCHITECTURE, ARGUMENT = 0, 4, 16
ALLOW, REFUSE, KILL = 0x7FFF0000, 0x00050000, 0x80000000
X32 = 0x40000000
NAMESPACES = 0x7E020080  # CLONE_NEW*: NS, CGROUP, UTS, IPC, USER, PID, NET, TIME
SET_SECCOMP, FILTER = 22, 2

ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}

REFUSED = {
    "socket": (41, 198),
    "connect": (42, 203),
    "bind": (49, 200),
    "listen": (50, 201),
    "execve": (59, 221),
    "execveat": (322, 281),
    "mount": (165, 40),
    "umount2": (166, 39),
    "unshare": (272, 97),
    "chroot": (161, 51),
    "sched_setaffinity": (203, 122),
    "sched_setscheduler": (144, 119),
    "sched_setattr": (314, 274),
    "setpriority": (141, 140),
    "mknodat": (259, 33),
    "syslog": (103, 116),
    "memfd_create": (319, 279),
    "memfd_secret": (447, 447),
    "shmget": (29, 194),
    "msgget": (68, 186),
    "semget": (64, 190),
    "mq_open": (240, 180),
}
KILLED = {
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "pidfd_getfd": (438, 438),
    "kcmp": (312, 272),
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "keyctl": (250, 219),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "setns": (308, 268),
    "pivot_root": (155, 41),
    "move_mount": (429, 429),
    "open_tree": (428, 428),
    "fsopen": (430, 430),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "mount_setattr": (442, 442),
    "open_by_handle_at": (304, 265),
    "kexec_load": (246, 104),
    "kexec_file_load": (320, 294),
    "init_module": (175, 105),
    "finit_module": (313, 273),
    "delete_module": (176, 106),
    "reboot": (169, 142),
    "swapon": (167, 224),
    "swapoff": (168, 225),
    "acct": (163, 89),
    "quotactl": (179, 60),
}
CLONE, CLONE3, PRLIMIT = (56, 220), (435, 435), (302, 261)


def instruction(code: int, value: int, then: int = 0, otherwise: int = 0) -> bytes:
    return struct.pack("<HBBI", code, then, otherwise, value)


def program(machine: str) -> bytes:
    """The filter's instructions for `machine`, "x86_64" or "aarch64"; KeyError for another one."""
    column = ["x86_64", "aarch64"].index(machine)
    refuse = instruction(RETURN, REFUSE | errno.EPERM)
    kill = instruction(RETURN, KILL)
    lines = [instruction(LOAD, ARCHITECTURE), instruction(EQUAL, ARCHITECTURES[machine], 1, 0), kill, instruction(LOAD, NUMBER)]
    if machine == "x86_64":
        lines += [instruction(ABOVE, X32, 0, 1), kill]
    for calls, answer in ((REFUSED, refuse), (KILLED, kill)):
        for numbers in calls.values():
            lines += [instruction(EQUAL, numbers[column], 0, 1), answer]
    lines += [instruction(EQUAL, CLONE3[column], 0, 1), instruction(RETURN, REFUSE | errno.ENOSYS)]
    lines += [instruction(EQUAL, CLONE[column], 0, 3), instruction(LOAD, ARGUMENT), instruction(ANY, NAMESPACES, 0, 1), refuse]
    lines += [instruction(LOAD, NUMBER), instruction(EQUAL, PRLIMIT[column], 0, 3)]
    lines += [instruction(LOAD, ARGUMENT), instruction(EQUAL, 0, 1, 0), refuse]  # only a process's own limits
    return b"".join([*lines, instruction(RETURN, ALLOW)])


class Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_void_p))


def install() -> bool:
    """Filter the system calls of this process and its children for good. False on a machine whose numbers are not known here."""
    machine = os.uname().machine
    if machine not in ARCHITECTURES:
        return False
    text = program(machine)
    buffer = ctypes.create_string_buffer(text, len(text))
    filters = Program(len(text) // 8, ctypes.addressof(buffer))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(SET_SECCOMP, FILTER, ctypes.byref(filters), 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "the kernel took no filter of system calls")
    return True
