"""Tell the learner how training goes: live curves with a Stop button, or one line per epoch."""

import math
import time

from convnets.training.live import hear_while_busy, in_live_kernel

SECONDS_BETWEEN_UPDATES = 0.25
POINTS_OF_A_CURVE = 400


class Report:
    """Follows a History while it grows. `steps` is the number of steps in an epoch."""

    def __init__(self, history, steps, panel=None):
        self.history, self.epochs, self.steps = history, history.epochs, steps
        self.panel = _show_panel(history) if (in_live_kernel() if panel is None else panel) else None
        self.steps_at_start = self.steps_done = 0
        self.started = self.updated = time.perf_counter()

    def begin(self):
        self.steps_at_start = self.steps_done = self.history.epochs_done * self.steps
        self.started = time.perf_counter()
        if self.panel:
            self._update("running")
            return
        if self.history.epochs_done >= self.epochs:
            print(f"nothing left to train: the checkpoint holds {self.history.epochs_done} epochs")
        elif self.history.epochs_done:
            print(f"going on after epoch {self.history.epochs_done} of the checkpoint, on {self.history.device}")

    def step(self):
        self.steps_done += 1
        if self.panel and time.perf_counter() - self.updated > SECONDS_BETWEEN_UPDATES:
            self._update("running")

    def epoch(self):
        if self.panel:
            self._update("running")
            return
        last = {name: values[-1] for name, values in self.history.state()["records"].items()}
        validation = ""
        if last["validation_loss"] is not None:
            validation = (
                f"   validation loss {last['validation_loss']:.3f}, accuracy {last['validation_accuracy']:6.1%}"
            )
        width = len(str(self.epochs))
        print(
            f"epoch {self.history.epochs_done:{width}}/{self.epochs}   "
            f"train loss {last['train_loss']:.3f}, accuracy {last['train_accuracy']:6.1%}{validation}   "
            f"{last['seconds']:.1f} s, {_minutes(self.seconds_left())} left",
            flush=True,
        )

    def end(self):
        done = self.history.epochs_done >= self.epochs
        status = "done" if done else "stopped" if self.history.stop_requested else "ended by an error"
        if self.panel:
            self._update(status)
        elif status == "stopped":
            print(f"stopped after {self.history.epochs_done} whole epochs")

    def seconds_left(self):
        """Estimate from the speed so far, None before the first step."""
        done = self.steps_done - self.steps_at_start
        if not done:
            return None
        return (time.perf_counter() - self.started) / done * (self.epochs * self.steps - self.steps_done)

    def _update(self, status):
        records = self.history.state()
        losses = records["step_loss"]
        validation = zip(records["records"]["validation_loss"], records["records"]["validation_accuracy"], strict=True)
        if status != "running" and losses and not math.isfinite(losses[-1]):
            status += ": the loss is not a finite number, try a smaller learning rate"
        self.panel.update(
            {
                "epoch": self.history.epochs_done,
                "epochs": self.epochs,
                "step": self.steps_done,
                "steps": self.epochs * self.steps,
                "seconds_left": 0 if status == "done" else self.seconds_left(),
                "train_loss": thin(losses),
                "validation": [
                    [epoch, loss, accuracy]
                    for epoch, (loss, accuracy) in enumerate(validation, 1)
                    if loss is not None and math.isfinite(loss)
                ],
                "status": status,
            }
        )
        self.updated = time.perf_counter()


def thin(losses):
    """[[step, loss], …], at most 400 points, each the mean of neighbouring steps. Infinities and NaN are left out."""
    size = max(1, -(-len(losses) // POINTS_OF_A_CURVE))
    blocks = [(start, losses[start : start + size]) for start in range(0, len(losses), size)]
    points = [[start + (len(block) + 1) / 2, sum(block) / len(block)] for start, block in blocks]
    return [point for point in points if math.isfinite(point[1])]


def _show_panel(history):
    from IPython.display import display

    from convnets.widgets import training_panel

    panel = training_panel()
    panel.on_stop(lambda *_: history.stop())
    display(panel)
    hear_while_busy(panel, history.stop)
    return panel


def _minutes(seconds):
    return f"{int(seconds) // 60}:{int(seconds) % 60:02}"
