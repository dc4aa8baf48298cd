"""Process 1 of a submission's own process namespace: it counts processes and memory, reports to the judge, and takes all down with it.

Nothing that a student starts can signal, trace or outlive it: when it ends, the kernel ends every process of its namespace.
"""

from __future__ import annotations

import contextlib
import os
import resource
import select
import signal
import socket

from autograder.inside import wire

EVERY = 0.025
MEGABYTE = 1 << 20


def processes_in(folder: int, known: set[str]) -> list[str]:
    return [name for name in os.listdir(folder) if name.isdigit() and name not in known]


def read(folder: int, path: str) -> str:
    try:
        file = os.open(path, os.O_RDONLY, dir_fd=folder)
    except OSError:
        return ""
    try:
        return os.read(file, 1 << 14).decode("ascii", "replace")
    except OSError:
        return ""
    finally:
        os.close(file)


def facts_of(folder: int, name: str) -> dict[str, int]:
    """{"RssAnon": bytes, "RssShmem": bytes, "Threads": count} of one process; empty when it is gone."""
    found = {}
    for line in read(folder, f"{name}/status").splitlines():
        key, _, value = line.partition(":")
        if key in ("RssAnon", "RssShmem"):
            found[key] = int(value.split()[0]) * 1024
        elif key == "Threads":
            found[key] = int(value)
    return found


def proportional_memory(folder: int, name: str) -> int:
    """Bytes of memory that no file backs, pages shared with other processes divided among them."""
    sizes = [int(line.split()[1]) * 1024 for line in read(folder, f"{name}/smaps_rollup").splitlines() if line.startswith(("Pss_Anon:", "Pss_Shmem:"))]
    return sum(sizes)


def watch(report: socket.socket, folder: int, known: set[str], base: int, child: int, limits: dict) -> None:
    """Watch until the judge hangs up, asks for the end, or a limit is broken; ends this process, and with it the namespace.

    report: the judge's socket; b"t" asks for the number of threads of the student's process, b"e" for the end and the account. folder: /proc.
    known: processes that are not the student's. base: bytes of memory that every fork shares with the zygote. child: the student's process.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    statuses: dict[int, int] = {}
    largest, cap = 0, limits["memory_mb"] * MEGABYTE
    while True:
        ready, _, _ = select.select([report], [], [], EVERY)
        asked = report.recv(1) if ready else None
        if asked == b"":
            os._exit(0)
        names = processes_in(folder, known)
        found = [facts_of(folder, name) for name in names if name != own_name(folder)]
        if asked == b"t":
            wire.send(report, {"threads": max((one.get("Threads", 1) for one in found), default=1)})
        used = sum(max(0, one.get("RssAnon", 0) - base) + one.get("RssShmem", 0) for one in found)
        largest = max(largest, min(used, cap))
        if asked == b"e":
            end(report, {}, largest, statuses, child)
        if len(found) > limits["processes"] + 2:
            end(report, {"breach": "process limit"}, largest, statuses, child)
        if used > cap and sum(proportional_memory(folder, name) for name in names) - base > cap:
            end(report, {"breach": "memory limit"}, largest, statuses, child)
        reap(statuses)


def own_name(folder: int) -> str:
    """This process's number as the zygote's /proc has it."""
    return os.readlink("self", dir_fd=folder)


def reap(statuses: dict[int, int], options: int = os.WNOHANG) -> None:
    """Note the exit statuses of whoever has ended."""
    with contextlib.suppress(ChildProcessError):
        while True:
            pid, status = os.waitpid(-1, options)
            if not pid:
                return
            statuses[pid] = status


def end(report: socket.socket, facts: dict, largest: int, statuses: dict[int, int], child: int) -> None:
    """Kill everything in the namespace, tell the judge what it cost, and end."""
    reap(statuses)
    with contextlib.suppress(ProcessLookupError):
        os.kill(-1, signal.SIGKILL)
    reap(statuses, 0)
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    report.settimeout(1)
    with contextlib.suppress(OSError, wire.Closed):
        wire.send(report, facts | {"status": statuses.get(child, 0), "seconds": usage.ru_utime + usage.ru_stime, "memory_mb": largest / MEGABYTE})
    os._exit(0)
