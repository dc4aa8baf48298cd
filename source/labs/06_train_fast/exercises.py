"""Checks of lab 06: the exercises' properties, points and classic mistakes."""

from pathlib import Path

import numpy as np
import torch
from safetensors.numpy import load_file
from torch.nn import functional as F

from autograder.units import import_unit
from convnets.check import Exercise, case

notebook = import_unit("06_train_fast")
PROBES = "convnets.check.fast_probes"
TRICKS = notebook.TRICKS

if (reference := Path(__file__).with_name("reference.safetensors")).exists():
    notebook.results = load_file(reference)["accuracy"]  # of a run of the notebook


def one_of(rng, *values):
    return values[int(rng.integers(len(values)))]


# --- triangle ------------------------------------------------------------------------------------------------------------

triangle = Exercise("triangle", reference=notebook.triangle, title="Up, then down", minutes=10, difficulty=1)


def corners(rng):
    """start, peak and end, none of them a default, the peak far from the middle."""
    start, end = rng.uniform(0.3, 0.45), rng.uniform(0.12, 0.25)
    return {"start": round(float(start), 3), "peak": round(float(rng.uniform(0.3, 0.42)), 3), "end": round(float(end), 3)}


@triangle.checks("the first step", points=1)
def _(rng):
    return case(0.0, **corners(rng))


@triangle.checks("on the way up", points=1)
def _(rng):
    chosen = corners(rng)
    return case(chosen["peak"] * float(rng.uniform(0.25, 0.7)), **chosen)


@triangle.checks("at the peak", points=1)
def _(rng):
    chosen = corners(rng)
    return case(chosen["peak"], **chosen)


@triangle.checks("on the way down", points=1)
def _(rng):
    chosen = corners(rng)
    return case(chosen["peak"] + (1 - chosen["peak"]) * float(rng.uniform(0.3, 0.8)), **chosen)


@triangle.checks("the end", points=1)
def _(rng):
    return case(1.0, **corners(rng))


@triangle.checks("the defaults", points=1)
def _(rng):
    return case(float(rng.uniform(0.05, 0.2)) if rng.random() < 0.5 else float(rng.uniform(0.4, 0.9)))


@triangle.checks("a progress outside of 0 to 1: ValueError", points=1)
def _(rng):
    return case(float(rng.uniform(1.05, 3)) if rng.random() < 0.5 else -float(rng.uniform(0.05, 3)), **corners(rng))


def lines(progress, start, peak, end, top=1.0):
    if not 0 <= progress <= 1:
        raise ValueError("outside")
    return float(np.interp(progress, [0, peak, 1], [start, top, end]))


@triangle.mistake("starts from 0", loses="the first step")
def _(progress, start=0.2, peak=0.23, end=0.07):
    """Your factor starts from 0. It starts from `start`: the first steps count, too."""
    return lines(progress, 0.0, peak, end)


@triangle.mistake("falls to 0", loses="on the way down")
def _(progress, start=0.2, peak=0.23, end=0.07):
    """Your factor falls to 0. It ends at `end`."""
    return lines(progress, start, peak, 0.0)


@triangle.mistake("the peak in the middle", loses="on the way up")
def _(progress, start=0.2, peak=0.23, end=0.07):
    """Your peak stands at progress 0.5, whatever is asked. Use `peak`."""
    return lines(progress, start, 0.5, end)


@triangle.mistake("start and end exchanged", loses="the first step")
def _(progress, start=0.2, peak=0.23, end=0.07):
    """You exchanged `start` and `end`: the factor begins at `start`."""
    return lines(progress, end, peak, start)


@triangle.mistake("the way down not divided by its length", loses="on the way down")
def _(progress, start=0.2, peak=0.23, end=0.07):
    """On the way down you took progress − peak itself for the share of the way, so the factor never reaches `end`. The way down is 1 − peak long: divide by that."""
    if progress <= peak or progress > 1:
        return lines(progress, start, peak, end)
    return 1 + (end - 1) * (progress - peak)


@triangle.mistake("a share of the way, not a line from start", loses="on the way up")
def _(progress, start=0.2, peak=0.23, end=0.07):
    """On the way up you added `start` to the whole of progress / peak, so that the peak is above 1. The line goes from `start` to 1: start + (1 − start) · share."""
    if 0 <= progress <= peak:
        return start + progress / peak
    return lines(progress, start, peak, end)


@triangle.mistake("a cosine on the way down", loses="on the way down")
def _(progress, start=0.2, peak=0.23, end=0.07):
    """Your way down is a cosine. A good schedule, but another one: here it is a straight line."""
    if progress <= peak or progress > 1:
        return lines(progress, start, peak, end)
    return end + (1 - end) * 0.5 * (1 + np.cos(np.pi * (progress - peak) / (1 - peak)))


@triangle.mistake("goes on outside", loses="a progress outside of 0 to 1: ValueError")
def _(progress, start=0.2, peak=0.23, end=0.07):
    """Outside of 0 to 1 you return a factor all the same. A schedule that is asked beyond its end hides a mistake in the loop: raise ValueError."""
    return lines(min(max(progress, 0), 1), start, peak, end)


# --- whitening_filters ---------------------------------------------------------------------------------------------------

whitening_filters = Exercise(
    "whitening_filters", reference=notebook.whitening_filters, title="White from the first step", minutes=30, difficulty=3, probe=f"{PROBES}:responses", rtol=4e-3
)


def smooth_images(rng, channels=None, size=2):
    """Images whose neighbouring pixels are alike, off centre, with eigenvalues of the patches' covariance that lie well apart."""
    while True:
        c = channels or int(rng.integers(2, 4))
        n, height, width = 3, *rng.permutation([5, 6] if size < 3 else [6, 7]).tolist()
        x = rng.standard_normal((n, c, height + 2, width + 2))
        x = x[:, :, 1:-1, 1:-1] + rng.uniform(0.3, 0.9) * x[:, :, :-2, 1:-1] + rng.uniform(0.3, 0.9) * x[:, :, 1:-1, :-2]
        x = np.einsum("dc,nchw->ndhw", np.diag(rng.uniform(0.5, 1.5, c)) + 0.3 * rng.standard_normal((c, c)), x) + rng.uniform(0.5, 1.5, (c, 1, 1))
        patches = F.unfold(torch.from_numpy(x), size).transpose(1, 2).reshape(-1, c * size * size).numpy()
        values = np.linalg.eigvalsh(np.atleast_2d(np.cov(patches.T, bias=True)))
        if (values[1:] / values[:-1] > 1.05).all() and values[-1] < 500 * values[0]:
            return x


@whitening_filters.checks("shape", points=1, probe=f"{PROBES}:filter_shape")
def _(rng):
    return case(smooth_images(rng))


@whitening_filters.checks("one number a patch", points=1)
def _(rng):
    return case(smooth_images(rng, channels=1, size=1), size=1)


@whitening_filters.checks("lengths, the strongest direction first", points=2, probe=f"{PROBES}:filter_strengths")
def _(rng):
    return case(smooth_images(rng))


@whitening_filters.checks("weights, without their signs", points=1, probe=f"{PROBES}:weights_without_signs")
def _(rng):
    return case(smooth_images(rng))


@whitening_filters.checks("responses on the images", points=2)
def _(rng):
    return case(smooth_images(rng))


@whitening_filters.checks("patches of another size", points=1, probe=f"{PROBES}:filter_strengths")
def _(rng):
    return case(smooth_images(rng, channels=2, size=3), size=3)


@whitening_filters.checks("eps", points=1, probe=f"{PROBES}:filter_strengths")
def _(rng):
    return case(smooth_images(rng, channels=2), eps=float(np.round(rng.uniform(0.4, 0.9), 2)))


@whitening_filters.checks("a direction without variance", points=1, probe=f"{PROBES}:filter_strengths")
def _(rng):
    x = smooth_images(rng, channels=2)
    return case(np.concatenate([x, x[:, :1]], axis=1), eps=float(np.round(rng.uniform(0.01, 0.03), 3)))


@whitening_filters.checks("input left unmodified", points=1, unmodified=True, probe=f"{PROBES}:filter_strengths")
def _(rng):
    return case(smooth_images(rng))


def whitened(images, size=2, eps=5e-4, *, centre=True, scale=lambda values, eps: torch.sqrt(values + eps), columns=True, largest_first=True, stride=1, divide=True, in_place=False):
    channels, k = images.shape[1], images.shape[1] * size * size
    if in_place:
        images -= images.mean(dim=(0, 2, 3), keepdim=True)
    patches = F.unfold(images, size, stride=stride).transpose(1, 2).reshape(-1, k)
    if centre:
        patches = patches - patches.mean(dim=0)
    values, vectors = torch.linalg.eigh(patches.T @ patches / (len(patches) if divide else 1))
    values = values.clamp(min=0)
    vectors = vectors * vectors.gather(0, vectors.abs().argmax(dim=0, keepdim=True)).sign()  # libraries give them any sign
    filters = (vectors / scale(values, eps)).T if columns else vectors / scale(values, eps)[:, None]
    return (filters.flip(0) if largest_first else filters).reshape(k, channels, size, size)


@whitening_filters.mistake("the mean not subtracted", loses="lengths, the strongest direction first")
def _(images, size=2, eps=5e-4):
    """You did not subtract the mean patch, so your first direction points at the mean and not along the largest variance. `patches - patches.mean(dim=0)`."""
    return whitened(images, size, eps, centre=False)


@whitening_filters.mistake("rows taken for eigenvectors", loses="weights, without their signs")
def _(images, size=2, eps=5e-4):
    """Your filters are the rows of what `eigh` returned. The eigenvectors are its columns: transpose."""
    return whitened(images, size, eps, columns=False)


@whitening_filters.mistake("weakest first", loses="lengths, the strongest direction first")
def _(images, size=2, eps=5e-4):
    """Your filters come in the order of `eigh`, the smallest eigenvalue first. The largest comes first: `.flip(0)` on the rows."""
    return whitened(images, size, eps, largest_first=False)


@whitening_filters.mistake("divided by the variance", loses="lengths, the strongest direction first")
def _(images, size=2, eps=5e-4):
    """You divided by the eigenvalue, which is a variance. Its root, the standard deviation, makes the variance of the responses 1."""
    return whitened(images, size, eps, scale=lambda values, eps: values + eps)


@whitening_filters.mistake("multiplied instead of divided", loses="lengths, the strongest direction first")
def _(images, size=2, eps=5e-4):
    """You multiplied by √(eigenvalue + eps). That makes strong directions stronger: divide."""
    return whitened(images, size, eps, scale=lambda values, eps: 1 / torch.sqrt(values + eps))


@whitening_filters.mistake("not scaled", loses="lengths, the strongest direction first")
def _(images, size=2, eps=5e-4):
    """Your filters are the eigenvectors themselves, all of length 1. Divide each by √(eigenvalue + eps)."""
    return whitened(images, size, eps, scale=lambda values, eps: torch.ones_like(values))


@whitening_filters.mistake("eps behind the root", loses="eps")
def _(images, size=2, eps=5e-4):
    """You added eps to the root. It belongs under it: √(eigenvalue + eps)."""
    return whitened(images, size, eps, scale=lambda values, eps: torch.sqrt(values) + eps)


@whitening_filters.mistake("eps left at its default", loses="eps")
def _(images, size=2, eps=5e-4):
    """You use a fixed eps, whatever is asked. Take the argument."""
    return whitened(images, size)


@whitening_filters.mistake("patches that do not overlap", loses="lengths, the strongest direction first")
def _(images, size=2, eps=5e-4):
    """Your patches lie side by side. The first layer sees all places, so take the overlapping ones: a step of 1."""
    return whitened(images, size, eps, stride=size)


@whitening_filters.mistake("covariance not divided", loses="lengths, the strongest direction first")
def _(images, size=2, eps=5e-4):
    """Your matrix is a sum over all patches. Divide it by their number to get the covariance."""
    return whitened(images, size, eps, divide=False)


@whitening_filters.mistake("always 2×2", loses="patches of another size")
def _(images, size=2, eps=5e-4):
    """Your patches are 2×2, whatever `size` says."""
    return whitened(images, 2, eps)


@whitening_filters.mistake("images centred in place", loses="input left unmodified")
def _(images, size=2, eps=5e-4):
    """You subtracted the mean from the caller's images (`-=`). They are still needed as they were: make a new tensor."""
    return whitened(images, size, eps, in_place=True)


# --- smooth_loss ---------------------------------------------------------------------------------------------------------

smooth_loss = Exercise("smooth_loss", reference=notebook.smooth_loss, title="A loss that is content", minutes=20, difficulty=2, probe="convnets.check.experiment_probes:on_tensors")


def answers(rng, times=2.0):
    n, classes = int(rng.integers(3, 6)), int(rng.integers(4, 8))
    return times * rng.standard_normal((n, classes)), rng.integers(0, classes, n)


def share(rng):
    return float(np.round(rng.uniform(0.15, 0.45), 2))


@smooth_loss.checks("without smoothing it is cross-entropy", points=1)
def _(rng):
    return case(*answers(rng), smoothing=0.0)


@smooth_loss.checks("smoothing", points=2)
def _(rng):
    return case(*answers(rng), smoothing=share(rng))


@smooth_loss.checks("temperature", points=1)
def _(rng):
    return case(*answers(rng), smoothing=0.0, temperature=float(np.round(rng.uniform(1.5, 4), 2)))


@smooth_loss.checks("both together", points=1)
def _(rng):
    return case(*answers(rng), smoothing=share(rng), temperature=float(np.round(rng.uniform(0.3, 0.7), 2)))


@smooth_loss.checks("large logits", points=1)
def _(rng):
    return case(*answers(rng, 900.0), smoothing=share(rng))


@smooth_loss.checks("the gradient", points=1, probe=f"{PROBES}:loss_gradient")
def _(rng):
    return case(*answers(rng), smoothing=share(rng), temperature=float(np.round(rng.uniform(1.5, 4), 2)))


def loss_of(logits, labels, smoothing=0.2, temperature=1.0, *, target=None, reduce=torch.mean, logs=lambda z: z.log_softmax(dim=1)):
    classes = logits.shape[1]
    if target is None:
        soft = (1 - smoothing) * F.one_hot(labels, classes) + smoothing / classes
    else:
        soft = target(F.one_hot(labels, classes).double(), smoothing, classes)
    return reduce(-(soft * logs(logits / temperature)).sum(dim=1))


@smooth_loss.mistake("spread over the wrong classes only", loses="smoothing")
def _(logits, labels, smoothing=0.2, temperature=1.0):
    """You spread the smoothing over the K − 1 other classes. Here it is spread over all K, so the right class gets 1 − s + s/K."""
    return loss_of(logits, labels, smoothing, temperature, target=lambda hot, s, k: (1 - s) * hot + s / (k - 1) * (1 - hot))


@smooth_loss.mistake("nothing taken from the right class", loses="smoothing")
def _(logits, labels, smoothing=0.2, temperature=1.0):
    """Your target sums to more than 1: you added s/K to all classes without taking s from the right one."""
    return loss_of(logits, labels, smoothing, temperature, target=lambda hot, s, k: hot + s / k)


@smooth_loss.mistake("the shares exchanged", loses="smoothing")
def _(logits, labels, smoothing=0.2, temperature=1.0):
    """You gave the share s to the label and spread 1 − s. It is the other way round."""
    return loss_of(logits, labels, 1 - smoothing, temperature)


@smooth_loss.mistake("summed over the classes", loses="smoothing")
def _(logits, labels, smoothing=0.2, temperature=1.0):
    """You gave each class the share s. Together they get s, each one s/K: the mean of the log-probabilities, not their sum."""
    return loss_of(logits, labels, smoothing, temperature, target=lambda hot, s, k: (1 - s) * hot + s)


@smooth_loss.mistake("smoothing ignored", loses="smoothing")
def _(logits, labels, smoothing=0.2, temperature=1.0):
    """Your loss is the same for every `smoothing`."""
    return loss_of(logits, labels, 0.0, temperature)


@smooth_loss.mistake("always smoothed by the default", loses="without smoothing it is cross-entropy")
def _(logits, labels, smoothing=0.2, temperature=1.0):
    """You smooth by 0.2, whatever `smoothing` says."""
    return loss_of(logits, labels, 0.2, temperature)


@smooth_loss.mistake("multiplied by the temperature", loses="temperature")
def _(logits, labels, smoothing=0.2, temperature=1.0):
    """You multiplied the logits by the temperature. A high temperature makes probabilities softer: divide by it."""
    return loss_of(logits, labels, smoothing, 1 / temperature)


@smooth_loss.mistake("temperature ignored", loses="temperature")
def _(logits, labels, smoothing=0.2, temperature=1.0):
    """Your loss is the same for every `temperature`. Divide the logits by it first."""
    return loss_of(logits, labels, smoothing)


@smooth_loss.mistake("the loss divided by the temperature", loses="temperature")
def _(logits, labels, smoothing=0.2, temperature=1.0):
    """You divided the loss by the temperature. The logits are divided, before the softmax."""
    return loss_of(logits, labels, smoothing) / temperature


@smooth_loss.mistake("the sum over the batch", loses="without smoothing it is cross-entropy")
def _(logits, labels, smoothing=0.2, temperature=1.0):
    """You summed over the batch, so the loss grows with its size. Take the mean."""
    return loss_of(logits, labels, smoothing, temperature, reduce=torch.sum)


@smooth_loss.mistake("the sign forgotten", loses="without smoothing it is cross-entropy")
def _(logits, labels, smoothing=0.2, temperature=1.0):
    """Your loss is negative. Log-probabilities are negative; the cross-entropy is minus their mean."""
    return -loss_of(logits, labels, smoothing, temperature)


@smooth_loss.mistake("softmax twice", loses="without smoothing it is cross-entropy")
def _(logits, labels, smoothing=0.2, temperature=1.0):
    """You took the softmax twice: cross_entropy and log_softmax want logits, not probabilities."""
    return loss_of(logits, labels, smoothing, temperature, logs=lambda z: z.softmax(dim=1).log_softmax(dim=1))


@smooth_loss.mistake("the logarithm of a softmax", loses="large logits")
def _(logits, labels, smoothing=0.2, temperature=1.0):
    """You took the logarithm of the softmax. With large logits a probability becomes 0, and its logarithm −∞. `log_softmax` does both at once, safely."""
    return loss_of(logits, labels, smoothing, temperature, logs=lambda z: z.softmax(dim=1).log())


@smooth_loss.mistake("no gradient", loses="the gradient")
def _(logits, labels, smoothing=0.2, temperature=1.0):
    """No gradient can flow through your loss: you returned a plain number, or detached it on the way. Return the tensor."""
    return loss_of(logits, labels, smoothing, temperature).item()


# --- alternating_flip ----------------------------------------------------------------------------------------------------

alternating_flip = Exercise(
    "alternating_flip", reference=notebook.alternating_flip, title="Both sides in two epochs", minutes=10, difficulty=1, probe="convnets.check.experiment_probes:on_tensors"
)


def coins(rng, epoch):
    n = int(rng.integers(4, 7))
    height, width = rng.permutation([3, 4, 5])[:2].tolist()
    first = rng.permutation(np.arange(n) % 3 == 0)
    return case(rng.standard_normal((n, 2, height, width)).astype(np.float32), first, epoch)


@alternating_flip.checks("the first epoch", points=1)
def _(rng):
    return coins(rng, 0)


@alternating_flip.checks("the second epoch", points=2)
def _(rng):
    return coins(rng, 1)


@alternating_flip.checks("later even epochs", points=1)
def _(rng):
    return coins(rng, 2 * int(rng.integers(1, 4)))


@alternating_flip.checks("later odd epochs", points=1)
def _(rng):
    return coins(rng, 2 * int(rng.integers(1, 4)) + 1)


@alternating_flip.checks("inputs left unmodified", points=1, unmodified=True)
def _(rng):
    return coins(rng, int(rng.integers(0, 3)))


def turned(images, mask, axes=(3,)):
    return torch.where(mask[:, None, None, None], images.flip(axes), images)


@alternating_flip.mistake("the same in every epoch", loses="the second epoch")
def _(images, first, epoch):
    """You mirror the images of `first` in every epoch. In odd epochs it is the others' turn: `~first`."""
    return turned(images, first)


@alternating_flip.mistake("odd epochs mirror everything", loses="the second epoch")
def _(images, first, epoch):
    """In odd epochs you mirror all images, also those that were mirrored before. Only the others are mirrored then."""
    return turned(images, first | bool(epoch % 2))


@alternating_flip.mistake("odd epochs mirror nothing", loses="the second epoch")
def _(images, first, epoch):
    """In odd epochs you mirror none. Mirror those that `first` does not name."""
    return turned(images, first & (not epoch % 2))


@alternating_flip.mistake("begins with the others", loses="the first epoch")
def _(images, first, epoch):
    """In epoch 0 you mirror the images that `first` does not name. It begins with those that it names."""
    return turned(images, ~first ^ bool(epoch % 2))


@alternating_flip.mistake("only the first epoch differs", loses="later even epochs")
def _(images, first, epoch):
    """After epoch 0 you mirror the others in every epoch. It alternates: `epoch % 2` tells whose turn it is, `epoch > 0` does not."""
    return turned(images, first ^ (epoch > 0))


@alternating_flip.mistake("upside down", loses="the first epoch")
def _(images, first, epoch):
    """Your images stand on their heads. A mirror exchanges left and right: axis 3."""
    return turned(images, first ^ bool(epoch % 2), (2,))


@alternating_flip.mistake("turned by half", loses="the first epoch")
def _(images, first, epoch):
    """You reversed rows and columns, which turns an image by 180°. A mirror reverses the columns only, axis 3."""
    return turned(images, first ^ bool(epoch % 2), (2, 3))


@alternating_flip.mistake("changed in place", loses="inputs left unmodified")
def _(images, first, epoch):
    """You mirrored the caller's images, or changed `first`, in place. In the next epoch they would be mirrored from there: make a new tensor."""
    images.copy_(turned(images, first ^ bool(epoch % 2)))
    return images.clone()


# --- batch_crop ----------------------------------------------------------------------------------------------------------

batch_crop = Exercise("batch_crop", reference=notebook.batch_crop, title="Crops of a whole batch", minutes=25, difficulty=2, probe="convnets.check.experiment_probes:on_tensors")


def places(rng, n=None):
    """Images of unequal sides, each with a place of its own whose row and column differ."""
    n, channels = n or int(rng.integers(4, 6)), int(rng.integers(2, 4))
    height, width, size = *rng.permutation([8, 9, 10])[:2].tolist(), int(rng.integers(4, 6))
    possible = [(t, le) for t in range(1, height - size + 1) for le in range(1, width - size + 1) if t != le]
    chosen = np.array(possible)[rng.choice(len(possible), n, replace=False)]
    return case(rng.standard_normal((n, channels, height, width)).astype(np.float32), chosen[:, 0].copy(), chosen[:, 1].copy(), size)


@batch_crop.checks("shape", points=1, probe="convnets.check.experiment_probes:on_tensors")
def _(rng):
    whole = places(rng)
    images, top, left, size = whole.args
    return case(np.zeros_like(images) + 1, top, left, size)


@batch_crop.checks("one image", points=2)
def _(rng):
    return places(rng, 1)


@batch_crop.checks("each image at its own place", points=3)
def _(rng):
    return places(rng)


@batch_crop.checks("in the last corner", points=1)
def _(rng):
    images, top, left, size = places(rng).args
    return case(images, np.full_like(top, images.shape[2] - size), np.full_like(left, images.shape[3] - size), size)


@batch_crop.checks("float32 stays float32", points=1, dtype=True)
def _(rng):
    return places(rng)


@batch_crop.checks("inputs left unmodified", points=1, unmodified=True)
def _(rng):
    return places(rng)


def cropped(padded, top, left, size):
    return torch.stack([image[:, t : t + size, le : le + size] for image, t, le in zip(padded, top.tolist(), left.tolist(), strict=True)])


@batch_crop.mistake("one place for all", loses="each image at its own place")
def _(padded, top, left, size):
    """You cut all images at the place of the first one. Image n is cut at top[n] and left[n]."""
    return cropped(padded, top[:1].expand(len(padded)), left[:1].expand(len(padded)), size)


@batch_crop.mistake("rows and columns exchanged", loses="one image")
def _(padded, top, left, size):
    """You used `top` for the columns and `left` for the rows. Rows are axis 2, columns axis 3."""
    return cropped(padded, left.clamp(max=padded.shape[2] - size), top.clamp(max=padded.shape[3] - size), size)


@batch_crop.mistake("the place ignored", loses="one image")
def _(padded, top, left, size):
    """You always cut the first corner. The square begins at row `top` and column `left`."""
    return cropped(padded, 0 * top, 0 * left, size)


@batch_crop.mistake("cut from the middle", loses="one image")
def _(padded, top, left, size):
    """You take `top` and `left` as moves from the middle, or as the square's centre. They are the place of its first pixel."""
    height, width = padded.shape[2:]
    return cropped(padded, (top - size // 2).clamp(0, height - size), (left - size // 2).clamp(0, width - size), size)


@batch_crop.mistake("counted from the end", loses="one image")
def _(padded, top, left, size):
    """You counted `top` and `left` from the far end of the image. Row 0 is the uppermost, column 0 the leftmost."""
    height, width = padded.shape[2:]
    return cropped(padded, height - size - top, width - size - left, size)


@batch_crop.mistake("one pixel further", loses="one image")
def _(padded, top, left, size):
    """Your squares begin one pixel too late. Counting starts at 0: the first row is `top` itself."""
    height, width = padded.shape[2:]
    return cropped(padded, (top + 1).clamp(max=height - size), (left + 1).clamp(max=width - size), size)


@batch_crop.mistake("only the rows cut", loses="shape")
def _(padded, top, left, size):
    """Your images keep their width: cut the columns, too."""
    return torch.stack([image[:, t : t + size] for image, t in zip(padded, top.tolist(), strict=True)])


@batch_crop.mistake("in double precision", loses="float32 stays float32")
def _(padded, top, left, size):
    """Your result is float64, but the images are float32. Index the tensor itself, or make the new one with the images' dtype."""
    return cropped(padded, top, left, size).double()


@batch_crop.mistake("places moved in place", loses="inputs left unmodified")
def _(padded, top, left, size):
    """You changed `top`, `left` or the images of the caller. Make new tensors: `top + …` does, `top += …` does not."""
    result = cropped(padded, top, left, size)
    top += 1
    return result


# --- average_update ------------------------------------------------------------------------------------------------------

average_update = Exercise(
    "average_update",
    reference=notebook.average_update,
    title="The mean of the places visited",
    minutes=20,
    difficulty=2,
    returns=("parameters", "running averages", "counted batches"),
    probe=f"{PROBES}:averaged",
)


def visits(rng, number):
    return case(rng.standard_normal(10).astype(np.float32), rng.standard_normal((number, 10)).astype(np.float32), float(np.round(rng.uniform(0.6, 0.9), 2)))


@average_update.checks("parameters after one update", points=2, only="parameters")
def _(rng):
    return visits(rng, 1)


@average_update.checks("parameters after several updates", points=1, only="parameters")
def _(rng):
    return visits(rng, int(rng.integers(3, 6)))


@average_update.checks("running averages of BatchNorm", points=1, only="running averages")
def _(rng):
    return visits(rng, 2)


@average_update.checks("whole numbers are copied", points=1, only="counted batches")
def _(rng):
    return visits(rng, 1)


def one_visit(rng):
    start, places, decay = visits(rng, 1).args
    return case(start, places[0], decay)


@average_update.checks("the net stays as it is", points=1, probe=f"{PROBES}:net_and_average")
def _(rng):
    return one_visit(rng)


@average_update.checks("the average does not follow the net afterwards", points=1, probe=f"{PROBES}:average_after_training_on")
def _(rng):
    return one_visit(rng)


def moved(average, net, decay, *, floats=None, whole=True, only=None):
    """Update the average, or a part of it, in one's own way."""
    with torch.no_grad():
        for name, value in net.state_dict().items():
            if only is not None and name not in only:
                continue
            if value.is_floating_point():
                average[name].copy_((floats or (lambda a, v: decay * a + (1 - decay) * v))(average[name], value))
            elif whole:
                average[name].copy_(value)


@average_update.mistake("decay on the wrong side", loses="parameters after one update")
def _(average, net, decay):
    """You gave the net the share `decay`. That is the share of the old average; the net gets 1 − decay. With lerp_, the last argument is the net's share."""
    moved(average, net, decay, floats=lambda a, v: (1 - decay) * a + decay * v)


@average_update.mistake("shares that do not sum to 1", loses="parameters after one update")
def _(average, net, decay):
    """You added the whole net to decay · average, so that the average grows. The shares are decay and 1 − decay."""
    moved(average, net, decay, floats=lambda a, v: decay * a + v)


@average_update.mistake("a plain mean of two", loses="parameters after one update")
def _(average, net, decay):
    """You took the mean of average and net, whatever `decay` says."""
    moved(average, net, decay, floats=lambda a, v: (a + v) / 2)


@average_update.mistake("the net copied", loses="parameters after one update")
def _(average, net, decay):
    """Your average is the net itself: nothing of the old average stays."""
    moved(average, net, decay, floats=lambda a, v: v)


@average_update.mistake("buffers forgotten", loses="running averages of BatchNorm")
def _(average, net, decay):
    """You averaged the parameters only. BatchNorm's running averages belong to the weights, too: go through `net.state_dict()`, not `net.named_parameters()`."""
    moved(average, net, decay, only={name for name, _ in net.named_parameters()})


@average_update.mistake("buffers copied", loses="running averages of BatchNorm")
def _(average, net, decay):
    """You copied BatchNorm's running averages. They are floating-point numbers and are averaged like the parameters; only whole numbers are copied."""
    moved(average, net, decay, only={name for name, _ in net.named_parameters()})
    for name, value in net.named_buffers():
        average[name].copy_(value)


@average_update.mistake("whole numbers left behind", loses="whole numbers are copied")
def _(average, net, decay):
    """You left out the tensors of whole numbers. Copy them from the net."""
    moved(average, net, decay, whole=False)


@average_update.mistake("the net changed", loses="the net stays as it is")
def _(average, net, decay):
    """You changed the net's own weights: tensors of `net.state_dict()` are the net. Write into the average's tensors only."""
    moved(average, net, decay)
    with torch.no_grad():
        for name, value in net.state_dict().items():
            value.copy_(average[name])


@average_update.mistake("the net's own tensors in the average", loses="the average does not follow the net afterwards")
def _(average, net, decay):
    """Tensors of your average share their memory with the net, so they change when it goes on training. Copy values (`copy_`, `lerp_`, `clone`), never the tensors themselves."""
    moved(average, net, decay)
    for name, value in net.state_dict().items():
        with torch.no_grad():
            value.copy_(average[name])
        average[name] = value


# --- conclusion ----------------------------------------------------------------------------------------------------------

conclusion = Exercise(
    "conclusion",
    reference=notebook.conclusion,
    title="What your ladder says",
    minutes=15,
    difficulty=1,
    returns=("verdicts", "total", "strongest", "table"),
    probe=f"{PROBES}:claims_and_ladder",
)

CONCLUSIONS = {
    "your table: nine rungs, four seeds or more": (2, "complete"),
    "the total": (1, "right_total"),
    "the strongest trick": (1, "right_strongest"),
    "no verdict says the opposite of your numbers": (1, "not_the_opposite"),
    "no verdict says more than your numbers": (2, "not_too_much"),
    "no verdict says less than your numbers": (1, "not_too_little"),
}
for what, (worth, held_by) in CONCLUSIONS.items():
    conclusion.checks(what, points=worth, holds=f"convnets.check.ladder_conclusions:{held_by}", calls=1)(lambda rng: case())

CLEAR = np.array([3.0, 5.0, 0.0, -2.0, 0.0, 1.0, 2.0, -1.0])  # points that each trick adds, beyond doubt, or nothing that one can tell


def clear_ladder():
    noise = np.random.default_rng(0).uniform(-1, 1, (4, 9)).T * 0.001
    noise[np.flatnonzero(CLEAR == 0) + 1] = noise[np.flatnonzero(CLEAR == 0)] + np.array([0.002, -0.002, 0.001, -0.001])
    return 0.4 + np.cumsum(np.concatenate([[0.0], CLEAR]))[:, None] / 100 + noise


def right_claims(table):
    means, words = 100 * np.diff(table, axis=0).mean(axis=1), {1: "helps", 0: "cannot tell", -1: "hurts"}
    return {
        "verdicts": {name: words[int(np.sign(size))] for name, size in zip(TRICKS, CLEAR, strict=True)},
        "total": float(100 * (table[-1] - table[0]).mean()),
        "strongest": TRICKS[int(means.argmax())],
    }


def claimed(table=None, verdicts=None, **others):
    table = clear_ladder() if table is None else table
    right = right_claims(table)
    return right | others | {"verdicts": right["verdicts"] | (verdicts or {})}, table


def verdicts_for(chosen, word):
    return {name: word for name, size in zip(TRICKS, CLEAR, strict=True) if chosen(size)}


@conclusion.mistake("the opposite", loses="no verdict says the opposite of your numbers")
def _():
    """A verdict says the opposite of your numbers. Look at the sign of the mean gain: above 0 the trick helps."""
    return claimed(verdicts=verdicts_for(lambda size: size < 0, "helps"))


@conclusion.mistake("more than the numbers say", loses="no verdict says more than your numbers")
def _():
    """You claim “helps” or “hurts” for a trick whose mean gain is less than two standard errors away from 0. Your numbers cannot tell: write “cannot tell”."""
    return claimed(verdicts=verdicts_for(lambda size: size == 0, "helps"))


@conclusion.mistake("less than the numbers say", loses="no verdict says less than your numbers")
def _():
    """You claim “cannot tell” for a trick whose mean gain is more than two standard errors away from 0. Your numbers say more: say it."""
    return claimed(verdicts=dict.fromkeys(TRICKS, "cannot tell"))


@conclusion.mistake("the total as a share", loses="the total")
def _():
    """Your total is a share of 1. Percentage points are asked: times 100."""
    return claimed(total=right_claims(clear_ladder())["total"] / 100)


@conclusion.mistake("the total with the wrong sign", loses="the total")
def _():
    """Your total has the wrong sign: it is the last rung minus the first."""
    return claimed(total=-right_claims(clear_ladder())["total"])


@conclusion.mistake("the total does not follow", loses="the total")
def _():
    """Your total is not the difference of your own numbers. Take the mean of the last rung over all seeds minus that of the first, in points, to one decimal."""
    return claimed(total=right_claims(clear_ladder())["total"] + 3)


@conclusion.mistake("the highest rung for the strongest trick", loses="the strongest trick")
def _():
    """You named the rung with the highest accuracy. It stands on all the others. The strongest trick is the one with the largest gain over the rung below."""
    return claimed(strongest=TRICKS[int(clear_ladder().mean(axis=1).argmax()) - 1])


@conclusion.mistake("another trick named", loses="the strongest trick")
def _():
    """The trick that you named is not the one with the largest mean gain in your own table. Compare the numbers in the column “gain”."""
    return claimed(strongest=TRICKS[int(CLEAR.argmin())])


@conclusion.mistake("too few seeds", loses="your table: nine rungs, four seeds or more")
def _():
    """Your table has fewer than four seeds, too few to see how much they scatter. Delete ladder.safetensors and run the experiment with seeds=4 or more."""
    return claimed(clear_ladder()[:, :3])


@conclusion.mistake("a seed counted twice", loses="your table: nine rungs, four seeds or more")
def _():
    """Two seeds of your table have the same accuracies on all rungs. A copy of a run is no second run, and makes the error bars too short. Delete ladder.safetensors and run the experiment anew."""
    return claimed(clear_ladder()[:, [0, 1, 2, 2]])
