"""The record of a training run, and the handle to one that is still running."""

import threading
import weakref

import torch

_in_training = weakref.WeakSet()


def check_not_in_training(model):
    """Raise ValueError if `model` is being trained in the background."""
    if model in _in_training:
        raise ValueError(
            "This model is being trained already. Wait for it with history.wait(), or end it with history.stop()."
        )


def _recorded(name, doc):
    return property(lambda self: self.wait()._records[name], doc=doc)


class History:
    """What happened during training.

    Of every whole epoch one number each, as lists: `train_loss`, `train_accuracy` (both measured while the weights
    change), `validation_loss`, `validation_accuracy` (after the epoch; None without validation images), `seconds`.
    Of every step: `step_loss`. Accuracies are 0 to 1. `stopped` says whether training ended early, `device` names
    where it ran.

    While training still runs (`fit(..., background=True)`), reading any of them waits for its end; `running` does not.
    """

    train_loss = _recorded("train_loss", "Mean loss of each epoch's batches.")
    train_accuracy = _recorded("train_accuracy", "Share of training images classified right during each epoch, 0 to 1.")
    validation_loss = _recorded("validation_loss", "Loss on the validation images after each epoch.")
    validation_accuracy = _recorded(
        "validation_accuracy", "Accuracy on the validation images after each epoch, 0 to 1."
    )
    seconds = _recorded("seconds", "Duration of each epoch in seconds, validation included.")

    def __init__(self, model, device, epochs):
        self.device = str(device)
        self.epochs = epochs
        self._model = weakref.ref(model)
        self._records = {
            name: [] for name in ("train_loss", "train_accuracy", "validation_loss", "validation_accuracy", "seconds")
        }
        self._step_loss = []
        self._stop = threading.Event()
        self._thread = None
        self._finished = threading.Event()  # Thread.join is no match for an interrupt in Python 3.11
        self._error = None

    @property
    def step_loss(self):
        """Loss of every step's batch, over all epochs."""
        return self.wait().step_loss_so_far()

    @property
    def stopped(self):
        """True if training was stopped before its last epoch was done."""
        return self.wait()._ended_early()

    @property
    def running(self):
        """True while training goes on; never waits."""
        return self._thread is not None and not self._finished.is_set()

    def stop(self):
        """Ask training to end after the step it is in. Returns at once; `wait` waits for it."""
        self._stop.set()

    def wait(self, interrupt_is_stop=False):
        """Wait for the end of training and return this History. An error inside training is raised here.

        Interrupting the wait stops training. With `interrupt_is_stop` that counts as pressing Stop and
        nothing is raised.
        """
        if self._thread is not None and self._thread is not threading.current_thread():
            try:
                while not self._finished.wait(0.1):  # a wait without limit cannot be interrupted on Windows
                    pass
            except KeyboardInterrupt:
                self.stop()
                self._finished.wait()
                if not interrupt_is_stop:
                    raise
        if self._error is not None:
            raise self._error
        return self

    def __repr__(self):
        if self.running:
            return f"<History: training on {self.device}, {self.epochs_done} epochs done>"
        accuracy = self._records["validation_accuracy"] or [None]
        measured = "" if accuracy[-1] is None else f", validation accuracy {accuracy[-1]:.1%}"
        return f"<History: {self.epochs_done} epochs on {self.device}{', stopped' * self._ended_early()}{measured}>"

    def _ended_early(self):
        return self._stop.is_set() and self.epochs_done < self.epochs

    # What follows is for the training loop.

    @property
    def epochs_done(self):
        return len(self._records["seconds"])

    @property
    def stop_requested(self):
        return self._stop.is_set()

    def add_step(self, loss):
        self._step_loss.append(loss)

    def add_epoch(self, steps, train_accuracy, validation_loss, validation_accuracy, seconds):
        train_loss = sum(self.step_loss_so_far()[-steps:]) / steps
        values = (train_loss, train_accuracy, validation_loss, validation_accuracy, seconds)
        for name, value in zip(self._records, values, strict=True):
            self._records[name].append(value)

    def step_loss_so_far(self):
        """All step losses as floats. Losses stay on the device until asked for, so that a GPU need not wait."""
        done = list(self._step_loss)
        late = [i for i, loss in enumerate(done) if isinstance(loss, torch.Tensor)]
        if late:
            for i, value in zip(late, torch.stack([done[i] for i in late]).tolist(), strict=True):
                done[i] = self._step_loss[i] = value
        return done

    def state(self):
        records = {name: list(values) for name, values in self._records.items()}
        return {"records": records, "step_loss": self.step_loss_so_far()}

    def restore(self, state):
        self._records = {name: list(state["records"][name]) for name in self._records}
        self._step_loss = list(state["step_loss"])

    def run(self, work, in_thread):
        """Run `work()`, which trains the model and fills this history, here or in a thread of its own."""
        model = self._model()
        _in_training.add(model)
        if not in_thread:
            try:
                work()
            finally:
                _in_training.discard(model)
            return

        def guarded():
            try:
                work()
            except BaseException as error:
                self._error = error
            finally:
                _in_training.discard(model)
                self._finished.set()

        self._thread = threading.Thread(target=guarded, name="convnets-training", daemon=True)
        self._thread.start()
