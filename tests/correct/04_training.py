"""Other right solutions of assignment 04: by loops, by other formulas, with torch's conventions. Each stands alone, as a student would write it."""

import math

import numpy as np


def channel_statistics_moved(images):
    pixels = np.moveaxis(images, 1, 0).reshape(images.shape[1], -1)
    std = pixels.std(axis=1)
    std[np.ptp(pixels, axis=1) == 0] = 1
    return pixels.mean(axis=1), std


def channel_statistics_loops(images):
    dtype = images.dtype if images.dtype.kind == "f" else np.float64
    mean, std = np.zeros(images.shape[1], dtype), np.zeros(images.shape[1], dtype)
    for c in range(images.shape[1]):
        channel = images[:, c].astype(np.float64)
        mean[c] = channel.sum() / channel.size
        variance = ((channel - mean[c]) ** 2).sum() / channel.size
        std[c] = math.sqrt(variance) if variance > 1e-12 else 1
    return mean, std


def channel_statistics_einsum(images):
    x = images.astype(np.float64)
    n = x[:, 0].size
    mean = np.einsum("nchw->c", x) / n
    centred = x - mean.reshape(1, -1, 1, 1)
    variance = np.einsum("nchw,nchw->c", centred, centred) / n
    std = np.where(variance < 1e-12, 1, np.sqrt(variance))
    return (mean.astype(np.float32), std.astype(np.float32)) if images.dtype == np.float32 else (mean, std)


def standardise_reshape(images, mean, std):
    return (images - mean.reshape(1, -1, 1, 1)) / std.reshape(1, -1, 1, 1)


def standardise_loops(images, mean, std):
    out = np.empty(images.shape, np.result_type(images, mean, std))
    for c in range(len(mean)):
        out[:, c] = (images[:, c] - mean[c]) / std[c]
    return out


def standardise_moved(images, mean, std):
    return np.moveaxis((np.moveaxis(images, 1, -1) - mean) / std, -1, 1)


def fans_loop(shape):
    if len(shape) <= 1:
        raise ValueError("no fans")
    fan_out, fan_in = shape[0], shape[1]
    for size in shape[2:]:
        fan_in *= size
        fan_out *= size
    return fan_in, fan_out


def fans_quotient(shape):
    if len(shape) < 2:
        raise ValueError("no fans")
    total = math.prod(shape)
    return total // shape[0], total // shape[1]


def fans_numpy(shape):
    if len(shape) < 2:
        raise ValueError("no fans")
    return int(np.prod(shape[1:])), int(np.prod((shape[0], *shape[2:])))


def he_normal_normal(shape, rng):
    return rng.normal(0, (2 / math.prod(shape[1:])) ** 0.5, shape)


def he_normal_float32(shape, rng):
    fan_in = np.prod(shape[1:])
    return rng.standard_normal(shape, dtype=np.float32) * np.float32(np.sqrt(2 / fan_in))


def he_normal_unit_by_unit(shape, rng):
    std = np.sqrt(2.0 / (math.prod(shape) / shape[0]))
    return np.stack([rng.normal(scale=std, size=shape[1:]) for _ in range(shape[0])])


def xavier_uniform_random(shape, rng):
    area = math.prod(shape[2:])
    limit = (6 / ((shape[0] + shape[1]) * area)) ** 0.5
    return (2 * rng.random(shape) - 1) * limit


def xavier_uniform_float32(shape, rng):
    area = int(np.prod(shape[2:]))
    std = np.sqrt(2 / (shape[0] * area + shape[1] * area))
    return (np.sqrt(3) * std * (rng.random(shape, dtype=np.float32) * 2 - 1)).astype(np.float32)


def xavier_uniform_flat(shape, rng):
    total = math.prod(shape)
    limit = math.sqrt(6 / (total // shape[0] + total // shape[1]))
    return rng.uniform(-limit, limit, total).reshape(shape)


def sgd_step_factored(w, dw, lr, weight_decay=0.0):
    return (1 - lr * weight_decay) * w - lr * dw


def sgd_step_copy(w, dw, lr, weight_decay=0.0):
    new = w.copy()
    new -= lr * dw
    new -= lr * weight_decay * w
    return new


def sgd_step_loops(w, dw, lr, weight_decay=0.0):
    new = np.empty_like(w)
    for index in np.ndindex(w.shape):
        new[index] = w[index] - lr * (dw[index] + weight_decay * w[index])
    return new


def momentum_step_copy(w, dw, velocity, lr, momentum=0.9):
    v = velocity.copy()
    v *= momentum
    v += dw
    return w - v * lr, v


def momentum_step_expanded(w, dw, velocity, lr, momentum=0.9):
    return w - lr * momentum * velocity - lr * dw, dw + velocity * momentum


def momentum_step_loops(w, dw, velocity, lr, momentum=0.9):
    new, v = np.zeros_like(w), np.zeros_like(velocity)
    for index in np.ndindex(w.shape):
        v[index] = momentum * velocity[index] + dw[index]
        new[index] = w[index] - lr * v[index]
    return [new, v]


def rmsprop_step_difference(w, dw, square, lr, decay=0.99, eps=1e-8):
    square = square + (1 - decay) * (dw * dw - square)
    return w - lr * (dw / (square**0.5 + eps)), square


def rmsprop_step_copy(w, dw, square, lr, decay=0.99, eps=1e-8):
    new = square.copy()
    new *= decay
    new += (1 - decay) * np.square(dw)
    step = np.sqrt(new)
    step += eps
    return w - lr / step * dw, new


def rmsprop_step_loops(w, dw, square, lr, decay=0.99, eps=1e-8):
    new, mean = np.zeros_like(w), np.zeros_like(square)
    for index in np.ndindex(w.shape):
        mean[index] = decay * square[index] + (1 - decay) * dw[index] ** 2
        new[index] = w[index] - lr * dw[index] / (math.sqrt(mean[index]) + eps)
    return new, mean


def adam_step_as_pytorch(w, dw, first, second, step, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8):
    first = first + (dw - first) * (1 - beta1)
    second = beta2 * second + (1 - beta2) * dw * dw
    denominator = second**0.5 / (1 - beta2**step) ** 0.5 + eps
    return w - lr / (1 - beta1**step) * (first / denominator), first, second


def adam_step_scaled_eps(w, dw, first, second, step, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8):
    m = beta1 * first + (1 - beta1) * dw
    v = beta2 * second + (1 - beta2) * np.square(dw)
    root = math.sqrt(1 - beta2**step)
    return w - lr * root / (1 - beta1**step) * m / (np.sqrt(v) + eps * root), m, v


def adam_step_loops(w, dw, first, second, step, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8):
    new, m, v = np.zeros_like(w), np.zeros_like(w), np.zeros_like(w)
    for index in np.ndindex(w.shape):
        m[index] = beta1 * first[index] + (1 - beta1) * dw[index]
        v[index] = beta2 * second[index] + (1 - beta2) * dw[index] ** 2
        new[index] = w[index] - lr * (m[index] / (1 - beta1**step)) / (math.sqrt(v[index] / (1 - beta2**step)) + eps)
    return new, m, v


def adamw_step_as_pytorch(w, dw, first, second, step, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8, weight_decay=0.01):
    w = w * (1 - lr * weight_decay)
    first = first + (dw - first) * (1 - beta1)
    second = beta2 * second + (1 - beta2) * dw * dw
    denominator = second**0.5 / (1 - beta2**step) ** 0.5 + eps
    return w - lr / (1 - beta1**step) * (first / denominator), first, second


def adamw_step_sum(w, dw, first, second, step, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8, weight_decay=0.01):
    m = beta1 * first + (1 - beta1) * dw
    v = beta2 * second + (1 - beta2) * np.square(dw)
    adam = (m / (1 - beta1**step)) / (np.sqrt(v / (1 - beta2**step)) + eps)
    return w - lr * (adam + weight_decay * w), m, v


def adamw_step_loops(w, dw, first, second, step, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8, weight_decay=0.01):
    new, m, v = w.copy(), first.copy(), second.copy()
    for index in np.ndindex(w.shape):
        m[index] = beta1 * first[index] + (1 - beta1) * dw[index]
        v[index] = beta2 * second[index] + (1 - beta2) * dw[index] ** 2
        new[index] -= lr * weight_decay * w[index]
        new[index] -= lr * (m[index] / (1 - beta1**step)) / (math.sqrt(v[index] / (1 - beta2**step)) + eps)
    return new, m, v


def cosine_schedule_squared(step, total_steps, lr, warmup_steps=0):
    if step < warmup_steps:
        return (step + 1) / warmup_steps * lr
    angle = math.pi * (step - warmup_steps) / (total_steps - warmup_steps)
    return lr * math.cos(angle / 2) ** 2


def cosine_schedule_numpy(step, total_steps, lr, warmup_steps=0):
    return np.where(
        step < warmup_steps,
        lr * (step + 1) / max(warmup_steps, 1),
        0.5 * lr * (1 + np.cos(np.pi * (step - warmup_steps) / (total_steps - warmup_steps))),
    )


def cosine_schedule_lists(step, total_steps, lr, warmup_steps=0):
    rest = total_steps - warmup_steps
    rates = [lr * k / warmup_steps for k in range(1, warmup_steps + 1)]
    rates += [lr * (0.5 + 0.5 * math.cos(k / rest * math.pi)) for k in range(rest + 1)]
    return rates[step]


def plateau_schedule_places(losses, lr, factor=0.1, patience=2):
    mark, best, rates = 0, math.inf, []
    for epoch, loss in enumerate(losses):
        if loss < best:
            best, mark = loss, epoch
        elif epoch - mark > patience:
            lr, mark = lr * factor, epoch
        rates.append(lr)
    return rates


def plateau_schedule_array(losses, lr, factor=0.1, patience=2):
    rates = np.empty(len(losses))
    lowest = np.minimum.accumulate(losses)
    count = 0
    for i in range(len(losses)):
        count = 0 if i == 0 or losses[i] < lowest[i - 1] else count + 1
        if count == patience + 1:
            lr *= factor
            count = 0
        rates[i] = lr
    return rates


def plateau_schedule_cuts(losses, lr, factor=0.1, patience=2):
    cuts, waited, out = 0, 0, ()
    for i, loss in enumerate(losses):
        good = all(loss < earlier for earlier in losses[:i])
        waited = 0 if good else waited + 1
        if waited > patience:
            cuts, waited = cuts + 1, 0
        out += (lr * factor**cuts,)
    return out


def early_stopping_counter(losses, patience):
    best_loss, best, waited = math.inf, 0, 0
    for epoch in range(len(losses)):
        if losses[epoch] < best_loss:
            best_loss, best, waited = losses[epoch], epoch, 0
        else:
            waited += 1
            if waited == patience:
                return best, epoch
    return best, len(losses) - 1


def early_stopping_argmin(losses, patience):
    for stopped in range(len(losses)):
        best = int(np.argmin(losses[: stopped + 1]))
        if stopped - best >= patience:
            return best, stopped
    return best, stopped


def early_stopping_windows(losses, patience):
    best = 0
    while True:
        ahead = losses[best + 1 : best + 1 + patience]
        better = [i for i, loss in enumerate(ahead) if loss < losses[best]]
        if not better:
            return best, best + len(ahead)
        best += better[0] + 1


def dropout_forward_where(x, p, draws, training=True):
    if p < 0 or p >= 1:
        raise ValueError("p")
    mask = np.ones_like(x)
    if training:
        mask = np.where(draws < p, 0, mask / (1 - p)).astype(x.dtype)
    return mask * x, mask


def dropout_forward_copy(x, p, draws, training=True):
    if not (p >= 0 and p < 1):
        raise ValueError("p")
    mask = np.full_like(x, 1 / (1 - p) if training else 1)
    if training:
        mask[draws < p] = 0
    return np.multiply(x, mask), mask


def dropout_forward_loops(x, p, draws, training=True):
    if not 0 <= p < 1:
        raise ValueError("p")
    out, mask = x.copy(), np.ones(x.shape, x.dtype)
    if training:
        for index in np.ndindex(x.shape):
            mask[index] = 0 if draws[index] < p else 1 / (1 - p)
            out[index] = x[index] * mask[index]
    return [out, mask]


def dropout_backward_multiply(dout, mask):
    return np.multiply(mask, dout)


def dropout_backward_einsum(dout, mask):
    return np.einsum("...,...->...", dout, mask)


def dropout_backward_loops(dout, mask):
    dx = np.zeros_like(dout)
    for index in np.ndindex(dout.shape):
        if mask[index]:
            dx[index] = dout[index] * mask[index]
    return dx


def flip_with_labels_loops(images, label_images, draws, p=0.5):
    new_images, new_labels = np.empty_like(images), np.empty_like(label_images)
    for n in range(len(images)):
        new_images[n] = np.flip(images[n], axis=2) if draws[n] < p else images[n]
        new_labels[n] = np.flip(label_images[n], axis=1) if draws[n] < p else label_images[n]
    return new_images, new_labels


def flip_with_labels_where(images, label_images, draws, p=0.5):
    flip = (draws < p)[:, None, None]
    return np.where(flip[..., None], images[:, :, :, ::-1], images), np.where(flip, label_images[:, :, ::-1], label_images)


def flip_with_labels_indices(images, label_images, draws, p=0.5):
    width = images.shape[-1]
    columns = np.where((draws < p)[:, None], np.arange(width)[::-1], np.arange(width))
    new_images = np.take_along_axis(images, columns[:, None, None, :], axis=3)
    return new_images, np.take_along_axis(label_images, columns[:, None, :], axis=2)


def pad_and_crop_zeros(images, padding, tops, lefts):
    if min(*tops, *lefts, 0) < 0 or max(*tops, *lefts) > 2 * padding:
        raise ValueError("corner")
    n, c, h, w = images.shape
    padded = np.zeros((n, c, h + 2 * padding, w + 2 * padding), images.dtype)
    padded[:, :, padding : padding + h, padding : padding + w] = images
    out = np.empty_like(images)
    for i in range(n):
        out[i] = padded[i, :, tops[i] : tops[i] + h, lefts[i] : lefts[i] + w]
    return out


def pad_and_crop_pixels(images, padding, tops, lefts):
    out = np.zeros_like(images)
    _, _, h, w = images.shape
    for n, (top, left) in enumerate(zip(tops, lefts, strict=True)):
        if not (0 <= top <= 2 * padding and 0 <= left <= 2 * padding):
            raise ValueError("corner")
        for i in range(h):
            for j in range(w):
                row, column = i + top - padding, j + left - padding
                if 0 <= row < h and 0 <= column < w:
                    out[n, :, i, j] = images[n, :, row, column]
    return out


def pad_and_crop_indices(images, padding, tops, lefts):
    corners = np.stack([tops, lefts])
    if np.any(corners < 0) or np.any(corners > 2 * padding):
        raise ValueError("corner")
    n, _, h, w = images.shape
    padded = np.pad(images, [(0, 0), (0, 0), (padding, padding), (padding, padding)])
    rows = (tops[:, None] + np.arange(h))[:, :, None]
    columns = (lefts[:, None] + np.arange(w))[:, None, :]
    return np.moveaxis(padded[np.arange(n)[:, None, None], :, rows, columns], -1, 1)


def smooth_labels_full(labels, classes, smoothing=0.1):
    targets = np.full((len(labels), classes), smoothing / classes)
    targets[np.arange(len(labels)), labels] += 1 - smoothing
    return targets


def smooth_labels_loops(labels, classes, smoothing=0.1):
    targets = np.zeros((len(labels), classes))
    for n in range(len(labels)):
        for c in range(classes):
            targets[n, c] = (1 - smoothing) * (c == labels[n]) + smoothing / classes
    return targets


def smooth_labels_comparison(labels, classes, smoothing=0.1):
    right = labels[:, None] == np.arange(classes)
    return np.where(right, 1 - smoothing + smoothing / classes, smoothing / classes)


def smoothed_cross_entropy_two_terms(logits, labels, smoothing=0.1):
    n, c = logits.shape
    top = logits.max(axis=1, keepdims=True)
    log_sum = top + np.log(np.exp(logits - top).sum(axis=1, keepdims=True))
    log_p = logits - log_sum
    rows = np.arange(n)
    loss = -(1 - smoothing) * log_p[rows, labels].mean() - smoothing * log_p.mean()
    gradient = np.exp(log_p) - smoothing / c
    gradient[rows, labels] -= 1 - smoothing
    return loss, gradient / n


def smoothed_cross_entropy_loops(logits, labels, smoothing=0.1):
    n, c = logits.shape
    loss, gradient = 0.0, np.zeros_like(logits)
    for i in range(n):
        z = [float(v) - float(max(logits[i])) for v in logits[i]]
        log_sum = math.log(sum(math.exp(v) for v in z))
        for k in range(c):
            target = smoothing / c + (1 - smoothing if k == labels[i] else 0)
            loss -= target * (z[k] - log_sum) / n
            gradient[i, k] = (math.exp(z[k] - log_sum) - target) / n
    return loss, gradient


def smoothed_cross_entropy_logaddexp(logits, labels, smoothing=0.1):
    targets = np.full_like(logits, smoothing / logits.shape[1])
    targets[np.arange(len(labels)), labels] += 1 - smoothing
    log_sum = np.logaddexp.reduce(logits, axis=1)
    loss = np.mean(log_sum - np.einsum("nc,nc->n", targets, logits))
    return loss, (np.exp(logits - log_sum[:, None]) - targets) / len(logits)


def log_uniform_exp(low, high, draws):
    if low <= 0 or high <= low:
        raise ValueError("range")
    return np.exp(np.log(low) + draws * (np.log(high) - np.log(low)))


def log_uniform_log10(low, high, draws):
    if not (low > 0 and low < high):
        raise ValueError("range")
    a, b = math.log10(low), math.log10(high)
    return 10 ** (a + (b - a) * draws)


def log_uniform_powers(low, high, draws):
    if not 0 < low < high:
        raise ValueError("range")
    return low ** (1 - draws) * high**draws


def narrow_range_sorted(values, scores, keep):
    if keep < 1 or keep > len(values):
        raise ValueError("keep")
    places = sorted(range(len(values)), key=lambda i: -scores[i])[:keep]
    kept = [values[i] for i in places]
    return min(kept), max(kept)


def narrow_range_one_by_one(values, scores, keep):
    if keep not in range(1, len(values) + 1):
        raise ValueError("keep")
    left, kept = np.array(scores, dtype=float), []
    for _ in range(keep):
        place = int(np.argmax(left))
        kept.append(values[place])
        left[place] = -np.inf
    return np.sort(kept)[[0, -1]]


def narrow_range_lexsort(values, scores, keep):
    if not 0 < keep <= len(scores):
        raise ValueError("keep")
    order = np.lexsort((np.arange(len(scores)), -scores))
    return np.min(values[order[:keep]]), np.max(values[order[:keep]])


CORRECT = {
    "channel_statistics": [channel_statistics_moved, channel_statistics_loops, channel_statistics_einsum],
    "standardise": [standardise_reshape, standardise_loops, standardise_moved],
    "fans": [fans_loop, fans_quotient, fans_numpy],
    "he_normal": [he_normal_normal, he_normal_float32, he_normal_unit_by_unit],
    "xavier_uniform": [xavier_uniform_random, xavier_uniform_float32, xavier_uniform_flat],
    "sgd_step": [sgd_step_factored, sgd_step_copy, sgd_step_loops],
    "momentum_step": [momentum_step_copy, momentum_step_expanded, momentum_step_loops],
    "rmsprop_step": [rmsprop_step_difference, rmsprop_step_copy, rmsprop_step_loops],
    "adam_step": [adam_step_as_pytorch, adam_step_scaled_eps, adam_step_loops],
    "adamw_step": [adamw_step_as_pytorch, adamw_step_sum, adamw_step_loops],
    "cosine_schedule": [cosine_schedule_squared, cosine_schedule_numpy, cosine_schedule_lists],
    "plateau_schedule": [plateau_schedule_places, plateau_schedule_array, plateau_schedule_cuts],
    "early_stopping": [early_stopping_counter, early_stopping_argmin, early_stopping_windows],
    "dropout_forward": [dropout_forward_where, dropout_forward_copy, dropout_forward_loops],
    "dropout_backward": [dropout_backward_multiply, dropout_backward_einsum, dropout_backward_loops],
    "flip_with_labels": [flip_with_labels_loops, flip_with_labels_where, flip_with_labels_indices],
    "pad_and_crop": [pad_and_crop_zeros, pad_and_crop_pixels, pad_and_crop_indices],
    "smooth_labels": [smooth_labels_full, smooth_labels_loops, smooth_labels_comparison],
    "smoothed_cross_entropy": [smoothed_cross_entropy_two_terms, smoothed_cross_entropy_loops, smoothed_cross_entropy_logaddexp],
    "log_uniform": [log_uniform_exp, log_uniform_log10, log_uniform_powers],
    "narrow_range": [narrow_range_sorted, narrow_range_one_by_one, narrow_range_lexsort],
}
