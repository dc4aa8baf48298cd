"""Right solutions of assignment 01, each written differently: closed formulas, counting, loops, NumPy's own tools.

Every function stands by itself, apart from `math` and `np`: tests paste its text into notebooks.
"""

import math

import numpy as np


def output_size_by_walking(size, kernel, stride=1, padding=0, dilation=1):
    """Walk along the padded side and count."""
    if size <= 0 or kernel <= 0 or stride <= 0 or dilation <= 0 or padding < 0:
        raise ValueError("sizes and steps start at 1, padding at 0")
    count, start = 0, -padding
    while start + (kernel - 1) * dilation < size + padding:
        count += 1
        start += stride
    if count == 0:
        raise ValueError("the window does not fit")
    return count


def output_size_by_range(size, kernel, stride=1, padding=0, dilation=1):
    for value, least in ((size, 1), (kernel, 1), (stride, 1), (dilation, 1), (padding, 0)):
        if value < least:
            raise ValueError(f"{value} is below {least}")
    starts = range(0, size + 2 * padding - dilation * (kernel - 1), stride)
    if not starts:
        raise ValueError("no window fits")
    return len(starts)


def output_size_by_rounding(size, kernel, stride=1, padding=0, dilation=1):
    if min(size, kernel, stride, dilation, padding + 1) < 1:
        raise ValueError("an argument is too small")
    steps = (size + padding + padding - (kernel + (kernel - 1) * (dilation - 1))) / stride
    if steps < 0:
        raise ValueError("the window is too wide")
    return math.floor(steps + 1)


def output_size_by_array(size, kernel, stride=1, padding=0, dilation=1):
    """The number of windows in a sliding view of a real array; a NumPy integer is returned."""
    if size < 1 or kernel < 1 or stride < 1 or dilation < 1 or padding < 0:
        raise ValueError("an argument is too small")
    side = np.zeros(size + 2 * padding)
    return np.int64(len(np.lib.stride_tricks.sliding_window_view(side, dilation * (kernel - 1) + 1)[::stride]))


def same_padding_by_search(kernel, dilation=1):
    span = dilation * (kernel - 1) + 1
    for padding in range(span):
        if 100 + 2 * padding - span + 1 == 100:
            return padding
    raise ValueError("no padding keeps the size")


def same_padding_by_centre(kernel, dilation=1):
    """The padding is the position of the middle pixel."""
    offsets = np.arange(kernel) * dilation
    if (offsets[-1] + 1) % 2 == 0:
        raise ValueError("no middle pixel")
    return int(offsets[-1] / 2)


def same_padding_by_divmod(kernel, dilation=1):
    half, rest = divmod(dilation * kernel - dilation, 2)
    if rest == 1:
        raise ValueError("even span")
    return half


def conv_parameters_by_counting(in_channels, out_channels, kernel_size, bias=True, groups=1):
    kh, kw = (kernel_size, kernel_size) if isinstance(kernel_size, int) else kernel_size
    if in_channels % groups != 0:
        raise ValueError("channels")
    if out_channels % groups != 0:
        raise ValueError("filters")
    total = 0
    for _ in range(out_channels):
        for _ in range(in_channels // groups):
            total += kh * kw
        if bias:
            total += 1
    return total


def conv_parameters_by_arrays(in_channels, out_channels, kernel_size, bias=True, groups=1):
    """The sizes of arrays made in the shapes of the weight and the bias."""
    if (in_channels % groups, out_channels % groups) != (0, 0):
        raise ValueError("groups")
    weight = np.empty((out_channels, in_channels // groups, *np.broadcast_to(kernel_size, 2)))
    return weight.size + (np.empty(out_channels).size if bias else 0)


def conv_parameters_by_groups(in_channels, out_channels, kernel_size, bias=True, groups=1):
    """Each group is a convolution of its own."""
    channels, rest = divmod(in_channels, groups)
    filters, other_rest = divmod(out_channels, groups)
    if rest or other_rest:
        raise ValueError("not divisible")
    area = kernel_size**2 if isinstance(kernel_size, int) else math.prod(kernel_size)
    return groups * filters * channels * area + int(bias) * out_channels


def conv_multiply_adds_by_loops(in_channels, out_channels, kernel_size, output_hw, groups=1):
    kh, kw = (kernel_size, kernel_size) if isinstance(kernel_size, int) else kernel_size
    total = 0
    for _ in range(out_channels):
        for _ in range(output_hw[0] * output_hw[1]):
            total += kh * kw * (in_channels // groups)
    return total


def conv_multiply_adds_by_prod(in_channels, out_channels, kernel_size, output_hw, groups=1):
    kernel = tuple(np.broadcast_to(kernel_size, 2))
    return int(np.prod((out_channels, *output_hw, in_channels, *kernel))) // groups


def conv_multiply_adds_by_groups(in_channels, out_channels, kernel_size, output_hw, groups=1):
    """As many matrix products as groups."""
    area = kernel_size**2 if isinstance(kernel_size, int) else kernel_size[0] * kernel_size[1]
    rows, inner, columns = out_channels // groups, in_channels // groups * area, math.prod(output_hw)
    return groups * (rows * inner * columns)


def activation_memory_by_loops(shapes, dtype="float32", batch_size=1):
    total = 0
    for shape in shapes:
        values = batch_size
        for n in shape:
            values *= n
        total += values * np.dtype(dtype).itemsize
    return total


def activation_memory_by_arrays(shapes, dtype="float32", batch_size=1):
    return sum(np.empty((batch_size, *shape), dtype).nbytes for shape in shapes)


def activation_memory_by_prod(shapes, dtype="float32", batch_size=1):
    bits = {"uint8": 8, "float16": 16, "float32": 32, "float64": 64}[dtype]
    return int(batch_size * sum(int(np.prod(shape)) for shape in shapes) * bits // 8)


def receptive_field_from_the_top(layers):
    """Start with one output value and ask, layer by layer downwards, how many inputs it needs."""
    result = []
    for side in (0, 1):
        needed = 1
        for layer in reversed(layers):
            kernel, stride, dilation = (
                value if isinstance(value, int) else value[side]
                for value in (layer["kernel"], layer.get("stride", 1), layer.get("dilation", 1))
            )
            needed = (needed - 1) * stride + dilation * (kernel - 1) + 1
        result.append(needed)
    return tuple(result)


def receptive_field_with_arrays(layers):
    """Both sides at once, as an array of two numbers."""
    field, jump = np.ones(2, int), np.ones(2, int)
    for layer in layers:
        kernel, stride, dilation = (np.array(layer.get(key, 1)) for key in ("kernel", "stride", "dilation"))
        field = field + (kernel - 1) * dilation * jump
        jump = jump * stride
    return field


def receptive_field_by_sets(layers):
    """The set of pixels that one output reads; lists instead of tuples."""
    result = []
    for side in (0, 1):
        pixels = {0}
        for layer in layers[::-1]:
            kernel, stride, dilation = (
                value[side] if isinstance(value, (tuple, list)) else value
                for value in (layer["kernel"], layer.get("stride", 1), layer.get("dilation", 1))
            )
            pixels = {p * stride + k * dilation for p in pixels for k in range(kernel)}
        result.append(max(pixels) - min(pixels) + 1)
    return result


def convolve_1d_by_definition(signal, kernel):
    """Two loops, straight from the sum."""
    n, k = len(signal), len(kernel)
    if n < k:
        raise ValueError("too long")
    out = np.zeros(n - k + 1, dtype=(signal[:1] * kernel[:1]).dtype)
    for i in range(n - k + 1):
        for j in range(k):
            out[i] += kernel[j] * signal[i + k - 1 - j]
    return out


def convolve_1d_by_numpy(signal, kernel):
    if kernel.size > signal.size:
        raise ValueError("too long")
    return np.convolve(signal, kernel, mode="valid")


def convolve_1d_by_shifts(signal, kernel):
    """A sum of shifted signals."""
    count = len(signal) - len(kernel) + 1
    if count <= 0:
        raise ValueError("too long")
    return sum(weight * signal[s : s + count] for s, weight in enumerate(kernel[::-1]))


def convolve_1d_by_windows(signal, kernel):
    """One matrix product, in float32 inside."""
    windows = np.lib.stride_tricks.sliding_window_view(signal, len(kernel))
    return windows.astype(np.float32) @ kernel[::-1].astype(np.float32)


def correlate_2d_by_four_loops(image, kernel, stride=1, padding=0):
    """Padding without padding: pixels outside are skipped."""
    (rows, columns), (kh, kw) = image.shape, kernel.shape
    if kh > rows + 2 * padding or kw > columns + 2 * padding:
        raise ValueError("does not fit")
    height, width = (rows + 2 * padding - kh) // stride + 1, (columns + 2 * padding - kw) // stride + 1
    out = np.zeros((height, width), dtype=np.promote_types(image.dtype, kernel.dtype))
    for i in range(height):
        for j in range(width):
            for u in range(kh):
                for v in range(kw):
                    y, x = i * stride + u - padding, j * stride + v - padding
                    if 0 <= y < rows and 0 <= x < columns:
                        out[i, j] += kernel[u, v] * image[y, x]
    return out


def correlate_2d_by_einsum(image, kernel, stride=1, padding=0):
    padded = np.pad(image, padding)
    windows = np.lib.stride_tricks.sliding_window_view(padded, kernel.shape)[::stride, ::stride]
    return np.einsum("ijuv,uv->ij", windows, kernel)


def correlate_2d_by_im2col(image, kernel, stride=1, padding=0):
    """Windows as rows of a matrix, one product, in float32 inside."""
    padded = np.pad(image.astype(np.float32), ((padding, padding), (padding, padding)))
    kh, kw = kernel.shape
    tops, lefts = range(0, padded.shape[0] - kh + 1, stride), range(0, padded.shape[1] - kw + 1, stride)
    if not len(tops) or not len(lefts):
        raise ValueError("does not fit")
    rows = np.array([padded[t : t + kh, s : s + kw].ravel() for t in tops for s in lefts])
    return (rows @ kernel.ravel().astype(np.float32)).reshape(len(tops), len(lefts))


def convolve_2d_by_definition(image, kernel, padding=0):
    padded = np.pad(image, padding)
    (rows, columns), (kh, kw) = padded.shape, kernel.shape
    out = np.zeros((rows - kh + 1, columns - kw + 1))
    for i in range(out.shape[0]):
        for j in range(out.shape[1]):
            out[i, j] = sum(kernel[u, v] * padded[i + kh - 1 - u, j + kw - 1 - v] for u in range(kh) for v in range(kw))
    return out


def convolve_2d_by_stamping(image, kernel, padding=0):
    """Stamp the kernel at every pixel, weighted, and keep the part where it lies inside the padded image."""
    (rows, columns), (kh, kw) = image.shape, kernel.shape
    full = np.zeros((rows + kh - 1, columns + kw - 1))
    for i in range(rows):
        for j in range(columns):
            full[i : i + kh, j : j + kw] += image[i, j] * kernel
    full = np.pad(full, padding)
    return full[kh - 1 : full.shape[0] - kh + 1, kw - 1 : full.shape[1] - kw + 1]


def convolve_2d_by_rotation(image, kernel, padding=0):
    windows = np.lib.stride_tricks.sliding_window_view(np.pad(image, padding), kernel.shape)
    return np.tensordot(windows, np.rot90(kernel, 2), axes=2)


def filter_image_by_channels(image, kernel, edges="edge"):
    """Four loops and a centre pixel."""
    kh, kw = kernel.shape
    if not (kh % 2 and kw % 2):
        raise ValueError("no centre")
    out = np.empty(image.shape, dtype=np.float64)
    for c in range(image.shape[2]):
        padded = np.pad(image[:, :, c].astype(float), ((kh // 2, kh // 2), (kw // 2, kw // 2)), mode=edges)
        for i in range(image.shape[0]):
            for j in range(image.shape[1]):
                out[i, j, c] = (padded[i : i + kh, j : j + kw] * kernel).sum()
    return out


def filter_image_by_einsum(image, kernel, edges="edge"):
    if kernel.shape[0] % 2 == 0 or kernel.shape[1] % 2 == 0:
        raise ValueError("no centre")
    ph, pw = kernel.shape[0] // 2, kernel.shape[1] // 2
    padded = np.pad(image, [(ph, ph), (pw, pw), (0, 0)], edges)
    windows = np.lib.stride_tricks.sliding_window_view(padded, kernel.shape, axis=(0, 1))
    return np.einsum("hwcuv,uv->hwc", windows, kernel)


def filter_image_by_index(image, kernel, edges="edge"):
    """Each kind of border written out by index, and a sum of shifted photos in float32."""
    kh, kw = kernel.shape
    if (kh + 1) % 2 or (kw + 1) % 2:
        raise ValueError("no centre")
    height, width, _ = image.shape
    out = np.zeros(image.shape, np.float32)
    for u in range(kh):
        for v in range(kw):
            rows, columns = np.arange(height) + u - kh // 2, np.arange(width) + v - kw // 2
            inside = np.ix_((rows >= 0) & (rows < height), (columns >= 0) & (columns < width))
            if edges == "reflect":
                rows, columns = np.abs(rows), np.abs(columns)
                rows, columns = np.minimum(rows, 2 * height - 2 - rows), np.minimum(columns, 2 * width - 2 - columns)
            shifted = image[np.ix_(rows.clip(0, height - 1), columns.clip(0, width - 1))].astype(np.float32)
            if edges == "constant":
                shifted, all_pixels = np.zeros_like(shifted), shifted
                shifted[inside] = all_pixels[inside]
            out += np.float32(kernel[u, v]) * shifted
    return out


CORRECT = {
    "output_size": [output_size_by_walking, output_size_by_range, output_size_by_rounding, output_size_by_array],
    "same_padding": [same_padding_by_search, same_padding_by_centre, same_padding_by_divmod],
    "conv_parameters": [conv_parameters_by_counting, conv_parameters_by_arrays, conv_parameters_by_groups],
    "conv_multiply_adds": [conv_multiply_adds_by_loops, conv_multiply_adds_by_prod, conv_multiply_adds_by_groups],
    "activation_memory": [activation_memory_by_loops, activation_memory_by_arrays, activation_memory_by_prod],
    "receptive_field": [receptive_field_from_the_top, receptive_field_with_arrays, receptive_field_by_sets],
    "convolve_1d": [convolve_1d_by_definition, convolve_1d_by_numpy, convolve_1d_by_shifts, convolve_1d_by_windows],
    "correlate_2d": [correlate_2d_by_four_loops, correlate_2d_by_einsum, correlate_2d_by_im2col],
    "convolve_2d": [convolve_2d_by_definition, convolve_2d_by_stamping, convolve_2d_by_rotation],
    "filter_image": [filter_image_by_channels, filter_image_by_einsum, filter_image_by_index],
}
