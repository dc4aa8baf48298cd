"""A race of optimisers: SGD, momentum, RMSProp, Adam and one's own rule, on a surface that one can look down on."""

import base64
import io
import math
import traceback
from collections.abc import Callable

import numpy as np
import traitlets
from PIL import Image

from convnets.widgets import picture
from convnets.widgets.base import CourseWidget, encode, image, module, whole

WIDE, HIGH = 4.0, 2.4
FAR = 1e6
RATES = {"SGD": 0.02, "Momentum": 0.02, "RMSProp": 0.1, "Adam": 0.2}
SURFACES = ("valley", "saddle")
_COLOURS = {"SGD": picture.BLUE, "Momentum": "#a06c00", "RMSProp": picture.GREEN, "Adam": picture.VERMILLION, "yours": picture.INK}
_DASHES = {"SGD": "", "Momentum": "7 4", "RMSProp": "2 3", "Adam": "11 3 2 3", "yours": "1 2"}


def height(surface: str, condition: float, x: np.ndarray) -> np.ndarray:
    """Return the loss at points `x` (…, 2); its smallest value is 0.

    "valley" is ½(x₀² + condition · x₁²), "saddle" is ½(condition · x₀² − x₁²) + ¼x₁⁴ + ¼.
    """
    x0, x1 = x[..., 0], x[..., 1]
    return (x0**2 + condition * x1**2) / 2 if surface == "valley" else (condition * x0**2 - x1**2) / 2 + x1**4 / 4 + 0.25


def slope(surface: str, condition: float, x: np.ndarray) -> np.ndarray:
    """Return the gradient (2,) of `height` at one point `x` (2,)."""
    return np.array([x[0], condition * x[1]] if surface == "valley" else [condition * x[0], x[1] ** 3 - x[1]])


def _sgd(x, g, state, learning_rate):
    return x - learning_rate * g


def _momentum(x, g, state, learning_rate):
    state["v"] = 0.9 * state.get("v", 0) + g
    return x - learning_rate * state["v"]


def _rmsprop(x, g, state, learning_rate):
    state["s"] = 0.9 * state.get("s", 0) + 0.1 * g**2
    return x - learning_rate * g / (np.sqrt(state["s"]) + 1e-8)


def _adam(x, g, state, learning_rate):
    state["t"] = t = state.get("t", 0) + 1
    state["m"] = 0.9 * state.get("m", 0) + 0.1 * g
    state["s"] = 0.999 * state.get("s", 0) + 0.001 * g**2
    return x - learning_rate * (state["m"] / (1 - 0.9**t)) / (np.sqrt(state["s"] / (1 - 0.999**t)) + 1e-8)


RULES = {"SGD": _sgd, "Momentum": _momentum, "RMSProp": _rmsprop, "Adam": _adam}


def run(rule: Callable, surface: str, condition: float, start, kicks: np.ndarray, noise: float, learning_rate: float) -> np.ndarray:
    """Return the path (steps + 1, 2) of `rule(x, gradient, state, learning_rate) -> x`. It ends early where it leaves for infinity."""
    x, state = np.array(start, float), {}
    path = [x]
    for kick in kicks:
        gradient = slope(surface, condition, x) + noise * kick
        x = rule(x.copy(), gradient, state, learning_rate)
        if x is None:
            raise ValueError("Your function returned None. Does it end with a return?")
        x = np.asarray(x, float)
        if x.shape != (2,):
            raise ValueError(f"Your function returned shape {x.shape}, it should be (2,): the new point.")
        if not np.isfinite(x).all() or np.abs(x).max() > FAR:
            break
        path.append(x)
    return np.array(path)


class OptimizerRace(CourseWidget):
    """The widget that `optimizer_race` returns. `surface`, `condition`, `noise`, `start`, `rates` and `step` can be read and set."""

    _esm = module("race")
    _name = "race"
    surface = traitlets.Enum(SURFACES).tag(sync=True)
    condition = traitlets.Float(min=1, max=200).tag(sync=True)
    noise = traitlets.Float(min=0, max=10).tag(sync=True)
    start = traitlets.List().tag(sync=True)
    rates = traitlets.Dict().tag(sync=True)
    hidden = traitlets.List().tag(sync=True)
    kicks = traitlets.Unicode().tag(sync=True)
    step = traitlets.Int(0, min=0).tag(sync=True)
    student = traitlets.Dict().tag(sync=True)

    def __init__(self, kicks, function, **state):
        super().__init__(kicks=encode(kicks), step=len(kicks), **state)
        self._kicks, self._function = kicks, function
        if function is not None:
            self._ask()
            self.observe(self._ask, ["surface", "condition", "noise", "start", "rates"])

    def _path(self, rule: Callable, rate: float) -> np.ndarray:
        return run(rule, self.surface, self.condition, self.start, self._kicks, self.noise, rate)

    def _settings(self) -> list:
        return [self.surface, self.condition, self.noise, list(self.start), self.rates["yours"]]

    def _ask(self, change=None):
        """Run the student's rule; say which of the four it equals, step for step."""
        report = {"settings": self._settings(), "path": [], "problem": None, "same": None}
        try:
            with np.errstate(all="ignore"):
                path = self._path(self._function, self.rates["yours"])
        except NotImplementedError as error:
            self.student = report | {"problem": f"Your function is not written yet. {error}".strip()}
            return
        except Exception as error:
            self.student = report | {"problem": _complaint(error)}
            return
        for name, rule in RULES.items():
            right = self._path(rule, self.rates["yours"])
            if right.shape == path.shape and np.allclose(right, path, rtol=1e-5, atol=1e-6):
                report["same"] = name
                break
        self.student = report | {"path": path.tolist()}

    def paths(self) -> dict[str, np.ndarray]:
        """Return the points (steps + 1, 2) that each optimiser visits, by name. A path that leaves for infinity is shorter."""
        found = {name: self._path(rule, self.rates[name]) for name, rule in RULES.items() if name not in self.hidden}
        if self._function is not None and self.student["path"]:
            found["yours"] = np.array(self.student["path"])
        return found

    def losses(self) -> dict[str, float]:
        """Return the loss of each optimiser after its last step, by name; infinity where its path left for infinity."""
        whole_length = len(self._kicks) + 1
        return {
            name: float(height(self.surface, self.condition, path[-1])) if len(path) == whole_length else math.inf
            for name, path in self.paths().items()
        }

    def summary(self) -> str:
        kind = f"{self.surface}, condition number {self.condition:g}"
        ends = ", ".join(f"{name} {value:.3g}" for name, value in self.losses().items())
        return f"Race of optimisers on a {kind}, noise {self.noise:g}: loss after {len(self._kicks)} steps: {ends}"

    def picture(self) -> str:
        scale, left, top = 62, 16, 40
        wide, high = 2 * WIDE * scale, 2 * HIGH * scale
        parts = [
            picture.text(left, 24, self.summary().split(":")[0], weight=650),
            f'<image x="{left}" y="{top}" width="{wide:g}" height="{high:g}" href="{_bands(self.surface, self.condition)}"/>',
            picture.box(left, top, wide, high, picture.GREY),
        ]
        losses = self.losses()
        for row, (name, path) in enumerate(self.paths().items()):
            inside = np.clip(path, (-WIDE, -HIGH), (WIDE, HIGH))
            points = [(left + (x + WIDE) * scale, top + (HIGH - y) * scale) for x, y in inside]
            y = top + 20 + 24 * row
            parts += [
                picture.line(points, _COLOURS[name], 2, _DASHES[name]),
                picture.line([(left + wide + 16, y - 4), (left + wide + 58, y - 4)], _COLOURS[name], 3, _DASHES[name]),
                picture.text(left + wide + 66, y, f"{name} {losses[name]:.3g}"),
            ]
        drawing = picture.svg(left + wide + 220, top + high + 16, *parts)
        return image(drawing, f"{self.summary()}.", int(left + wide + 220))


def _bands(surface: str, condition: float) -> str:
    """The surface from above as a PNG: the darker, the lower; bands of equal width in the logarithm of the loss."""
    x = np.stack(np.meshgrid(np.linspace(-WIDE, WIDE, 320), np.linspace(HIGH, -HIGH, 192)), axis=-1)
    level = np.floor(3 * np.log10(height(surface, condition, x) + 0.01))
    grey = np.clip(190 + 5 * (level + 6), 180, 255).astype(np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(grey).save(buffer, "PNG", optimize=True)
    return f"data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}"


def _complaint(error: Exception) -> str:
    if isinstance(error, ValueError) and str(error).startswith("Your function returned"):
        return str(error)
    frames = traceback.extract_tb(error.__traceback__)[2:]
    theirs = next((f for f in reversed(frames) if "site-packages" not in f.filename and f.line), None)
    where = f" In line {theirs.lineno}: {theirs.line}" if theirs else ""
    return f"Your function raised {type(error).__name__}: {error}{where}"


def _number(name: str, value: object, least: float, most: float) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float | np.number) or not least <= value <= most:
        raise ValueError(f"{name} must be a number from {least:g} to {most:g}, not {value!r}.")
    return float(value)


def optimizer_race(
    surface: str = "valley",
    *,
    condition: float = 50,
    noise: float = 0,
    start: tuple[float, float] = (-3.5, 1.5),
    rates: dict[str, float] | None = None,
    steps: int = 100,
    seed: int = 0,
    function: Callable | None = None,
) -> OptimizerRace:
    """Return a widget in which SGD, momentum, RMSProp and Adam run down a surface, seen from above, step by step.

    Press "Play", or click the map and use the arrow keys, Home and End; Space plays. Shift with an arrow key, or a click,
    moves the start. Surface, condition number, noise and each learning rate can be changed. All runners feel the same noise.

    Args:
        surface: "valley", ½(x² + condition·y²), or "saddle", ½(condition·x² − y²) + ¼y⁴ + ¼. The lowest loss is 0 in both.
        condition: how many times the surface is steeper across than along, 1 to 200.
        noise: standard deviation of what is added to both parts of every gradient, 0 to 10.
        start: the first point (x, y), at most 4 and 2.4 away from 0.
        rates: learning rates by name, "SGD", "Momentum", "RMSProp", "Adam", "yours"; others keep 0.02, 0.02, 0.1, 0.2 and 0.02.
        steps: how many steps are run, 1 to 500.
        seed: of the noise.
        function: your own rule `f(x, gradient, state, learning_rate) -> x`. x and gradient are float64 arrays (2,); `state` is a dict that
            is empty at the first step and is yours to keep things in. It joins the race as "yours", and the widget says
            which of the four it equals.

    Raises:
        ValueError: a number out of these limits, another surface, a learning rate for a name that does not run.

    Source: momentum with 0.9 as in torch.optim.SGD, RMSProp (Tieleman and Hinton, 2012) with 0.9 as in torch.optim.RMSprop,
    Adam (Kingma and Ba, arXiv:1412.6980) with 0.9, 0.999 and 1e-8.
    """
    if surface not in SURFACES:
        raise ValueError(f'surface must be "valley" or "saddle", not {surface!r}.')
    if function is not None and not callable(function):
        raise ValueError("function must be callable as f(x, gradient, state, learning_rate) and return the new x.")
    all_rates = RATES | ({"yours": 0.02} if function is not None else {})
    for name, rate in (rates or {}).items():
        if name not in all_rates:
            raise ValueError(f"rates has {name!r}, but the runners are {', '.join(all_rates)}.")
        all_rates[name] = _number(f"the learning rate of {name}", rate, 1e-4, 10)
    if len(start) != 2:
        raise ValueError(f"start must be a point (x, y), not {start!r}.")
    kicks = np.random.default_rng(seed).standard_normal((whole("steps", steps, 1, 500), 2))
    return OptimizerRace(
        kicks, function, surface=surface, condition=_number("condition", condition, 1, 200), noise=_number("noise", noise, 0, 10),
        start=[_number("start, x", start[0], -WIDE, WIDE), _number("start, y", start[1], -HIGH, HIGH)], rates=all_rates, hidden=[],
    )  # fmt: skip
