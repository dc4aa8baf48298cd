"""Other right solutions of assignment 03: by loops, by einsum, by other formulas. Each stands alone, as a student would write it."""

import math

import numpy as np


def batchnorm_forward_loops(x, gamma, beta, eps=1e-5):
    n, d = x.shape
    if n == 1:
        raise ValueError("one example")
    out = np.empty((n, d), np.result_type(x, gamma))
    for j in range(d):
        column = [float(v) for v in x[:, j]]
        mean = sum(column) / n
        variance = sum((v - mean) ** 2 for v in column) / n
        for i in range(n):
            out[i, j] = gamma[j] * (column[i] - mean) / math.sqrt(variance + eps) + beta[j]
    return out


def batchnorm_forward_numpy(x, gamma, beta, eps=1e-5):
    if x.shape[0] < 2:
        raise ValueError("one example")
    scale = gamma / np.sqrt(np.var(x, axis=0) + eps)
    return (x - np.mean(x, axis=0)) * scale + beta


def batchnorm_forward_transposed(x, gamma, beta, eps=1e-5):
    if len(x) <= 1:
        raise ValueError("one example")
    rows = []
    for feature, g, b in zip(x.T, gamma, beta, strict=True):
        centred = feature - np.average(feature)
        rows.append(g * centred * (np.dot(centred, centred) / len(centred) + eps) ** -0.5 + b)
    return np.stack(rows, axis=1).astype(np.result_type(x, gamma))


def update_running_numpy(running_mean, running_var, x, momentum=0.1):
    if len(x) == 1:
        raise ValueError("one example")
    mean = running_mean + momentum * (x.mean(0) - running_mean)
    return mean, running_var + momentum * (np.var(x, 0, ddof=1) - running_var)


def update_running_loops(running_mean, running_var, x, momentum=0.1):
    n, d = x.shape
    if n < 2:
        raise ValueError("one example")
    mean, var = running_mean.copy(), running_var.copy()
    for j in range(d):
        m = sum(float(v) for v in x[:, j]) / n
        v = sum((float(v) - m) ** 2 for v in x[:, j]) / (n - 1)
        mean[j] = (1 - momentum) * running_mean[j] + momentum * m
        var[j] = (1 - momentum) * running_var[j] + momentum * v
    return mean, var


def update_running_corrected(running_mean, running_var, x, momentum=0.1):
    n = len(x)
    if n < 2:
        raise ValueError("one example")
    keep = 1 - momentum
    return [keep * running_mean + momentum * np.sum(x, axis=0) / n, keep * running_var + x.var(axis=0) * (momentum * n / (n - 1))]


def batchnorm_inference_line(x, gamma, beta, running_mean, running_var, eps=1e-5):
    slope = gamma / np.sqrt(running_var + eps)
    return slope * x + (beta - slope * running_mean)


def batchnorm_inference_loops(x, gamma, beta, running_mean, running_var, eps=1e-5):
    out = np.zeros(x.shape, gamma.dtype)
    for i, j in np.ndindex(x.shape):
        out[i, j] = (x[i, j] - running_mean[j]) / math.sqrt(running_var[j] + eps) * gamma[j] + beta[j]
    return out


def batchnorm_inference_steps(x, gamma, beta, running_mean, running_var, eps=1e-5):
    centred = np.subtract(x, running_mean)
    normalised = np.divide(centred, np.power(running_var + eps, 0.5))
    return np.add(np.multiply(gamma, normalised), beta)


def batchnorm_backward_step_by_step(dout, x, gamma, eps=1e-5):
    n = len(x)
    centred = x - x.sum(axis=0) / n
    variance = (centred**2).sum(axis=0) / n
    sigma = np.sqrt(variance + eps)
    dx_hat = dout * gamma
    dvariance = (dx_hat * centred).sum(axis=0) * -0.5 * sigma**-3
    dmean = -(dx_hat / sigma).sum(axis=0) + dvariance * -2 * centred.sum(axis=0) / n
    dx = dx_hat / sigma + dvariance * 2 * centred / n + dmean / n
    return dx, (dout * centred / sigma).sum(axis=0), dout.sum(axis=0)


def batchnorm_backward_matrix(dout, x, gamma, eps=1e-5):
    n, d = x.shape
    dx, dgamma = np.empty_like(dout), np.empty_like(gamma)
    for j in range(d):
        centred = x[:, j] - x[:, j].mean()
        sigma = np.sqrt(np.mean(centred**2) + eps)
        x_hat = centred / sigma
        jacobian = (np.eye(n, dtype=dout.dtype) - 1 / n - np.outer(x_hat, x_hat) / n) / sigma
        dx[:, j] = gamma[j] * (jacobian @ dout[:, j])
        dgamma[j] = dout[:, j] @ x_hat
    return dx, dgamma, np.einsum("nd->d", dout)


def batchnorm_backward_with_gradients(dout, x, gamma, eps=1e-5):
    n = x.shape[0]
    inverse = 1 / np.sqrt(x.var(0) + eps)
    x_hat = (x - x.mean(0)) * inverse
    dbeta, dgamma = dout.sum(0), np.einsum("nd,nd->d", dout, x_hat)
    return gamma * inverse / n * (n * dout - dbeta - x_hat * dgamma), dgamma, dbeta


def batchnorm2d_forward_axes(x, gamma, beta, running_mean, running_var, training, momentum=0.1, eps=1e-5):
    shape = (1, -1, 1, 1)
    n = x.size // x.shape[1]
    if training:
        if n == 1:
            raise ValueError("one value a channel")
        mean, var = x.mean(axis=(0, 2, 3)), x.var(axis=(0, 2, 3))
        running_mean = (1 - momentum) * running_mean + momentum * mean
        running_var = (1 - momentum) * running_var + momentum * var * n / (n - 1)
    else:
        mean, var = running_mean, running_var
    x_hat = (x - mean.reshape(shape)) / np.sqrt(var.reshape(shape) + eps)
    return gamma.reshape(shape) * x_hat + beta.reshape(shape), running_mean, running_var


def batchnorm2d_forward_channels(x, gamma, beta, running_mean, running_var, training, momentum=0.1, eps=1e-5):
    out, means, variances = np.empty(x.shape, gamma.dtype), running_mean.copy(), running_var.copy()
    for c in range(x.shape[1]):
        channel = x[:, c]
        if training and channel.size == 1:
            raise ValueError("one value a channel")
        mean, var = (channel.mean(), channel.var()) if training else (running_mean[c], running_var[c])
        out[:, c] = gamma[c] * (channel - mean) / np.sqrt(var + eps) + beta[c]
        if training:
            means[c] += momentum * (mean - means[c])
            variances[c] += momentum * (channel.var(ddof=1) - variances[c])
    return out, means, variances


def batchnorm2d_forward_flat(x, gamma, beta, running_mean, running_var, training, momentum=0.1, eps=1e-5):
    c = x.shape[1]
    flat = np.moveaxis(x, 1, 0).reshape(c, -1)
    mean, var = running_mean, running_var
    if training:
        if flat.shape[1] < 2:
            raise ValueError("one value a channel")
        mean, var = flat.mean(axis=1), flat.var(axis=1)
        running_mean = running_mean * (1 - momentum) + mean * momentum
        running_var = running_var * (1 - momentum) + flat.var(axis=1, ddof=1) * momentum
    slope = gamma / np.sqrt(var + eps)
    out = flat * slope[:, None] + (beta - slope * mean)[:, None]
    return np.moveaxis(out.reshape(c, x.shape[0], *x.shape[2:]), 0, 1), running_mean, running_var


def batchnorm2d_backward_axes(dout, x, gamma, eps=1e-5):
    axes = (0, 2, 3)
    mean, var = x.mean(axis=axes, keepdims=True), x.var(axis=axes, keepdims=True)
    inverse = 1 / np.sqrt(var + eps)
    x_hat = (x - mean) * inverse
    part = dout - dout.mean(axis=axes, keepdims=True) - x_hat * (dout * x_hat).mean(axis=axes, keepdims=True)
    return gamma[None, :, None, None] * inverse * part, (dout * x_hat).sum(axis=axes), dout.sum(axis=axes)


def batchnorm2d_backward_channels(dout, x, gamma, eps=1e-5):
    dx, dgamma, dbeta = np.zeros_like(dout), np.zeros_like(gamma), np.zeros_like(gamma)
    for c in range(x.shape[1]):
        n = x[:, c].size
        centred = x[:, c] - x[:, c].mean()
        sigma = np.sqrt((centred**2).sum() / n + eps)
        dbeta[c] = dout[:, c].sum()
        dgamma[c] = (dout[:, c] * centred).sum() / sigma
        dx[:, c] = gamma[c] / sigma * (dout[:, c] - dbeta[c] / n - centred / sigma * dgamma[c] / n)
    return dx, dgamma, dbeta


def batchnorm2d_backward_einsum(dout, x, gamma, eps=1e-5):
    n = x.size // x.shape[1]
    mean = np.einsum("nchw->c", x) / n
    centred = x - mean[:, None, None]
    sigma = np.sqrt(np.einsum("nchw,nchw->c", centred, centred) / n + eps)
    x_hat = centred / sigma[:, None, None]
    dgamma, dbeta = np.einsum("nchw,nchw->c", dout, x_hat), np.einsum("nchw->c", dout)
    part = n * dout - dbeta[:, None, None] - x_hat * dgamma[:, None, None]
    return np.einsum("c,nchw->nchw", gamma / sigma / n, part), dgamma, dbeta


def layernorm_forward_flat(x, gamma, beta, eps=1e-5):
    flat = x.reshape(len(x), -1)
    x_hat = (flat - flat.mean(axis=1, keepdims=True)) / np.sqrt(flat.var(axis=1, keepdims=True) + eps)
    return x_hat.reshape(x.shape) * gamma + beta


def layernorm_forward_examples(x, gamma, beta, eps=1e-5):
    return np.stack([gamma * (one - one.mean()) / np.sqrt(one.var() + eps) + beta for one in x]).astype(np.result_type(x, gamma))


def layernorm_forward_loops(x, gamma, beta, eps=1e-5):
    out = np.empty(x.shape, np.result_type(x, gamma))
    for i, one in enumerate(x):
        values = [float(v) for v in one.ravel()]
        mean = sum(values) / len(values)
        spread = math.sqrt(sum((v - mean) ** 2 for v in values) / len(values) + eps)
        for index in np.ndindex(one.shape):
            out[(i, *index)] = gamma[index] * (one[index] - mean) / spread + beta[index]
    return out


def layernorm_backward_flat(dout, x, gamma, eps=1e-5):
    flat, d = x.reshape(len(x), -1), dout.reshape(len(x), -1)
    inverse = 1 / np.sqrt(flat.var(axis=1, keepdims=True) + eps)
    x_hat = (flat - flat.mean(axis=1, keepdims=True)) * inverse
    g, n = d * gamma.ravel(), flat.shape[1]
    dx = inverse / n * (n * g - g.sum(axis=1, keepdims=True) - x_hat * (g * x_hat).sum(axis=1, keepdims=True))
    return dx.reshape(x.shape), (d * x_hat).sum(axis=0).reshape(gamma.shape), dout.sum(axis=0)


def layernorm_backward_examples(dout, x, gamma, eps=1e-5):
    dx, dgamma, dbeta = np.zeros_like(dout), np.zeros_like(gamma), np.zeros_like(gamma)
    for i in range(len(x)):
        sigma = np.sqrt(x[i].var() + eps)
        x_hat = (x[i] - x[i].mean()) / sigma
        g = gamma * dout[i]
        dx[i] = (g - g.mean() - x_hat * (g * x_hat).mean()) / sigma
        dgamma += dout[i] * x_hat
        dbeta += dout[i]
    return dx, dgamma, dbeta


def layernorm_backward_step_by_step(dout, x, gamma, eps=1e-5):
    axes = tuple(range(1, x.ndim))
    n = x[0].size
    centred = x - x.mean(axis=axes, keepdims=True)
    variance = (centred**2).mean(axis=axes, keepdims=True)
    inverse = (variance + eps) ** -0.5
    g = dout * gamma
    dvariance = -0.5 * inverse**3 * (g * centred).sum(axis=axes, keepdims=True)
    dcentred = g * inverse + 2 * centred * dvariance / n
    return dcentred - dcentred.mean(axis=axes, keepdims=True), np.sum(dout * centred * inverse, axis=0), np.sum(dout, axis=0)


def groupnorm_forward_split(x, gamma, beta, groups, eps=1e-5):
    n, c, h, w = x.shape
    if c % groups != 0:
        raise ValueError("groups")
    parts = x.reshape(n, groups, c // groups, h, w)
    mean, var = parts.mean(axis=(2, 3, 4), keepdims=True), parts.var(axis=(2, 3, 4), keepdims=True)
    x_hat = ((parts - mean) / np.sqrt(var + eps)).reshape(n, c, h, w)
    return x_hat * gamma.reshape(1, c, 1, 1) + beta.reshape(1, c, 1, 1)


def groupnorm_forward_loops(x, gamma, beta, groups, eps=1e-5):
    c = x.shape[1]
    if c % groups:
        raise ValueError("groups")
    out, size = np.empty(x.shape, gamma.dtype), c // groups
    for n in range(len(x)):
        for g in range(groups):
            block = x[n, g * size : (g + 1) * size]
            for k in range(g * size, (g + 1) * size):
                out[n, k] = gamma[k] * (x[n, k] - block.mean()) / np.sqrt(block.var() + eps) + beta[k]
    return out


def groupnorm_forward_array_split(x, gamma, beta, groups, eps=1e-5):
    if x.shape[1] // groups * groups != x.shape[1]:
        raise ValueError("groups")
    done = []
    for part in np.split(x, groups, axis=1):
        centred = part - part.mean(axis=(1, 2, 3), keepdims=True)
        done.append(centred / np.sqrt(np.mean(centred**2, axis=(1, 2, 3), keepdims=True) + eps))
    return np.einsum("c,nchw->nchw", gamma, np.concatenate(done, axis=1)) + beta[:, None, None]


def groupnorm_backward_loops(dout, x, gamma, groups, eps=1e-5):
    dx, dgamma, dbeta = np.zeros_like(dout), np.zeros_like(gamma), np.zeros_like(gamma)
    size = x.shape[1] // groups
    for n in range(len(x)):
        for start in range(0, x.shape[1], size):
            block = slice(start, start + size)
            sigma = np.sqrt(x[n, block].var() + eps)
            x_hat = (x[n, block] - x[n, block].mean()) / sigma
            g = gamma[block, None, None] * dout[n, block]
            dx[n, block] = (g - g.mean() - x_hat * (g * x_hat).mean()) / sigma
            dgamma[block] += (dout[n, block] * x_hat).sum(axis=(1, 2))
            dbeta[block] += dout[n, block].sum(axis=(1, 2))
    return dx, dgamma, dbeta


def groupnorm_backward_split(dout, x, gamma, groups, eps=1e-5):
    n, c, h, w = x.shape
    shape, axes = (n, groups, c // groups, h, w), (2, 3, 4)
    parts = x.reshape(shape)
    inverse = 1 / np.sqrt(parts.var(axis=axes, keepdims=True) + eps)
    x_hat = (parts - parts.mean(axis=axes, keepdims=True)) * inverse
    g = (dout * gamma.reshape(1, c, 1, 1)).reshape(shape)
    dx = inverse * (g - g.mean(axis=axes, keepdims=True) - x_hat * (g * x_hat).mean(axis=axes, keepdims=True))
    return dx.reshape(x.shape), np.einsum("nchw,nchw->c", dout, x_hat.reshape(x.shape)), np.einsum("nchw->c", dout)


def groupnorm_backward_sums(dout, x, gamma, groups, eps=1e-5):
    n, c = x.shape[:2]
    count = x[0].size // groups
    rows = x.reshape(n * groups, count)
    centred = rows - rows.sum(axis=1, keepdims=True) / count
    inverse = ((centred**2).sum(axis=1, keepdims=True) / count + eps) ** -0.5
    g = (dout.reshape(n, c, -1) * gamma[:, None]).reshape(n * groups, count)
    dvariance = -0.5 * inverse**3 * (g * centred).sum(axis=1, keepdims=True)
    dcentred = g * inverse + 2 / count * centred * dvariance
    dx = dcentred - dcentred.sum(axis=1, keepdims=True) / count
    x_hat = (centred * inverse).reshape(x.shape)
    return dx.reshape(x.shape), (dout * x_hat).sum((0, 2, 3)), dout.sum((0, 2, 3))


def instancenorm_forward_axes(x, gamma, beta, eps=1e-5):
    mean, var = x.mean(axis=(2, 3), keepdims=True), x.var(axis=(2, 3), keepdims=True)
    return gamma[:, None, None] * (x - mean) / np.sqrt(var + eps) + beta[:, None, None]


def instancenorm_forward_loops(x, gamma, beta, eps=1e-5):
    out = np.empty(x.shape, gamma.dtype)
    for n, c in np.ndindex(x.shape[:2]):
        one = x[n, c]
        out[n, c] = gamma[c] * (one - one.mean()) / math.sqrt(one.var() + eps) + beta[c]
    return out


def instancenorm_forward_rows(x, gamma, beta, eps=1e-5):
    n, c, h, w = x.shape
    rows = x.reshape(n * c, h * w)
    centred = rows - rows.mean(axis=1)[:, None]
    x_hat = centred / np.sqrt((centred * centred).mean(axis=1) + eps)[:, None]
    return (x_hat * np.tile(gamma, n)[:, None] + np.tile(beta, n)[:, None]).reshape(x.shape)


def fold_batchnorm_loops(w, b, gamma, beta, running_mean, running_var, eps=1e-5):
    new_w, new_b = np.empty_like(w), np.empty_like(b)
    for f in range(len(w)):
        scale = gamma[f] / math.sqrt(running_var[f] + eps)
        new_w[f] = scale * w[f]
        new_b[f] = scale * (b[f] - running_mean[f]) + beta[f]
    return new_w, new_b


def fold_batchnorm_flat(w, b, gamma, beta, running_mean, running_var, eps=1e-5):
    scale = gamma * (running_var + eps) ** -0.5
    return (w.reshape(len(w), -1) * scale[:, None]).reshape(w.shape), beta + b * scale - running_mean * scale


def fold_batchnorm_diagonal(w, b, gamma, beta, running_mean, running_var, eps=1e-5):
    scale = np.diag(gamma / np.sqrt(running_var + eps))
    return np.tensordot(scale, w, axes=(1, 0)), scale @ (b - running_mean) + beta


CORRECT = {
    "batchnorm_forward": [batchnorm_forward_loops, batchnorm_forward_numpy, batchnorm_forward_transposed],
    "update_running": [update_running_numpy, update_running_loops, update_running_corrected],
    "batchnorm_inference": [batchnorm_inference_line, batchnorm_inference_loops, batchnorm_inference_steps],
    "batchnorm_backward": [batchnorm_backward_step_by_step, batchnorm_backward_matrix, batchnorm_backward_with_gradients],
    "batchnorm2d_forward": [batchnorm2d_forward_axes, batchnorm2d_forward_channels, batchnorm2d_forward_flat],
    "batchnorm2d_backward": [batchnorm2d_backward_axes, batchnorm2d_backward_channels, batchnorm2d_backward_einsum],
    "layernorm_forward": [layernorm_forward_flat, layernorm_forward_examples, layernorm_forward_loops],
    "layernorm_backward": [layernorm_backward_flat, layernorm_backward_examples, layernorm_backward_step_by_step],
    "groupnorm_forward": [groupnorm_forward_split, groupnorm_forward_loops, groupnorm_forward_array_split],
    "groupnorm_backward": [groupnorm_backward_loops, groupnorm_backward_split, groupnorm_backward_sums],
    "instancenorm_forward": [instancenorm_forward_axes, instancenorm_forward_loops, instancenorm_forward_rows],
    "fold_batchnorm": [fold_batchnorm_loops, fold_batchnorm_flat, fold_batchnorm_diagonal],
}
