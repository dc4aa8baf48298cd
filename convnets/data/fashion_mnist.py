"""Fashion-MNIST: grey pictures of clothes, 28×28, in ten classes.

H. Xiao, K. Rasul, R. Vollgraf, "Fashion-MNIST: a Novel Image Dataset for Benchmarking Machine Learning Algorithms",
2017.
"""

import gzip
import io
import zlib

import numpy as np

from convnets.data.images import Images
from convnets.data.sources import RemoteFile, WrongContent, check_sha256, obtain, shipped

CLASSES = ("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot")
LICENCE = "MIT, © 2017 Zalando SE"
SMALL = "fashion_mnist_small.npz"
SMALL_SHA256 = "1c957c501e446133d279c058eb8e42a28ca2b48101212f7beb7c8404c90ae75e"
DOWNLOAD_BYTES = 30_878_645
DOWNLOADS = (
    "https://github.com/zalandoresearch/fashion-mnist/raw/master/data/fashion/",
    "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
)
# sha256 of the decompressed files: Debian's package dataset-fashion-mnist compresses them anew.
SHA256 = {
    "train-images-idx3-ubyte": "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
    "train-labels-idx1-ubyte": "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
    "t10k-images-idx3-ubyte": "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
    "t10k-labels-idx1-ubyte": "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
}


def load_fashion_mnist(full=False):
    """Fashion-MNIST as `Images`: grey, uint8 (N, 28, 28), ten classes of equal size.

    full=False   10,000 training and 2,000 test images, which come with the course
    full=True    all 60,000 and 10,000, from your cache, a mirror folder, Debian's package dataset-fashion-mnist, or
                 the public download (31 MB)

    Raises DataError if the complete set cannot be had.
    """
    if not full:
        content = shipped(SMALL).read_bytes()
        check_sha256(content, SMALL_SHA256)
        with np.load(io.BytesIO(content)) as arrays:
            parts = [arrays[name] for name in ("train_images", "train_labels", "test_images", "test_labels")]
    else:
        parts = [obtain(remote_file(name), reader(name)) for name in SHA256]
    train_images, train_labels, test_images, test_labels = parts
    return Images(train_images, train_labels.astype(np.int64), test_images, test_labels.astype(np.int64), CLASSES)


def remote_file(name):
    """Where the idx file `name` may be. torchvision keeps it in FashionMNIST/raw, with or without .gz."""
    return RemoteFile(
        dataset="fashion-mnist",
        name=f"{name}.gz",
        urls=tuple(f"{address}{name}.gz" for address in DOWNLOADS),
        elsewhere=(
            f"fashion-mnist/{name}",
            f"FashionMNIST/raw/{name}.gz",
            f"FashionMNIST/raw/{name}",
            f"/usr/share/datasets/fashion-mnist/{name}.gz",
        ),
        instead="load_fashion_mnist() gives 10,000 + 2,000 of the images, which come with the course",
    )


def reader(name):
    """A function that reads and checks the idx file `name`, compressed or not: path → array."""

    def read(path):
        content = path.read_bytes()
        if content[:2] == b"\x1f\x8b":
            try:
                content = gzip.decompress(content)
            except (EOFError, gzip.BadGzipFile, zlib.error) as error:
                raise WrongContent("truncated or altered (it cannot be decompressed)") from error
        check_sha256(content, SHA256[name])
        return _idx(content)

    return read


def _idx(content):
    """Parse idx: two zero bytes, type 8 (uint8), number of axes, the axes' lengths as big-endian int32, the data."""
    axes = content[3]
    shape = np.frombuffer(content, ">i4", count=axes, offset=4)
    return np.frombuffer(content, np.uint8, offset=4 + 4 * axes).reshape(shape).copy()
