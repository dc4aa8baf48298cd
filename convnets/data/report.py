"""What data is there, and where: rows for `convnets data`."""

from dataclasses import dataclass

from convnets.data import cifar10, emoji, fashion_mnist, portrait
from convnets.data.sources import WrongContent, describe, find, shipped


@dataclass(frozen=True)
class Source:
    """One data set.

    name      what it is
    loader    the call that loads it
    found     where it was found, with the right checksum; "" if it was not
    reason    why not, and how to get it; "" if it was found
    bytes     size of its files where it was found, else of the download
    licence   under which terms it stands
    """

    name: str
    loader: str
    found: str
    reason: str
    bytes: int
    licence: str


def sources_report():
    """A `Source` for every data set. Reads and checks every file, downloads nothing."""
    small, drawings = fashion_mnist.load_fashion_mnist, emoji.load_emoji
    return [
        _shipped("Fashion-MNIST small", "load_fashion_mnist()", fashion_mnist.SMALL, small, fashion_mnist.LICENCE),
        _full_fashion_mnist(),
        _cifar10(),
        _shipped("Emoji in two styles", "load_emoji()", emoji.FILE, drawings, emoji.LICENCE),
        _photo(),
    ]


def _photo():
    return Source(
        "Photo", "photo()", "comes with matplotlib", "", portrait.photo_file().stat().st_size, portrait.LICENCE
    )


def _shipped(name, loader, file, load, licence):
    try:
        load()
    except (WrongContent, OSError) as error:
        return Source(name, loader, "", f"{file}: {describe(error)}; install the course again", 0, licence)
    return Source(name, loader, "comes with the course", "", len(shipped(file).read_bytes()), licence)


def _full_fashion_mnist():
    name, loader, licence = "Fashion-MNIST", "load_fashion_mnist(full=True)", fashion_mnist.LICENCE
    paths, reasons = [], []
    for part in fashion_mnist.SHA256:
        found, why = find(fashion_mnist.remote_file(part), fashion_mnist.reader(part))
        reasons += why
        if found is None:
            reason = "; ".join(reasons) or "not here yet"
            return Source(
                name, loader, "", f"{reason}; the first call downloads it", fashion_mnist.DOWNLOAD_BYTES, licence
            )
        paths.append(found[0])
    folders = dict.fromkeys(str(path.parent) for path in paths)
    return Source(name, loader, ", ".join(folders), "", sum(path.stat().st_size for path in paths), licence)


def _cifar10():
    name, loader, licence = "CIFAR-10", "load_cifar10()", cifar10.LICENCE
    reasons = []
    for folder in cifar10.sheets_folders():
        try:
            cifar10.check_sheets(folder)
        except (WrongContent, OSError) as error:
            reasons.append(f"{folder}: {describe(error)}")
        else:
            return Source(name, loader, str(folder), "", sum(path.stat().st_size for path in folder.iterdir()), licence)
    found, why = find(cifar10.ARCHIVE, cifar10.check_archive)
    if found:
        return Source(name, loader, str(found[0]), "", found[0].stat().st_size, licence)
    reason = "; ".join(reasons + why) or "not here yet"
    return Source(name, loader, "", f"{reason}; the first call downloads it", cifar10.DOWNLOAD_BYTES, licence)
