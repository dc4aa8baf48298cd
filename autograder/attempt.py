"""One fork of the zygote seen from the judge's side: it sends cells and questions, and believes nothing that comes back."""

from __future__ import annotations

import contextlib
import os
import secrets
import select
import signal
import time
from dataclasses import dataclass

import numpy as np

from autograder.inside import wire
from autograder.limits import Limits
from autograder.printable import printable
from autograder.sandbox import Fault, Zygote
from convnets.check.packing import Packer
from convnets.check.questions import ExerciseQuestions, Question
from convnets.check.run import same
from convnets.check.values import Case, Outcome, arrays_in

GRACE = 2.0
LONGEST, LONGEST_NAME = 4000, 200
MEGABYTE = 1 << 20
SMALL = 1 << 16
MOST_ANCESTORS = 20
EMPTY = wire.prepare({})
ERRORS = {"PermissionError": "forbidden action", "MemoryError": "memory limit"}
SIGNS = {
    "[Errno 28]": "disk limit",
    "[Errno 27]": "disk limit",
    "[Errno 11]": "process limit",
    "can't start new thread": "process limit",
    "[Errno 12]": "memory limit",
    "can't allocate memory": "memory limit",
}
WORDS = {
    "time limit": "Your code was still running after {seconds:g} seconds and was stopped. Is there a loop that never ends?",
    "memory limit": "Your code asked for more than {memory_mb:g} MB of memory and was stopped. Is there a list or an array that keeps growing?",
    "process limit": "Your code started too many processes or threads and was stopped. An answer needs none.",
    "output limit": "Your code printed more than {output_mb:g} MB and was stopped. Take the `print` out of your loops.",
    "disk limit": "Your code wrote more than {disk_mb:g} MB to disk, more than grading allows. An answer needs no files.",
    "forbidden action": "Your code tried something that grading does not allow: starting a program, using the network, or reaching into other processes or files.",
    "crash": "Your code ended Python in the middle of a call, as `exit()`, `os._exit` or a crash of compiled code do.",
    "malformed reply": "Your code disturbed the check: what came back was no result. A function returns its result and needs nothing else.",
}


class Breach(Exception):
    """A limit was broken; kind is a key of `WORDS`."""

    def __init__(self, kind: str):
        super().__init__(kind)
        self.kind = kind


def words(kind: str, limits: Limits, seconds: float) -> str:
    return WORDS[kind].format(**limits.as_json() | {"seconds": seconds})


@dataclass(frozen=True)
class Calls:
    """Calls of one exercise, ready to be sent. listed: (question, probe, whether its inputs must be left unmodified)."""

    returns: tuple[str, ...]
    listed: list[tuple[Question, str | None, bool]]
    frame: wire.Prepared


def calls_of(questions: ExerciseQuestions, first: int = 0) -> Calls:
    """An exercise's calls in the order of its properties, from the `first` one on."""
    listed = [(question, prop.probe, prop.settings["unmodified"]) for prop in questions.properties for question in prop.questions][first:]
    packer = Packer()
    cases = [[packer.pack(question.case), probe, unmodified] for question, probe, unmodified in listed]
    arrays = packer.arrays()
    message = {"ask": questions.name, "returns": list(questions.returns), "cases": cases, "kinds": list(arrays)}
    return Calls(questions.returns, listed, wire.prepare(message, list(arrays.values())))


class Attempt:
    """A running submission. Every method that talks to the student's process raises Breach when it broke a limit."""

    def __init__(self, zygote: Zygote, limits: Limits, deadline: float, files: dict[str, bytes], links: dict[str, str]):
        self.limits, self.deadline, self.printed = limits, deadline, 0
        self.cost = {"seconds": 0.0, "memory_mb": 0.0}
        self.work, self.report, self.output = zygote.fork(limits)
        self.open = True
        self.account: dict = {}
        self.receiver = wire.Receiver(self.work, self.wait, wire.REPLY_HEADER_LIMIT)
        self.reports = wire.Receiver(self.report)
        start = {"limits": limits.as_json(), "total_seconds": limits.total_seconds, "links": links, "files": list(files)}
        try:
            wire.send(self.work, start, [np.frombuffer(content, np.uint8) for content in files.values()])
            message, _ = self.receiver.frame(time.monotonic() + 20, MEGABYTE)
        except (wire.Closed, wire.Late, wire.Malformed, Breach) as error:
            reason = self.finish().get("failed") or repr(error)
            raise Fault(f"the walls round a submission could not be put up: {reason}") from error
        if "locked" not in message:
            self.finish()
            raise Fault(f"the walls round a submission could not be put up: {message.get('failed')}")

    def wait(self, left: float | None) -> bool:
        """Wait until the student's process has sent something. Takes in what it prints, and what the watch reports."""
        watched = [self.work, self.report] + ([self.output] if self.output is not None else [])
        ready, _, _ = select.select(watched, [], [], left)
        if self.output in ready:
            text = os.read(self.output, 1 << 16)
            self.printed += len(text)
            if not text:
                os.close(self.output)
                self.output = None
            if self.printed > self.limits.output_mb * MEGABYTE:
                raise Breach("output limit")
        if self.report in ready and self.work not in ready:
            raise self.died()
        return self.work in ready

    def frame(self, seconds: float, limit: float) -> tuple[dict, list[np.ndarray]]:
        """The next frame that answers what was sent last. Left-overs of an earlier question's process do not know its token."""
        deadline = min(self.deadline, time.monotonic() + seconds + GRACE)
        try:
            while True:
                message, arrays = self.receiver.frame(deadline, int(limit))
                if message.get("token") == self.token:
                    return message, arrays
        except wire.Late:
            raise Breach("time limit") from None
        except wire.Malformed:
            raise Breach("malformed reply") from None
        except wire.Closed:
            raise self.died() from None

    def send(self, message: dict, frame: wire.Prepared = EMPTY) -> None:
        self.work.settimeout(GRACE + 10)
        self.token = secrets.token_hex(8)
        try:
            wire.send_prepared(self.work, frame, message | {"token": self.token})
        except wire.Closed:
            raise self.died() from None
        except TimeoutError:
            raise Breach("time limit") from None
        finally:
            if self.open:
                self.work.settimeout(None)

    def died(self) -> Breach:
        """Why the student's process ended by itself."""
        facts = self.finish()
        if "breach" in facts:
            return Breach(facts["breach"])
        return Breach(kind_of_end(facts.get("status")))

    def run(self, source: str) -> str:
        """Run a cell; "" or the error it stopped with."""
        self.send({"cell": source, "seconds": self.limits.cell_seconds})
        message, _ = self.frame(self.limits.cell_seconds, MEGABYTE)
        if not isinstance(message.get("ran"), str):
            raise Breach("malformed reply")
        return printable(message["ran"][:LONGEST])

    def threads(self) -> int:
        self.report.settimeout(10)
        try:
            self.report.send(b"t")
            message, _ = self.reports.frame()
        except (OSError, wire.Closed, wire.Malformed):
            raise self.died() from None
        if "breach" in message:
            self.account = message
            self.finish()
            raise Breach(message["breach"])
        return message["threads"]

    def ask(self, calls: Calls, seconds: float, here: bool, outcomes: list[Outcome]) -> dict:
        """Ask about these calls and append an outcome for each that was answered; a breach leaves the list short. Returns what it cost, as the student's process says.

        here: let the student's process itself answer, not a fork of it.
        """
        self.send({"seconds": seconds, "here": here}, calls.frame)
        listed = calls.listed
        for number, (question, _, unmodified) in enumerate(listed):
            reply, values = self.frame(seconds, self.limits.reply_mb * MEGABYTE)
            if "end" in reply:
                raise Ended(reply["end"])
            outcomes.append(read_outcome(reply, values, number, question, calls.returns, unmodified))
            if outcomes[-1].problem == "time" or (outcomes[-1].problem, outcomes[-1].message) == ("breach", "memory limit"):
                break
        left = len(listed) - number - 1
        reply, _ = self.frame(seconds, self.limits.reply_mb * MEGABYTE)
        while left and "end" not in reply:  # of a process that went on after the last call that counts
            left -= 1
            reply, _ = self.frame(seconds, self.limits.reply_mb * MEGABYTE)
        if "end" not in reply:
            raise Breach("malformed reply")
        return {name: number_in(reply, name) for name in ("seconds", "memory_mb")}

    def finish(self) -> dict:
        """End it, wait until none of its processes is left, and return what the watch says it cost.

        Raises Fault when the watch, which no student can end, went without a word: then somebody killed the sandbox.
        """
        if not self.open:
            return {}
        self.open = False
        facts = self.account
        self.report.settimeout(20)
        with contextlib.suppress(OSError):
            self.report.send(b"e")
        try:
            while True:
                message, _ = self.reports.frame(None, 0)
                facts = message | facts
        except (wire.Closed, wire.Malformed):
            pass
        except OSError as error:
            raise Fault(f"a submission's processes would not end ({error!r})") from error
        finally:
            self.work.close()
            self.report.close()
            if self.output is not None:
                os.close(self.output)
                self.output = None
        if not {"status", "failed"} & facts.keys():
            raise Fault("the sandbox ended in the middle of a submission")
        self.cost = {key: float(facts.get(key, 0.0)) for key in self.cost}
        return facts


def number_in(reply: dict, name: str) -> float:
    """A number that only the report shows; 0 where the reply has none."""
    value = reply.get(name)
    return float(value) if isinstance(value, (int, float)) and 0 <= value < 1e6 else 0.0


class Ended(Exception):
    """The fork that answered a question ended before the last call; status as os.wait gives it."""

    def __init__(self, status):
        super().__init__(status)
        self.kind = kind_of_end(status)


def kind_of_end(status: object) -> str:
    """The breach that an exit status tells of; anything that is none is a crash."""
    if type(status) is int and 0 <= status < 1 << 16 and os.WIFSIGNALED(status):
        return {signal.SIGSYS: "forbidden action", signal.SIGXCPU: "time limit"}.get(os.WTERMSIG(status), "crash")
    return "crash"


def read_outcome(reply: dict, values: list[np.ndarray], number: int, question: Question, returns: tuple[str, ...], unmodified: bool) -> Outcome:
    """The outcome in a reply, every part of it checked; unmodified: the inputs came back, too. Raises Breach for a reply that no honest process sends."""
    names = reply.get("leaves")
    listed = list(returns) or [""]
    raised, message, problem = reply.get("raised"), reply.get("message"), reply.get("problem")
    lines, ancestors = reply.get("lines"), reply.get("ancestors")
    good = (
        reply.get("case") == number
        and (names is None or names == listed)
        and (raised is None or isinstance(raised, str))
        and isinstance(message, str)
        and problem in (None, "time", "structure")
        and isinstance(lines, list)
        and all(isinstance(line, list) and len(line) == 2 and type(line[0]) is int and isinstance(line[1], str) for line in lines)
        and isinstance(ancestors, list)
        and all(isinstance(name, str) for name in ancestors)
    )
    count = len(names or ())
    if not good or len(values) < count or (names is None) != bool(raised or problem):
        raise Breach("malformed reply")
    ancestors = tuple(printable(name[:LONGEST_NAME]) for name in ancestors[:MOST_ANCESTORS])
    if kind := kind_of_error((raised, *ancestors) if raised else (), message):
        return Outcome(problem="breach", message=kind, ancestors=ancestors)
    return Outcome(
        leaves={name: light(value, question, name) for name, value in zip(names, values, strict=False)} if names is not None else None,
        raised=raised and printable(raised[:LONGEST_NAME]),
        message=printable(message[:LONGEST]),
        lines=tuple((line, printable(text[:LONGEST_NAME])) for line, text in lines[:3]),
        ancestors=ancestors,
        problem=problem,
        modified=modified(question.case, values[count:]) if unmodified else (),
    )


def light(value: np.ndarray, question: Question, name: str) -> np.ndarray:
    """A copy of the value; of a large one that has neither the expected shape nor a known mistake's only shape and dtype, which take no memory."""
    if value.size <= SMALL:
        return value.copy()
    known = [outcome.leaves[name].shape for outcome in (question.expected, *question.mistakes.values()) if outcome.leaves and name in outcome.leaves]
    return value.copy() if value.shape in known else np.broadcast_to(np.zeros((), value.dtype), value.shape)


def kind_of_error(names: tuple[str, ...], message: str) -> str | None:
    """The limit that an exception tells of, if any. names: of its class and that class's ancestors."""
    if {"OSError", "RuntimeError"} & set(names):
        for sign, kind in SIGNS.items():
            if sign in message:
                return kind
    return next((ERRORS[name] for name in names if name in ERRORS), None)


def modified(case: Case, after: list[np.ndarray]) -> tuple[str, ...]:
    """Which arguments were changed, from the bytes that went out and those that came back."""
    before = arrays_in((case.args, case.kwargs))
    if len(before) != len(after):
        return ("an argument",) if after else ()
    changed = [not same(old, new) for old, new in zip(before, after, strict=True)]
    named = [(f"argument {i + 1}", value) for i, value in enumerate(case.args)] + list(case.kwargs.items())
    result, at = [], 0
    for name, value in named:
        size = len(arrays_in(value))
        if any(changed[at : at + size]):
            result.append(name)
        at += size
    return tuple(result)
