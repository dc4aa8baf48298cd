"""Published weights of trained nets, as tensors by name. They come from the cache, a class share, or a download, checked in each case."""

from __future__ import annotations

import io

import torch

from convnets.data.sources import RemoteFile, check_sha256, obtain

LICENCE = "BSD-2-Clause, © 2018 Yerlan Idelbayev"
CIFAR_RESNETS = {
    20: ("resnet20-12fca82f.th", "12fca82f0bebc4135bf1f32f6e3710e61d5108578464b84fd6d7f5c1b04036c8"),
    32: ("resnet32-d509ac18.th", "d509ac1820d7f25398913559d7e81a13229b1e7adc5648e3bfa5e22dc137f850"),
    44: ("resnet44-014dd654.th", "014dd6541728a1c700b1642ab640e211dc6eb8ed507d70697458dc8f8a0ae2e4"),
    56: ("resnet56-4bfd9763.th", "4bfd97631478d6b638d2764fd2baff3edb1d7d82252d54439343b6596b9b5367"),
}


def cifar_resnet_file(depth: int) -> RemoteFile:
    """Where the weights of that depth are looked for. Raises ValueError for a depth that was not published."""
    if depth not in CIFAR_RESNETS:
        raise ValueError(f"depth is one of {', '.join(map(str, CIFAR_RESNETS))}, got {depth!r}: weights of other CIFAR ResNets are not here.")
    name, _ = CIFAR_RESNETS[depth]
    return RemoteFile(
        dataset="weights-resnet-cifar10",
        name=name,
        urls=(f"https://github.com/akamaster/pytorch_resnet_cifar10/raw/master/pretrained_models/{name}",),
        instead="train the net yourself; lab 05 has the recipe",
    )


def cifar_resnet_weights(depth: int) -> dict[str, torch.Tensor]:
    """The weights of a CIFAR ResNet of He et al. (2015), section 4.2, as trained by Y. Idelbayev (github.com/akamaster/pytorch_resnet_cifar10).

    depth: 20, 32, 44 or 56. The shortcuts have no parameters (option A).

    Returns {name: tensor}: `conv1.weight` (16, 3, 3, 3), `bn1.weight`, `bn1.bias`, `bn1.running_mean`, `bn1.running_var`, then
    `layer{1,2,3}.{block}.conv1.weight`, `….bn1.…`, `….conv2.weight`, `….bn2.…`, at last `linear.weight` (10, 64) and `linear.bias` (10,).
    Inputs are RGB / 255, minus (0.485, 0.456, 0.406), over (0.229, 0.224, 0.225).

    Raises ValueError for another depth, DataError where the file cannot be had.
    """
    file = cifar_resnet_file(depth)

    def read(path):
        content = path.read_bytes()
        check_sha256(content, CIFAR_RESNETS[depth][1])
        return torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)["state_dict"]

    return {name.removeprefix("module."): tensor for name, tensor in obtain(file, read).items()}
