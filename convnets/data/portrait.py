"""A real photo to look at: Grace Hopper, public domain (US Navy), as it comes with matplotlib."""

from operator import index
from pathlib import Path

import numpy as np
from PIL import Image

LICENCE = "public domain, US Navy"


def photo(size=None):
    """A portrait of Grace Hopper as a float32 array (H, W, 3), RGB in 0 to 1.

    size   None: as it is, 600×512. A number: the height in pixels, the width in proportion. A pair (height, width): the
           middle of the photo that has this shape, scaled to it
    """
    with Image.open(photo_file()) as file:
        image = file.convert("RGB")
    if size is not None:
        height, width = _height_and_width(size, image)
        scale = min(image.height / height, image.width / width)
        top, left = max(0, image.height - height * scale) / 2, max(0, image.width - width * scale) / 2
        box = (left, top, image.width - left, image.height - top)
        image = image.resize((width, height), Image.Resampling.LANCZOS, box=box)
    return np.asarray(image, dtype=np.float32) / 255


def photo_file():
    """Path of the photo in matplotlib's sample data."""
    import matplotlib.cbook

    return Path(matplotlib.cbook.get_sample_data("grace_hopper.jpg", asfileobj=False))


def _height_and_width(size, image):
    try:
        if isinstance(size, (tuple, list)):
            height, width = map(index, size)
        else:
            height = index(size)
            width = max(1, round(height * image.width / image.height))
    except (TypeError, ValueError):
        height = width = 0
    if height < 1 or width < 1:
        raise ValueError(f"size is a height in pixels or a pair (height, width), each at least 1, got {size!r}.")
    return height, width
