"""The training panel: live curves, progress, time left and a Stop button."""

import threading
import time
from collections.abc import Callable

import numpy as np
import traitlets
from IPython.display import display, update_display

from convnets.widgets import picture
from convnets.widgets.base import CourseWidget, image, module

_MOST_POINTS = 400
_SECONDS_BETWEEN = 0.1


class TrainingPanel(CourseWidget):
    """The widget that `training_panel` returns: `update` tells it what happened, `on_stop` what to do when Stop is clicked."""

    _esm = module("training")
    _name = "training"
    progress = traitlets.Dict().tag(sync=True)

    def __init__(self):
        super().__init__()
        self._lock = threading.Lock()
        self._sent = 0.0
        self._shown_as: str | None = None
        self._stop_callbacks: list[Callable[[], None]] = []
        self.on_msg(self._receive)

    def update(self, progress: dict) -> None:
        """Show `progress`. Any thread may call this, at every step: at most ten updates a second reach the page.

        Keys: epoch, epochs, step, steps (counts, over the whole training), seconds_left (float or None),
        train_loss (list of [step, loss]), validation (list of [epoch, loss, accuracy in 0..1]; either may be None),
        status ("running", "done", "stopped", or a sentence of your own). An update whose status is not "running" is always shown,
        and makes the finished curves part of the notebook.
        """
        with self._lock:
            running = progress.get("status") == "running"
            now = time.monotonic()
            if running and now - self._sent < _SECONDS_BETWEEN:
                return
            self._sent = now
            self.progress = _plain(progress)
        if not running and self._shown_as:
            update_display(self._bundle(), raw=True, display_id=self._shown_as)

    def on_stop(self, callback: Callable[[], None]) -> None:
        """Call `callback()` when Stop is clicked, on the kernel's main thread."""
        self._stop_callbacks.append(callback)

    def _receive(self, widget, content, buffers):
        if content.get("type") == "stop":
            for callback in self._stop_callbacks:
                callback()

    def _bundle(self) -> dict:
        return self._repr_mimebundle_()[0]

    def _ipython_display_(self):
        self._shown_as = f"training-{self.model_id}"
        display(self._bundle(), raw=True, display_id=self._shown_as)

    def summary(self) -> str:
        p = self.progress
        if not p:
            return "Training panel: nothing yet"
        scores = [row[2] for row in p["validation"] if row[2] is not None]
        last = f", validation accuracy {scores[-1]:.1%}" if scores else ""
        return f"Training {p['status']}: epoch {p['epoch']} of {p['epochs']}, step {p['step']} of {p['steps']}{last}"

    def picture(self) -> str:
        p = self.progress
        if not p or not p["train_loss"]:
            return f"<p>{self.summary()}.</p>"
        losses = [(s, v) for s, v in p["train_loss"] if isinstance(v, float)]
        scores = [(e, a) for e, _, a in p["validation"] if isinstance(a, float)]
        parts = [*_curve("Training loss", "step", losses, 0, picture.BLUE)]
        if scores:
            parts += _curve("Validation accuracy", "epoch", scores, 400, picture.VERMILLION)
        return image(picture.svg(780, 260, *parts), f"{self.summary()}.", 780)


def _curve(title: str, unit: str, points: list[tuple], left: float, colour: str) -> list[str]:
    if not points:
        return []
    steps, values = np.array(points, dtype=float).T
    low, high = min(0.0, values.min()) if unit == "step" else values.min(), values.max()
    xs = left + 50 + 270 * steps / max(steps.max(), 1)
    ys = 210 - 165 * (values - low) / ((high - low) or 1)
    show = "{:.1%}" if unit == "epoch" else "{:.3g}"
    return [
        picture.text(left + 50, 26, title, 14, weight=600),
        picture.line([(left + 50, 210), (left + 330, 210)], picture.GREY, 1),
        picture.line(list(zip(xs.tolist(), ys.tolist(), strict=True)), colour, 2),
        picture.text(left + 44, 214, show.format(low), 12, picture.GREY, "end"),
        picture.text(left + 44, 50, show.format(high), 12, picture.GREY, "end"),
        picture.text(xs[-1] + 6, ys[-1] + 4, show.format(values[-1]), 13, colour, weight=600),
        picture.text(left + 190, 232, f"{unit} 0 to {steps.max():g}", 12, picture.GREY, "middle"),
    ]


def _plain(progress: dict) -> dict:
    """Return `progress` with plain numbers that JSON can hold, and the loss curve thinned to some hundred points."""
    losses = progress.get("train_loss") or []
    if len(losses) > _MOST_POINTS:
        parts = np.array_split(np.asarray(losses, dtype=float), _MOST_POINTS)
        losses = [[part[-1, 0], part[:, 1].mean()] for part in parts]
    rest = {key: _number(progress.get(key), 0) for key in ("epoch", "epochs", "step", "steps")}
    return rest | {
        "seconds_left": _number(progress.get("seconds_left"), None),
        "train_loss": [[int(step), value] for step, loss in losses if (value := _number(loss, None)) is not None],
        "validation": [[int(e), _number(loss, None), _number(score, None)] for e, loss, score in progress.get("validation") or []],
        "status": str(progress.get("status", "running")),
    }


def _number(value: object, otherwise: object) -> float | int | None:
    if value is None or not np.isfinite(float(value)):
        return otherwise
    return value if isinstance(value, int) else float(value)


def training_panel() -> TrainingPanel:
    """Return an empty training panel. `display(panel)` shows it, `panel.update(…)` feeds it, `panel.on_stop(f)` hears its button.

    The Stop button works while the kernel is free, so train in a thread. When training has ended the curves
    stay in the notebook, also in a saved or exported one.
    """
    return TrainingPanel()
