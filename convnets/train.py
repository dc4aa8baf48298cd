"""Train a network: `fit`, and what one needs around it.

Read `fit` and `_train` below: they are the whole training loop. What surrounds the loop (progress, the Stop button,
checkpoints) lives in `convnets.training`, so that the loop stays a page long.
"""

import contextlib
import random
import time

import numpy as np
import torch
from torch.nn.functional import cross_entropy

from convnets.training.checkpoint import load_checkpoint, save_checkpoint
from convnets.training.history import History, check_not_in_training
from convnets.training.live import in_live_kernel
from convnets.training.report import Report

__all__ = ["History", "device", "evaluate", "fit", "one_cycle", "predict", "seed_everything"]


def fit(
    model,
    train,
    validation=None,
    *,
    epochs,
    optimizer,
    batch_size=128,
    loss=cross_entropy,
    schedule=None,
    device=None,
    amp=None,
    channels_last=None,
    seed=0,
    checkpoint=None,
    panel=None,
    background=False,
):
    """Train `model` in place and return the `History` of its losses and accuracies.

    model          nn.Module that maps images (N, C, H, W) to logits (N, classes)
    train          (images, labels): float tensor (N, C, H, W), already normalised, and int64 tensor (N,)
    validation     the same for images that are not trained on; measured after every epoch
    epochs         how often every training image is seen
    optimizer      for example torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    batch_size     images per step; the batches of an epoch differ by at most one image
    loss           function of (logits, labels) that returns the mean loss of the batch
    schedule       function of the progress, 0 at the first step and nearly 1 at the last, that returns a factor for
                   the learning rate, for example `one_cycle`
    device         where to train: the GPU if there is one (CUDA, then Apple's MPS), else the CPU
    amp            mixed precision: multiply in 16 bits, keep the weights in 32; by default on CUDA only
    channels_last  store images as N×H×W×C in memory, shapes stay N×C×H×W; by default on CUDA only
    seed           decides the order of the images and every dropout mask, so the same call gives the same result.
                   PyTorch's own random state is set from it at the start of every epoch
    checkpoint     path of a file, written after every epoch; if it is there already, training goes on from it
    panel          True: live curves and a Stop button; False: one printed line per epoch; None: choose by where
                   the code runs
    background     True: return at once and train on. What you read from the History waits for the end

    In a notebook that somebody looks at, training runs in its own thread. The Stop button ends it after the step it is
    in, and so does interrupting the cell; the model and the curves stay as they are then. In a script, under nbclient
    or nbgrader, or with the environment variable CONVNETS_SYNCHRONOUS=1, training runs where it is called.

    Raises ValueError for data that does not fit, for an optimizer or a checkpoint of another network and for a model
    that is being trained already. An error inside the network is raised here too.
    """
    if epochs < 1 or batch_size < 1:
        raise ValueError(f"epochs and batch_size must be at least 1, got epochs={epochs} and batch_size={batch_size}.")
    check_not_in_training(model)
    where = torch.device(device) if device is not None else best_device()
    on_cuda = where.type == "cuda"
    layout = torch.channels_last if (on_cuda if channels_last is None else channels_last) else torch.contiguous_format
    model.to(where, memory_format=layout)
    _check_optimizer(optimizer, model)
    train = _on_device("train", train, where, layout)
    validation = _on_device("validation", validation, where, layout) if validation is not None else None

    history = History(model, where, epochs)
    report = Report(history, steps=-(-len(train[1]) // batch_size), panel=panel)

    def work():
        _train(
            model,
            train,
            validation,
            history,
            report,
            epochs=epochs,
            steps=report.steps,
            optimizer=optimizer,
            loss=loss,
            schedule=schedule,
            amp=on_cuda if amp is None else amp,
            seed=seed,
            checkpoint=checkpoint,
        )

    history.run(work, in_thread=background or in_live_kernel())
    if not background:
        history.wait(interrupt_is_stop=True)
    return history


def _train(
    model, train, validation, history, report, *, epochs, steps, optimizer, loss, schedule, amp, seed, checkpoint
):
    images, labels = train
    learning_rates = [group["lr"] for group in optimizer.param_groups]
    half_precision, scaler = _mixed_precision(images.device, amp)
    load_checkpoint(checkpoint, model, optimizer, scaler, history)
    report.begin()
    try:
        for epoch in range(history.epochs_done, epochs):
            torch.manual_seed(1000 * seed + epoch)
            order = torch.randperm(len(labels)).to(images.device)
            started = time.perf_counter()
            correct = 0
            model.train()
            for step, rows in enumerate(order.tensor_split(steps)):
                if history.stop_requested:
                    return
                progress = (epoch + step / steps) / epochs
                for group, learning_rate in zip(optimizer.param_groups, learning_rates, strict=True):
                    group["lr"] = learning_rate * (schedule(progress) if schedule else 1)

                with half_precision():
                    logits = model(images[rows])
                    batch_loss = loss(logits, labels[rows])
                optimizer.zero_grad()
                scaler.scale(batch_loss).backward()
                scaler.step(optimizer)
                scaler.update()

                history.add_step(batch_loss.detach())
                correct += (logits.detach().argmax(1) == labels[rows]).sum()
                report.step()

            with half_precision():
                measured = evaluate(model, validation, loss=loss) if validation is not None else (None, None)
            history.add_epoch(steps, int(correct) / len(labels), *measured, time.perf_counter() - started)
            save_checkpoint(checkpoint, model, optimizer, scaler, history)
            report.epoch()
    except KeyboardInterrupt:
        history.stop()
    finally:
        for group, learning_rate in zip(optimizer.param_groups, learning_rates, strict=True):
            group["lr"] = learning_rate
        report.end()


def predict(model, images, batch_size=1000):
    """The network's logits for `images` (N, C, H, W), as a float32 tensor (N, classes) on the CPU.

    The network is switched to evaluation (no dropout, running averages in batch normalisation) and back. Batches are
    moved to where the network's weights are.
    """
    parameter = next(model.parameters(), None)
    where = parameter.device if parameter is not None else images.device
    was_training = model.training
    model.eval()
    try:
        with torch.inference_mode():
            return torch.cat([model(batch.to(where)).float().cpu() for batch in images.split(batch_size)])
    finally:
        model.train(was_training)


def evaluate(model, data, loss=cross_entropy):
    """(loss, accuracy) of the network on data = (images (N, C, H, W), labels (N,)); two floats, accuracy is 0 to 1."""
    images, labels = _checked("data", data)
    logits = predict(model, images)
    labels = labels.cpu()
    return loss(logits, labels).item(), (logits.argmax(1) == labels).float().mean().item()


def one_cycle(progress, warmup=0.25):
    """Schedule: the factor rises from 0 to 1 during `warmup`, then falls to 0, both in a straight line.

    progress 0 … 1 → factor 0 … 1. After L. Smith and N. Topin, "Super-Convergence", 2018.
    """
    return progress / warmup if progress < warmup else (1 - progress) / (1 - warmup)


def device():
    """The best device here: CUDA, else Apple's MPS, else the CPU, as a torch.device."""
    if torch.cuda.is_available():
        return torch.device("cuda")
    if torch.backends.mps.is_available():
        return torch.device("mps")
    return torch.device("cpu")


best_device = device  # fit has an argument called device


def seed_everything(seed):
    """Seed the generators of Python, NumPy and PyTorch (all devices), so that a run can be repeated."""
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)


def _mixed_precision(where, amp):
    """A context for the forward pass, and a scaler that keeps small float16 gradients from vanishing."""
    if not amp:
        return contextlib.nullcontext, torch.amp.GradScaler(where.type, enabled=False)
    needs_float16 = where.type == "cuda" and not torch.cuda.is_bf16_supported(including_emulation=False)
    dtype = torch.float16 if needs_float16 else torch.bfloat16
    return lambda: torch.autocast(where.type, dtype), torch.amp.GradScaler(where.type, enabled=needs_float16)


def _on_device(name, data, where, layout):
    images, labels = _checked(name, data)
    layout = layout if images.ndim == 4 else torch.contiguous_format
    return images.to(where, memory_format=layout), labels.to(where)


def _check_optimizer(optimizer, model):
    held = {id(parameter) for group in optimizer.param_groups for parameter in group["params"]}
    if not any(id(parameter) in held for parameter in model.parameters()):
        raise ValueError(
            "The optimizer holds none of this model's weights, so nothing would be learned. "
            "After making a new model, make a new optimizer with its model.parameters()."
        )


def _checked(name, data):
    if not (isinstance(data, (tuple, list)) and len(data) == 2 and all(isinstance(t, torch.Tensor) for t in data)):
        raise ValueError(
            f"{name} must be a pair (images, labels) of torch tensors. "
            "Turn a NumPy array into a tensor with torch.from_numpy."
        )
    images, labels = data
    if not images.is_floating_point():
        raise ValueError(
            f"{name}: the images are {images.dtype}, but the network computes with floats. "
            "Scale and normalise them first, for example (images / 255 - mean) / std."
        )
    if labels.dtype != torch.int64 or labels.ndim != 1:
        raise ValueError(
            f"{name}: the labels are {labels.dtype} of shape {tuple(labels.shape)}, expected int64 of shape (N,). "
            "labels.long() converts them."
        )
    if len(images) != len(labels) or len(labels) == 0:
        raise ValueError(
            f"{name}: {len(images)} images and {len(labels)} labels, expected as many labels as images, and at least 1."
        )
    return images, labels
