"""CIFAR-10: small colour photos, 32×32, in ten classes.

A. Krizhevsky, "Learning Multiple Layers of Features from Tiny Images", 2009.
"""

import io
import pickle
import tarfile

import numpy as np
from PIL import Image

from convnets.data.images import Images
from convnets.data.sources import RemoteFile, WrongContent, check_sha256, describe, mirror_folders, obtain, shipped

CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
LICENCE = "none stated; cite Krizhevsky 2009, do not pass on"
ARCHIVE_SHA256 = "6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce"
DOWNLOAD_BYTES = 170_498_071
ARCHIVE = RemoteFile(
    dataset="cifar10",
    name="cifar-10-python.tar.gz",
    urls=("https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz",),
    elsewhere=("cifar-10-python.tar.gz",),
)
SHEETS = {"train": 50, "test": 10}
SHEET_ROWS, SHEET_COLUMNS, SIDE = 25, 40, 32
IMAGES_OF_A_SHEET = SHEET_ROWS * SHEET_COLUMNS


def load_cifar10(sheets=None):
    """CIFAR-10 as `Images`: RGB, uint8 (N, 32, 32, 3), ten classes of equal size.

    sheets   how many thousand of the 50,000 training images, 1 to 50; all if left out. They come in a shuffled order in
             which every thousand holds a hundred of each class. The test set is always whole: 10,000 images

    A class share holds the set as sheets: lossless WebP pictures of a thousand images each (folder cifar10). Elsewhere
    it is the original archive (170 MB), downloaded once. Both give the same images in the same order.

    Raises DataError if the set cannot be had, ValueError for a number of sheets that there is not.
    """
    if sheets is None:
        sheets = SHEETS["train"]
    if sheets not in range(1, SHEETS["train"] + 1):
        raise ValueError(f"sheets is a whole number of thousands of training images, 1 to 50, got {sheets!r}.")
    damaged = []
    for folder in sheets_folders():
        try:
            parts = [*_read_sheets(folder, "train", sheets), *_read_sheets(folder, "test", SHEETS["test"])]
            break
        except (WrongContent, OSError) as error:
            damaged.append(f"{folder}: {describe(error)}")
    else:
        images, labels, *test = obtain(ARCHIVE, read_archive, damaged)
        parts = [images[: sheets * IMAGES_OF_A_SHEET].copy(), labels[: sheets * IMAGES_OF_A_SHEET].copy(), *test]
    return Images(*parts, CLASSES)


def sheets_folders():
    """Mirror folders that hold CIFAR-10 as sheets."""
    folders = [mirror / "cifar10" for mirror in mirror_folders()]
    return [folder for folder in folders if (folder / "train_00.webp").is_file()]


def check_sheets(folder):
    """Raise WrongContent or OSError unless every sheet in `folder` is there and right."""
    for name in _sheet_checksums():
        _checked_bytes(folder / name)


def check_archive(path):
    """The bytes of the original archive; raises WrongContent if it is altered."""
    content = path.read_bytes()
    check_sha256(content, ARCHIVE_SHA256)
    return content


def read_archive(path):
    """[train images, train labels, test images, test labels] of the original archive, in the order of the sheets."""
    content = check_archive(path)  # before anything is unpickled
    batches = {}
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        for member in archive:
            name = member.name.rpartition("/")[2]
            if name.startswith(("data_batch_", "test_batch")):
                batches[name] = pickle.load(archive.extractfile(member), encoding="latin1")
    with np.load(io.BytesIO(shipped("cifar10_order.npz").read_bytes())) as ranks:
        train = _in_sheet_order([batches[f"data_batch_{number}"] for number in range(1, 6)], ranks["train"])
        test = _in_sheet_order([batches["test_batch"]], ranks["test"])
    return [*train, *test]


def _in_sheet_order(batches, ranks):
    """(images, labels), where row i is the image whose bytes come at place ranks[i] when all images are sorted."""
    rows = np.concatenate([batch["data"] for batch in batches])
    labels = np.concatenate([batch["labels"] for batch in batches]).astype(np.int64)
    images = np.ascontiguousarray(rows.reshape(-1, 3, SIDE, SIDE).transpose(0, 2, 3, 1))
    keys = [image.tobytes() for image in images]
    order = np.array(sorted(range(len(keys)), key=keys.__getitem__))[ranks]
    return images[order], labels[order]


def _read_sheets(folder, part, count):
    images = [_tiles(_checked_bytes(folder / f"{part}_{number:02}.webp")) for number in range(count)]
    labels = np.load(io.BytesIO(_checked_bytes(folder / f"{part}_labels.npy")))
    return np.concatenate(images), labels[: count * IMAGES_OF_A_SHEET].astype(np.int64)


def _tiles(content):
    sheet = np.asarray(Image.open(io.BytesIO(content)).convert("RGB"))
    grid = sheet.reshape(SHEET_ROWS, SIDE, SHEET_COLUMNS, SIDE, 3)
    return grid.transpose(0, 2, 1, 3, 4).reshape(IMAGES_OF_A_SHEET, SIDE, SIDE, 3)


def _checked_bytes(path):
    content = path.read_bytes()
    try:
        check_sha256(content, _sheet_checksums()[path.name])
    except WrongContent as error:
        raise WrongContent(f"{path.name} is {error}") from error
    return content


def _sheet_checksums():
    """{file name: sha256} of the sheets and their labels."""
    lines = shipped("cifar10_sheets_sha256.txt").read_text("utf-8").splitlines()
    return {name: checksum for checksum, name in (line.split() for line in lines if not line.startswith("#"))}
