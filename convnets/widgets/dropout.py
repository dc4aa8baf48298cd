"""Dropout masks: the same small net, thinned out anew again and again, and what comes out on average."""

from collections.abc import Callable

import numpy as np
import traitlets

from convnets.widgets import picture
from convnets.widgets.base import CourseWidget, encode, image, module

INPUTS, HIDDEN = 4, 8
DRAWS = 200


def weights() -> dict[str, np.ndarray]:
    """Return the small net that the widget draws: x (4,), w1 (4, 8) and w2 (8,), the same each time."""
    rng = np.random.default_rng(3)
    return {"x": rng.uniform(0.2, 1, INPUTS).round(2), "w1": rng.uniform(0, 1, (INPUTS, HIDDEN)).round(2), "w2": rng.uniform(-0.6, 1, HIDDEN).round(2)}


def hidden_values() -> np.ndarray:
    """Return the eight hidden values (8,), all positive, before dropout."""
    net = weights()
    return np.maximum(net["x"] @ net["w1"], 0)


def ask(function: Callable, p: float) -> dict:
    """Call `function(h, p, rng)` 200 times on the hidden values and judge what it does.

    Returns `p`, `values` (200 rows of 8 as lists), `mark` ("✓", "✗" or "!") and `words`.
    """
    h, rng = hidden_values(), np.random.default_rng(0)
    report = {"p": p, "values": [], "mark": "✗", "words": ""}
    values = np.empty((DRAWS, HIDDEN))
    for i in range(DRAWS):
        given = h.copy()
        try:
            with np.errstate(all="ignore"):
                got = function(given, p, rng)
        except NotImplementedError as error:
            return report | {"mark": "!", "words": f"Your function is not written yet. {error}".strip()}
        except Exception as error:
            return report | {"words": f"Your function raised {type(error).__name__}: {error}"}
        if isinstance(got, tuple) and got:
            got = got[0]
        if got is None:
            return report | {"words": "Your function returned None. Does it end with a return?"}
        try:
            got = np.asarray(got, float)
        except (TypeError, ValueError):
            return report | {"words": f"Your function returned a {type(got).__name__}, not an array of numbers."}
        if got.shape != h.shape:
            return report | {"words": f"Your output has shape {got.shape}, it should be {h.shape}, that of the input."}
        if not np.isfinite(got).all():
            return report | {"words": "Your output holds NaN or infinity."}
        if not np.array_equal(given, h):
            return report | {"words": "Your function changed the array that it was given. Return a new one."}
        values[i] = got
    return report | {"values": values.tolist()} | _verdict(values, h, p)


def _verdict(values: np.ndarray, h: np.ndarray, p: float) -> dict:
    dropped = (values == 0).mean()
    slack = 4 * np.sqrt(max(p * (1 - p), 1e-9) / values.size)
    if 0 < dropped < 1 and (values == values[0]).all():
        return {"mark": "✗", "words": "Your function drops the same values every time. Draw a new mask in each call, from rng."}
    seen = f"Your function dropped {100 * dropped:.0f} % of the values"
    if abs(dropped - p) > slack + 1e-9:
        other = " That is 1 − p: p is the probability to be dropped, not to be kept." if abs(dropped - (1 - p)) <= slack else ""
        return {"mark": "✗", "words": f"{seen}, it should be about {100 * p:.0f} %.{other}"}
    if p > 0 and ((values == 0).all(1) | (values != 0).all(1)).all():
        return {"mark": "✗", "words": "Your function drops all values or none. Draw one random number for each value."}
    kept = (values / h)[values != 0]
    if kept.size and not np.allclose(kept, 1 / (1 - p)):
        factor = f"by {kept[0]:.3g}" if np.allclose(kept, kept[0]) else "by different factors"
        plain = " Without this, the sum is smaller in training than in use." if np.allclose(kept, 1) else ""
        return {"mark": "✗", "words": f"{seen} and multiplied the others {factor}: it should be by 1/(1 − p) = {1 / (1 - p):.3g}.{plain}"}
    return {"mark": "✓", "words": f"{seen} and multiplied the others by 1/(1 − p) = {1 / (1 - p):.3g}: inverted dropout."}


class DropoutMasks(CourseWidget):
    """The widget that `dropout_masks` returns. `p`, `scaled`, `training` and `draw` can be read and set."""

    _esm = module("dropout")
    _name = "dropout"
    net = traitlets.Dict().tag(sync=True)
    chances = traitlets.Unicode().tag(sync=True)
    p = traitlets.Float(0.5, min=0, max=0.9).tag(sync=True)
    scaled = traitlets.Bool(True).tag(sync=True)
    training = traitlets.Bool(True).tag(sync=True)
    draw = traitlets.Int(1, min=1, max=DRAWS).tag(sync=True)
    student = traitlets.Dict().tag(sync=True)

    def __init__(self, p, function, seed):
        chances = np.random.default_rng(seed).random((DRAWS, HIDDEN))
        super().__init__(net={name: array.tolist() for name, array in weights().items()}, chances=encode(chances), p=p)
        self._chances, self._function = chances, function
        if function is not None:
            self._ask()
            self.observe(self._ask, "p")

    def _ask(self, change=None):
        self.student = ask(self._function, self.p)

    def masked(self) -> np.ndarray:
        """Return the hidden values (draws so far, 8) after dropout: the student's where there are some."""
        if self.student.get("values"):
            return np.array(self.student["values"])[: self.draw]
        factor = 1 / (1 - self.p) if self.scaled else 1.0
        return hidden_values() * (self._chances[: self.draw] >= self.p) * factor

    def outputs(self) -> tuple[float, float, float]:
        """Return the output of this draw, the mean of all draws so far, and the output without dropout."""
        found = self.masked() @ weights()["w2"]
        return float(found[-1]), float(found.mean()), float(hidden_values() @ weights()["w2"])

    def summary(self) -> str:
        now, mean, full = self.outputs()
        kept = int((self.masked()[-1] != 0).sum())
        return f"Dropout with p = {self.p:g}: draw {self.draw} keeps {kept} of {HIDDEN} units, output {now:.3g}; mean of the draws so far {mean:.3g}; without dropout {full:.3g}"

    def picture(self) -> str:
        h, last = hidden_values(), self.masked()[-1]
        inputs, units, end = [(40, 60 + 70 * i) for i in range(INPUTS)], [(240, 24 + 40 * i) for i in range(HIDDEN)], (440, 165)
        lines, circles = [], []
        for y, value, kept in zip(units, h, last, strict=True):
            if kept:
                lines += [picture.line([x, y], "#b8b8bd", 1) for x in inputs] + [picture.line([y, end], "#b8b8bd", 1)]
            words = f"{kept:.2f}" if kept else "✗"
            circles += [
                f'<circle cx="{y[0]}" cy="{y[1]}" r="17" fill="{picture.SKY if kept else "#fff"}" stroke="{picture.INK}" stroke-dasharray="{"" if kept else "3 3"}"/>',
                picture.text(y[0], y[1] + 4, words, 12, anchor="middle"), picture.text(y[0] + 24, y[1] + 4, f"was {value:.2f}", 12, picture.GREY),
            ]  # fmt: skip
        circles += [f'<circle cx="{x}" cy="{y}" r="17" fill="#fff" stroke="{picture.INK}"/>' + picture.text(x, y + 4, f"{v:.2f}", 12, anchor="middle") for (x, y), v in zip(inputs, weights()["x"], strict=True)]
        now, mean, full = self.outputs()
        circles += [f'<circle cx="{end[0]}" cy="{end[1]}" r="24" fill="{picture.ORANGE}" stroke="{picture.INK}"/>', picture.text(*end[:1], end[1] + 5, f"{now:.2f}", 13, anchor="middle")]
        circles += [picture.text(490, 150, f"mean of {self.draw}: {mean:.2f}"), picture.text(490, 175, f"without dropout: {full:.2f}")]
        return image(picture.svg(660, 330, *lines, *circles), f"{self.summary()}.", 660)


def dropout_masks(p: float = 0.5, *, function: Callable | None = None, seed: int = 0) -> DropoutMasks:
    """Return a widget that drops units of a small net, one mask after the other, and averages what comes out.

    Press "Next mask", or click the net and use the arrow keys, Home and End; Space plays. `p` is the probability to be
    dropped, as in PyTorch. "Scale" multiplies what is left by 1/(1 − p); without it the mean of the outputs is too small.

    Args:
        p: where the slider starts, 0 to 0.9.
        function: your own dropout in training, `f(h, p, rng)`: h is a float64 array (8,), rng a numpy.random.Generator. It is
            called 200 times, and its values take the place of the widget's; the widget says what it does.
        seed: of the widget's own masks.

    Raises:
        ValueError: p out of these limits, a function that cannot be called.

    Source: Srivastava and others, "Dropout", JMLR 2014; scaled in training ("inverted") as in torch.nn.Dropout.
    """
    if isinstance(p, bool) or not isinstance(p, int | float | np.number) or not 0 <= p <= 0.9:
        raise ValueError(f"p must be a number from 0 to 0.9, the probability to be dropped, not {p!r}.")
    if function is not None and not callable(function):
        raise ValueError("function must be callable as f(h, p, rng) and return the values after dropout.")
    return DropoutMasks(float(p), function, seed)
