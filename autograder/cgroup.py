"""Kernel limits on the memory and processes of a whole sandbox, by cgroup v2 where this user may use it (systemd: `Delegate=yes`).

The watchdog inside the sandbox counts, too, and is always on; the kernel's limit stands a little above its own and holds between two looks.
A group that has processes of its own may not limit groups below it, so the grader first moves into one for itself.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from autograder.limits import Limits

GRADER, SANDBOX = "convnets-grader", "convnets-sandbox"
CONTROLLERS = ("memory", "pids")
MEGABYTE = 1 << 20
SLACK_MB = 64
OWN_PROCESSES = 8


class Unusable(Exception):
    """There is no group that this user may use; the message says why."""


def own_group(facts: Path = Path("/proc/self")) -> Path:
    """The folder of the cgroup v2 that this process is in. Raises Unusable."""
    try:
        paths = [line[3:] for line in (facts / "cgroup").read_text().splitlines() if line.startswith("0::")]
        fields = [line.split() for line in (facts / "mountinfo").read_text().splitlines()]
    except OSError as error:
        raise Unusable(f"/proc tells of no cgroups ({error.strerror})") from error
    mounted = [(Path(field[3]), Path(field[4])) for field in fields if field[field.index("-") + 1] == "cgroup2"]
    for root, place in mounted:
        for path in map(Path, paths):
            if path.is_relative_to(root):
                return place / path.relative_to(root)
    raise Unusable("no cgroup v2 is mounted")


def parent_group(facts: Path = Path("/proc/self")) -> Path:
    """The group in which those of sandboxes can be made: it has both controllers, and this user may write it. Raises Unusable."""
    group = own_group(facts)
    if group.name == GRADER:
        group = group.parent
    try:
        found = (group / "cgroup.controllers").read_text().split()
    except OSError as error:
        raise Unusable(f"{group} cannot be read ({error.strerror})") from error
    if missing := [name for name in CONTROLLERS if name not in found]:
        raise Unusable(f"{group} has no controller for {' and '.join(missing)}")
    if not all(os.access(group / name, os.W_OK) for name in (".", "cgroup.procs", "cgroup.subtree_control")):
        raise Unusable(f"{group} is not delegated to this user")
    return group


def enter(facts: Path = Path("/proc/self")) -> Path:
    """Move this process into a group of its own and switch the controllers on beside it. Call it before processes are started.

    Returns the group for `new_group`; a second call changes nothing. Raises Unusable when other processes are in the way; then nothing is changed.
    """
    parent = parent_group(facts)
    own = parent / GRADER
    try:
        own.mkdir(exist_ok=True)
        if own_group(facts) != own:
            (own / "cgroup.procs").write_text(str(os.getpid()))
        (parent / "cgroup.subtree_control").write_text(" ".join(f"+{name}" for name in CONTROLLERS))
    except OSError as error:
        with contextlib.suppress(OSError):
            (parent / "cgroup.procs").write_text(str(os.getpid()))
            own.rmdir()
        raise Unusable(f"{parent} holds other processes ({error.strerror})") from error
    for left in parent.glob(f"{SANDBOX}-*"):
        remove(left)
    return parent


def new_group(facts: Path = Path("/proc/self")) -> Path | None:
    """A group for one sandbox, None where there can be none or `enter` was not called."""
    try:
        parent = parent_group(facts)
        if own_group(facts).name != GRADER:
            return None
        group = parent / f"{SANDBOX}-{os.getpid()}-{os.urandom(4).hex()}"
        group.mkdir()
    except (Unusable, OSError):
        return None
    return group


def join(group: Path) -> None:
    """Move this process into the group; called between fork and exec. Where it cannot, the watchdog is the only limit."""
    with contextlib.suppress(OSError):
        (group / "cgroup.procs").write_text("0")


def confine(group: Path, limits: Limits, base: int) -> None:
    """Limit the group to what a submission may use. base: bytes that the zygote holds, 0 where that is not known: then nothing is limited."""
    if not base:
        return
    memory = base + (int(limits.memory_mb) + 2 * int(limits.disk_mb) + SLACK_MB) * MEGABYTE
    for name, value in (("memory.max", memory), ("pids.max", 2 * int(limits.processes) + 16 + OWN_PROCESSES), ("memory.swap.max", 0)):
        with contextlib.suppress(OSError):
            (group / name).write_text(str(value))


def held(group: Path) -> int:
    """Bytes that the group's processes hold; 0 where it cannot be told."""
    try:
        return int((group / "memory.current").read_text())
    except (OSError, ValueError):
        return 0


def remove(group: Path) -> None:
    """Remove a group whose processes have ended; one that still has some stays, for a later `enter`."""
    with contextlib.suppress(OSError):
        group.rmdir()
