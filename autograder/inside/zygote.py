"""The zygote: a process in the sandbox that has imported the libraries once and forks for each submission.

It runs no operation, starts no thread, holds no secret and never reads a submission: the judge passes it the ends of pipes, it
forks, and the fork reads. `python zygote.py FD MODULE…`: FD is the judge's socket, the modules are imported first.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import importlib
import os
import socket
import sys
import traceback

HUGE, COLLAPSE = 2 << 20, 25
LATE = ("numpy.random",)  # NumPy imports it on first use, which would be in each fork


IDLE_SECONDS = 600


def main(control: socket.socket, modules: list[str]) -> None:
    from autograder.inside import student, walls, watch, wire

    shell = student.quiet_shell()
    for name in (*LATE, *modules):
        with contextlib.suppress(Exception):
            importlib.import_module(name)
    if torch := sys.modules.get("torch"):
        torch.set_num_threads(1)
    shell.run_cell("pass", store_history=False, silent=True)
    gc.collect()
    gc.freeze()
    walls.remember_size()
    huge_pages()
    folder = os.open("/proc", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    me = watch.facts_of(folder, str(os.getpid()))
    os.close(folder)  # a fork that inherited it could look at processes
    wire.send(control, {"ready": True, "threads": me["Threads"], "modules": [m for m in modules if m in sys.modules]})
    control.settimeout(IDLE_SECONDS)  # whoever forgot this zygote, a worker of a cluster whose writer was killed, need not keep it
    while True:
        try:
            go, handles, _, _ = socket.recv_fds(control, 1, 3)
        except OSError:
            return
        if not go:
            return
        watch.reap({})
        child = os.fork()
        if child == 0:
            try:
                control.close()
                begin(handles, me["RssAnon"] + me["RssShmem"], shell)
            finally:
                os._exit(70)
        for handle in handles:
            os.close(handle)
        wire.send(control, {"forked": child})


def huge_pages() -> None:
    """Put this process's own memory into huge pages where the kernel can (Linux 6.1, `MADV_COLLAPSE`): a fork then copies 1/512 of the page table."""
    libc = ctypes.CDLL(None)
    with open("/proc/self/maps", encoding="ascii", errors="replace") as file:
        lines = [line.split() for line in file]
    for span, rights, _, _, inode, *name in lines:
        if "w" not in rights or inode != "0" or name not in ([], ["[heap]"]):
            continue
        first, last = (int(end, 16) for end in span.split("-"))
        for place in range(-(-first // HUGE) * HUGE, last // HUGE * HUGE, HUGE):
            libc.madvise(ctypes.c_void_p(place), ctypes.c_size_t(HUGE), COLLAPSE)


def begin(handles: list[int], base: int, shell) -> None:
    """The fork of one submission: put up the walls, then split into the watch and the student's process."""
    from autograder.inside import student, walls, watch, wire

    work, report = socket.socket(fileno=handles[0]), socket.socket(fileno=handles[1])
    try:
        message, arrays = wire.Receiver(work).frame()
        limits, seconds = message["limits"], message["total_seconds"]
        folder = walls.enter(limits)
        known = set(watch.processes_in(folder, set()))
        first = os.fork()
        if first:
            os.close(handles[0])
            os.close(handles[2])
            os.waitpid(first, 0)  # the report ends only when nobody of the namespace is left
            os._exit(0)
        second = os.fork()
        if second:
            work.close()
            os.close(handles[2])
            watch.watch(report, folder, known, base, second, limits)
    except Exception as error:
        with contextlib.suppress(OSError, wire.Closed):
            wire.send(report, {"failed": f"{type(error).__name__}: {error}"[:1000]})
        os._exit(71)
    try:
        os.close(folder)
        report.close()
        student.settle_signals()
        os.dup2(handles[2], 1)
        os.dup2(handles[2], 2)
        os.close(handles[2])
        os.setsid()
        walls.lock(limits, seconds)
        os.makedirs(f"{walls.HOME}/work")
        os.chdir(f"{walls.HOME}/work")
        for name, target in message["links"].items():
            os.symlink(target, name)
        for name, content in zip(message["files"], arrays, strict=True):
            with contextlib.suppress(OSError), open(name, "xb") as file:
                file.write(content)
    except Exception as error:
        wire.send(work, {"failed": f"{type(error).__name__}: {error}"[:1000]})
        os._exit(72)
    wire.send(work, {"locked": True})
    try:
        student.serve(work, shell)
    except (wire.Closed, wire.Malformed):
        os._exit(0)


if __name__ == "__main__":
    sys.path[:] = ["/sandbox", *[place for place in sys.path if place and not place.endswith("inside")]]
    try:
        main(socket.socket(fileno=int(sys.argv[1])), sys.argv[2:])
    except BaseException:
        traceback.print_exc()
        os._exit(73)
