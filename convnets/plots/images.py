"""Images, filters and activation maps in grids."""

import math

import numpy as np

from convnets.plots.style import INK, SIGNED, WIDTH, bare, new_figure

MOST = 64
TALLEST = 7.0


def as_array(values):
    """A NumPy array of an array, list or tensor, whatever its device."""
    values = values.detach().cpu().numpy() if hasattr(values, "detach") else np.asarray(values)
    return values.astype(np.float32) if values.dtype == np.float16 else values


def as_image(values):
    """H×W or H×W×3 of an image in any of the usual layouts; one channel becomes grey."""
    image = as_array(values)
    if image.ndim == 3 and image.shape[-1] not in (1, 3) and image.shape[0] in (1, 3):
        image = image.transpose(1, 2, 0)
    if image.ndim == 3 and image.shape[-1] == 1:
        image = image[..., 0]
    if image.ndim == 2 or (image.ndim == 3 and image.shape[-1] == 3):
        return image
    raise ValueError(
        f"an image must be H×W, C×H×W or H×W×C with 1 or 3 channels, but this one is {'×'.join(map(str, image.shape))}; "
        "feature_maps shows other numbers of channels"
    )


def image_grid(images, titles=None, columns=None, cmap="gray", vmin=None, vmax=None):
    """Images in rows, each with its title.

    ``images``: a sequence of images (N×H×W, N×C×H×W and N×H×W×C arrays are such). ``vmin`` and ``vmax`` are the values
    shown as the darkest and the brightest; by default 0 and 1 (255 for integers), or the extremes of all images where
    some value lies outside. Raises ValueError for no images, a wrong shape, or another number of titles than images.
    """
    images = [as_image(image) for image in images]
    titles = _titles(titles, images)
    low, high = _limits(images, vmin, vmax)
    fig, axes = grid(images, titles, columns)
    for ax, image in zip(axes, images, strict=True):
        if image.ndim == 3:
            scaled = (image - np.float64(low)) / ((high - low) or 1)
            ax.imshow(np.clip(scaled, 0, 1))
        else:
            ax.imshow(image, cmap=cmap, vmin=low, vmax=high)
    return fig


def signed_images(images, titles=None, columns=None, limit=None):
    """Images with positive and negative values, all on one map: zero is white, positive red, negative blue.

    ``images``: a sequence of H×W arrays. ``limit``: the value shown as full colour; by default the largest magnitude.
    """
    images = [as_image(image) for image in images]
    for image in images:
        if image.ndim != 2:
            raise ValueError(f"signed images have one channel, but this one has {image.shape[-1]}: pass H×W arrays")
    titles = _titles(titles, images)
    limit = _largest(images) if limit is None else limit
    fig, axes = grid(images, titles, columns, beside=0.7)
    for ax, image in zip(axes, images, strict=True):
        drawn = ax.imshow(image, cmap=SIGNED, vmin=-limit, vmax=limit)
        frame(ax)
    colour_bar(fig, drawn, axes)
    return fig


def filters(weights, titles=None):
    """The kernels of a convolution layer; ``weights`` is out_channels × in_channels × height × width.

    With three input channels each filter is one colour picture (mid-grey is a weight of zero). Otherwise weights are red
    (positive) and blue (negative): one picture a filter for one input channel, else one column of pictures a filter.
    At most 64 filters (16 with 8 channels each) are drawn; where there are more, the figure's title says so.
    """
    weights = as_array(weights)
    if weights.ndim != 4:
        raise ValueError(
            f"weights must be out_channels × in_channels × height × width, but have shape {weights.shape}; "
            "for a layer pass layer.weight"
        )
    out_channels, in_channels = weights.shape[:2]
    if in_channels == 3:
        shown = weights[:MOST]
        limit = np.abs(shown).max() or 1
        fig = image_grid(0.5 + shown / (2 * limit), _numbered(titles, len(shown), "filter"), vmin=0, vmax=1)
        return _counted(fig, len(shown), out_channels, "filters")
    if in_channels == 1:
        shown = weights[:MOST, 0]
        fig = signed_images(shown, _numbered(titles, len(shown), "filter"))
        return _counted(fig, len(shown), out_channels, "filters")
    columns, rows = min(out_channels, 16), min(in_channels, 8)
    shown = weights[:columns, :rows].swapaxes(0, 1).reshape(rows * columns, *weights.shape[2:])
    labels = list(map(str, range(columns))) if titles is None else list(titles)[:columns]
    fig = signed_images(shown, labels + [""] * (len(shown) - columns), columns=columns)
    width = max(fig.get_figwidth(), 5.0)
    height = rows * (width - 1.6) / columns * weights.shape[2] / weights.shape[3]
    fig.set_size_inches(width, min(height, TALLEST) + 0.7)
    for row in range(rows):
        fig.axes[row * columns].set_ylabel(f"channel {row}", fontsize=9, rotation=0, ha="right", va="center")
    if columns < out_channels or rows < in_channels:
        fig.suptitle(f"{columns} of {out_channels} filters, {rows} of {in_channels} input channels", fontsize=11)
    return fig


def feature_maps(activations, titles=None, columns=None):
    """The channels of one image's activations, C×H×W (or 1×C×H×W), all on one scale with a colour bar.

    Values that are never negative, as after ReLU, run from white to dark; signed ones are red and blue.
    At most 64 channels are drawn; where there are more, the figure's title says so.
    """
    maps = as_array(activations)
    if maps.ndim == 4 and len(maps) == 1:
        maps = maps[0]
    if maps.ndim != 3:
        raise ValueError(
            f"activations must be C×H×W of one image, but have shape {maps.shape}; pick one: activations[0]"
        )
    shown = maps[:MOST]
    titles = _numbered(titles, len(shown), "channel")
    if maps.min() < 0:
        fig = signed_images(shown, titles, columns)
    else:
        high = float(shown.max()) or 1.0
        fig, axes = grid(shown, titles, columns, beside=0.7)
        for ax, image in zip(axes, shown, strict=True):
            drawn = ax.imshow(image, cmap="gray_r", vmin=0, vmax=high)
            frame(ax)
        colour_bar(fig, drawn, axes)
    return _counted(fig, len(shown), len(maps), "channels")


def predictions(images, labels, predicted, classes, columns=None):
    """Images with what the network said: ✓ class, or ✗ class and the right one. Labels are integers into ``classes``."""
    labels, predicted = as_array(labels).tolist(), as_array(predicted).tolist()
    if not len(images) == len(labels) == len(predicted):
        raise ValueError(
            f"as many images as labels are needed, but got {len(images)} images, {len(labels)} labels "
            f"and {len(predicted)} predictions"
        )
    titles = [
        f"✓ {classes[right]}\n" if right == said else f"✗ {classes[said]}\nis: {classes[right]}"
        for right, said in zip(labels, predicted, strict=True)
    ]
    return image_grid(images, titles, columns or min(len(titles), 6))


def grid(images, titles, columns=None, beside=0.2):
    """A figure with one bare axes an image and the axes as a list; ``beside`` is the room left for a scale, in inches."""
    n = len(images)
    columns = min(columns or (n if n <= 5 else math.ceil(n / math.ceil(n / (8 if n <= 32 else 12)))), n)
    rows = math.ceil(n / columns)
    aspect = max(image.shape[0] / image.shape[1] for image in images)
    lines = max((title.count("\n") + 1 for title in titles if title), default=0)
    size = 11 if columns <= 5 else 9.5
    words = 0.1 + lines * size * 1.45 / 72
    cell = min((WIDTH - beside) / columns, 3.2 / max(aspect, 0.4))
    cell = max(min(cell, (TALLEST / rows - words) / aspect), 0.45)
    longest = max((len(line) for title in titles for line in title.split("\n")), default=0) * size * 0.6 / 72
    width = min(WIDTH, columns * max(cell + 0.1, longest) + beside)
    fig = new_figure(rows * (cell * aspect + words), width)
    axes = fig.subplots(rows, columns, squeeze=False).ravel()
    for ax in axes:
        bare(ax)
    for ax in axes[n:]:
        ax.set_visible(False)
    for ax, title in zip(axes, titles, strict=False):
        if title:
            ax.set_title(title, fontsize=size, pad=4)
    return fig, list(axes[:n])


def frame(ax):
    """A thin line around an image whose border may be white."""
    for spine in ax.spines.values():
        spine.set_visible(True)
        spine.set_color("#BBBBBB")
        spine.set_linewidth(0.8)


def colour_bar(fig, drawn, axes):
    """A slim scale beside the images."""
    bar = fig.colorbar(drawn, ax=axes, fraction=0.04, pad=0.02, aspect=18, shrink=0.9)
    bar.outline.set_visible(False)
    bar.ax.tick_params(labelsize=9, length=2, color=INK)
    bar.locator = _few_ticks()
    bar.update_ticks()


def _few_ticks():
    from matplotlib.ticker import MaxNLocator

    return MaxNLocator(nbins=5)


def _titles(titles, images):
    if not images:
        raise ValueError("there are no images to show: pass at least one")
    titles = [""] * len(images) if titles is None else [str(title) for title in titles]
    if len(titles) != len(images):
        raise ValueError(f"there are {len(images)} images but {len(titles)} titles: give one title for each image")
    return titles


def _numbered(titles, n, word):
    if titles is not None:
        return list(titles)[:n]
    return [f"{word} {i}" for i in range(n)] if n <= 10 else [str(i) for i in range(n)]


def _counted(fig, shown, total, word):
    if shown < total:
        fig.suptitle(f"{shown} of {total} {word}", fontsize=11)
    return fig


def _limits(images, vmin, vmax):
    integers = all(np.issubdtype(image.dtype, np.integer) for image in images)
    low, high = 0, 255 if integers else 1
    least, most = min(float(image.min()) for image in images), max(float(image.max()) for image in images)
    if least < low or most > high:
        low, high = least, most
    return low if vmin is None else vmin, high if vmax is None else vmax


def _largest(images):
    return max(float(np.abs(image.astype(np.float64)).max()) for image in images) or 1.0
