"""Images to learn from: small sets that come with the course or are drawn on the spot, and complete ones found or downloaded when asked for.

Every file is looked for in this order: your cache, the folders that the environment variable CONVNETS_DATA names (a
class share), what comes with the course, the public download. Whatever is found is checked against a checksum before
it is used.
"""

from convnets.data.cifar10 import load_cifar10
from convnets.data.emoji import Emoji, load_emoji
from convnets.data.fashion_mnist import load_fashion_mnist
from convnets.data.images import Images
from convnets.data.portrait import photo
from convnets.data.report import Source, sources_report
from convnets.data.sources import DataError, cache_folder, mirror_folders
from convnets.data.strokes import drawn_digits

__all__ = [
    "DataError",
    "Emoji",
    "Images",
    "Source",
    "cache_folder",
    "drawn_digits",
    "load_cifar10",
    "load_emoji",
    "load_fashion_mnist",
    "mirror_folders",
    "photo",
    "sources_report",
]
