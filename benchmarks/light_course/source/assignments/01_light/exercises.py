from autograder.units import import_unit
from convnets.check import Exercise, case

notebook = import_unit("01_light")

centred = Exercise("centred", reference=notebook.centred, title="Centred", minutes=1, difficulty=1)


@centred.checks("each channel's own mean", points=2)
def _(rng):
    return case(rng.standard_normal((3, 8, 9)))


@centred.checks("float32 stays float32", points=1)
def _(rng):
    return case(rng.standard_normal((3, 8, 8)).astype("float32"))


@centred.mistake("one mean for all channels", loses="each channel's own mean")
def _(image):
    """You took one mean over the whole image: each channel has its own."""
    return image - image.mean()


filtered = Exercise("filtered", reference=notebook.filtered, title="Filtered", minutes=1, difficulty=1)


@filtered.checks("one image", points=2)
def _(rng):
    return case(rng.standard_normal((1, 3, 9, 8)), rng.standard_normal((3, 3, 3)))


@filtered.checks("many images", points=2)
def _(rng):
    return case(rng.standard_normal((5, 2, 12, 12)), rng.standard_normal((2, 5, 5)))


@filtered.mistake("kernel flipped", loses="one image")
def _(images, kernel):
    """You flipped the kernel as mathematicians do: slide it as it is."""
    return notebook.filtered(images, kernel[:, ::-1, ::-1].copy())
