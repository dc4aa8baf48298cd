"""convnets.data: every source in its order, and every way in which one fails. Nothing here touches the internet."""

import gzip
import hashlib
import io
import os
import pickle
import re
import struct
import tarfile
import threading
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from convnets import data
from convnets.data import cifar10, fashion_mnist

DEBIAN = Path("/usr/share/datasets/fashion-mnist")
MIRROR = next((folder for folder in data.mirror_folders() if (folder / "cifar10/train_00.webp").exists()), None)


@pytest.fixture(autouse=True)
def own_cache(monkeypatch, tmp_path):
    monkeypatch.setenv("CONVNETS_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("CONVNETS_DATA", raising=False)
    return tmp_path / "cache"


class Handler(BaseHTTPRequestHandler):
    """Serves `files`; understands Range; misbehaves as `server` says."""

    def do_GET(self):
        server = self.server
        name = self.path.rpartition("/")[2]
        asked = self.headers.get("Range")
        server.requests.append((name, asked))
        content = server.files.get(name)
        if content is None:
            return self.send_error(404)
        start = int(re.fullmatch(r"bytes=(\d+)-", asked)[1]) if asked and server.ranges else 0
        if start and start >= len(content):
            return self.send_error(416)
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(content) - start))
        self.end_headers()
        if server.break_after:
            self.wfile.write(content[start : server.break_after.pop(0)])
        else:
            self.wfile.write(content[start:])

    def log_message(self, *args):
        pass


@pytest.fixture
def server():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.files, server.requests, server.ranges, server.break_after = {}, [], True, []
    server.url = f"http://127.0.0.1:{server.server_port}/"
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def tiny_fashion(monkeypatch, server):
    """A Fashion-MNIST of six images that only the local server has: {idx file name: array}."""
    rng = np.random.default_rng(0)
    arrays = {
        "train-images-idx3-ubyte": rng.integers(0, 256, (4, 28, 28), np.uint8),
        "train-labels-idx1-ubyte": np.array([3, 1, 4, 1], np.uint8),
        "t10k-images-idx3-ubyte": rng.integers(0, 256, (2, 28, 28), np.uint8),
        "t10k-labels-idx1-ubyte": np.array([9, 0], np.uint8),
    }
    raw = {name: idx(array) for name, array in arrays.items()}
    server.raw = raw
    server.files = {f"{name}.gz": gzip.compress(content) for name, content in raw.items()}
    monkeypatch.setattr(fashion_mnist, "SHA256", {n: hashlib.sha256(c).hexdigest() for n, c in raw.items()})
    monkeypatch.setattr(fashion_mnist, "DOWNLOADS", (server.url,))
    remote_file = fashion_mnist.remote_file
    monkeypatch.setattr(fashion_mnist, "remote_file", lambda name: without_system_folder(remote_file(name)))
    return arrays


def without_system_folder(file):
    return type(file)(file.dataset, file.name, file.urls, tuple(p for p in file.elsewhere if p[0] != "/"), file.instead)


def idx(array):
    return bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}i", *array.shape) + array.tobytes()


def assert_is(images, arrays):
    np.testing.assert_array_equal(images.train_images, arrays["train-images-idx3-ubyte"])
    np.testing.assert_array_equal(images.train_labels, arrays["train-labels-idx1-ubyte"])
    np.testing.assert_array_equal(images.test_images, arrays["t10k-images-idx3-ubyte"])
    np.testing.assert_array_equal(images.test_labels, arrays["t10k-labels-idx1-ubyte"])


# What the course ships


def test_small_fashion_mnist_is_balanced_and_has_the_known_statistics():
    images = data.load_fashion_mnist()
    assert images.train_images.shape == (10_000, 28, 28) and images.test_images.shape == (2_000, 28, 28)
    assert images.train_images.dtype == np.uint8 and images.train_labels.dtype == np.int64
    assert np.bincount(images.train_labels).tolist() == [1000] * 10
    assert np.bincount(images.test_labels).tolist() == [200] * 10
    assert images.classes[0] == "T-shirt/top" and images.classes[9] == "Ankle boot"
    # mean and deviation of the complete training set are 0.2860 and 0.3530
    assert images.train_images.mean() / 255 == pytest.approx(0.2860, abs=0.003)
    assert images.train_images.std() / 255 == pytest.approx(0.3530, abs=0.003)


def test_arrays_are_the_callers_own():
    first = data.load_fashion_mnist()
    first.train_images[:] = 0
    first.train_labels[:] = 0
    assert data.load_fashion_mnist().train_images.any()
    assert data.load_fashion_mnist().train_labels.any()


def test_emoji():
    emoji = data.load_emoji()
    assert emoji.noto.shape == emoji.twemoji.shape == (1906, 32, 32, 3)
    assert emoji.labels.dtype == np.int64
    counts = dict(zip(emoji.classes, np.bincount(emoji.labels).tolist(), strict=True))
    assert counts["People & Body"] == 386 and counts["Flags"] == 270 and len(counts) == 9
    assert emoji.names[0] == "grinning" and emoji.classes[emoji.labels[0]] == "Smileys & Emotion"
    assert len(emoji.names) == len(emoji.subcategories) == 1906


def test_what_is_shipped_travels_with_its_notices():
    files = Path(data.__file__).parent / "files"
    assert "Copyright (c) 2017 Zalando SE" in (files / "NOTICE-fashion-mnist.txt").read_text("utf-8")
    emoji = (files / "NOTICE-emoji.txt").read_text("utf-8")
    for words in ("Apache License, Version 2.0", "CC BY 4.0", "Twitter, Inc and other contributors", "Cal Henderson"):
        assert words in emoji
    assert "Version 2.0, January 2004" in (files / "APACHE-2.0.txt").read_text("utf-8")


def test_photo_whole_and_scaled():
    whole = data.photo()
    assert whole.dtype == np.float32 and whole.ndim == 3 and whole.shape[2] == 3 and whole.shape[0] > whole.shape[1]
    assert whole.min() >= 0 and 0.9 < whole.max() <= 1
    small = data.photo(60)
    assert small.shape[0] == 60 and small.shape[1] == round(60 * whole.shape[1] / whole.shape[0])


@given(st.integers(1, 80), st.integers(1, 80))
def test_photo_of_any_shape(height, width):
    image = data.photo((height, width))
    assert image.shape == (height, width, 3) and image.min() >= 0 and image.max() <= 1


@pytest.mark.parametrize("size", [0, -3, 2.5, (3, 0), (1, 2, 3), "big"])
def test_photo_refuses_a_size_that_is_none(size):
    with pytest.raises(ValueError, match="height in pixels or a pair"):
        data.photo(size)


# Download


def test_download_fills_the_cache_and_is_used_once(tiny_fashion, server, own_cache, capfd):
    assert_is(data.load_fashion_mnist(full=True), tiny_fashion)
    assert len(server.requests) == 4
    assert sorted(path.name for path in (own_cache / "fashion-mnist").iterdir()) == sorted(server.files)
    assert_is(data.load_fashion_mnist(full=True), tiny_fashion)
    assert len(server.requests) == 4
    out, err = capfd.readouterr()
    assert "train-images-idx3-ubyte.gz" in out and err == ""


def test_the_second_address_is_tried(tiny_fashion, server, monkeypatch):
    monkeypatch.setattr(fashion_mnist, "DOWNLOADS", ("http://127.0.0.1:9/", server.url))
    assert_is(data.load_fashion_mnist(full=True), tiny_fashion)


def test_a_broken_download_is_resumed(tiny_fashion, server):
    server.break_after = [1000, 2000]
    assert_is(data.load_fashion_mnist(full=True), tiny_fashion)
    assert server.requests[:3] == [
        ("train-images-idx3-ubyte.gz", None),
        ("train-images-idx3-ubyte.gz", "bytes=1000-"),
        ("train-images-idx3-ubyte.gz", "bytes=2000-"),
    ]


def test_a_later_call_resumes_what_an_earlier_one_left(tiny_fashion, server, own_cache):
    server.break_after = [500, 600, 700]
    with pytest.raises(data.DataError, match=r"broke off after 700 of [\d,]+ bytes; another call resumes there"):
        data.load_fashion_mnist(full=True)
    assert [path.name for path in (own_cache / "fashion-mnist").iterdir()] == ["train-images-idx3-ubyte.gz.part"]
    assert_is(data.load_fashion_mnist(full=True), tiny_fashion)
    assert server.requests[3] == ("train-images-idx3-ubyte.gz", "bytes=700-")


def test_a_server_without_ranges_is_asked_for_the_whole_file_again(tiny_fashion, server):
    server.ranges = False
    server.break_after = [1000]
    assert_is(data.load_fashion_mnist(full=True), tiny_fashion)


@pytest.mark.parametrize("leftover", [b"of another version", b"longer than the file on the server" * 1000])
def test_a_useless_leftover_is_thrown_away(tiny_fashion, own_cache, leftover):
    (own_cache / "fashion-mnist").mkdir(parents=True)
    (own_cache / "fashion-mnist/train-images-idx3-ubyte.gz.part").write_bytes(leftover)
    assert_is(data.load_fashion_mnist(full=True), tiny_fashion)


def test_a_complete_leftover_is_taken(tiny_fashion, server, own_cache):
    (own_cache / "fashion-mnist").mkdir(parents=True)
    name = "train-images-idx3-ubyte.gz"
    (own_cache / "fashion-mnist" / f"{name}.part").write_bytes(server.files[name])
    assert_is(data.load_fashion_mnist(full=True), tiny_fashion)


def test_altered_download_is_refused_and_not_kept(tiny_fashion, server, own_cache):
    altered = bytearray(server.raw["train-images-idx3-ubyte"])
    altered[100] ^= 1
    server.files["train-images-idx3-ubyte.gz"] = gzip.compress(bytes(altered))
    with pytest.raises(data.DataError, match="truncated or altered"):
        data.load_fashion_mnist(full=True)
    assert list((own_cache / "fashion-mnist").iterdir()) == []


def test_file_truncated_on_the_server_is_refused(tiny_fashion, server, own_cache):
    server.files["train-images-idx3-ubyte.gz"] = server.files["train-images-idx3-ubyte.gz"][:-50]
    with pytest.raises(data.DataError, match="truncated or altered"):
        data.load_fashion_mnist(full=True)
    assert list((own_cache / "fashion-mnist").iterdir()) == []


def test_missing_on_the_server_names_file_reason_and_three_ways_out(tiny_fashion, server, own_cache):
    del server.files["train-images-idx3-ubyte.gz"]
    with pytest.raises(data.DataError) as failure:
        data.load_fashion_mnist(full=True)
    message = str(failure.value)
    assert "cannot get train-images-idx3-ubyte.gz" in message
    assert "404" in message
    assert "CONVNETS_DATA" in message
    assert f"put it, as it is, into {own_cache / 'fashion-mnist'}" in message
    assert f"{server.url}train-images-idx3-ubyte.gz" in message
    assert "load_fashion_mnist()" in message


def test_no_connection(tiny_fashion, monkeypatch):
    monkeypatch.setattr(fashion_mnist, "DOWNLOADS", ("http://127.0.0.1:9/",))
    with pytest.raises(data.DataError, match="no connection"):
        data.load_fashion_mnist(full=True)


def test_cache_that_cannot_be_written(tiny_fashion, monkeypatch, tmp_path):
    (tmp_path / "file").write_text("not a folder")
    monkeypatch.setenv("CONVNETS_CACHE", str(tmp_path / "file"))
    with pytest.raises(data.DataError, match=r"(Not a directory|exists).*set CONVNETS_CACHE"):
        data.load_fashion_mnist(full=True)


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="the administrator may write everywhere")
def test_cache_without_permission(tiny_fashion, own_cache):
    own_cache.mkdir(mode=0o500)
    with pytest.raises(data.DataError, match=r"Permission denied.*set CONVNETS_CACHE"):
        data.load_fashion_mnist(full=True)


# Cache, mirrors, packages


@pytest.mark.parametrize(
    "layout", ["fashion-mnist/{}.gz", "fashion-mnist/{}", "FashionMNIST/raw/{}", "FashionMNIST/raw/{}.gz"]
)
def test_mirror_is_read_before_anything_is_downloaded(tiny_fashion, server, monkeypatch, tmp_path, layout):
    for name, content in server.raw.items():
        path = tmp_path / "share" / layout.format(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(gzip.compress(content) if path.suffix else content)
    monkeypatch.setenv("CONVNETS_DATA", os.pathsep.join([str(tmp_path / "none"), str(tmp_path / "share")]))
    assert_is(data.load_fashion_mnist(full=True), tiny_fashion)
    assert server.requests == []


def test_file_put_into_the_cache_by_hand_comes_first(tiny_fashion, server, own_cache, monkeypatch, tmp_path):
    (own_cache / "fashion-mnist").mkdir(parents=True)
    (tmp_path / "share/fashion-mnist").mkdir(parents=True)
    for name, content in server.files.items():
        (own_cache / "fashion-mnist" / name).write_bytes(content)
        (tmp_path / "share/fashion-mnist" / name).write_bytes(b"damaged")
    monkeypatch.setenv("CONVNETS_DATA", str(tmp_path / "share"))
    assert_is(data.load_fashion_mnist(full=True), tiny_fashion)
    assert server.requests == []


def test_damaged_mirror_file_is_named_and_passed_over(tiny_fashion, server, monkeypatch, tmp_path, capsys):
    damaged = tmp_path / "share/fashion-mnist/t10k-labels-idx1-ubyte.gz"
    damaged.parent.mkdir(parents=True)
    damaged.write_bytes(server.files[damaged.name][:-3])
    monkeypatch.setenv("CONVNETS_DATA", str(tmp_path / "share"))
    assert_is(data.load_fashion_mnist(full=True), tiny_fashion)
    assert f"not used: {damaged}: truncated or altered" in capsys.readouterr().out
    assert damaged.exists()


@pytest.mark.skipif(not DEBIAN.is_dir(), reason="Debian's package dataset-fashion-mnist is not installed")
def test_the_complete_set_of_debian():
    images = data.load_fashion_mnist(full=True)
    assert images.train_images.shape == (60_000, 28, 28) and images.test_images.shape == (10_000, 28, 28)
    assert np.bincount(images.train_labels).tolist() == [6000] * 10
    assert images.train_images.mean() / 255 == pytest.approx(0.2860, abs=5e-5)
    assert images.train_images.std() / 255 == pytest.approx(0.3530, abs=5e-5)


# CIFAR-10


@pytest.fixture(scope="module")
def sheets():
    """Every kind of array that the sheets give, read once."""
    if MIRROR is None:
        pytest.skip("no folder named by CONVNETS_DATA holds cifar10")
    return data_from(MIRROR, data.load_cifar10)


def data_from(mirror, load):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CONVNETS_DATA", str(mirror))
        return load()


def test_cifar10_has_the_known_statistics(sheets):
    assert sheets.train_images.shape == (50_000, 32, 32, 3) and sheets.test_images.shape == (10_000, 32, 32, 3)
    assert np.bincount(sheets.train_labels).tolist() == [5000] * 10
    # known mean and deviation of the training set, for example in torchvision's reference scripts
    pixels = sheets.train_images.reshape(-1, 3)
    np.testing.assert_allclose(pixels.mean(0) / 255, [0.49139968, 0.48215841, 0.44653091], atol=1e-7)
    np.testing.assert_allclose(pixels[::7].std(0) / 255, [0.24703223, 0.24348513, 0.26158784], atol=1e-3)


def test_a_few_sheets_are_the_beginning_and_balanced(sheets):
    few = data_from(MIRROR, partial(data.load_cifar10, sheets=2))
    np.testing.assert_array_equal(few.train_images, sheets.train_images[:2000])
    np.testing.assert_array_equal(few.train_labels, sheets.train_labels[:2000])
    assert np.bincount(few.train_labels[:1000]).tolist() == [100] * 10
    assert few.test_images.shape == (10_000, 32, 32, 3)


@pytest.mark.parametrize("count", [0, 51, 1.5, "all"])
def test_a_number_of_sheets_that_there_is_not(count):
    with pytest.raises(ValueError, match="1 to 50"):
        data.load_cifar10(sheets=count)


def test_the_original_archive_gives_the_same_images_in_the_same_order(sheets, own_cache, monkeypatch, server):
    """An archive as the authors packed it, with the images in another order."""
    content = archive_of(sheets)
    monkeypatch.setattr(cifar10, "ARCHIVE_SHA256", hashlib.sha256(content).hexdigest())
    (own_cache / "cifar10").mkdir(parents=True)
    (own_cache / "cifar10/cifar-10-python.tar.gz").write_bytes(content)
    images = data.load_cifar10()
    for name in ("train_images", "train_labels", "test_images", "test_labels"):
        np.testing.assert_array_equal(getattr(images, name), getattr(sheets, name))
        assert getattr(images, name).flags.writeable


def archive_of(images):
    rng = np.random.default_rng(1)
    train, test = rng.permutation(50_000), rng.permutation(10_000)
    batches = {f"data_batch_{i + 1}": (images.train_images, images.train_labels, train[i::5]) for i in range(5)}
    batches["test_batch"] = (images.test_images, images.test_labels, test)
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        for name, (pixels, labels, rows) in batches.items():
            rowwise = pixels[rows].transpose(0, 3, 1, 2).reshape(len(rows), -1)
            content = pickle.dumps({"data": rowwise, "labels": labels[rows].tolist()}, protocol=2)
            member = tarfile.TarInfo(f"cifar-10-batches-py/{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return file.getvalue()


def test_an_altered_archive_is_refused_before_it_is_unpickled(own_cache, monkeypatch):
    class Trap:
        def __reduce__(self):
            return (pytest.fail, ("unpickled",))

    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        content = pickle.dumps(Trap())
        member = tarfile.TarInfo("cifar-10-batches-py/test_batch")
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))
    (own_cache / "cifar10").mkdir(parents=True)
    (own_cache / "cifar10/cifar-10-python.tar.gz").write_bytes(file.getvalue())
    local = without_addresses(cifar10.ARCHIVE)
    monkeypatch.setattr(cifar10, "ARCHIVE", local)
    with pytest.raises(data.DataError, match=r"cifar-10-python.tar.gz: truncated or altered"):
        data.load_cifar10()


def without_addresses(file):
    return type(file)(file.dataset, file.name, ("http://127.0.0.1:9/" + file.name,), file.elsewhere, file.instead)


def test_a_damaged_sheet_is_named(monkeypatch, tmp_path):
    (tmp_path / "cifar10").mkdir()
    Image.new("RGB", (1280, 800)).save(tmp_path / "cifar10/train_00.webp")
    monkeypatch.setattr(cifar10, "ARCHIVE", without_addresses(cifar10.ARCHIVE))
    monkeypatch.setenv("CONVNETS_DATA", str(tmp_path))
    with pytest.raises(data.DataError, match=r"train_00.webp is truncated or altered"):
        data.load_cifar10(sheets=1)


# Report


def test_report_tells_where_everything_is_or_why_not(tiny_fashion, server, own_cache):
    rows = {row.loader: row for row in data.sources_report()}
    assert set(rows) == {
        "load_fashion_mnist()",
        "load_fashion_mnist(full=True)",
        "load_cifar10()",
        "load_emoji()",
        "photo()",
    }
    assert rows["load_fashion_mnist()"].found == "comes with the course"
    assert rows["load_fashion_mnist()"].bytes == 5_331_660
    missing = rows["load_fashion_mnist(full=True)"]
    assert missing.found == "" and "not here yet" in missing.reason
    assert rows["load_cifar10()"].bytes == 170_498_071
    assert all(row.licence for row in rows.values()) and server.requests == []

    data.load_fashion_mnist(full=True)
    (own_cache / "cifar10").mkdir()
    (own_cache / "cifar10/cifar-10-python.tar.gz").write_bytes(b"altered")
    rows = {row.loader: row for row in data.sources_report()}
    assert rows["load_fashion_mnist(full=True)"].found == str(own_cache / "fashion-mnist")
    assert rows["load_fashion_mnist(full=True)"].bytes == sum(map(len, server.files.values()))
    assert "truncated or altered" in rows["load_cifar10()"].reason
