"""Numbers in cells: kernels, windows, products, confusion matrices."""

import numpy as np
from matplotlib import colormaps
from matplotlib.patches import Rectangle

from convnets.plots.images import as_array, as_image, colour_bar, frame
from convnets.plots.style import INK, PALETTE, SEQUENTIAL, SIGNED, WIDTH, bare, ink_on, new_canvas, new_figure


def annotate_matrix(matrix, title=None, highlight=()):
    """One matrix with its numbers in the cells; ``highlight`` lists (row, column) cells to outline."""
    return matrices([matrix], titles=[title or ""], highlight=[highlight])


def matrices(items, operators=(), titles=None, highlight=None):
    """Matrices in a row with operators between them, as in window × kernel = products → sum.

    ``items``: H×W arrays (a number stands for a 1×1 matrix). ``operators``: the text between each item and the next,
    one less than items, such as ``["×", "=", "→"]``. ``titles``: one an item. ``highlight``: for each item a list of
    (row, column) cells to outline together, or None. Negative numbers are blue, positive ones red where some are negative.
    """
    items = [np.atleast_2d(as_array(item)) for item in items]
    operators = list(operators) or [""] * (len(items) - 1)
    titles = [""] * len(items) if titles is None else list(titles)
    highlight = [()] * len(items) if highlight is None else list(highlight)
    _check_row(items, operators, titles, highlight)
    rows = max(item.shape[0] for item in items)
    cells = sum(item.shape[1] for item in items)
    gap = max([1.1, *(0.35 * len(operator) + 0.7 for operator in operators)])
    digits = max(len(_text(value, item)) for item in items for value in item.flat)
    cell = min(0.62, WIDTH / (cells + gap * (len(items) - 1) + 0.3))
    size = max(5.0, min(13, cell * 72 * 0.92 / (0.68 * max(digits, 2.4))))
    above = 0.9 * 0.42 / cell if any(titles) else 0.15
    fig, ax = new_canvas((rows + above + 0.3) * cell)
    x = 0.0
    for i, item in enumerate(items):
        top = (rows - item.shape[0]) / 2
        _draw(ax, item, x, top, size, highlight[i] or ())
        if titles[i]:
            ax.text(x + item.shape[1] / 2, top - 0.2, titles[i], ha="center", va="bottom", fontsize=11)
        x += item.shape[1]
        if i < len(operators):
            ax.text(x + gap / 2, rows / 2, operators[i], ha="center", va="center", fontsize=min(17, cell * 34))
            x += gap
    full = WIDTH / cell
    ax.set_xlim((x - full) / 2, (x + full) / 2)
    ax.set_ylim(rows + 0.2, -above - 0.1)
    return fig


def _check_row(items, operators, titles, highlight):
    if not items:
        raise ValueError("there are no matrices to show: pass at least one")
    for item in items:
        if item.ndim != 2 or not item.size:
            raise ValueError(
                f"a matrix must be H×W, but this one has shape {item.shape}: pick one channel, such as x[0, 0]"
            )
    if len(operators) != len(items) - 1:
        raise ValueError(f"{len(items)} matrices need {len(items) - 1} operators between them, but got {operators!r}")
    for name, given in (("titles", titles), ("highlight", highlight)):
        if len(given) != len(items):
            raise ValueError(f"there are {len(items)} matrices but {len(given)} {name}: give one for each matrix")


def _colours(matrix):
    """Light colours, so that the numbers stay readable: signed data around white, other data from white to blue."""
    values = np.nan_to_num(matrix.astype(np.float64))
    largest = np.abs(values).max() or 1
    if values.min() < 0:
        return colormaps[SIGNED](0.5 + 0.32 * values / largest)
    return colormaps[SEQUENTIAL](0.5 * values / largest)


def _draw(ax, matrix, left, top, size, highlight):
    colours = _colours(matrix)
    rows, columns = matrix.shape
    for r in range(rows):
        for c in range(columns):
            ax.add_patch(
                Rectangle((left + c, top + r), 1, 1, facecolor=colours[r, c], edgecolor="#BBBBBB", linewidth=0.8)
            )
            ax.text(
                *(left + c + 0.5, top + r + 0.52, _text(matrix[r, c], matrix)),
                ha="center", va="center", fontsize=size, color=ink_on(colours[r, c]),
            )  # fmt: skip
    ax.add_patch(Rectangle((left, top), columns, rows, fill=False, edgecolor=INK, linewidth=1.2))
    cells = {(range(rows)[r], range(columns)[c]) for r, c in highlight}
    for r, c in cells:
        sides = {
            (r - 1, c): ((0, 0), (1, 0)),
            (r + 1, c): ((0, 1), (1, 1)),
            (r, c - 1): ((0, 0), (0, 1)),
            (r, c + 1): ((1, 0), (1, 1)),
        }
        for neighbour, ((x0, y0), (x1, y1)) in sides.items():
            if neighbour not in cells:
                ax.plot(
                    [left + c + x0, left + c + x1], [top + r + y0, top + r + y1],
                    color=PALETTE["vermillion"], linewidth=3, solid_capstyle="projecting", zorder=5,
                )  # fmt: skip


def _text(value, matrix):
    """Whole numbers as they are, others with as few decimals as tell the matrix's numbers apart, at most two."""
    if isinstance(value, np.bool_):
        return "1" if value else "0"
    if not np.isfinite(value):
        return "–" if np.isnan(value) else str(value).replace("-", "−").replace("inf", "∞")
    if np.issubdtype(matrix.dtype, np.integer):
        return str(value).replace("-", "−")
    finite = matrix[np.isfinite(matrix)].astype(np.float64)
    decimals = next((d for d in (0, 1) if np.allclose(finite, np.round(finite, d), atol=1e-6)), 2)
    text = f"{float(value):.{decimals}f}"
    return text.lstrip("-") if float(text) == 0 else text.replace("-", "−")


def kernel_effects(image, kernels):
    """A grey image, and below each kernel what sliding it over this image gives.

    ``image``: H×W (a colour image is averaged to grey). ``kernels``: a dict of name to H×W array. Results keep the image's
    size (the border is repeated); those of kernels with a negative weight that sum to 0 are signed: zero is white.
    """
    grey = as_image(image).astype(np.float32)
    grey = grey.mean(2) if grey.ndim == 3 else grey
    if not kernels:
        raise ValueError("there are no kernels: pass a dict such as {'box blur': np.full((3, 3), 1 / 9)}")
    kernels = {name: np.atleast_2d(as_array(kernel)).astype(np.float32) for name, kernel in kernels.items()}
    columns = len(kernels) + 1
    cell = (WIDTH - 0.2) / columns
    aspect = grey.shape[0] / grey.shape[1]
    fig = new_figure(cell * (aspect + 0.8) + 0.5)
    axes = fig.subplots(2, columns, squeeze=False, gridspec_kw={"height_ratios": [0.8, aspect]})
    bare(axes[0, 0])
    bare(axes[1, 0]).imshow(grey, cmap="gray")
    axes[1, 0].set_title("image", fontsize=10)
    for (name, kernel), above, below in zip(kernels.items(), axes[0, 1:], axes[1, 1:], strict=True):
        result = _filtered(grey, kernel)
        _small_matrix(bare(above), kernel, cell, name)
        bare(below)
        if kernel.min() < 0 and abs(kernel.sum()) < 1e-4:
            limit = np.percentile(np.abs(result), 99.5) or 1
            below.imshow(result, cmap=SIGNED, vmin=-limit, vmax=limit)
            frame(below)
        else:
            below.imshow(result, cmap="gray", vmin=grey.min(), vmax=grey.max())
    return fig


def _filtered(image, kernel):
    """The image slid over by the kernel (cross-correlation, by Fourier transform), its border repeated: H×W."""
    around = [((k - 1) // 2, k // 2) for k in kernel.shape]
    padded = np.pad(image.astype(np.float64), around, mode="edge")
    spectrum = np.fft.rfft2(padded) * np.conj(np.fft.rfft2(kernel, padded.shape))
    return np.fft.irfft2(spectrum, padded.shape)[: image.shape[0], : image.shape[1]]


def _small_matrix(ax, kernel, cell, name):
    rows, columns = kernel.shape
    scale, text = _scaled(kernel)
    digits = max(len(_text(value, scale)) for value in scale.flat)
    size = max(5.0, min(10, cell * 0.75 * 72 / max(rows, columns) / (0.75 * max(digits, 2))))
    _draw(ax, scale, 0, 0, size, ())
    ax.set_xlim(-0.1, columns + 0.1)
    ax.set_ylim(rows + 0.1, -0.1)
    ax.set_aspect("equal")
    ax.set_title(f"{name}{text}", fontsize=10)


def _scaled(kernel):
    """Whole numbers and the fraction in front where there is one: 1/9 of ones, 1/16 of 1 2 4."""
    for divisor in range(1, 300):
        whole = kernel * divisor
        if np.allclose(whole, np.round(whole), atol=1e-4):
            return np.round(whole).astype(int), "" if divisor == 1 else f"  (1/{divisor} ×)"
    return kernel, ""


def confusion_matrix(matrix, classes):
    """How many images of each class (row) were given each class (column); ``matrix`` is K×K of counts.

    The darker a cell, the larger its share of its row. Right answers lie on the outlined diagonal.
    """
    matrix = as_array(matrix)
    k = len(classes)
    if matrix.shape != (k, k):
        raise ValueError(f"for {k} classes the matrix must be {k}×{k}, but it is {'×'.join(map(str, matrix.shape))}")
    shares = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    fig = new_figure(6.6 if k > 5 else 4.6)
    ax = fig.add_subplot()
    drawn = ax.imshow(shares, cmap=SEQUENTIAL, vmin=0, vmax=1)
    size = max(6, min(11, 90 / k))
    for r in range(k):
        for c in range(k):
            if matrix[r, c]:
                text = _text(matrix[r, c], matrix)
                colour = ink_on(drawn.cmap(shares[r, c]))
                ax.text(c, r, text, ha="center", va="center", fontsize=size, color=colour)
        ax.add_patch(Rectangle((r - 0.5, r - 0.5), 1, 1, fill=False, edgecolor=INK, linewidth=1.2))
    names = [str(name) for name in classes]
    ax.set_xticks(
        range(k),
        names,
        rotation=45 if max(map(len, names)) > 2 else 0,
        ha="right" if max(map(len, names)) > 2 else "center",
    )
    ax.set_yticks(range(k), names)
    ax.tick_params(length=0)
    for spine in ax.spines.values():
        spine.set_visible(False)
    ax.set_xlabel("the network's answer")
    ax.set_ylabel("true class")
    colour_bar(fig, drawn, [ax])
    fig.axes[-1].set_title("share\nof row", fontsize=9)
    return fig
