"""Run a copy of a module once without data and note what every layer did."""

import copy
import math
import re
from dataclasses import dataclass, field
from numbers import Integral

import torch
from torch import nn
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from convnets.arithmetic import formulas
from convnets.arithmetic.rules import ALIASES, RULES, SIGNATURES
from convnets.arithmetic.spans import UnknownFieldError, merged, of_input
from convnets.arithmetic.table import ReceptiveField, Row, Table

UNKNOWN = None
SHOWN_VIEWS = {"flatten", "view", "reshape", "unflatten", "permute", "transpose", "pixel_shuffle", "pixel_unshuffle"}
COPIES = {"clone", "contiguous", "to", "detach", "float", "getitem"}


def layer_table(module, input_shape, dtype=torch.float32):
    """Measure every layer of ``module`` on one input and return a `Table`.

    ``input_shape``: C×H×W for one image, or N×C×H×W for a batch (C×L and C×D×H×W for 1-D and 3-D layers, a number or a
    tuple of features for linear ones). Counts are for the input as given: a batch of 8 costs 8 times one image.
    ``dtype``: of the input, and of the parameters where it is a floating type; it decides the bytes.

    A row holds, of one layer or of one function called between layers:

    - ``name``, ``kind``, ``input_shape``, ``output_shape`` (without N where none was given);
    - ``parameters``: learned numbers; those that several layers share count where they are first used;
    - ``multiply_adds``: products in convolutions, linear layers, matrix products and attention. Padding counts as
      input, adding a bias does not (the convention of CS231n, https://cs231n.github.io/convolutional-networks/);
    - ``activation_bytes``: new memory for the output in a forward pass; 0 for what is done in place or is a view;
    - ``receptive_field``: `ReceptiveField` with ``size`` and ``jump`` per axis, in input pixels. The padding counts
      until an operation reads the whole image; statistics of normalisation layers do not. None where unknown.
    - ``sources``: the positions of the rows that it reads, so that branches can be drawn;
    - ``formulas``: each of these numbers as a sum with the layer's own figures, such as "10 × (5·5·3 + 1) = 760".

    The module runs in evaluation mode, as a copy without data: it stays as it is, on its device, in its mode. A module
    that needs values, such as one with NumPy inside, runs on an input of zeros instead.

    Raises TypeError when ``module`` is no ``nn.Module``, ValueError when it cannot take this input.
    """
    if not isinstance(module, nn.Module):
        raise TypeError(f"layer_table needs a torch.nn.Module, but got {type(module).__name__}: {module!r:.80}")
    if not isinstance(dtype, torch.dtype):
        raise TypeError(f"dtype must be a torch.dtype such as torch.float32, but got {dtype!r}")
    shape = _checked_shape(input_shape)
    for name, tensor in [*module.named_parameters(), *module.named_buffers()]:
        if nn.parameter.is_lazy(tensor):
            raise ValueError(f"{name} has no shape yet: run the module once on a real batch, then call layer_table")
    failures = []
    has_data = not any(tensor.is_meta for tensor in module.state_dict().values() if isinstance(tensor, torch.Tensor))
    for device in ("meta", "cpu") if has_data else ("meta",):
        failed_here = []
        for batched in _readings(module, shape):
            try:
                return _run(module, shape, batched, dtype, device)
            except _LayerError as failure:
                failed_here.append(failure)
        failures = failed_here + failures
    failure = max(failures, key=lambda failure: (failure.fits, failure.depth))
    raise ValueError(failure.message) from failure.__cause__


def _checked_shape(input_shape):
    shape = (input_shape,) if isinstance(input_shape, Integral) else input_shape
    try:
        shape = tuple(shape)
    except TypeError:
        shape = ()
    if not shape or not all(isinstance(n, Integral) and not isinstance(n, bool) and n > 0 for n in shape):
        raise ValueError(
            f"input_shape must be positive whole numbers such as (3, 32, 32), channels first, but got {input_shape!r}"
        )
    return tuple(int(n) for n in shape)


def _dims(module):
    """2 for Conv2d, BatchNorm2d and the like, None for a layer that takes any number of dimensions."""
    digit = re.search(r"([123])d$", _kind(module))
    return int(digit[1]) if digit else None


def _readings(module, shape):
    """Whether the shape has a batch dimension: the likelier answer first."""
    first = next((d for d in map(_dims, module.modules()) if d), None)
    return (True, False) if first and len(shape) == first + 2 else (False, True)


def _kind(module):
    return type(module).__name__.removeprefix("Parametrized")


def _is_leaf(module):
    children = [name for name, _ in module.named_children() if name != "parametrizations"]
    return not children or isinstance(module, nn.MultiheadAttention)


class _LayerError(Exception):
    def __init__(self, message, depth, fits):
        self.message, self.depth, self.fits = message, depth, fits


@dataclass
class Call:
    """One call of a PyTorch function, with its arguments by name."""

    name: str
    arguments: dict
    rest: tuple
    input_shape: tuple
    output_shape: tuple
    spans: tuple | None
    fields: list
    first_has_field: bool


@dataclass
class _Open:
    """A layer while it runs."""

    name: str
    kind: str
    input_shape: tuple
    calls: list = field(default_factory=list)
    multiply_adds: int = 0
    sources: frozenset = frozenset()


def _run(module, shape, batched, dtype, device):
    copied = _copy(module, dtype, device)
    full_shape = shape if batched else (1, *shape)
    watcher = _Watcher(copied, batched)
    with torch.random.fork_rng(devices=[], enabled=device == "cpu"), torch.no_grad(), torch.device(device):
        x = torch.zeros(full_shape, dtype=dtype)
        watcher.start(x)
        hooks = watcher.attach()
        try:
            with watcher.operations, watcher.functions:
                copied(x)
        except Exception as error:
            raise watcher.failure(error, shape) from error
        finally:
            for hook in hooks:
                hook.remove()
    return Table(watcher.finished())


def _copy(module, dtype, device):
    """The module in evaluation mode, with empty tensors (meta) or its own tensors (cpu), and without forward hooks."""
    learned = {id(p) for p in module.parameters()}

    def replacement(tensor):
        kind = dtype if dtype.is_floating_point and tensor.is_floating_point() else tensor.dtype
        source = tensor.detach()
        new = (
            torch.empty_like(source, device="meta", dtype=kind)
            if device == "meta"
            else source.to("cpu", kind, copy=True)
        )
        return nn.Parameter(new, requires_grad=False) if id(tensor) in learned else new

    memo = {}
    for owner in module.modules():
        for tensor in _tensors(vars(owner)):
            if id(tensor) not in memo:
                memo[id(tensor)] = replacement(tensor)
        for hooks in ("_forward_hooks", "_backward_hooks", "_backward_pre_hooks"):
            memo[id(getattr(owner, hooks))] = type(getattr(owner, hooks))()
    try:
        copied = copy.deepcopy(module, memo)
    except Exception as error:
        raise _LayerError(f"{_kind(module)} cannot be copied for measuring: {error}", 0, True) from error
    return copied.eval()


def _tensors(value):
    if isinstance(value, torch.Tensor):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from _tensors(item)
    elif isinstance(value, list | tuple | set):
        for item in value:
            yield from _tensors(item)


class _Operations(TorchDispatchMode):
    """Counts multiply-adds where PyTorch really multiplies, below its Python functions."""

    def __init__(self):
        super().__init__()
        self.multiply_adds = 0
        self.names = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        out = func(*args, **(kwargs or {}))
        self.names.append(func)
        self.multiply_adds += _multiply_adds(func.overloadpacket.__name__, args, out)
        return out


def _multiply_adds(name, args, out):
    if name == "convolution":
        x, weight, transposed = args[0], args[1], args[6]
        return (x if transposed else out).numel() * weight[0].numel()
    if name in ("mm", "bmm", "mv", "dot"):
        return out.numel() * args[0].shape[-1]
    if name in ("addmm", "baddbmm", "addmv"):
        return out.numel() * args[1].shape[-1]
    if name.startswith("_scaled_dot_product"):
        query, key, value = args[:3]
        pairs = math.prod(query.shape[:-1]) * key.shape[-2]
        return pairs * (query.shape[-1] + value.shape[-1])
    return 0


_NO_MIXING = {
    "alias", "clone", "copy", "copy_", "detach", "_to_copy", "empty", "empty_like", "fill", "fill_", "zeros", "zeros_like",
    "ones", "ones_like", "full", "full_like", "scalar_tensor", "lift_fresh", "_local_scalar_dense", "bernoulli", "bernoulli_",
    "native_dropout", "rand_like",
}  # fmt: skip


def _pointwise(operation):
    return torch.Tag.pointwise in operation.tags or operation.overloadpacket.__name__ in _NO_MIXING


class _Functions(TorchFunctionMode):
    def __init__(self, watcher):
        super().__init__()
        self.watcher = watcher

    def __torch_function__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        shapes = self.watcher.shapes(args)
        before = self.watcher.mark()
        out = func(*args, **kwargs)
        self.watcher.observe(func, args, kwargs, out, before, shapes)
        return out


class _Watcher:
    """Keeps the rows, and for every tensor that depends on the input its spans (or UNKNOWN)."""

    def __init__(self, module, batched):
        self.module, self.batched = module, batched
        self.names = {m: name for name, m in module.named_modules()}
        self.operations, self.functions = _Operations(), _Functions(self)
        self.rows, self.path, self.leaf = [], [], None
        self.fields, self.alive, self.storages, self.claimed = {}, [], set(), {}
        self.makers = {}  # for every tensor that depends on the input: positions of the rows that it comes from

    def start(self, x):
        self._remember(x, of_input(x.shape))
        self.makers[id(x)] = frozenset({0})
        self.storages.add(_storage(x))
        self.rows.append(
            Row(
                "input",
                "Input",
                None,
                self._shown(x),
                0,
                0,
                _bytes(x),
                self._seen(x),
                formulas.of_input(self._shown(x), x),
            )
        )

    def attach(self):
        hooks = []
        inside = set()
        for module, name in self.names.items():
            parent = name
            while parent:
                parent = parent.rpartition(".")[0]
                if parent in inside:
                    break
            if name and parent in inside:
                continue
            if _is_leaf(module):
                inside.add(name)
            hooks.append(module.register_forward_pre_hook(self._enter, prepend=True, with_kwargs=True))
            hooks.append(module.register_forward_hook(self._leave, with_kwargs=True))
        return hooks

    def _enter(self, module, args, kwargs):
        shape = next((tuple(t.shape) for t in _tensors([args, kwargs])), None)
        self.path.append((module, shape))
        if _is_leaf(module):
            self.leaf = _Open(
                self._name(module), _kind(module), self._trimmed(shape), multiply_adds=self.mark()[0],
                sources=self._sources(_tensors([args, kwargs])),
            )  # fmt: skip

    def _leave(self, module, args, kwargs, out):
        self.path.pop()
        if not _is_leaf(module):
            return
        leaf, self.leaf = self.leaf, None
        outputs = list(_tensors(out))
        given = [self.fields[id(t)] for t in _tensors([args, kwargs]) if id(t) in self.fields]
        unseen = [t for t in outputs if id(t) not in self.fields]
        for t in unseen:
            self._remember(t, UNKNOWN if given else ())
        leaf.multiply_adds = self.operations.multiply_adds - leaf.multiply_adds
        if unseen and given and not leaf.calls:
            leaf.multiply_adds = None
        spans = next((f for f in given if f), None)
        self._row(leaf, outputs, module.named_parameters(), spans)

    def mark(self):
        return self.operations.multiply_adds, len(self.operations.names)

    def shapes(self, args):
        """Shapes of the inputs before an operation that may change them in place."""
        return [tuple(t.shape) for t in _tensors(args)]

    def observe(self, func, args, kwargs, out, before, shapes):
        results = list(_tensors(out))
        inputs = [t for t in tree_leaves([args, kwargs]) if isinstance(t, torch.Tensor)]
        fields = [self.fields[id(t)] for t in inputs if id(t) in self.fields]
        if not results or not fields:
            return
        call = self._call(func, args, kwargs, results[0], shapes, fields)
        operations = self.operations.names[before[1] :]
        spans = self._followed(call, operations)
        call.spans = next((f for f in fields if f), None)
        sources = self._sources(inputs)
        for t in results:
            self._remember(t, spans if t.shape == results[0].shape else UNKNOWN)
            self.makers[id(t)] = sources
        if self.leaf:
            self.leaf.calls.append(call)
        else:
            self._function_row(func, call, inputs, results, before[0], sources)

    def _call(self, func, args, kwargs, out, shapes, fields):
        raw = func.__self__.__name__ if func.__name__ == "__get__" else func.__name__
        name = re.sub(r"^__[ir]?(\w+?)__$", r"\1", raw)
        name = name if name.endswith("__") else name.rstrip("_")
        name = ALIASES.get(name, name)
        names = SIGNATURES.get(name, ("input",))
        arguments = dict(zip(names, args, strict=False)) | kwargs
        first = args[0] if args else next(iter(kwargs.values()), None)
        known = isinstance(first, torch.Tensor) and id(first) in self.fields
        shape = shapes[0] if shapes else next(tuple(t.shape) for t in _tensors(kwargs))
        return Call(name, arguments, args[1:], shape, tuple(out.shape), None, fields, known)

    def _followed(self, call, operations):
        if any(f is UNKNOWN for f in call.fields):
            return UNKNOWN
        try:
            if call.name in RULES:
                return RULES[call.name](call, call.fields[0])
            if operations and all(map(_pointwise, operations)):
                return merged(call.fields)
            if all(span.whole for f in call.fields for span in f):
                return merged(call.fields)
        except UnknownFieldError:
            return UNKNOWN
        except (TypeError, KeyError, IndexError, AttributeError, ValueError):
            return UNKNOWN  # called in a way that the rule does not know
        return () if not call.fields[0] else UNKNOWN

    def _function_row(self, func, call, inputs, results, before, sources):
        fresh = any(_storage(t) not in self.storages for t in results)
        in_place = func.__name__.startswith("__i") or call.arguments.get("inplace")
        in_place = in_place or (func.__name__.endswith("_") and not func.__name__.endswith("__"))
        if not ((fresh and call.name not in COPIES) or call.name in SHOWN_VIEWS or in_place):
            for t in results:
                self.storages.add(_storage(t))
            return
        owner = self._name(self.path[-1][0]) if self.path else ""
        name = f"{owner}.{call.name}()" if owner and self.path[-1][0] is not self.module else f"{call.name}()"
        opened = _Open(name, call.name, self._trimmed(call.input_shape), [call], self.operations.multiply_adds - before, sources)
        used = {id(t) for t in inputs}
        parameters = [(name, p) for name, p in self.module.named_parameters() if id(p) in used]
        self._row(opened, results, parameters, call.spans)

    def _row(self, opened, outputs, parameters, spans):
        new, shared = [], []
        for name, p in parameters:
            (shared if id(p) in self.claimed else new).append((name, p))
            self.claimed.setdefault(id(p), opened.name)
        fresh = []
        for t in outputs:
            if _storage(t) not in self.storages:
                self.storages.add(_storage(t))
                fresh.append(t)
        row = Row(
            name=opened.name,
            kind=opened.kind,
            input_shape=opened.input_shape,
            output_shape=self._shown(outputs[0]) if outputs else None,
            parameters=sum(p.numel() for _, p in new),
            multiply_adds=opened.multiply_adds,
            activation_bytes=sum(map(_bytes, fresh)),
            receptive_field=self._seen(outputs[0]) if outputs else None,
            formulas={},
            sources=tuple(sorted(opened.sources)),
        )
        for t in outputs:
            self.makers[id(t)] = frozenset({len(self.rows)})
        origin = self.claimed[id(shared[0][1])] if shared else None
        row.formulas.update(formulas.of_row(row, opened.calls, new, origin, fresh, spans))
        self.rows.append(row)

    def finished(self):
        """The rows, and one more for each module whose parameters this forward pass did not use."""
        for module, name in self.names.items():
            unused = [(n, p) for n, p in module.named_parameters(recurse=_is_leaf(module)) if id(p) not in self.claimed]
            if unused:
                for _, p in unused:
                    self.claimed[id(p)] = name
                self.rows.append(
                    Row(name or _kind(module), _kind(module), None, None, sum(p.numel() for _, p in unused), 0, 0, None,
                        formulas.of_unused(unused))
                )  # fmt: skip
        return self.rows

    def failure(self, error, shape):
        if isinstance(error, _LayerError):
            return error
        module, seen = self.path[-1] if self.path else (self.module, None)
        dims = _dims(module)
        fits = dims is None or seen is None or len(seen) == dims + 2
        name = self._name(module)
        where = f"{name} ({_kind(module)})" if name != _kind(module) else name
        text = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        lines = f"{_kind(self.module)} cannot take an input of shape {_text(shape)}. In {where}"
        if seen is not None:
            lines += f", whose input is {_text(self._trimmed(seen))}"
        expected = _expected(module, seen)
        return _LayerError(f"{lines}: {expected or text}", len(self.rows), fits)

    def _name(self, module):
        return self.names.get(module) or _kind(module)

    def _sources(self, tensors):
        return frozenset().union(*(self.makers.get(id(t), ()) for t in tensors))

    def _remember(self, tensor, spans):
        self.fields[id(tensor)] = spans
        self.alive.append(tensor)

    def _trimmed(self, shape):
        return shape if self.batched or not shape or shape[0] != 1 else tuple(shape[1:])

    def _shown(self, tensor):
        return self._trimmed(tuple(tensor.shape))

    def _seen(self, tensor):
        spans = self.fields.get(id(tensor))
        if not spans:
            return None
        return ReceptiveField(
            tuple(span.size for span in spans),
            tuple(map(_jump, spans)),
        )


def _jump(span):
    if span.dim is None or (span.whole and span.count == 1):
        return None
    return int(span.jump) if span.jump.denominator == 1 else float(span.jump)


def _storage(tensor):
    return tensor.untyped_storage()._cdata


def _bytes(tensor):
    return tensor.numel() * tensor.element_size()


def _text(shape):
    return "×".join(map(str, shape))


def _expected(module, seen):
    """What the layer wanted, in words, for the mistakes that are common."""
    if seen is None:
        return None
    dims = _dims(module)
    channels = getattr(module, "in_channels", None) or getattr(module, "num_features", None)
    if dims and isinstance(channels, int):
        if len(seen) != dims + 2:
            axes = {1: "C×L", 2: "C×H×W", 3: "C×D×H×W"}[dims]
            return f"it expects {axes}, or N×{axes} with a batch. Change input_shape"
        if seen[1] != channels:
            return f"it expects {channels} channels and got {seen[1]}. Channels come first: change input_shape or the layer"
    if isinstance(module, nn.Linear) and seen[-1] != module.in_features:
        return (
            f"it expects {module.in_features} input features and got {seen[-1]}. "
            "Check in_features, and the image size that it was made for"
        )
    return None
