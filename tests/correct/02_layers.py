"""Other right solutions of assignment 02: by loops, by einsum, by slices. Each stands alone, as a student would write it."""

import math

import numpy as np


def linear_forward_loops(x, w, b):
    flat = [np.ravel(image) for image in x]
    if len(flat[0]) != len(w[0]):
        raise ValueError("features")
    out = np.empty((len(x), len(w)), dtype=np.result_type(x, w, b))
    for n, image in enumerate(flat):
        for m in range(len(w)):
            out[n, m] = sum(image[d] * w[m, d] for d in range(len(image))) + b[m]
    return out


def linear_forward_einsum(x, w, b):
    return np.einsum("nd,md->nm", x.reshape(x.shape[0], math.prod(x.shape[1:])), w) + b[np.newaxis]


def linear_forward_tensordot(x, w, b):
    images = w.reshape(len(w), *x.shape[1:])
    return np.tensordot(x, images, axes=(range(1, x.ndim), range(1, x.ndim))) + b


def linear_backward_loops(dout, x, w):
    flat = x.reshape(x.shape[0], -1)
    dx, dw, db = np.zeros(flat.shape, dout.dtype), np.zeros(w.shape, dout.dtype), np.zeros(len(w), dout.dtype)
    for n in range(dout.shape[0]):
        for m in range(dout.shape[1]):
            dx[n] += dout[n, m] * w[m]
            dw[m] += dout[n, m] * flat[n]
            db[m] += dout[n, m]
    return dx.reshape(x.shape), dw, db


def linear_backward_einsum(dout, x, w):
    flat = x.reshape(len(x), -1)
    return np.einsum("nm,md->nd", dout, w).reshape(x.shape), np.einsum("nm,nd->md", dout, flat), np.einsum("nm->m", dout)


def linear_backward_transposed(dout, x, w):
    dx = (w.T @ dout.T).T.reshape(x.shape)
    dw = (x.reshape(len(x), -1).T @ dout).T
    return [dx, dw, np.ones(len(dout), dout.dtype) @ dout]


def relu_forward_where(x):
    return np.where(x > 0, x, np.zeros_like(x))


def relu_forward_copy(x):
    out = x.copy()
    out[out < 0] = 0
    return out


def relu_forward_formula(x):
    return ((x + abs(x)) / 2).astype(x.dtype)


def relu_backward_where(dout, x):
    return np.where(x > 0, dout, np.zeros_like(dout))


def relu_backward_copy(dout, x):
    dx = np.copy(dout)
    dx[x <= 0] = 0
    return dx


def relu_backward_loops(dout, x):
    dx = np.zeros(x.shape, dout.dtype)
    for index in np.ndindex(x.shape):
        if x[index] > 0:
            dx[index] = dout[index]
    return dx


def sigmoid_forward_tanh(x):
    return (np.tanh(x / 2) + 1) / 2


def sigmoid_forward_masks(x):
    out = np.empty(x.shape, x.dtype if x.dtype.kind == "f" else float)
    out[x >= 0] = 1 / (1 + np.exp(-x[x >= 0]))
    e = np.exp(x[x < 0])
    out[x < 0] = e / (1 + e)
    return out


def sigmoid_forward_clipped(x):
    return 1 / (1 + np.exp(-np.clip(x, -80, 80)))


def sigmoid_backward_exponential(dout, x):
    e = np.exp(-np.abs(x))
    return dout * e / (1 + e) ** 2


def sigmoid_backward_tanh(dout, x):
    return dout * (1 - np.tanh(x / 2) ** 2) / 4


def sigmoid_backward_clipped(dout, x):
    out = 1 / (1 + np.exp(-np.clip(x, -80, 80)))
    return dout * (out - out * out)


def tanh_forward_exponential(x):
    e = np.exp(-2 * np.abs(x))
    return np.sign(x) * (1 - e) / (1 + e)


def tanh_forward_loops(x):
    out = np.zeros(x.shape, x.dtype if x.dtype.kind == "f" else float)
    for index in np.ndindex(x.shape):
        out[index] = math.tanh(x[index])
    return out


def tanh_forward_clipped(x):
    e = np.exp(2 * np.clip(x, -40, 40))
    return (e - 1) / (e + 1)


def tanh_backward_exponential(dout, x):
    e = np.exp(-2 * np.abs(x))
    return dout * 4 * e / (1 + e) ** 2


def tanh_backward_factors(dout, x):
    t = np.tanh(x)
    return dout * (1 + t) * (1 - t)


def tanh_backward_loops(dout, x):
    dx = np.zeros(x.shape, dout.dtype)
    for index in np.ndindex(x.shape):
        dx[index] = dout[index] * (1 - math.tanh(x[index]) ** 2)
    return dx


def softmax_cross_entropy_loops(logits, labels):
    n, c = logits.shape
    loss, gradient = 0.0, np.zeros(logits.shape, logits.dtype)
    for i in range(n):
        top = max(logits[i])
        total = sum(math.exp(z - top) for z in logits[i])
        loss += math.log(total) - (logits[i, labels[i]] - top)
        for k in range(c):
            gradient[i, k] = (math.exp(logits[i, k] - top) / total - (k == labels[i])) / n
    return loss / n, gradient


def softmax_cross_entropy_one_hot(logits, labels):
    one_hot = np.eye(logits.shape[1], dtype=logits.dtype)[labels]
    z = logits - np.max(logits, axis=1)[:, None]
    log_sum = np.log(np.sum(np.exp(z), axis=1))
    loss = np.mean(log_sum - np.sum(z * one_hot, axis=1))
    return float(loss), (np.exp(z - log_sum[:, None]) - one_hot) / len(z)


def softmax_cross_entropy_logaddexp(logits, labels):
    log_sum = np.logaddexp.reduce(logits, axis=1, keepdims=True)
    log_p = logits - log_sum
    gradient = np.exp(log_p)
    for i, label in enumerate(labels):
        gradient[i, label] -= 1
    return -np.mean(np.take_along_axis(log_p, labels[:, None], axis=1)), gradient / len(labels)


def numerical_gradient_flat(f, x, h=1e-5):
    start = np.asarray(x, dtype=float)
    steps = np.eye(start.size) * h
    pairs = [(f(start + e.reshape(start.shape)), f(start - e.reshape(start.shape))) for e in steps]
    return np.array([(a - b) / (2 * h) for a, b in pairs]).reshape(start.shape)


def numerical_gradient_nditer(f, x, h=1e-5):
    point, gradient = x.astype(np.float64), np.zeros(x.shape)
    places = np.nditer(point, flags=["multi_index"])
    while not places.finished:
        i = places.multi_index
        old = float(point[i])
        point[i] = old - h
        below = f(point)
        point[i] = old + h
        gradient[i] = (f(point) - below) / h / 2
        point[i] = old
        places.iternext()
    return gradient


def numerical_gradient_enumerate(f, x, h=1e-5):
    gradient = np.zeros(x.shape)
    for i, _ in np.ndenumerate(x):
        up, down = np.array(x, float), np.array(x, float)
        up[i] += h
        down[i] -= h
        gradient[i] = (f(up) - f(down)) / (2 * h)
    return gradient


def conv2d_forward_loops(x, w, b, stride=1, padding=0, dilation=1, groups=1):
    sh, sw = (stride, stride) if isinstance(stride, int) else stride
    ph, pw = (padding, padding) if isinstance(padding, int) else padding
    dh, dw = (dilation, dilation) if isinstance(dilation, int) else dilation
    N, C, H, W = x.shape
    F, G, kh, kw = w.shape
    if G * groups != C:
        raise ValueError("channels")
    high, wide = dh * (kh - 1) + 1, dw * (kw - 1) + 1
    if high > H + 2 * ph or wide > W + 2 * pw:
        raise ValueError("does not fit")
    xp = np.zeros((N, C, H + 2 * ph, W + 2 * pw), x.dtype)
    xp[:, :, ph : ph + H, pw : pw + W] = x
    rows, cols = (H + 2 * ph - high) // sh + 1, (W + 2 * pw - wide) // sw + 1
    out = np.zeros((N, F, rows, cols), np.result_type(x, w, b))
    for n in range(N):
        for f in range(F):
            first = f // (F // groups) * G
            for i in range(rows):
                for j in range(cols):
                    window = xp[n, first : first + G, i * sh : i * sh + high : dh, j * sw : j * sw + wide : dw]
                    out[n, f, i, j] = np.sum(window * w[f]) + b[f]
    return out


def conv2d_forward_slices(x, w, b, stride=1, padding=0, dilation=1, groups=1):
    (sh, sw), (ph, pw), (dh, dw) = (v if np.ndim(v) else (v, v) for v in (stride, padding, dilation))
    _, c, h, width = x.shape
    _, per_group, kh, kw = w.shape
    if per_group * groups != c:
        raise ValueError(f"{c} channels, but {per_group * groups} expected")
    rows = 1 + (h + 2 * ph - dh * (kh - 1) - 1) // sh
    columns = 1 + (width + 2 * pw - dw * (kw - 1) - 1) // sw
    if rows < 1 or columns < 1:
        raise ValueError("the window does not fit")
    padded = np.pad(x, [(0, 0), (0, 0), (ph, ph), (pw, pw)])
    blocks = []
    for channels, filters in zip(np.split(padded, groups, axis=1), np.split(w, groups), strict=True):
        block = 0
        for u in range(kh):
            for v in range(kw):
                part = channels[:, :, u * dh : u * dh + sh * (rows - 1) + 1 : sh, v * dw : v * dw + sw * (columns - 1) + 1 : sw]
                block = block + np.einsum("nchw,fc->nfhw", part, filters[:, :, u, v])
        blocks.append(block)
    return np.concatenate(blocks, axis=1) + b.reshape(1, -1, 1, 1)


def conv2d_forward_dilated_kernel(x, w, b, stride=1, padding=0, dilation=1, groups=1):
    def two(v):
        return (v, v) if isinstance(v, (int, np.integer)) else v

    (sh, sw), (ph, pw), (dh, dw) = two(stride), two(padding), two(dilation)
    if x.shape[1] != w.shape[1] * groups:
        raise ValueError("channels of x and w disagree")
    spread = np.zeros((*w.shape[:2], dh * (w.shape[2] - 1) + 1, dw * (w.shape[3] - 1) + 1), w.dtype)
    spread[:, :, ::dh, ::dw] = w
    full = np.zeros((len(w), x.shape[1], *spread.shape[2:]), w.dtype)
    per, channels = len(w) // groups, w.shape[1]
    for g in range(groups):
        full[g * per : (g + 1) * per, g * channels : (g + 1) * channels] = spread[g * per : (g + 1) * per]
    padded = np.pad(x, ((0, 0), (0, 0), (ph, ph), (pw, pw)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, full.shape[2:], axis=(2, 3))[:, :, ::sh, ::sw]
    return np.moveaxis(np.tensordot(windows, full, axes=([1, 4, 5], [1, 2, 3])), -1, 1) + b[:, None, None]


def im2col_windows(x, kernel_size, stride=1, padding=0, dilation=1):
    (kh, kw), (sh, sw), (ph, pw), (dh, dw) = (v if np.ndim(v) else (v, v) for v in (kernel_size, stride, padding, dilation))
    padded = np.pad(x, ((0, 0), (0, 0), (ph, ph), (pw, pw)))
    high, wide = dh * (kh - 1) + 1, dw * (kw - 1) + 1
    if padded.shape[2] < high or padded.shape[3] < wide:
        raise ValueError("the window does not fit")
    columns = []
    for top in range(0, padded.shape[2] - high + 1, sh):
        for left in range(0, padded.shape[3] - wide + 1, sw):
            columns.append(padded[:, :, top : top + high : dh, left : left + wide : dw].reshape(len(x), -1))
    return np.stack(columns, axis=2)


def im2col_places(x, kernel_size, stride=1, padding=0, dilation=1):
    (kh, kw), (sh, sw), (ph, pw), (dh, dw) = (v if np.ndim(v) else (v, v) for v in (kernel_size, stride, padding, dilation))
    n, c, h, w = x.shape
    rows, columns = (h + 2 * ph - dh * (kh - 1) - 1) // sh + 1, (w + 2 * pw - dw * (kw - 1) - 1) // sw + 1
    if rows < 1 or columns < 1:
        raise ValueError("too small")
    padded = np.pad(x, ((0, 0), (0, 0), (ph, ph), (pw, pw)))
    cols = np.zeros((n, c, kh, kw, rows, columns), x.dtype)
    for u in range(kh):
        for v in range(kw):
            cols[:, :, u, v] = padded[:, :, u * dh :: sh, v * dw :: sw][:, :, :rows, :columns]
    return cols.reshape(n, c * kh * kw, -1)


def im2col_indices(x, kernel_size, stride=1, padding=0, dilation=1):
    (kh, kw), (sh, sw), (ph, pw), (dh, dw) = (v if np.ndim(v) else (v, v) for v in (kernel_size, stride, padding, dilation))
    padded = np.pad(x, ((0, 0), (0, 0), (ph, ph), (pw, pw)))
    tops, lefts = np.arange(0, padded.shape[2] - dh * (kh - 1), sh), np.arange(0, padded.shape[3] - dw * (kw - 1), sw)
    if not len(tops) or not len(lefts):
        raise ValueError("the window does not fit")
    i = np.arange(kh)[:, None, None, None] * dh + tops[None, None, :, None]
    j = np.arange(kw)[None, :, None, None] * dw + lefts[None, None, None, :]
    return padded[:, :, i, j].reshape(len(x), -1, len(tops) * len(lefts))


def col2im_windows(cols, x_shape, kernel_size, stride=1, padding=0, dilation=1):
    (kh, kw), (sh, sw), (ph, pw), (dh, dw) = (v if np.ndim(v) else (v, v) for v in (kernel_size, stride, padding, dilation))
    n, c, h, w = x_shape
    padded = np.zeros((n, c, h + 2 * ph, w + 2 * pw), cols.dtype)
    high, wide = dh * (kh - 1) + 1, dw * (kw - 1) + 1
    number = 0
    for top in range(0, h + 2 * ph - high + 1, sh):
        for left in range(0, w + 2 * pw - wide + 1, sw):
            padded[:, :, top : top + high : dh, left : left + wide : dw] += cols[:, :, number].reshape(n, c, kh, kw)
            number += 1
    return padded[:, :, ph : ph + h, pw : pw + w]


def col2im_add_at(cols, x_shape, kernel_size, stride=1, padding=0, dilation=1):
    (kh, kw), (sh, sw), (ph, pw), (dh, dw) = (v if np.ndim(v) else (v, v) for v in (kernel_size, stride, padding, dilation))
    n, c, h, w = x_shape
    padded = np.zeros((n, c, h + 2 * ph, w + 2 * pw), cols.dtype)
    tops, lefts = np.arange(0, h + 2 * ph - dh * (kh - 1), sh), np.arange(0, w + 2 * pw - dw * (kw - 1), sw)
    i = np.arange(kh)[:, None, None, None] * dh + tops[None, None, :, None]
    j = np.arange(kw)[None, :, None, None] * dw + lefts[None, None, None, :]
    np.add.at(padded, (slice(None), slice(None), i, j), cols.reshape(n, c, kh, kw, len(tops), len(lefts)))
    return padded[:, :, ph : ph + h, pw : pw + w]


def col2im_numbers(cols, x_shape, kernel_size, stride=1, padding=0, dilation=1):
    (kh, kw), (sh, sw), (ph, pw), (dh, dw) = (v if np.ndim(v) else (v, v) for v in (kernel_size, stride, padding, dilation))
    _, _, h, w = x_shape
    columns = (w + 2 * pw - dw * (kw - 1) - 1) // sw + 1
    x = np.zeros(x_shape, cols.dtype)
    for row in range(cols.shape[1]):
        channel, u, v = row // (kh * kw), row // kw % kh, row % kw
        for place in range(cols.shape[2]):
            i, j = place // columns * sh + u * dh - ph, place % columns * sw + v * dw - pw
            if 0 <= i < h and 0 <= j < w:
                x[:, channel, i, j] += cols[:, row, place]
    return x


def conv2d_backward_loops(dout, x, w, stride=1, padding=0, dilation=1, groups=1):
    sh, sw = (stride, stride) if isinstance(stride, int) else stride
    ph, pw = (padding, padding) if isinstance(padding, int) else padding
    dh, dw_ = (dilation, dilation) if isinstance(dilation, int) else dilation
    F, per_group, kh, kw = w.shape
    xp = np.pad(x, ((0, 0), (0, 0), (ph, ph), (pw, pw)))
    dxp, dw, db = np.zeros(xp.shape, dout.dtype), np.zeros(w.shape, dout.dtype), np.zeros(F, dout.dtype)
    for n, f, i, j in np.ndindex(dout.shape):
        first = f // (F // groups) * per_group
        top, left = i * sh, j * sw
        part = (n, slice(first, first + per_group), slice(top, top + dh * (kh - 1) + 1, dh), slice(left, left + dw_ * (kw - 1) + 1, dw_))
        dxp[part] += w[f] * dout[n, f, i, j]
        dw[f] += xp[part] * dout[n, f, i, j]
        db[f] += dout[n, f, i, j]
    return dxp[:, :, ph : ph + x.shape[2], pw : pw + x.shape[3]], dw, db


def conv2d_backward_slices(dout, x, w, stride=1, padding=0, dilation=1, groups=1):
    (sh, sw), (ph, pw), (dh, dl) = (v if np.ndim(v) else (v, v) for v in (stride, padding, dilation))
    n, _, rows, columns = dout.shape
    _, per_group, kh, kw = w.shape
    xp = np.pad(x, ((0, 0), (0, 0), (ph, ph), (pw, pw)))
    xp = xp.reshape(n, groups, per_group, *xp.shape[2:])
    dxp = np.zeros(xp.shape, dout.dtype)
    grads, weights = dout.reshape(n, groups, -1, rows, columns), w.reshape(groups, -1, per_group, kh, kw)
    dw = np.zeros(weights.shape, dout.dtype)
    for u in range(kh):
        for v in range(kw):
            here = (..., slice(u * dh, u * dh + sh * (rows - 1) + 1, sh), slice(v * dl, v * dl + sw * (columns - 1) + 1, sw))
            dw[..., u, v] = np.einsum("ngfij,ngcij->gfc", grads, xp[here])
            dxp[here] += np.einsum("ngfij,gfc->ngcij", grads, weights[..., u, v])
    dxp = dxp.reshape(n, -1, *dxp.shape[3:])
    return dxp[:, :, ph : ph + x.shape[2], pw : pw + x.shape[3]], dw.reshape(w.shape), np.einsum("nfij->f", dout)


def conv2d_backward_convolutions(dout, x, w, stride=1, padding=0, dilation=1, groups=1):
    """dx as a convolution of the stretched dout with the flipped kernel, dw as one of x with the stretched dout."""
    (sh, sw), (ph, pw), (dh, dl) = (v if np.ndim(v) else (v, v) for v in (stride, padding, dilation))
    n, f, rows, columns = dout.shape
    _, per_group, kh, kw = w.shape
    spread = np.zeros((f, per_group, dh * (kh - 1) + 1, dl * (kw - 1) + 1), w.dtype)
    spread[:, :, ::dh, ::dl] = w
    high, wide = spread.shape[2:]
    stretched = np.zeros((n, f, x.shape[2] + 2 * ph - high + 1, x.shape[3] + 2 * pw - wide + 1), dout.dtype)
    stretched[:, :, ::sh, ::sw][:, :, :rows, :columns] = dout
    views = np.lib.stride_tricks.sliding_window_view
    around = np.pad(stretched, ((0, 0), (0, 0), (high - 1, high - 1), (wide - 1, wide - 1)))
    xp = np.pad(x, ((0, 0), (0, 0), (ph, ph), (pw, pw)))
    dx, dw = [], []
    for g in range(groups):
        fs, cs = slice(g * f // groups, (g + 1) * f // groups), slice(g * per_group, (g + 1) * per_group)
        dx.append(np.einsum("nfijuv,fcuv->ncij", views(around[:, fs], (high, wide), axis=(2, 3)), spread[fs, :, ::-1, ::-1]))
        full = np.einsum("ncuvij,nfij->fcuv", views(xp[:, cs], stretched.shape[2:], axis=(2, 3)), stretched[:, fs])
        dw.append(full[:, :, ::dh, ::dl])
    dx = np.concatenate(dx, axis=1)[:, :, ph : ph + x.shape[2], pw : pw + x.shape[3]]
    return {"dx": dx, "dw": np.concatenate(dw), "db": dout.sum((0, 2, 3))}


def max_pool2d_forward_loops(x, kernel_size, stride=None, padding=0):
    kh, kw = (kernel_size, kernel_size) if isinstance(kernel_size, int) else kernel_size
    stride = (kh, kw) if stride is None else stride
    sh, sw = (stride, stride) if isinstance(stride, int) else stride
    ph, pw = (padding, padding) if isinstance(padding, int) else padding
    N, C, H, W = x.shape
    if ph > kh / 2 or pw > kw / 2 or H + 2 * ph < kh or W + 2 * pw < kw:
        raise ValueError("window or padding")
    rows, cols = (H + 2 * ph - kh) // sh + 1, (W + 2 * pw - kw) // sw + 1
    out = np.zeros((N, C, rows, cols), x.dtype)
    for n, c, i, j in np.ndindex(out.shape):
        top, left = i * sh - ph, j * sw - pw
        out[n, c, i, j] = x[n, c, max(top, 0) : top + kh, max(left, 0) : left + kw].max()
    return out


def max_pool2d_forward_windows(x, kernel_size, stride=None, padding=0):
    kernel_size = kernel_size if np.ndim(kernel_size) else (kernel_size, kernel_size)
    stride = kernel_size if stride is None else stride
    (sh, sw), (ph, pw) = (v if np.ndim(v) else (v, v) for v in (stride, padding))
    if ph > kernel_size[0] // 2 or pw > kernel_size[1] // 2:
        raise ValueError("padding")
    lowest = x.min() - 1
    padded = np.pad(x, ((0, 0), (0, 0), (ph, ph), (pw, pw)), constant_values=lowest)
    windows = np.lib.stride_tricks.sliding_window_view(padded, kernel_size, axis=(2, 3))
    return windows[:, :, ::sh, ::sw].max(axis=(4, 5))


def max_pool2d_forward_two_steps(x, kernel_size, stride=None, padding=0):
    kh, kw = kernel_size if np.ndim(kernel_size) else (kernel_size, kernel_size)
    stride = (kh, kw) if stride is None else stride
    (sh, sw), (ph, pw) = (v if np.ndim(v) else (v, v) for v in (stride, padding))
    H, W = x.shape[2:]
    if 2 * ph > kh or 2 * pw > kw or kh > H + 2 * ph or kw > W + 2 * pw:
        raise ValueError("window")
    tops, lefts = range(-ph, H + ph - kh + 1, sh), range(-pw, W + pw - kw + 1, sw)
    rows = np.stack([x[:, :, max(t, 0) : t + kh].max(axis=2) for t in tops], axis=2)
    return np.stack([rows[..., max(t, 0) : t + kw].max(axis=3) for t in lefts], axis=3)


def max_pool2d_backward_loops(dout, x, kernel_size, stride=None, padding=0):
    kh, kw = (kernel_size, kernel_size) if isinstance(kernel_size, int) else kernel_size
    stride = (kh, kw) if stride is None else stride
    sh, sw = (stride, stride) if isinstance(stride, int) else stride
    ph, pw = (padding, padding) if isinstance(padding, int) else padding
    dx = np.zeros(x.shape, dout.dtype)
    for n, c, i, j in np.ndindex(dout.shape):
        top, left = max(i * sh - ph, 0), max(j * sw - pw, 0)
        window = x[n, c, top : i * sh - ph + kh, left : j * sw - pw + kw]
        row, column = divmod(int(np.argmax(window)), window.shape[1])
        dx[n, c, top + row, left + column] += dout[n, c, i, j]
    return dx


def max_pool2d_backward_places(dout, x, kernel_size, stride=None, padding=0):
    kh, kw = kernel_size if np.ndim(kernel_size) else (kernel_size, kernel_size)
    stride = (kh, kw) if stride is None else stride
    (sh, sw), (ph, pw) = (v if np.ndim(v) else (v, v) for v in (stride, padding))
    rows, columns = dout.shape[2:]
    padded = np.pad(x.astype(float), ((0, 0), (0, 0), (ph, ph), (pw, pw)), constant_values=-np.inf)
    dpadded = np.zeros(padded.shape, dout.dtype)
    places = [
        (..., slice(u, u + sh * (rows - 1) + 1, sh), slice(v, v + sw * (columns - 1) + 1, sw)) for u in range(kh) for v in range(kw)
    ]
    best = np.max([padded[place] for place in places], axis=0)
    free = np.ones(dout.shape, bool)
    for place in places:
        wins = free & (padded[place] == best)
        dpadded[place] += np.where(wins, dout, 0)
        free &= ~wins
    return dpadded[:, :, ph : ph + x.shape[2], pw : pw + x.shape[3]]


def max_pool2d_backward_add_at(dout, x, kernel_size, stride=None, padding=0):
    kh, kw = kernel_size if np.ndim(kernel_size) else (kernel_size, kernel_size)
    stride = (kh, kw) if stride is None else stride
    (sh, sw), (ph, pw) = (v if np.ndim(v) else (v, v) for v in (stride, padding))
    padded = np.pad(x, ((0, 0), (0, 0), (ph, ph), (pw, pw)), constant_values=x.min() - 1)
    windows = np.lib.stride_tricks.sliding_window_view(padded, (kh, kw), axis=(2, 3))[:, :, ::sh, ::sw]
    winner = windows.reshape(*dout.shape, kh * kw).argmax(-1)
    n, c, i, j = np.indices(dout.shape)
    dpadded = np.zeros(padded.shape, dout.dtype)
    np.add.at(dpadded, (n, c, i * sh + winner // kw, j * sw + winner % kw), dout)
    return dpadded[:, :, ph : ph + x.shape[2], pw : pw + x.shape[3]]


def avg_pool2d_forward_loops(x, kernel_size, stride=None, padding=0):
    kh, kw = (kernel_size, kernel_size) if isinstance(kernel_size, int) else kernel_size
    stride = (kh, kw) if stride is None else stride
    sh, sw = (stride, stride) if isinstance(stride, int) else stride
    ph, pw = (padding, padding) if isinstance(padding, int) else padding
    N, C, H, W = x.shape
    if ph > kh / 2 or pw > kw / 2 or H + 2 * ph < kh or W + 2 * pw < kw:
        raise ValueError("window or padding")
    rows, cols = (H + 2 * ph - kh) // sh + 1, (W + 2 * pw - kw) // sw + 1
    out = np.zeros((N, C, rows, cols), x.dtype if x.dtype.kind == "f" else float)
    for n, c, i, j in np.ndindex(out.shape):
        top, left = i * sh - ph, j * sw - pw
        out[n, c, i, j] = x[n, c, max(top, 0) : top + kh, max(left, 0) : left + kw].sum() / (kh * kw)
    return out


def avg_pool2d_forward_windows(x, kernel_size, stride=None, padding=0):
    kernel_size = kernel_size if np.ndim(kernel_size) else (kernel_size, kernel_size)
    stride = kernel_size if stride is None else stride
    (sh, sw), (ph, pw) = (v if np.ndim(v) else (v, v) for v in (stride, padding))
    if ph > kernel_size[0] // 2 or pw > kernel_size[1] // 2:
        raise ValueError("padding")
    padded = np.pad(x, ((0, 0), (0, 0), (ph, ph), (pw, pw)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, kernel_size, axis=(2, 3))
    return windows[:, :, ::sh, ::sw].mean(axis=(4, 5))


def avg_pool2d_forward_running_sums(x, kernel_size, stride=None, padding=0):
    kh, kw = kernel_size if np.ndim(kernel_size) else (kernel_size, kernel_size)
    stride = (kh, kw) if stride is None else stride
    (sh, sw), (ph, pw) = (v if np.ndim(v) else (v, v) for v in (stride, padding))
    if 2 * ph > kh or 2 * pw > kw:
        raise ValueError("padding")
    total = np.pad(x, ((0, 0), (0, 0), (ph + 1, ph), (pw + 1, pw))).cumsum(axis=2).cumsum(axis=3)
    if total.shape[2] <= kh or total.shape[3] <= kw:
        raise ValueError("the window does not fit")
    sums = total[:, :, kh:, kw:] - total[:, :, :-kh, kw:] - total[:, :, kh:, :-kw] + total[:, :, :-kh, :-kw]
    return sums[:, :, ::sh, ::sw] / (kh * kw)


def avg_pool2d_backward_loops(dout, x, kernel_size, stride=None, padding=0):
    kh, kw = (kernel_size, kernel_size) if isinstance(kernel_size, int) else kernel_size
    stride = (kh, kw) if stride is None else stride
    sh, sw = (stride, stride) if isinstance(stride, int) else stride
    ph, pw = (padding, padding) if isinstance(padding, int) else padding
    dx = np.zeros(x.shape, dout.dtype)
    for n, c, i, j in np.ndindex(dout.shape):
        top, left = i * sh - ph, j * sw - pw
        dx[n, c, max(top, 0) : top + kh, max(left, 0) : left + kw] += dout[n, c, i, j] / (kh * kw)
    return dx


def avg_pool2d_backward_places(dout, x, kernel_size, stride=None, padding=0):
    kh, kw = kernel_size if np.ndim(kernel_size) else (kernel_size, kernel_size)
    stride = (kh, kw) if stride is None else stride
    (sh, sw), (ph, pw) = (v if np.ndim(v) else (v, v) for v in (stride, padding))
    n, c, h, w = x.shape
    dpadded = np.zeros((n, c, h + 2 * ph, w + 2 * pw), dout.dtype)
    for u in range(kh):
        for v in range(kw):
            dpadded[:, :, u : u + sh * (dout.shape[2] - 1) + 1 : sh, v : v + sw * (dout.shape[3] - 1) + 1 : sw] += dout
    return dpadded[:, :, ph : ph + h, pw : pw + w] / (kh * kw)


def avg_pool2d_backward_matrices(dout, x, kernel_size, stride=None, padding=0):
    kernel_size = kernel_size if np.ndim(kernel_size) else (kernel_size, kernel_size)
    stride = kernel_size if stride is None else stride
    stride, padding = (v if np.ndim(v) else (v, v) for v in (stride, padding))
    sides = []
    for size, outputs, k, s, p in zip(x.shape[2:], dout.shape[2:], kernel_size, stride, padding, strict=True):
        start = np.arange(outputs)[:, None] * s - p
        sides.append(((np.arange(size) >= start) & (np.arange(size) < start + k)).astype(dout.dtype) / k)
    return np.einsum("ncij,ih,jw->nchw", dout, *sides)


def global_avg_pool2d_forward_reshape(x):
    return x.reshape(*x.shape[:2], -1).mean(axis=-1)


def global_avg_pool2d_forward_einsum(x):
    return np.einsum("nchw->nc", x) / (x.shape[2] * x.shape[3])


def global_avg_pool2d_forward_loops(x):
    out = np.zeros(x.shape[:2], x.dtype if x.dtype.kind == "f" else float)
    for n in range(x.shape[0]):
        for c in range(x.shape[1]):
            out[n, c] = sum(x[n, c].ravel()) / x[n, c].size
    return out


def global_avg_pool2d_backward_broadcast(dout, x):
    return np.broadcast_to(dout[:, :, None, None] / x[0, 0].size, x.shape)


def global_avg_pool2d_backward_product(dout, x):
    return np.einsum("nc,hw->nchw", dout, np.full(x.shape[2:], 1 / math.prod(x.shape[2:]), dout.dtype))


def global_avg_pool2d_backward_loops(dout, x):
    dx = np.zeros(x.shape, dout.dtype)
    for n, c, i, j in np.ndindex(x.shape):
        dx[n, c, i, j] = dout[n, c] / (x.shape[2] * x.shape[3])
    return dx


CORRECT = {
    "linear_forward": [linear_forward_loops, linear_forward_einsum, linear_forward_tensordot],
    "linear_backward": [linear_backward_loops, linear_backward_einsum, linear_backward_transposed],
    "relu_forward": [relu_forward_where, relu_forward_copy, relu_forward_formula],
    "relu_backward": [relu_backward_where, relu_backward_copy, relu_backward_loops],
    "sigmoid_forward": [sigmoid_forward_tanh, sigmoid_forward_masks, sigmoid_forward_clipped],
    "sigmoid_backward": [sigmoid_backward_exponential, sigmoid_backward_tanh, sigmoid_backward_clipped],
    "tanh_forward": [tanh_forward_exponential, tanh_forward_loops, tanh_forward_clipped],
    "tanh_backward": [tanh_backward_exponential, tanh_backward_factors, tanh_backward_loops],
    "softmax_cross_entropy": [softmax_cross_entropy_loops, softmax_cross_entropy_one_hot, softmax_cross_entropy_logaddexp],
    "numerical_gradient": [numerical_gradient_flat, numerical_gradient_nditer, numerical_gradient_enumerate],
    "conv2d_forward": [conv2d_forward_loops, conv2d_forward_slices, conv2d_forward_dilated_kernel],
    "im2col": [im2col_windows, im2col_places, im2col_indices],
    "col2im": [col2im_windows, col2im_add_at, col2im_numbers],
    "conv2d_backward": [conv2d_backward_loops, conv2d_backward_slices, conv2d_backward_convolutions],
    "max_pool2d_forward": [max_pool2d_forward_loops, max_pool2d_forward_windows, max_pool2d_forward_two_steps],
    "max_pool2d_backward": [max_pool2d_backward_loops, max_pool2d_backward_places, max_pool2d_backward_add_at],
    "avg_pool2d_forward": [avg_pool2d_forward_loops, avg_pool2d_forward_windows, avg_pool2d_forward_running_sums],
    "avg_pool2d_backward": [avg_pool2d_backward_loops, avg_pool2d_backward_places, avg_pool2d_backward_matrices],
    "global_avg_pool2d_forward": [global_avg_pool2d_forward_reshape, global_avg_pool2d_forward_einsum, global_avg_pool2d_forward_loops],
    "global_avg_pool2d_backward": [
        global_avg_pool2d_backward_broadcast,
        global_avg_pool2d_backward_product,
        global_avg_pool2d_backward_loops,
    ],
}
