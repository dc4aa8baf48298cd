from autograder.units import import_unit
from convnets.check import Exercise, case

notebook = import_unit("02_torch_walls")

before = Exercise("before", reference=notebook.before, title="Before", minutes=1, difficulty=1, seconds=1.0)


@before.checks("values", points=1)
def _(rng):
    return case(rng.standard_normal(4))


target = Exercise("target", reference=notebook.target, title="The attacked one", minutes=1, difficulty=1, seconds=1.0)


@target.checks("values", points=2)
def _(rng):
    return case(rng.standard_normal(5))


@target.checks("input left unmodified", points=1, unmodified=True)
def _(rng):
    return case(rng.standard_normal(6))


@target.checks("float32 stays float32", points=1, dtype=True)
def _(rng):
    return case(rng.standard_normal(7).astype("float32"))


@target.mistake("not reversed", loses="values")
def _(x):
    """You forgot to turn x round."""
    return 2 * x


after = Exercise("after", reference=notebook.after, title="After", minutes=1, difficulty=1, seconds=1.0)


@after.checks("values", points=1)
def _(rng):
    return case(rng.standard_normal(4))
