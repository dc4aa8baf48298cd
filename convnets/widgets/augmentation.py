"""The augmentation playground: one photo, the changes that keep its meaning, and draws of one's own function."""

import base64
import io
from collections.abc import Callable

import numpy as np
import traitlets
from PIL import Image

from convnets.data import photo
from convnets.widgets.base import CourseWidget, image, module

DRAWS = 8
LARGEST = 320


def ask(function: Callable, picture: np.ndarray, seed: int) -> dict:
    """Call `function(image, rng)` on eight copies of `picture` (H, W, 3) and judge what comes back.

    Returns `seed`, `images` (data URLs), `mark` ("✓", "✗" or "!") and `words`.
    """
    report = {"seed": seed, "images": [], "mark": "✗", "words": ""}
    rng = np.random.default_rng(seed)
    found, inplace = [], False
    for _ in range(DRAWS):
        given = picture.copy()
        try:
            got = function(given, rng)
        except NotImplementedError as error:
            return report | {"mark": "!", "words": f"Your function is not written yet. {error}".strip()}
        except Exception as error:
            return report | {"words": f"Your function raised {type(error).__name__}: {error}"}
        if got is None:
            return report | {"words": "Your function returned None. Does it end with a return?"}
        try:
            got = np.asarray(got, dtype=np.float64)
        except (TypeError, ValueError):
            return report | {"words": f"Your function returned a {type(got).__name__}, not an array of numbers."}
        if got.ndim != 3 or got.shape[2] != 3 or not got.size or max(got.shape) > 4 * LARGEST:
            return report | {"words": f"Your image has shape {got.shape}, it should be (height, width, 3)."}
        if not np.isfinite(got).all():
            return report | {"words": "Your image holds NaN or infinity."}
        inplace |= not np.array_equal(given, picture)
        found.append(got)
    report["images"] = [_url(each) for each in found]
    if inplace:
        return report | {"words": "Your function changed the image that it was given. Work on a copy: the next epoch needs the original."}
    shapes = {each.shape for each in found}
    if shapes != {picture.shape}:
        odd = next(shape for shape in shapes if shape != picture.shape)
        return report | {"words": f"The original is {_shape(picture.shape)}, but a result is {_shape(odd)}: images of one batch need one size."}
    low, high = min(each.min() for each in found), max(each.max() for each in found)
    if low < 0 or high > 1:
        return report | {"mark": "!", "words": f"Your values go from {low:.2f} to {high:.2f}. They are cut to 0 … 1 here; np.clip does it in your function."}
    if all(np.array_equal(each, found[0]) for each in found):
        return report | {"mark": "!", "words": "All eight draws are the same. Use rng, so that each epoch sees another image."}
    return report | {"mark": "✓", "words": "Eight draws of your function: of the right size, from 0 to 1, and the original is untouched. Would you still give each the same label?"}


def _shape(shape: tuple) -> str:
    return "×".join(map(str, shape))


def _url(values: np.ndarray) -> str:
    buffer = io.BytesIO()
    Image.fromarray(np.rint(255 * np.clip(values, 0, 1)).astype(np.uint8)).save(buffer, "JPEG", quality=88)
    return f"data:image/jpeg;base64,{base64.b64encode(buffer.getvalue()).decode()}"


class AugmentationPlayground(CourseWidget):
    """The widget that `augmentation_playground` returns. `settings`, `strength` and `seed` can be read and set."""

    _esm = module("augmentation")
    _name = "augmentation"
    photo = traitlets.Unicode().tag(sync=True)
    settings = traitlets.Dict().tag(sync=True)
    strength = traitlets.Float(0.5, min=0, max=1).tag(sync=True)
    seed = traitlets.Int(0, min=0).tag(sync=True)
    student = traitlets.Dict().tag(sync=True)

    def __init__(self, picture, function, seed):
        super().__init__(photo=_url(picture), settings={}, seed=seed)
        self._picture, self._function = picture, function
        if function is not None:
            self._ask()
            self.observe(self._ask, "seed")

    def _ask(self, change=None):
        self.student = ask(self._function, self._picture, self.seed)

    def summary(self) -> str:
        height, width, _ = self._picture.shape
        mine = f"; {self.student['words']}" if self.student else ""
        return f"Augmentation playground: a photo of {height}×{width} pixels, flipped, turned, cropped, and in other light{mine}"

    def picture(self) -> str:
        height, width, _ = self._picture.shape
        scale = 150 / height
        shown = [self.photo, *self.student["images"][:4]] if self.student.get("images") else [self.photo, *map(_url, _examples(self._picture))]
        step = width * scale + 10
        parts = "".join(f'<image x="{8 + i * step:.1f}" y="8" width="{width * scale:.1f}" height="150" href="{url}"/>' for i, url in enumerate(shown))
        total = 8 + len(shown) * step
        drawing = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {total:.0f} 166" width="{total:.0f}" height="166"><rect width="100%" height="100%" fill="#fff"/>{parts}</svg>'
        return image(drawing, f"{self.summary()}.", int(total))


def _examples(picture: np.ndarray) -> list[np.ndarray]:
    """The photo flipped, turned by 15 degrees, its middle enlarged, and darker: for pages without scripts."""
    height, width, _ = picture.shape
    pil = Image.fromarray(np.rint(255 * picture).astype(np.uint8))
    box = (width * 0.2, height * 0.1, width * 0.8, height * 0.7)
    turned, cropped = pil.rotate(15, Image.Resampling.BILINEAR), pil.resize((width, height), Image.Resampling.BILINEAR, box=box)
    return [picture[:, ::-1], np.asarray(turned) / 255, np.asarray(cropped) / 255, 0.6 * picture]


def augmentation_playground(image: np.ndarray | None = None, *, function: Callable | None = None, seed: int = 0) -> AugmentationPlayground:
    """Return a widget that flips, turns, crops, shears and recolours a photo, and draws eight random versions of it.

    Args:
        image: floats in 0 to 1, shape (H, W, 3), at most 320 pixels a side. By default the course's photo, 128 pixels high.
        function: your own augmentation `f(image, rng)`: image is a float32 array (H, W, 3) in 0 to 1, rng a numpy.random.Generator.
            It returns an image of the same shape. Its eight draws take the place of the widget's; the widget says what is wrong with them.
        seed: of the first eight draws.

    Raises:
        ValueError: an image of another shape or range, a function that cannot be called.
    """
    picture = photo(128) if image is None else np.asarray(image)
    if picture.ndim != 3 or picture.shape[2] != 3 or not picture.size or max(picture.shape) > LARGEST:
        raise ValueError(f"image must have shape (H, W, 3) with at most {LARGEST} pixels a side, not {picture.shape}.")
    if picture.dtype.kind != "f" or not np.isfinite(picture).all() or picture.min() < 0 or picture.max() > 1:
        raise ValueError(f"image must hold floats from 0 to 1, not {picture.dtype}: divide bytes by 255.")
    if function is not None and not callable(function):
        raise ValueError("function must be callable as f(image, rng) and return an image.")
    return AugmentationPlayground(picture.astype(np.float32), function, int(seed))
