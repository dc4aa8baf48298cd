"""The numbers of a row as sums with the layer's own figures, for the text that appears on hovering."""

from convnets.arithmetic.rules import window

_CONVOLUTIONS = ("conv1d", "conv2d", "conv3d", "conv_transpose1d", "conv_transpose2d", "conv_transpose3d")


def of_input(shape, tensor):
    """Formulas of the input's own row."""
    return {"activation_bytes": _memory([tensor]), "output_shape": _times(shape)}


def of_unused(parameters):
    """Formulas of a layer that did not run."""
    return {"parameters": _sum_of(parameters), "output_shape": "not used in this forward pass"}


def of_row(row, calls, parameters, origin, fresh, spans):
    """Formulas by field name, for the fields that have one.

    ``calls``: the layer's function calls; ``parameters``: (name, tensor) pairs counted in this row; ``origin``: the layer
    that counts shared ones; ``fresh``: output tensors in new memory; ``spans``: those of the layer's input.
    """
    result = {"parameters": _parameters(row, calls, parameters, origin)}
    counted = [call for call in calls if call.name == "linear" or call.name in _CONVOLUTIONS]
    if row.multiply_adds is None:
        result["multiply_adds"] = "computed outside PyTorch, so it could not be counted"
    elif len(counted) == 1 and row.multiply_adds:
        result["multiply_adds"] = _multiply_adds(counted[0], row.multiply_adds)
    result["activation_bytes"] = _memory(fresh) if fresh else "0: in place, or another view of the same values"
    moving = [call for call in calls if call.name in _CONVOLUTIONS or _is_pool(call)]
    if len(moving) == 1:
        result["output_shape"] = _output(moving[0])
        if spans and row.receptive_field:
            result["receptive_field"] = _receptive_field(moving[0], spans, row.receptive_field)
    return {key: text for key, text in result.items() if text}


def _is_pool(call):
    return call.name.startswith(("max_pool", "avg_pool", "lp_pool"))


def _times(numbers):
    return "·".join(map(str, numbers)) or "1"


def _sum_of(parameters):
    total = sum(p.numel() for _, p in parameters)
    parts = " + ".join(_times(p.shape) for _, p in parameters)
    return f"{parts} = {total:,}" if len(parameters) > 1 or "·" in parts else parts


def _parameters(row, calls, parameters, origin):
    if not parameters:
        return f"0 here: shared with {origin}, where they are counted" if origin else "0: nothing to learn"
    counted = [call for call in calls if call.name == "linear" or call.name in _CONVOLUTIONS]
    if len(counted) != 1 or sum(p.numel() for _, p in parameters) != _weights_and_bias(counted[0]):
        return _sum_of(parameters)
    weight, bias = counted[0].arguments["weight"], counted[0].arguments.get("bias")
    if counted[0].name.startswith("conv_transpose"):
        return _sum_of(parameters)
    inside = "·".join(map(str, (*weight.shape[2:], weight.shape[1])))
    inside = f"({inside} + 1)" if bias is not None else inside
    return f"{weight.shape[0]} × {inside} = {row.parameters:,}"


def _weights_and_bias(call):
    bias = call.arguments.get("bias")
    return call.arguments["weight"].numel() + (0 if bias is None else bias.numel())


def _multiply_adds(call, total):
    weight = call.arguments["weight"]
    positions, where = (call.output_shape, "output")
    if call.name.startswith("conv_transpose"):
        positions, where = call.input_shape, "input"
    each = "·".join(map(str, (*weight.shape[2:], weight.shape[1])))
    shape = positions[1:] if positions[0] == 1 and len(positions) > 1 else positions
    return f"{_times(shape)} {where} values × {each} = {total:,}"


def _memory(tensors):
    total = sum(t.numel() * t.element_size() for t in tensors)
    parts = " + ".join(f"{_times(_without_one(t.shape))} × {t.element_size()}" for t in tensors)
    return f"{parts} = {total:,} bytes"


def _without_one(shape):
    return shape[1:] if len(shape) > 1 and shape[0] == 1 else shape


def _output(call):
    kernel, stride, padding, dilation = window(call)
    d = len(kernel)
    sides = []
    for i, (n, out) in enumerate(zip(call.input_shape[-d:], call.output_shape[-d:], strict=True)):
        reach = kernel[i] if dilation[i] == 1 else f"({dilation[i]}·({kernel[i]} − 1) + 1)"
        if call.name.startswith("conv_transpose"):
            extra = _extra(call, i, d)
            sides.append(f"({n} − 1)·{stride[i]} − 2·{padding[i]} + {reach}{extra} = {out}")
        elif call.arguments.get("padding") == "same":
            sides.append(f"{n}, the same = {out}")
        elif call.arguments.get("ceil_mode") is True:
            sides.append(f"⌈({n} + 2·{padding[i]} − {reach}) / {stride[i]}⌉ + 1 = {out}")
        else:
            sides.append(f"⌊({n} + 2·{padding[i]} − {reach}) / {stride[i]}⌋ + 1 = {out}")
    return sides[0] if len(set(sides)) == 1 else "; ".join(sides)


def _extra(call, i, d):
    extra = call.arguments.get("output_padding", 0)
    extra = extra if isinstance(extra, int) else tuple(extra)[i if len(extra) == d else 0]
    return f" + {extra}" if extra else ""


def _receptive_field(call, spans, seen):
    if call.name.startswith("conv_transpose") or any(span.whole for span in spans):
        return None
    kernel, _, _, dilation = window(call)
    sides = []
    for span, size in zip(spans, seen.size, strict=True):
        if span.dim is None or not span.pure or span.dim < -len(kernel):
            return None
        i = span.dim + len(kernel)
        reach = f"({kernel[i]} − 1)" if dilation[i] == 1 else f"{dilation[i]}·({kernel[i]} − 1)"
        sides.append(f"{span.size} + {reach} × {float(span.jump):g} = {size}")
    return sides[0] if len(set(sides)) == 1 else "; ".join(sides)
