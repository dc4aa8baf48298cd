"""Other right solutions of lab 06, written differently on purpose."""

import math

import numpy as np
import torch
from torch.nn import functional as F

from autograder.units import exercises, import_unit

notebook = import_unit("06_train_fast")
exercises("06_train_fast")
TRICKS, results, gain = notebook.TRICKS, notebook.results, notebook.gain


def triangle_by_cases(progress, start=0.2, peak=0.23, end=0.07):
    if progress < 0 or progress > 1:
        raise ValueError("progress lies between 0 and 1")
    if progress < peak:
        return start + (1 - start) * progress / peak
    return 1 - (1 - end) * (progress - peak) / (1 - peak)


def triangle_of_two_lines(progress, start=0.2, peak=0.23, end=0.07):
    if min(progress, 1 - progress) < 0:
        raise ValueError(progress)
    up = (1 - start) / peak * progress + start
    down = (end - 1) / (1 - peak) * (progress - 1) + end
    return min(up, down)


def triangle_in_torch(progress, start=0.2, peak=0.23, end=0.07):
    if not (0 <= progress <= 1):
        raise ValueError("outside")
    up = torch.tensor(progress <= peak)
    share = progress / peak if up else (1 - progress) / (1 - peak)
    return torch.lerp(torch.tensor(start if up else end, dtype=torch.float64), torch.tensor(1.0, dtype=torch.float64), share)


def whitening_by_svd(images, size=2, eps=5e-4):
    channels = images.shape[1]
    patches = F.unfold(images, size).permute(0, 2, 1).flatten(0, 1)
    patches = patches - patches.mean(0, keepdim=True)
    _, lengths, directions = torch.linalg.svd(patches / math.sqrt(len(patches)), full_matrices=False)
    return (directions / (lengths**2 + eps).sqrt()[:, None]).view(-1, channels, size, size)


def whitening_with_numpy(images, size=2, eps=5e-4):
    x = images.numpy()
    channels = x.shape[1]
    windows = np.lib.stride_tricks.sliding_window_view(x, (size, size), axis=(2, 3))
    rows = windows.transpose(0, 2, 3, 1, 4, 5).reshape(-1, channels * size * size)
    values, vectors = np.linalg.eigh(np.cov(rows, rowvar=False, bias=True).reshape(rows.shape[1], -1))
    order = np.argsort(values)[::-1]
    filters = [-vectors[:, i].reshape(channels, size, size) / np.sqrt(values[i] + eps) for i in order]
    return torch.from_numpy(np.stack(filters)).to(images.dtype)


def whitening_in_single_precision(images, size=2, eps=5e-4):
    x = images.float()
    patches = x.unfold(2, size, 1).unfold(3, size, 1).permute(0, 2, 3, 1, 4, 5).flatten(3).flatten(0, 2)
    centred = patches - patches.mean(dim=0)
    values, vectors = torch.linalg.eigh(torch.einsum("pi,pj->ij", centred, centred) / centred.shape[0])
    scaled = vectors * (values.clamp_min(0) + eps).rsqrt()
    return torch.flip(scaled.T, (0,)).reshape(-1, x.shape[1], size, size)


def loss_by_torch(logits, labels, smoothing=0.2, temperature=1.0):
    return F.cross_entropy(logits / temperature, labels, label_smoothing=smoothing)


def loss_by_target(logits, labels, smoothing=0.2, temperature=1.0):
    k = logits.shape[1]
    target = torch.full_like(logits, smoothing / k)
    target[torch.arange(len(labels)), labels] += 1 - smoothing
    scaled = logits / temperature
    return (torch.logsumexp(scaled, dim=1) - (target * scaled).sum(dim=1)).mean()


def loss_by_image(logits, labels, smoothing=0.2, temperature=1.0):
    total = logits.new_zeros(())
    for row, label in zip(logits / temperature, labels.tolist(), strict=True):
        row = row - row.max().detach()
        log_sum = row.exp().sum().log()
        total = total + (1 - smoothing) * (log_sum - row[label]) + smoothing * (log_sum - row.mean())
    return total / len(labels)


def flip_by_loop(images, first, epoch):
    return torch.stack([torch.flip(x, (-1,)) if bool(f) == (epoch % 2 == 0) else x for x, f in zip(images, first, strict=True)])


def flip_by_index(images, first, epoch):
    result = images.clone()
    chosen = first if epoch % 2 == 0 else ~first
    result[chosen] = images[chosen].flip(-1)
    return result


def flip_by_gather(images, first, epoch):
    width = images.shape[3]
    forward = torch.arange(width)
    chosen = torch.logical_xor(first, torch.tensor(epoch % 2 == 1))
    columns = torch.where(chosen[:, None], width - 1 - forward, forward)
    return images.gather(3, columns[:, None, None, :].expand_as(images))


def crop_by_loop(padded, top, left, size):
    new = padded.new_empty((len(padded), padded.shape[1], size, size))
    for i in range(len(padded)):
        t, le = int(top[i]), int(left[i])
        new[i] = padded[i, :, t : t + size, le : le + size]
    return new


def crop_by_two_gathers(padded, top, left, size):
    n, channels, _, width = padded.shape
    steps = torch.arange(size)
    rows = (top[:, None] + steps)[:, None, :, None].expand(n, channels, size, width)
    columns = (left[:, None] + steps)[:, None, None, :].expand(n, channels, size, size)
    return padded.gather(2, rows).gather(3, columns)


def crop_by_place(padded, top, left, size):
    new = torch.zeros((*padded.shape[:2], size, size), dtype=padded.dtype)
    for t, le in {(int(t), int(le)) for t, le in zip(top, left, strict=True)}:
        here = (top == t) & (left == le)
        new[here] = padded[here, :, t : t + size, le : le + size]
    return new


def update_by_formula(average, net, decay):
    for name, value in net.state_dict().items():
        average[name] = decay * average[name] + (1 - decay) * value if value.is_floating_point() else value.clone()


def update_by_parts(average, net, decay):
    with torch.no_grad():
        for name, parameter in net.named_parameters():
            average[name].mul_(decay).add_(parameter, alpha=1 - decay)
        for name, buffer in net.named_buffers():
            if buffer.dtype == torch.int64:
                average[name].fill_(buffer.item())
            else:
                average[name] += (1 - decay) * (buffer - average[name])


def update_by_foreach(average, net, decay):
    now = net.state_dict()
    floats = [name for name in now if now[name].dtype.is_floating_point]
    torch._foreach_lerp_([average[name] for name in floats], [now[name] for name in floats], 1 - decay)
    for name in now.keys() - set(floats):
        average[name].copy_(now[name])


def conclusion_by_rule():
    words = {1: "helps", 0: "cannot tell", -1: "hurts"}
    steps = 100 * np.diff(results, axis=0)
    errors = steps.std(axis=1, ddof=1) / math.sqrt(steps.shape[1])
    says = np.sign(steps.mean(axis=1)) * (abs(steps.mean(axis=1)) > 2 * errors)
    verdicts = {name: words[int(s)] for name, s in zip(TRICKS, says, strict=True)}
    return {"verdicts": verdicts, "total": steps.sum(axis=0).mean(), "strongest": TRICKS[int(steps.mean(axis=1).argmax())]}, results


def conclusion_by_loop():
    verdicts, best = {}, (-math.inf, "")
    for i, name in enumerate(TRICKS, 1):
        mean, error = gain(results, i)
        verdicts[name] = "cannot tell" if abs(mean) <= 2 * error else ("hurts", "helps")[int(mean > 0)]
        best = max(best, (mean, name))
    return {"strongest": best[1], "total": round(100 * float(np.mean(results[-1]) - np.mean(results[0])), 1), "verdicts": verdicts}, results


def conclusion_as_lists():
    table = torch.from_numpy(np.array(results))
    d = 100 * (table[1:] - table[:-1])
    z = d.mean(1) / (d.std(1) / d.shape[1] ** 0.5)
    verdicts = {name: "helps" if v > 2 else "hurts" if v < -2 else "cannot tell" for name, v in zip(TRICKS, z.tolist(), strict=True)}
    return {"verdicts": verdicts, "total": d.sum(0).mean().item(), "strongest": TRICKS[d.mean(1).argmax()]}, table


CORRECT = {
    "triangle": [triangle_by_cases, triangle_of_two_lines, triangle_in_torch],
    "whitening_filters": [whitening_by_svd, whitening_with_numpy, whitening_in_single_precision],
    "smooth_loss": [loss_by_torch, loss_by_target, loss_by_image],
    "alternating_flip": [flip_by_loop, flip_by_index, flip_by_gather],
    "batch_crop": [crop_by_loop, crop_by_two_gathers, crop_by_place],
    "average_update": [update_by_formula, update_by_parts, update_by_foreach],
    "conclusion": [conclusion_by_rule, conclusion_by_loop, conclusion_as_lists],
}
