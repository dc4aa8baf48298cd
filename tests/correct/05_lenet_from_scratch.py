"""Other right solutions of assignment 05: by loops over the kernel, by einsum, by other ways to remember. Each stands alone, as a student would write it."""

import itertools
import math

import numpy as np

from autograder.units import exercises, import_unit

notebook = import_unit("05_lenet_from_scratch")
exercises("05_lenet_from_scratch")
Layer, Flatten, prepare, trained = notebook.Layer, notebook.Flatten, notebook.prepare, notebook.trained
ReLU, Linear, Conv2d, MaxPool2d, Network = notebook.ReLU, notebook.Linear, notebook.Conv2d, notebook.MaxPool2d, notebook.Network
he_weights, softmax_cross_entropy, train_step = notebook.he_weights, notebook.softmax_cross_entropy, notebook.train_step


class ReluWithX(Layer):
    def forward(self, x):
        self.x = x
        return np.where(x > 0, x, np.zeros_like(x))

    def backward(self, dout):
        return np.where(self.x > 0, dout, np.zeros_like(dout))


class ReluWithOut(Layer):
    def forward(self, x):
        self.out = x.clip(min=0)
        return self.out

    def backward(self, dout):
        dx = dout.copy()
        dx[self.out == 0] = 0
        return dx


class ReluAlone:
    def __init__(self):
        self.parameters = self.gradients = {}

    def forward(self, x):
        self.gate = (x > 0).astype(x.dtype)
        return x * self.gate

    def backward(self, dout):
        return dout * self.gate


def loss_by_loops(logits, labels):
    total, dlogits = 0.0, np.zeros_like(logits)
    for n, (row, label) in enumerate(zip(logits, labels, strict=True)):
        powers = np.exp(row - row.max())
        total += math.log(powers.sum()) + float(row.max()) - float(row[label])
        dlogits[n] = powers / powers.sum()
        dlogits[n, label] -= 1
    return total / len(logits), dlogits / len(logits)


def loss_by_one_hot(logits, labels):
    right = np.eye(logits.shape[1], dtype=logits.dtype)[labels]
    logs = logits - np.logaddexp.reduce(logits, axis=1, keepdims=True)
    return -(np.where(right > 0, logs, 0)).sum() / len(logits), (np.exp(logs) - right) / len(logits)


def loss_transposed(logits, labels):
    z = logits.T - logits.max(axis=1)
    sums = np.exp(z).sum(axis=0)
    chosen = np.take_along_axis(z, labels[None], axis=0)[0]
    p = np.exp(z) / sums
    p[labels, np.arange(len(labels))] -= 1
    return (np.log(sums) - chosen).mean(), p.T / len(labels)


def he_by_normal(shape, rng):
    fan_in = 1
    for size in shape[1:]:
        fan_in *= size
    return rng.normal(0, (2 / fan_in) ** 0.5, shape).astype(np.float32)


def he_in_float32(shape, rng):
    return rng.standard_normal(shape, dtype=np.float32) * np.float32(np.sqrt(2 / np.prod(shape[1:])))


def he_flat(shape, rng):
    fan_in = int(np.prod(shape)) // shape[0]
    flat = [rng.standard_normal() * math.sqrt(2 / fan_in) for _ in range(shape[0] * fan_in)]
    return np.array(flat, dtype=np.float32).reshape(shape)


class LinearEinsum(Layer):
    def __init__(self, weight):
        super().__init__()
        self.parameters = {"weight": weight, "bias": np.zeros(len(weight), weight.dtype)}

    def forward(self, x):
        self.seen = x.copy()
        return np.einsum("nd,md->nm", x, self.parameters["weight"]) + self.parameters["bias"][None]

    def backward(self, dout):
        self.gradients["weight"] = np.einsum("nm,nd->md", dout, self.seen)
        self.gradients["bias"] = np.einsum("nm->m", dout)
        return np.einsum("nm,md->nd", dout, self.parameters["weight"])


class LinearLoops(Layer):
    def __init__(self, weight):
        super().__init__()
        self.parameters["weight"] = weight
        self.parameters["bias"] = np.zeros(weight.shape[0], weight.dtype)

    def forward(self, x):
        self.x = x
        w, b = self.parameters["weight"], self.parameters["bias"]
        return np.stack([x @ w[m] + b[m] for m in range(len(w))], axis=1)

    def backward(self, dout):
        w = self.parameters["weight"]
        dw, db, dx = np.zeros_like(w), np.zeros_like(self.parameters["bias"]), np.zeros_like(self.x)
        for n in range(len(dout)):
            for m in range(len(w)):
                dw[m] += dout[n, m] * self.x[n]
                db[m] += dout[n, m]
                dx[n] += dout[n, m] * w[m]
        self.gradients = {"weight": dw, "bias": db}
        return dx


class LinearWithOnes(Layer):
    def __init__(self, weight):
        Layer.__init__(self)
        self.parameters = {"weight": weight, "bias": np.zeros(len(weight), weight.dtype)}

    def forward(self, x):
        self.extended = np.hstack([x, np.ones((len(x), 1), x.dtype)])
        return self.extended @ np.column_stack([self.parameters["weight"], self.parameters["bias"]]).T

    def backward(self, dout):
        both = dout.T @ self.extended
        self.gradients = {"bias": both[:, -1], "weight": both[:, :-1]}
        return dout @ self.parameters["weight"]


class ConvByPlaces(Layer):
    def __init__(self, weight, padding=0):
        super().__init__()
        self.parameters = {"weight": weight, "bias": np.zeros(len(weight), weight.dtype)}
        self.padding = padding

    def forward(self, x):
        w, p = self.parameters["weight"], self.padding
        self.padded = np.pad(x, ((0, 0), (0, 0), (p, p), (p, p)))
        k = w.shape[-1]
        self.rows, self.columns = self.padded.shape[2] - k + 1, self.padded.shape[3] - k + 1
        out = 0
        for u in range(k):
            for v in range(k):
                part = self.padded[:, :, u : u + self.rows, v : v + self.columns]
                out = out + np.tensordot(w[:, :, u, v], part, axes=(1, 1))
        return out.transpose(1, 0, 2, 3) + self.parameters["bias"].reshape(1, -1, 1, 1)

    def backward(self, dout):
        w, p = self.parameters["weight"], self.padding
        dw, dpadded = np.empty_like(w), np.zeros(self.padded.shape, dout.dtype)
        for u in range(w.shape[2]):
            for v in range(w.shape[3]):
                place = np.s_[:, :, u : u + self.rows, v : v + self.columns]
                dw[:, :, u, v] = np.tensordot(dout, self.padded[place], axes=((0, 2, 3), (0, 2, 3)))
                dpadded[place] += np.tensordot(w[:, :, u, v], dout, axes=(0, 1)).transpose(1, 0, 2, 3)
        self.gradients = {"weight": dw, "bias": dout.sum(axis=(0, 2, 3))}
        return dpadded[:, :, p : dpadded.shape[2] - p, p : dpadded.shape[3] - p]


class ConvByRowsAndColumns(Layer):
    def __init__(self, weight, padding=0):
        super().__init__()
        self.parameters = {"weight": weight, "bias": np.zeros(len(weight), weight.dtype)}
        self.padding = padding

    def forward(self, x):
        w, b, p = self.parameters["weight"], self.parameters["bias"], self.padding
        n, c, h, width = x.shape
        self.padded = np.zeros((n, c, h + 2 * p, width + 2 * p), x.dtype)
        self.padded[:, :, p : p + h, p : p + width] = x
        k = w.shape[2]
        flat = w.reshape(len(w), -1).T
        out = np.empty((n, len(w), h + 2 * p - k + 1, width + 2 * p - k + 1), np.result_type(x, w))
        for i in range(out.shape[2]):
            for j in range(out.shape[3]):
                out[:, :, i, j] = self.padded[:, :, i : i + k, j : j + k].reshape(n, -1) @ flat + b
        return out

    def backward(self, dout):
        w, p = self.parameters["weight"], self.padding
        n, k = len(dout), w.shape[2]
        flat = w.reshape(len(w), -1)
        dw, dpadded = np.zeros_like(flat), np.zeros_like(self.padded, dtype=dout.dtype)
        for i in range(dout.shape[2]):
            for j in range(dout.shape[3]):
                window = np.s_[:, :, i : i + k, j : j + k]
                dw += dout[:, :, i, j].T @ self.padded[window].reshape(n, -1)
                dpadded[window] += (dout[:, :, i, j] @ flat).reshape(n, -1, k, k)
        self.gradients["weight"], self.gradients["bias"] = dw.reshape(w.shape), dout.sum(axis=3).sum(axis=2).sum(axis=0)
        return dpadded[:, :, p : -p or None, p : -p or None]


class ConvByConvolution(Layer):
    def __init__(self, weight, padding=0):
        super().__init__()
        self.parameters = {"weight": weight, "bias": np.zeros(len(weight), weight.dtype)}
        self.padding = padding

    def columns(self, x, k, p):
        padded = np.pad(x, [(0, 0), (0, 0), (p, p), (p, p)])
        windows = np.lib.stride_tricks.sliding_window_view(padded, (k, k), axis=(2, 3))
        n, c, rows, columns = windows.shape[:4]
        return windows.transpose(0, 2, 3, 1, 4, 5).reshape(n * rows * columns, c * k * k), (n, rows, columns)

    def forward(self, x):
        w = self.parameters["weight"]
        self.cols, shape = self.columns(x, w.shape[2], self.padding)
        out = self.cols @ w.reshape(len(w), -1).T + self.parameters["bias"]
        return np.moveaxis(out.reshape(*shape, len(w)), -1, 1)

    def backward(self, dout):
        w, k = self.parameters["weight"], self.parameters["weight"].shape[2]
        slopes = np.moveaxis(dout, 1, -1).reshape(-1, len(w))
        self.gradients = {"weight": (slopes.T @ self.cols).reshape(w.shape), "bias": slopes.sum(axis=0)}
        turned = w[:, :, ::-1, ::-1].transpose(1, 0, 2, 3)
        cols, shape = self.columns(dout, k, k - 1)
        dx = np.moveaxis((cols @ turned.reshape(len(turned), -1).T).reshape(*shape, -1), -1, 1)
        p = self.padding
        return dx[:, :, p : dx.shape[2] - p, p : dx.shape[3] - p]


class PoolByArgmax(Layer):
    def __init__(self, size):
        super().__init__()
        self.size = size

    def forward(self, x):
        s = self.size
        n, c, h, w = x.shape
        self.shape = x.shape
        inner = x[:, :, : h // s * s, : w // s * s]
        windows = inner.reshape(n, c, h // s, s, w // s, s).transpose(0, 1, 2, 4, 3, 5).reshape(n, c, h // s, w // s, s * s)
        self.winner = windows.argmax(axis=-1)[..., None]
        return np.take_along_axis(windows, self.winner, axis=-1)[..., 0]

    def backward(self, dout):
        s = self.size
        n, c, rows, columns = dout.shape
        windows = np.zeros((*dout.shape, s * s), dout.dtype)
        np.put_along_axis(windows, self.winner, dout[..., None], axis=-1)
        dx = np.zeros(self.shape, dout.dtype)
        dx[:, :, : rows * s, : columns * s] = windows.reshape(n, c, rows, columns, s, s).transpose(0, 1, 2, 4, 3, 5).reshape(n, c, rows * s, columns * s)
        return dx


class PoolByRowsAndColumns(Layer):
    def __init__(self, size):
        super().__init__()
        self.size = size

    def forward(self, x):
        s = self.size
        self.x = x
        out = np.empty((*x.shape[:2], x.shape[2] // s, x.shape[3] // s), x.dtype)
        for i in range(out.shape[2]):
            for j in range(out.shape[3]):
                out[:, :, i, j] = x[:, :, i * s : i * s + s, j * s : j * s + s].max(axis=(2, 3))
        return out

    def backward(self, dout):
        s = self.size
        dx = np.zeros(self.x.shape, dout.dtype)
        for i in range(dout.shape[2]):
            for j in range(dout.shape[3]):
                window = self.x[:, :, i * s : i * s + s, j * s : j * s + s].reshape(*dout.shape[:2], s * s)
                wins = window.argmax(axis=2)[..., None] == np.arange(s * s)
                dx[:, :, i * s : i * s + s, j * s : j * s + s] = (wins * dout[:, :, i, j, None]).reshape(*dout.shape[:2], s, s)
        return dx


class PoolByComparing(Layer):
    def __init__(self, size):
        super().__init__()
        self.size = size

    def forward(self, x):
        s, rows, columns = self.size, x.shape[2] // self.size, x.shape[3] // self.size
        self.x_shape, best = x.shape, None
        for u in range(s):
            for v in range(s):
                part = x[:, :, u::s, v::s][:, :, :rows, :columns]
                if best is None:
                    best, self.index = part.copy(), np.zeros(part.shape, int)
                better = part > best
                best[better] = part[better]
                self.index[better] = u * s + v
        return best

    def backward(self, dout):
        s, (rows, columns) = self.size, dout.shape[2:]
        dx = np.zeros(self.x_shape, dout.dtype)
        for number in range(s * s):
            u, v = divmod(number, s)
            dx[:, :, u::s, v::s][:, :, :rows, :columns] = np.where(self.index == number, dout, 0)
        return dx


class NetworkWithLoops:
    def __init__(self, layers):
        self.layers = layers

    def forward(self, x):
        out = x
        for i in range(len(self.layers)):
            out = self.layers[i].forward(out)
        return out

    def backward(self, dout):
        for layer in self.layers[::-1]:
            dout = layer.backward(dout)
        return dout

    def parameters(self):
        found = {}
        for i, layer in enumerate(self.layers):
            for name in layer.parameters:
                found[str(i) + "." + name] = layer.parameters[name]
        return found

    def gradients(self):
        found = {}
        for i in range(len(self.layers)):
            for name in self.layers[i].gradients:
                found[f"{i}.{name}"] = self.layers[i].gradients[name]
        return found


class NetworkByName:
    def __init__(self, layers):
        self.layers = list(layers)
        self.by_name = {str(place): layer for place, layer in enumerate(self.layers)}

    def collect(self, what):
        return {f"{place}.{name}": value for place, layer in self.by_name.items() for name, value in getattr(layer, what).items()}

    def forward(self, x):
        for layer in self.by_name.values():
            x = layer.forward(x)
        return x

    def backward(self, dout):
        for place in sorted(self.by_name, key=int, reverse=True):
            dout = self.by_name[place].backward(dout)
        return dout

    def parameters(self):
        return self.collect("parameters")

    def gradients(self):
        return self.collect("gradients")


class NetworkRecursive:
    def __init__(self, layers):
        self.layers = list(layers)

    def forward(self, x, place=0):
        return x if place == len(self.layers) else self.forward(self.layers[place].forward(x), place + 1)

    def backward(self, dout, place=-1):
        return dout if place < -len(self.layers) else self.backward(self.layers[place].backward(dout), place - 1)

    def parameters(self):
        names = [(place, name) for place, layer in enumerate(self.layers) for name in layer.parameters]
        return {"{}.{}".format(*entry): self.layers[entry[0]].parameters[entry[1]] for entry in names}

    def gradients(self):
        names = [(place, name) for place, layer in enumerate(self.layers) for name in layer.gradients]
        return {"{}.{}".format(*entry): self.layers[entry[0]].gradients[entry[1]] for entry in names}


def lenet_by_blocks(rng):
    def block(filters, channels, padding):
        return [Conv2d(he_weights((filters, channels, 5, 5), rng), padding), ReLU(), MaxPool2d(2)]

    last = he_weights((10, 84), rng)
    last *= 0.01
    convolutions = [*block(6, 1, 2), *block(16, 6, 0)]
    return Network([*convolutions, Flatten(), Linear(he_weights((120, 400), rng)), ReLU(), Linear(he_weights((84, 120), rng)), ReLU(), Linear(last)])


def lenet_appended(rng):
    layers = []
    for channels, filters, padding in ((1, 6, 2), (6, 16, 0)):
        layers.append(Conv2d(he_weights((filters, channels, 5, 5), rng), padding=padding))
        layers.append(ReLU())
        layers.append(MaxPool2d(2))
    layers.append(Flatten())
    sizes = [16 * 5 * 5, 120, 84, 10]
    for inputs, outputs in itertools.pairwise(sizes):
        layers += [Linear(he_weights((outputs, inputs), rng)), ReLU()]
    layers.pop()
    network = Network(layers)
    network.parameters()["11.weight"][...] *= np.float32(0.01)
    return network


def lenet_with_drawn_shapes(rng):
    shapes = [(6, 1, 5, 5), (16, 6, 5, 5), (120, 400), (84, 120), (10, 84)]
    w = [he_weights(shape, rng) for shape in shapes]
    w[-1] = w[-1] / np.float32(100)
    first = [Conv2d(w[0], 2), ReLU(), MaxPool2d(2), Conv2d(w[1], 0), ReLU(), MaxPool2d(2)]
    return Network([*first, Flatten(), Linear(w[2]), ReLU(), Linear(w[3]), ReLU(), Linear(w[4])])


def train_step_with_subtract(network, x, labels, velocity, lr, momentum=0.9):
    value, dlogits = softmax_cross_entropy(network.forward(x), labels)
    network.backward(dlogits)
    parameters = network.parameters()
    for name, gradient in network.gradients().items():
        if name not in velocity:
            velocity[name] = np.zeros_like(gradient)
        velocity[name] *= momentum
        velocity[name] += gradient
        np.subtract(parameters[name], lr * velocity[name], out=parameters[name])
    return value.item()


def train_step_sorted(network, x, labels, velocity, lr, momentum=0.9):
    logits = network.forward(x)
    value, slope = softmax_cross_entropy(logits, labels)
    network.backward(slope)
    for name in sorted(network.parameters()):
        old = velocity.get(name, 0.0)
        velocity[name] = network.gradients()[name] + old * momentum
        network.parameters()[name][:] -= velocity[name] * lr
    return float(value)


def train_step_by_update(network, x, labels, velocity, lr, momentum=0.9):
    value, slope = softmax_cross_entropy(network.forward(x), labels)
    network.backward(slope)
    velocity.update({name: momentum * velocity.get(name, 0 * g) + g for name, g in network.gradients().items()})
    for name, array in network.parameters().items():
        array += -lr * velocity[name]
    return value


def train_epoch_with_split(network, images, labels, velocity, lr, order, batch_size=64, momentum=0.9):
    losses, sizes = [], []
    for rows in np.split(order, range(batch_size, len(order), batch_size)):
        losses.append(train_step(network, images[rows], labels[rows], velocity, lr, momentum=momentum))
        sizes.append(len(rows))
    return float(np.average(losses, weights=sizes))


def train_epoch_sorted_first(network, images, labels, velocity, lr, order, batch_size=64, momentum=0.9):
    x, y, done, total = images[order], labels[order], 0, 0.0
    while done < len(order):
        part = slice(done, done + batch_size)
        total += train_step(network, x[part], y[part], velocity, lr, momentum) * len(y[part])
        done += batch_size
    return total / len(y)


def train_epoch_running_mean(network, images, labels, velocity, lr, order, batch_size=64, momentum=0.9):
    seen, mean = 0, 0.0
    for number in range(math.ceil(len(order) / batch_size)):
        rows = order[number * batch_size : (number + 1) * batch_size]
        value = train_step(network, images[rows], labels[rows], velocity, lr, momentum)
        seen += len(rows)
        mean += (value - mean) * len(rows) / seen
    return mean


def classify_into_an_array(images, network=None, batch_size=500):
    if network is None:
        network = trained
    answers = np.zeros(len(images), dtype=np.int64)
    for start in range(0, len(images), batch_size):
        answers[start : start + batch_size] = np.argmax(network.forward(prepare(images[start : start + batch_size])), axis=1)
    return answers


def classify_with_a_list(images, network=None, batch_size=500):
    chosen = trained if network is None else network
    answers = []
    while len(answers) < len(images):
        part = images[len(answers) : len(answers) + batch_size]
        answers.extend(int(row.argmax()) for row in chosen.forward(prepare(part)))
    return answers


def classify_with_split(images, network=None, batch_size=500):
    chosen = network or trained
    parts = np.array_split(images, math.ceil(len(images) / batch_size))
    return np.hstack([chosen.forward(prepare(part)).argsort(axis=1)[:, -1] for part in parts])


CORRECT = {
    "ReLU": [ReluWithX, ReluWithOut, ReluAlone],
    "softmax_cross_entropy": [loss_by_loops, loss_by_one_hot, loss_transposed],
    "he_weights": [he_by_normal, he_in_float32, he_flat],
    "Linear": [LinearEinsum, LinearLoops, LinearWithOnes],
    "Conv2d": [ConvByPlaces, ConvByRowsAndColumns, ConvByConvolution],
    "MaxPool2d": [PoolByArgmax, PoolByRowsAndColumns, PoolByComparing],
    "Network": [NetworkWithLoops, NetworkByName, NetworkRecursive],
    "lenet": [lenet_by_blocks, lenet_appended, lenet_with_drawn_shapes],
    "train_step": [train_step_with_subtract, train_step_sorted, train_step_by_update],
    "train_epoch": [train_epoch_with_split, train_epoch_sorted_first, train_epoch_running_mean],
    "classify": [classify_into_an_array, classify_with_a_list, classify_with_split],
}
