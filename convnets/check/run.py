"""Running a student's function on one case, on the student's side of the wall: inputs in, an Outcome out."""

from __future__ import annotations

import _thread
import contextlib
import copy
import importlib
import linecache
import os
import signal
import sys
import threading
import time
import traceback
import warnings
from collections.abc import Callable, Iterator

import numpy as np

from convnets.check.values import Case, Outcome, arrays_in, to_leaves

OURS = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def load_probe(name: str | None) -> Callable:
    """A probe by its name, `module:function`. A probe calls the student's object and returns arrays; it holds no answer."""
    if name is None:
        return lambda function, *args, **kwargs: function(*args, **kwargs)
    module, _, attribute = name.partition(":")
    return getattr(importlib.import_module(module), attribute)


@contextlib.contextmanager
def quiet_errors() -> Iterator[None]:
    """Keep warnings and prints to stderr out of the cell: nbgrader gives 0 to a test cell that writes one byte there."""
    with warnings.catch_warnings(), np.errstate(all="ignore"), contextlib.redirect_stderr(sys.stdout):
        warnings.simplefilter("ignore")
        yield


class TimeLimit(Exception):
    """The student's code ran longer than the case allows."""


@contextlib.contextmanager
def time_limit(seconds: float | None) -> Iterator[None]:
    """Interrupt the main thread's Python code after `seconds`, on every operating system. None, or another thread: no limit."""
    if seconds is None or threading.current_thread() is not threading.main_thread():
        yield
    elif hasattr(signal, "setitimer"):
        with alarm(seconds):
            yield
    else:
        with timer(seconds):
            yield


@contextlib.contextmanager
def alarm(seconds: float) -> Iterator[None]:
    """`time_limit` by the kernel's timer; one that runs already goes on afterwards."""
    state = {"over": False, "fired": False}

    def fire(*_):
        if not state["over"]:
            state["fired"] = True
            raise KeyboardInterrupt

    began = time.monotonic()
    before = signal.signal(signal.SIGALRM, fire)
    left, _ = signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
        state["over"] = True
    except KeyboardInterrupt:
        if not state["fired"]:
            raise
        raise TimeLimit from None
    finally:
        state["over"] = True
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before if before is not None else signal.SIG_DFL)
        if left:
            signal.setitimer(signal.ITIMER_REAL, max(0.001, left - (time.monotonic() - began)))


@contextlib.contextmanager
def timer(seconds: float) -> Iterator[None]:
    """`time_limit` by a thread, for Windows."""
    lock, state = threading.Lock(), {"over": False, "fired": False}

    def fire():
        with lock:
            if not state["over"]:
                state["fired"] = True
                _thread.interrupt_main()

    clock = threading.Timer(seconds, fire)
    clock.daemon = True
    clock.start()
    try:
        yield
        with lock:
            state["over"] = True
    except KeyboardInterrupt:
        if not state["fired"]:
            raise
        raise TimeLimit from None
    finally:
        state["over"] = True
        clock.cancel()


def student_lines(error: BaseException) -> tuple[tuple[int, str], ...]:
    """Line numbers and texts of the student's own frames in a traceback, outermost first, at most the last three."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [
        (frame.lineno, (frame.line or linecache.getline(frame.filename, frame.lineno)).strip())
        for frame in frames
        if not os.path.abspath(frame.filename).startswith(OURS) and "site-packages" not in frame.filename
    ]
    return tuple((number, text) for number, text in own if number)[-3:]


def words_of(error: BaseException) -> str:
    """What an exception says, whatever its own `__str__` does."""
    try:
        return str(error)
    except (Exception, SystemExit) as second:
        return f"(it cannot say why: its own __str__ raises {type(second).__name__})"


def run_case(
    function: Callable,
    case: Case,
    *,
    names: tuple[str, ...] = (),
    probe: str | None = None,
    seconds: float | None = 5.0,
    keep: list | None = None,
) -> Outcome:
    """Call `function` on copies of the case's inputs and return what happened, whatever happened.

    names: names of the values that the function returns, `()` for one. keep: takes (args, kwargs) as they were handed in, and as the function
    leaves them. Never raises on account of the student's code, except for KeyboardInterrupt by the user.
    """
    args, kwargs = copy.deepcopy((case.args, case.kwargs))
    if keep is not None:
        keep.append((args, kwargs))
    call = load_probe(probe)
    try:
        with quiet_errors(), time_limit(seconds):
            leaves, problem = to_leaves(call(function, *args, **kwargs), names)
    except TimeLimit:
        message = f"Your code was still running after {seconds:g} seconds and was stopped. Is there a loop that never ends?"
        return Outcome(problem="time", message=message)
    except Exception as error:
        return Outcome(
            raised=type(error).__name__,
            message=words_of(error),
            lines=student_lines(error),
            ancestors=tuple(base.__name__ for base in type(error).__mro__),
        )
    except SystemExit:
        return Outcome(raised="SystemExit", message="your code asked Python to exit", ancestors=("SystemExit",))
    return Outcome(leaves=leaves, problem="structure" if problem else None, message=problem or "", modified=changed(case, args, kwargs))


def changed(case: Case, args: tuple, kwargs: dict) -> tuple[str, ...]:
    """Which of the arrays handed in were modified: "argument 1", or the keyword's name."""
    named = [(f"argument {i + 1}", old, new) for i, (old, new) in enumerate(zip(case.args, args, strict=True))]
    named += [(key, old, kwargs[key]) for key, old in case.kwargs.items()]
    return tuple(name for name, old, new in named if not same(old, new))


def same(old, new) -> bool:
    before, after = arrays_in(old), arrays_in(new)
    return len(before) == len(after) and all(
        a.shape == b.shape and a.dtype == b.dtype and np.array_equal(a, b, equal_nan=a.dtype.kind in "fc")
        for a, b in zip(before, after, strict=True)
    )
