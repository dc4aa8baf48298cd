"""Download a file: with progress, resumed where it broke off, checked, and whole or not there at all."""

import http.client
import os
import sys
import urllib.error
import urllib.request

from tqdm import tqdm

ATTEMPTS = 3
TIMEOUT_SECONDS = 30
CHUNK = 1 << 16


class DownloadError(RuntimeError):
    """The network or the server did not deliver; the message is one line."""


def download(url, path, read):
    """Fetch `url` to `path` and return `read(path)`.

    Bytes go to a file beside `path` that ends in .part; a later call, or the next attempt, goes on where it ends. The
    file gets its name only after `read` has accepted it. A file that `read` refuses is removed.

    Raises DownloadError, what `read` raises, or OSError if the folder cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    for attempt in range(1, ATTEMPTS + 1):
        before = _size(part)
        try:
            _transfer(url, part, path.name)
            break
        except DownloadError:
            if attempt == ATTEMPTS or _size(part) == before:
                raise
    try:
        content = read(part)
    except ValueError:
        part.unlink()
        if before:  # its beginning may be of another version of the file: once more, from zero
            return download(url, path, read)
        raise
    os.replace(part, path)
    return content


def _transfer(url, part, label):
    """Append to `part` what it lacks."""
    start = _size(part)
    request = urllib.request.Request(url, headers={"User-Agent": "convnets-course"})
    if start:
        request.add_header("Range", f"bytes={start}-")
    try:
        response = urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS)
    except urllib.error.HTTPError as error:
        error.close()
        if error.code == 416:  # nothing after `start`: complete, or longer than the file on the server
            return
        raise DownloadError(f"the server answered {error.code} {error.reason}") from error
    except (OSError, http.client.HTTPException) as error:
        raise DownloadError(f"no connection ({getattr(error, 'reason', error)})") from error
    with response:
        if response.status != 206:
            start = 0
        length = response.headers.get("Content-Length")
        total = start + int(length) if length else None
        with (
            open(part, "ab" if start else "wb") as file,
            tqdm(total=total, initial=start, unit="B", unit_scale=True, desc=label, file=sys.stdout) as bar,
        ):
            while chunk := _receive(response):
                file.write(chunk)
                bar.update(len(chunk))
    if total is not None and _size(part) < total:
        raise DownloadError(
            f"the connection broke off after {_size(part):,} of {total:,} bytes; another call resumes there"
        )


def _size(part):
    return part.stat().st_size if part.exists() else 0


def _receive(response):
    try:
        return response.read(CHUNK)
    except (OSError, http.client.HTTPException) as error:
        raise DownloadError(f"the connection broke off ({error}); another call resumes there") from error
