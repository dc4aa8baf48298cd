"""Published weights: found in a class share, checked, refused when altered. What they are worth on CIFAR-10 is tested with the nets."""

import pytest

from convnets.data import DataError
from convnets.data.sources import mirror_folders
from convnets.pretrained import CIFAR_RESNETS, cifar_resnet_file, cifar_resnet_weights

FOLDER = next((m / "weights-resnet-cifar10" for m in mirror_folders() if (m / "weights-resnet-cifar10").is_dir()), None)
PUBLISHED = {20: 269_722, 32: 464_154, 44: 658_586, 56: 853_018}
needs_mirror = pytest.mark.skipif(FOLDER is None, reason="CONVNETS_DATA names no mirror with the CIFAR ResNets")
BUFFERS = ("running_mean", "running_var", "num_batches_tracked")


@needs_mirror
@pytest.mark.parametrize("depth", CIFAR_RESNETS)
def test_weights_have_the_published_numbers_of_parameters(depth):
    weights = cifar_resnet_weights(depth)
    assert sum(t.numel() for name, t in weights.items() if not name.endswith(BUFFERS)) == PUBLISHED[depth]
    assert weights["conv1.weight"].shape == (16, 3, 3, 3) and weights["linear.bias"].shape == (10,)


@needs_mirror
def test_an_altered_file_is_refused(tmp_path, monkeypatch):
    name = cifar_resnet_file(20).name
    (tmp_path / "weights-resnet-cifar10").mkdir()
    (tmp_path / "weights-resnet-cifar10" / name).write_bytes((FOLDER / name).read_bytes()[:-1] + b"!")
    monkeypatch.setenv("CONVNETS_DATA", str(tmp_path))
    monkeypatch.setenv("CONVNETS_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("convnets.data.sources.download", lambda *args: (_ for _ in ()).throw(OSError("no network in this test")))
    with pytest.raises(DataError, match=r"truncated or altered(?s:.*)CONVNETS_DATA to a folder that holds weights-resnet-cifar10/resnet20"):
        cifar_resnet_weights(20)


def test_a_depth_that_was_not_published_is_named():
    with pytest.raises(ValueError, match="depth is one of 20, 32, 44, 56, got 18"):
        cifar_resnet_weights(18)
