"""Where files of data sets come from: cache, mirrors, download. Every door in this package goes through `obtain`."""

import hashlib
import os
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import platformdirs

from convnets.data.download import DownloadError, download
from convnets.errors import UserError


class DataError(UserError):
    """A file of a data set cannot be had. The message says which, why, and what to do."""


class WrongContent(ValueError):
    """A file is there, but it is not what it should be."""


@dataclass(frozen=True)
class RemoteFile:
    """One file of a data set.

    dataset    folder of the data set in the cache and in mirrors
    name       file name
    urls       addresses of the same file, tried in order
    elsewhere  other places, relative to a mirror folder or absolute, where it may lie
    instead    what can be used without this file, for the error message
    """

    dataset: str
    name: str
    urls: tuple[str, ...]
    elsewhere: tuple[str, ...] = ()
    instead: str = "load_fashion_mnist(), the small set that comes with the course"


def cache_folder():
    """Folder for downloads: the environment variable CONVNETS_CACHE, else the usual cache folder of your system."""
    chosen = os.environ.get("CONVNETS_CACHE")
    return Path(chosen).expanduser() if chosen else Path(platformdirs.user_cache_dir("convnets", appauthor=False))


def mirror_folders():
    """Folders named by the environment variable CONVNETS_DATA, separated as in PATH. They are only read."""
    return [Path(part).expanduser() for part in os.environ.get("CONVNETS_DATA", "").split(os.pathsep) if part]


def shipped(name):
    """A file that comes with the course, as an open-able resource."""
    return resources.files("convnets.data") / "files" / name


def places(file):
    """Every path where `file` may lie already: cache first, then the mirrors, then other known places."""
    yield cache_folder() / file.dataset / file.name
    for mirror in mirror_folders():
        yield mirror / file.dataset / file.name
        yield from (mirror / place for place in file.elsewhere if not Path(place).is_absolute())
    yield from (Path(place) for place in file.elsewhere if Path(place).is_absolute())


def find(file, read):
    """Look through `places`: (path, read(path)) of the first with the right content, or None; and a list of reasons.

    `read` takes a path and returns the content, or raises WrongContent. The reasons tell what was refused and why.
    """
    reasons = []
    for path in places(file):
        try:
            if path.is_file():
                return (path, read(path)), reasons
        except (WrongContent, OSError) as error:
            reasons.append(f"{path}: {describe(error)}")
    return None, reasons


def obtain(file, read, reasons=()):
    """The content of `file`, from the first place that has it right; downloaded to the cache if there is none.

    `reasons` says why better places failed. Raises DataError, which names the file, the reasons and the ways out.
    """
    found, more = find(file, read)
    reasons = [*reasons, *more]
    for reason in reasons:
        print(f"not used: {reason}")
    if found:
        return found[1]
    path = cache_folder() / file.dataset / file.name
    for url in file.urls:
        try:
            return download(url, path, read)
        except (DownloadError, WrongContent) as error:
            reasons.append(f"{url}: {describe(error)}")
        except OSError as error:
            reasons.append(f"{path.parent}: {describe(error)} (another folder: set CONVNETS_CACHE)")
            break
    raise DataError(_explain(file, path, reasons))


def check_sha256(content, expected):
    """Raise WrongContent unless the bytes `content` have this checksum."""
    if hashlib.sha256(content).hexdigest() != expected:
        raise WrongContent("truncated or altered (its checksum is wrong)")


def describe(error):
    """The reason in an exception, in plain words."""
    return error.strerror or str(error) if isinstance(error, OSError) else str(error)


def _explain(file, path, reasons):
    mirrors = ", ".join(map(str, mirror_folders())) or "CONVNETS_DATA is not set"
    lines = [
        f"{file.dataset}: cannot get {file.name}.",
        f"Not found in the cache ({path.parent}) nor in a mirror folder ({mirrors}).",
        "Why:",
        *(f"  - {reason}" for reason in reasons),
        "Three ways out:",
        f"  1. A class share: set the variable CONVNETS_DATA to a folder that holds {file.dataset}/{file.name}.",
        f"  2. By hand: download {file.urls[0]} with a browser and put it, as it is, into {path.parent}",
        f"  3. Do without: {file.instead}.",
    ]
    return "\n".join(lines)
