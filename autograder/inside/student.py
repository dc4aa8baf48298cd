"""The student's process: it runs the cells that the judge sends and answers questions from forks of itself.

Nothing in here holds an expected value. Whatever a student does to this process changes only what is sent back about that student.
"""

from __future__ import annotations

import contextlib
import os
import random
import resource
import signal
import socket
import sys
import threading

import numpy as np

from autograder.inside import wire
from convnets.check.packing import unpack
from convnets.check.run import TimeLimit, run_case, words_of
from convnets.check.values import Outcome, arrays_in

LONGEST = 4000
BASE = 0


def serve(sock: socket.socket, shell) -> None:
    """Do what the judge asks until it hangs up."""
    global BASE
    BASE = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    random.seed(0)
    np.random.seed(0)
    if torch := sys.modules.get("torch"):
        torch.manual_seed(0)
    receiver = wire.Receiver(sock)
    while True:
        message, arrays = receiver.frame()
        if "cell" in message:
            wire.send(sock, {"token": message["token"], "ran": run_cell(shell, message["cell"], message["seconds"])})
        else:
            ask(sock, shell, message, arrays)


def run_cell(shell, source: str, seconds: float) -> str:
    """Run one cell; "" or the error in one line."""

    def too_late(*_):
        raise TimeLimit(f"still running after {seconds:g} seconds")

    signal.signal(signal.SIGALRM, too_late)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        result = shell.run_cell(source, store_history=False, silent=True)
        failed = result.error_before_exec or result.error_in_exec
    except BaseException as error:
        failed = error
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
    return one_line(failed) if failed else ""


def one_line(error: BaseException) -> str:
    return f"{type(error).__name__}: {words_of(error)}"[:LONGEST]


def ask(sock: socket.socket, shell, message: dict, arrays: list[np.ndarray]) -> None:
    """Answer a question with one frame a call, then {"end": how}; in a fork unless the judge wants it here."""
    if message["here"]:
        answer(sock, shell, message, arrays)
        wire.send(sock, {"token": message["token"], "end": 0})
        return
    end_others()
    child = os.fork()
    if child == 0:
        try:
            answer(sock, shell, message, arrays)
        finally:
            os._exit(0)
    _, status, usage = os.wait4(child, 0)
    cost = {"seconds": usage.ru_utime + usage.ru_stime, "memory_mb": max(0, usage.ru_maxrss - BASE) / 1024}
    end_others()
    wire.send(sock, {"token": message["token"], "end": status, **cost})


def end_others() -> None:
    """End whatever the student's code has started, so that it cannot meddle with another exercise. The watch is out of reach."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(-1, signal.SIGKILL)


def answer(sock: socket.socket, shell, message: dict, arrays: list[np.ndarray]) -> None:
    packed = dict(zip(message["kinds"], arrays, strict=True))
    names = tuple(message["returns"])
    function = shell.user_ns.get(message["ask"], missing(message["ask"]))
    for number, (case, probe, unmodified) in enumerate(message["cases"]):
        call = unpack(case, packed)
        handed: list = []
        outcome = run_case(function, call, names=names, probe=probe, seconds=message["seconds"], keep=handed)
        send_outcome(sock, message["token"], number, outcome, arrays_in(handed) if unmodified else [])
        if outcome.problem == "time" or "MemoryError" in outcome.ancestors:
            return


def missing(name: str):
    def absent(*args, **kwargs):
        raise NameError(f"name {name!r} is not defined")

    return absent


def send_outcome(sock: socket.socket, token: str, number: int, outcome: Outcome, left: list[np.ndarray]) -> None:
    leaves = outcome.leaves or {}
    message = {
        "token": token,
        "case": number,
        "leaves": list(leaves) if outcome.leaves is not None else None,
        "raised": outcome.raised,
        "message": str(outcome.message)[:LONGEST],
        "lines": [[int(line), str(text)[:500]] for line, text in outcome.lines],
        "ancestors": list(outcome.ancestors),
        "problem": outcome.problem,
    }
    wire.send(sock, message, [plain(array) for array in [*leaves.values(), *left]])


def plain(array: np.ndarray) -> np.ndarray:
    """The array in a dtype that the judge takes; extended precision becomes double."""
    if array.dtype.newbyteorder("<").str in wire.KINDS:
        return array
    return array.astype(np.complex128 if array.dtype.kind == "c" else np.float64)


def quiet_shell():
    """IPython's shell without history, output or traceback: cells run as in a notebook, and nothing is displayed."""
    from IPython.core.displayhook import DisplayHook
    from IPython.core.displaypub import CapturingDisplayPublisher
    from IPython.core.interactiveshell import InteractiveShell
    from traitlets.config import Config

    class Silent(DisplayHook):
        def __call__(self, result=None):
            return

    class Nowhere(CapturingDisplayPublisher):
        def publish(self, *args, **kwargs):
            return

    class Shell(InteractiveShell):
        def showtraceback(self, *args, **kwargs):
            return

        def showsyntaxerror(self, *args, **kwargs):
            return

        def system(self, command):
            return

        def getoutput(self, command, split=True, depth=0):
            return []

        def enable_gui(self, gui=None):
            return

    config = Config()
    config.HistoryManager.enabled = False
    config.InteractiveShell.xmode = "Minimal"
    shell = Shell.instance(config=config, displayhook_class=Silent, display_pub_class=Nowhere)
    for name in ("pip", "conda", "mamba", "uv"):
        shell.register_magic_function(lambda line="": None, "line", name)
    return shell


def settle_signals() -> None:
    """Signals as a kernel has them."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    threading.excepthook = lambda *_: None
