"""Declaring an exercise: its reference, its properties with points, and the classic mistakes with their hints.

    conv = Exercise("conv2d_forward", reference=notebook.conv2d_forward, title="Convolution, forward", minutes=40, difficulty=3)

    @conv.checks("stride 2", points=1)                  # a property: inputs from a seed
    def _(rng): return images_and_filters(rng, size=(9, 7), kernel=(3, 2), stride=2)

    @conv.mistake("kernel height used for both sides", loses="non-square kernel")
    def _(x, w, b, stride=1, padding=0):                # a wrong implementation; its docstring is the hint
        '''Your kernel is 3 high and 2 wide, but you slid a 3 by 3 window: read both sizes from w.shape.'''

The same declaration makes the visible check, the hidden check, the feedback, and the mutation test of the check itself.
"""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from convnets.check.values import Case


@dataclass(frozen=True)
class Property:
    """One thing that a right solution has: a name, points, and a generator of calls from a random generator.

    generate: makes a `Case`, or a pair (`Case`, expected value) where the expected value is known without the reference.
    only: the values of the result that count (their names), `()` for all. dtype: the result's dtype counts too.
    unmodified: the inputs must be left as they were, too. probe: `module:function`, run where the student's object lives, instead of a
    plain call. rtol: a fixed relative tolerance. accuracy: the result is an array of predicted classes, and at least this share
    of it must equal the expected labels. calls: how many calls are made, where the usual number would take too long. hidden: another
    generator for the hidden calls, where they need inputs that a student does not have. holds: `module:function`, run on the judge's side:
    what it makes of the returned values, by name, is what gets compared; for answers that are right or wrong by what else was answered.
    """

    name: str
    points: float
    generate: Callable[[np.random.Generator], Case]
    only: tuple[str, ...] = ()
    dtype: bool = False
    unmodified: bool = False
    probe: str | None = None
    rtol: float | None = None
    accuracy: float | None = None
    calls: int | None = None
    hidden: Callable[[np.random.Generator], Case] | None = None
    holds: str | None = None

    def settings(self) -> dict:
        names = ("only", "dtype", "unmodified", "rtol", "accuracy")
        return {name: getattr(self, name) for name in names}


@dataclass(frozen=True)
class Mistake:
    """A classic wrong solution. hint: what to tell the student who made it. loses: a property that it must lose."""

    name: str
    hint: str
    function: Callable
    loses: str


@dataclass
class Exercise:
    """One exercise of a unit.

    name: the function or class that the student writes, also the `grade_id` of its cell. returns: names of the returned
    values, `()` when there is one. minutes: a student's usual time. difficulty: 1 to 3. seconds: time limit of one call. limits: what
    grading allows it beyond the usual, by name.
    """

    name: str
    reference: Callable
    title: str
    minutes: int
    difficulty: int
    returns: tuple[str, ...] = ()
    probe: str | None = None
    seconds: float = 5.0
    rtol: float | None = None
    limits: dict = field(default_factory=dict)
    properties: list[Property] = field(default_factory=list)
    mistakes: list[Mistake] = field(default_factory=list)

    @property
    def points(self) -> float:
        return sum(p.points for p in self.properties)

    def checks(self, name: str, points: float, *, only: tuple[str, ...] | str = (), probe: str | None = None, **settings):
        """Decorator: the function makes one call (a `Case`) from a `numpy.random.Generator`; it is called for several seeds."""
        if any(p.name == name for p in self.properties):
            raise ValueError(f"{self.name}: property {name!r} is declared twice; every property needs a name of its own")
        only = (only,) if isinstance(only, str) else tuple(only)
        if unknown := set(only) - set(self.returns):
            raise ValueError(f"{self.name}: property {name!r} looks at {sorted(unknown)}, but the exercise returns {self.returns}")

        def declare(generate):
            settings.setdefault("rtol", self.rtol)
            self.properties.append(Property(name, points, generate, only, probe=probe or self.probe, **settings))
            return generate

        return declare

    def mistake(self, name: str, *, loses: str):
        """Decorator: the function is a wrong solution, its docstring the hint; it must lose the property `loses`."""
        if any(m.name == name for m in self.mistakes):
            raise ValueError(f"{self.name}: mistake {name!r} is declared twice; every mistake needs a name of its own")

        def declare(function):
            hint = inspect.getdoc(function)
            if not hint:
                raise ValueError(f"{self.name}: mistake {name!r} has no docstring; the docstring is the hint that the student reads")
            self.mistakes.append(Mistake(name, " ".join(hint.split()), function, loses))
            return function

        return declare

    def cases(self, prop: Property, secret: str, count: int, hidden: bool = False) -> list[Case | tuple[Case, object]]:
        """What the property's generator makes for `count` seeds; the same secret always gives the same calls."""
        generate = prop.hidden if hidden and prop.hidden else prop.generate
        seeds = (f"{secret}/{self.name}/{prop.name}/{i}" for i in range(prop.calls or count))
        return [generate(np.random.default_rng(list(hashlib.sha256(seed.encode()).digest()))) for seed in seeds]
