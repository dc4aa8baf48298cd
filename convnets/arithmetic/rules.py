"""How the receptive field passes through PyTorch's functions: one rule a family of functions.

A rule gets the call (see `convnets.arithmetic.trace.Call`) and the spans of its first input, and returns the spans of
its output. Functions that only compute position by position need no rule; any other function without one ends in an
unknown field. The statistics of normalisation layers are not counted, as is usual.
"""

from dataclasses import replace
from fractions import Fraction

from convnets.arithmetic.spans import (
    UnknownFieldError,
    gathered,
    merged,
    mixed,
    moved,
    sliced,
    slid,
    spread,
    viewed,
    windowed,
)

CONVOLUTION = ("input", "weight", "bias", "stride", "padding", "dilation", "groups")
TRANSPOSED = ("input", "weight", "bias", "stride", "padding", "output_padding", "groups", "dilation")
MAX_POOL = ("input", "kernel_size", "stride", "padding", "dilation", "ceil_mode")
AVERAGE_POOL = ("input", "kernel_size", "stride", "padding", "ceil_mode")
LP_POOL = ("input", "norm_type", "kernel_size", "stride", "ceil_mode")

SIGNATURES = {
    "linear": ("input", "weight", "bias"),
    "matmul": ("input", "other"),
    "cat": ("tensors", "dim"),
    "stack": ("tensors", "dim"),
    "pad": ("input", "pad", "mode"),
    "interpolate": ("input", "size", "scale_factor", "mode", "align_corners", "recompute_scale_factor", "antialias"),
    "pixel_shuffle": ("input", "factor"),
    "pixel_unshuffle": ("input", "factor"),
    "unsqueeze": ("input", "dim"),
    "transpose": ("input", "dim0", "dim1"),
    "permute": ("input", "dims"),
    "getitem": ("input", "index"),
    "batch_norm": ("input", "running_mean", "running_var", "weight", "bias"),
    "group_norm": ("input", "num_groups", "weight", "bias"),
    "instance_norm": ("input", "running_mean", "running_var", "weight", "bias"),
    "layer_norm": ("input", "normalized_shape", "weight", "bias"),
    **{f"conv{d}d": CONVOLUTION for d in (1, 2, 3)},
    **{f"conv_transpose{d}d": TRANSPOSED for d in (1, 2, 3)},
    **{f"max_pool{d}d": MAX_POOL for d in (1, 2, 3)},
    **{f"avg_pool{d}d": AVERAGE_POOL for d in (1, 2, 3)},
    **{f"lp_pool{d}d": LP_POOL for d in (1, 2, 3)},
    **{f"adaptive_{kind}_pool{d}d": ("input", "output_size") for kind in ("avg", "max") for d in (1, 2, 3)},
    **dict.fromkeys(("mean", "sum", "amax", "amin", "max", "min", "std", "var"), ("input", "dim", "keepdim")),
    **dict.fromkeys(("softmax", "log_softmax", "squeeze"), ("input", "dim")),
    **dict.fromkeys(("chunk", "split"), ("input", "parts", "dim")),
}

ALIASES = {
    "concat": "cat",
    "concatenate": "cat",
    "mm": "matmul",
    "bmm": "matmul",
    "swapaxes": "transpose",
    "max_pool1d_with_indices": "max_pool1d",
    "max_pool2d_with_indices": "max_pool2d",
    "max_pool3d_with_indices": "max_pool3d",
    "adaptive_max_pool1d_with_indices": "adaptive_max_pool1d",
    "adaptive_max_pool2d_with_indices": "adaptive_max_pool2d",
    "adaptive_max_pool3d_with_indices": "adaptive_max_pool3d",
}


def each(value, dims):
    """``value`` for every spatial dimension: 3 -> (3, 3), (3, 5) stays."""
    value = (value,) if isinstance(value, int) else tuple(value)
    return value * dims if len(value) == 1 else value


def window(call):
    """Kernel, stride, padding, dilation of a convolution or pooling call, one number a spatial dimension each."""
    dims = int(call.name[-2])
    given = call.arguments
    kernel = tuple(given["weight"].shape[2:]) if "weight" in given else each(given["kernel_size"], dims)
    dilation = each(given.get("dilation", 1), dims)
    pooling = "pool" in call.name
    stride = given.get("stride")
    stride = kernel if pooling and stride in (None, (), []) else each(1 if stride is None else stride, dims)
    padding = given.get("padding", 0)
    if padding == "valid":
        padding = 0
    if padding == "same":
        padding = tuple(d * (k - 1) // 2 for k, d in zip(kernel, dilation, strict=True))
    return kernel, stride, each(padding, dims), dilation


def slide(call, spans):
    kernel, stride, padding, dilation = window(call)
    dims = len(kernel)
    move = spread if call.name.startswith("conv_transpose") else slid
    return windowed(
        spans,
        lambda span, i, count: move(span, dilation[i] * (kernel[i] - 1), stride[i], padding[i], count),
        dims,
        call.output_shape[-dims:],
    )


def adaptive(call, spans):
    dims = int(call.name[-2])

    def move(span, i, count):
        if count == 1:
            return gathered(span)
        n = span.count
        widest = max(-(-(o + 1) * n // count) - o * n // count for o in range(count))
        return slid(span, widest - 1, Fraction(n, count), 0, count)

    return windowed(spans, move, dims, call.output_shape[-dims:])


def linear(call, spans):
    return tuple(replace(s, dim=None) if s.whole else s for s in mixed(spans, (-1,)))


def matmul(call, spans):
    if len(call.fields) == 1 and call.first_has_field:
        return linear(call, spans)
    return tuple(replace(gathered(span), dim=None) for span in merged(call.fields))


def attention(call, spans):
    return tuple(replace(gathered(span), dim=None) for span in merged(call.fields))


def negative(dims, ndim):
    return tuple(d if d < 0 else d - ndim for d in ((dims,) if isinstance(dims, int) else dims))


def cat(call, spans):
    (dim,) = negative(call.arguments.get("dim", 0), len(call.output_shape))
    result = merged(call.fields)
    if any(span.dim == dim and not span.whole for span in result):
        raise UnknownFieldError
    return result


def stack(call, spans):
    (dim,) = negative(call.arguments.get("dim", 0), len(call.output_shape))
    return moved(merged(call.fields), lambda d: d if d > dim else d - 1)


def pad(call, spans):
    amounts = call.arguments["pad"]

    def padded(span):
        if span.dim is None or span.dim < -len(amounts) // 2:
            return span
        before = amounts[2 * (-span.dim - 1)]
        if not span.pure and before:
            raise UnknownFieldError
        return slid(span, 0, 1, before, call.output_shape[span.dim])

    return tuple(map(padded, spans))


def interpolate(call, spans):
    mode = call.arguments.get("mode", "nearest")
    taps = {"nearest": 0, "nearest-exact": 0, "linear": 1, "bilinear": 1, "trilinear": 1, "bicubic": 3}.get(mode)
    dims = len(call.input_shape) - 2

    def move(span, i, count):
        if taps is None or call.arguments.get("antialias"):
            raise UnknownFieldError
        if count == span.count:
            return span
        return slid(span, taps, Fraction(span.count, count), (taps + 1) // 2, count)

    return windowed(spans, move, dims, call.output_shape[2:])


def pixel_shuffle(call, spans):
    r = call.arguments["factor"]
    return windowed(spans, lambda span, i, count: slid(span, 0, Fraction(1, r), 0, count), 2, call.output_shape[-2:])


def pixel_unshuffle(call, spans):
    r = call.arguments["factor"]
    return windowed(spans, lambda span, i, count: slid(span, r - 1, r, 0, count), 2, call.output_shape[-2:])


def view(call, spans):
    return viewed(spans, call.input_shape, call.output_shape)


def reduce(call, spans):
    ndim = len(call.input_shape)
    dims = call.arguments.get("dim")
    dims = negative(range(ndim) if dims is None else dims, ndim)
    spans = mixed(spans, dims)
    if len(call.output_shape) == ndim:
        return spans
    return moved(spans, lambda d: None if d in dims else d + sum(d < gone for gone in dims))


def softmax(call, spans):
    dim = call.arguments.get("dim")
    return spans if dim is None else mixed(spans, negative(dim, len(call.input_shape)))


def split(call, spans):
    (dim,) = negative(call.arguments.get("dim", 0), len(call.input_shape))
    if any(span.dim == dim and not span.whole for span in spans):
        raise UnknownFieldError
    return spans


def unsqueeze(call, spans):
    (dim,) = negative(call.arguments["dim"], len(call.output_shape))
    return moved(spans, lambda d: d if d > dim else d - 1)


def transpose(call, spans):
    ndim = len(call.input_shape)
    a, b = negative((call.arguments.get("dim0", ndim - 2), call.arguments.get("dim1", ndim - 1)), ndim)
    return moved(spans, {a: b, b: a, **{d: d for d in range(-ndim, 0) if d not in (a, b)}}.get)


def permute(call, spans):
    ndim = len(call.input_shape)
    dims = call.arguments["dims"]
    order = negative(call.rest if isinstance(dims, int) else dims, ndim)
    return moved(spans, lambda d: order.index(d) - ndim)


def getitem(call, spans):
    return sliced(spans, call.arguments["index"], len(call.input_shape))


def expand(call, spans):
    if any(s.dim is not None and not s.whole and s.count != call.output_shape[s.dim] for s in spans):
        raise UnknownFieldError
    return spans


def unchanged(call, spans):
    return spans


def _for(rule, *names):
    return dict.fromkeys(names, rule)


RULES = {
    **_for(slide, *(name for name in SIGNATURES if name[-2:] in ("1d", "2d", "3d") and "adaptive" not in name)),
    **_for(adaptive, *(name for name in SIGNATURES if name.startswith("adaptive_"))),
    **_for(reduce, "mean", "sum", "amax", "amin", "max", "min", "std", "var"),
    **_for(softmax, "softmax", "log_softmax"),
    **_for(view, "view", "reshape", "flatten", "unflatten", "squeeze", "view_as", "reshape_as", "ravel"),
    **_for(attention, "scaled_dot_product_attention", "multi_head_attention_forward"),
    **_for(
        unchanged, "batch_norm", "instance_norm", "group_norm", "layer_norm", "local_response_norm", "normalize",
        "rms_norm", "contiguous", "clone", "detach", "to", "data", "real", "dropout", "dropout1d", "dropout2d", "dropout3d",
        "feature_dropout", "alpha_dropout", "stochastic_depth", "prelu", "rrelu",
        "hardswish", "hardsigmoid", "hardtanh", "relu6", "logsigmoid", "channel_shuffle",
    ),
    **_for(split, "chunk", "split"),
    **_for(expand, "expand", "expand_as"),
    **_for(transpose, "transpose", "mT"),
    "linear": linear,
    "matmul": matmul,
    "cat": cat,
    "stack": stack,
    "pad": pad,
    "interpolate": interpolate,
    "pixel_shuffle": pixel_shuffle,
    "pixel_unshuffle": pixel_unshuffle,
    "unsqueeze": unsqueeze,
    "permute": permute,
    "getitem": getitem,
}  # fmt: skip
