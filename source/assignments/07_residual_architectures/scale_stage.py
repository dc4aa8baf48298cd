"""From factors to whole channels and whole layers."""

import math


def scale_stage(channels, layers, width=1.0, depth=1.0, divisor=8):
    """Channels and layers of one stage after scaling.

    channels, layers: int, of the base net
    width, depth: float, the factors

    The channels, channels · width, are rounded to the nearest multiple of `divisor` (halves up) and are at least `divisor`; if that
    took away more than a tenth of channels · width, they are rounded up instead. The layers, layers · depth, are rounded up.

    Returns (channels, layers), two ints.
    """
    ### BEGIN SOLUTION
    wanted = channels * width
    rounded = max(divisor, int(wanted + divisor / 2) // divisor * divisor)
    if rounded < 0.9 * wanted:
        rounded += divisor
    return rounded, math.ceil(layers * depth)
    ### END SOLUTION
