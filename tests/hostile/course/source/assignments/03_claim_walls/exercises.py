from autograder.units import import_unit
from convnets.check import Exercise, case

notebook = import_unit("03_claim_walls")

before = Exercise("before", reference=notebook.before, title="Before", minutes=1, difficulty=1, seconds=1.0)


@before.checks("values", points=1)
def _(rng):
    return case(rng.standard_normal(4))


target = Exercise("target", reference=notebook.target, title="The attacked one", minutes=1, difficulty=1, seconds=1.0, returns=("claims", "random", "grid"))

for entry in ("wins", "gain", "error", "winner"):
    target.checks(entry, points=1, holds=f"convnets.check.conclusions:{entry}", calls=1)(lambda rng: case())


@target.mistake("too many wins", loses="wins")
def _():
    """You counted too many wins."""
    _, *rows = notebook.target()
    return [5, 2.2, 0.86, 1], *rows


after = Exercise("after", reference=notebook.after, title="After", minutes=1, difficulty=1, seconds=1.0)


@after.checks("values", points=1)
def _(rng):
    return case(rng.standard_normal(4))
