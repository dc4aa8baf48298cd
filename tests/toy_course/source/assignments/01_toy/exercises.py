from autograder.units import import_unit
from convnets.check import Exercise, case

notebook = import_unit("01_toy")

double = Exercise("double", reference=notebook.double, title="Twice", minutes=1, difficulty=1)


@double.checks("positive numbers", points=2)
def _(rng):
    return case(rng.random(3) + 1)


@double.checks("negative numbers", points=1)
def _(rng):
    return case(-rng.random(3) - 1)


@double.mistake("square", loses="positive numbers")
def _(x):
    """You squared: add the number to itself."""
    return x * x


@double.mistake("sign lost", loses="negative numbers")
def _(x):
    """You lost the sign of negative numbers."""
    return notebook.double(abs(x))


running_sum = Exercise("running_sum", reference=notebook.running_sum, title="Running sum", minutes=1, difficulty=2)


@running_sum.checks("values", points=2)
def _(rng):
    return case(rng.standard_normal(5))


@running_sum.mistake("the total", loses="values")
def _(x):
    """You returned the total: return one sum for each number."""
    return x.sum()
