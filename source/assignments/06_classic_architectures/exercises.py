"""Checks of assignment 06: the exercises' properties, points and classic mistakes."""

import importlib
from collections import OrderedDict

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F
from torch.nn.functional import cross_entropy

from autograder.units import import_unit
from convnets.check import Exercise, case
from convnets.check.network_probes import seed

notebook = import_unit("06_classic_architectures")
convolution = importlib.import_module(f"{notebook.__name__}.inception").convolution
GoogLeNet = importlib.import_module(f"{notebook.__name__}.googlenet").GoogLeNet

PROBES = "convnets.check.network_probes"
COUNT = f"{PROBES}:parameter_count"
SIZES = f"{PROBES}:feature_sizes"
SHAPE = f"{PROBES}:output_shape"
OUTPUT = f"{PROBES}:output"
TRAINING = f"{PROBES}:training_output"
GRADIENTS = f"{PROBES}:parameters_without_gradient"


def one_of(rng, *values):
    return values[int(rng.integers(len(values)))]


def with_parts(net, **changes):
    """A Sequential with some of its named parts replaced; None takes a part out."""
    parts = OrderedDict(net.named_children()) | changes
    return nn.Sequential(OrderedDict((name, part) for name, part in parts.items() if part is not None))


def like(conv, **changes):
    """A new convolution with the settings of `conv`, some of them changed."""
    settings = {"stride": conv.stride, "padding": conv.padding, "groups": conv.groups, "kernel_size": conv.kernel_size, "bias": conv.bias is not None}
    settings |= {"in_channels": conv.in_channels, "out_channels": conv.out_channels} | changes
    return nn.Conv2d(**settings)


class AlwaysDropout(nn.Module):
    """Dropout that does not know the two modes; its mask is always the same, so that this mistake gives the same numbers every time."""

    def __init__(self, share):
        super().__init__()
        self.share = share

    def forward(self, x):
        mask = torch.rand(x.shape[1], generator=torch.Generator().manual_seed(0)) >= self.share
        return x * mask / (1 - self.share)


class WrongAxisError(RuntimeError):
    """Raised where a concatenation along the wrong axis cannot work at all."""


def joined_along(axis, maps):
    """The maps concatenated along an axis that may not fit."""
    try:
        return torch.cat(maps, dim=axis)
    except RuntimeError as error:
        raise WrongAxisError(str(error)) from None


def response_norm(**settings):
    return nn.LocalResponseNorm(5, **({"alpha": 5e-4, "beta": 0.75, "k": 2} | settings))


# --- lenet5 --------------------------------------------------------------------------------------------------------------

lenet5 = Exercise("lenet5", reference=notebook.lenet5, title="LeNet-5, the warm-up", minutes=20, difficulty=1, rtol=1e-4)


@lenet5.checks("61,706 parameters", points=1, probe=COUNT, calls=1)
def _(rng):
    return case()


@lenet5.checks("maps of 28, 14, 10 and 5 pixels", points=1, probe=SIZES, calls=1)
def _(rng):
    return case((1, 1, 32, 32))


@lenet5.checks("logits with known weights", points=2, probe=OUTPUT)
def _(rng):
    return case((3, 1, 32, 32), seed(rng))


@lenet5.checks("other classes, other channels", points=1, probe=OUTPUT)
def _(rng):
    return case((2, 3, 32, 32), seed(rng), classes=int(rng.integers(3, 9)), in_channels=3)


@lenet5.checks("every parameter gets a gradient", points=1, probe=GRADIENTS)
def _(rng):
    return case((4, 1, 32, 32), seed(rng))


@lenet5.mistake("padding as in lab 01", loses="maps of 28, 14, 10 and 5 pixels")
def _(**options):
    """Your first convolution has padding 2. Lab 01 needed it for images of 28×28; here the image has 32×32 pixels, and no convolution is padded."""
    net = notebook.lenet5(**options)
    return with_parts(net, C1=like(net.C1, padding=2), F6=nn.Linear(480, 84))


@lenet5.mistake("max pooling", loses="logits with known weights")
def _(**options):
    """You pool by the maximum, as we do today. LeNet-5 averages: nn.AvgPool2d."""
    return with_parts(notebook.lenet5(**options), S2=nn.MaxPool2d(2), S4=nn.MaxPool2d(2))


@lenet5.mistake("ReLU", loses="logits with known weights")
def _(**options):
    """You use ReLU, which came into fashion with AlexNet. The net of 1998 has tanh."""
    return with_parts(notebook.lenet5(**options), tanh1=nn.ReLU(), tanh3=nn.ReLU(), tanh5=nn.ReLU(), tanh6=nn.ReLU())


@lenet5.mistake("tanh after the pooling", loses="logits with known weights")
def _(**options):
    """Your tanh comes after the pooling. The mean of four tanh is not the tanh of a mean: first tanh, then S2 and S4."""
    pools = {"tanh1": None, "tanh3": None, "S2": nn.Sequential(nn.AvgPool2d(2), nn.Tanh()), "S4": nn.Sequential(nn.AvgPool2d(2), nn.Tanh())}
    return with_parts(notebook.lenet5(**options), **pools)


@lenet5.mistake("no tanh after C5", loses="logits with known weights")
def _(**options):
    """Nothing stands between C5 and F6, so the two together are only one linear function. Put a tanh after C5."""
    return with_parts(notebook.lenet5(**options), tanh5=None)


@lenet5.mistake("softmax at the end", loses="logits with known weights")
def _(**options):
    """Your net ends in a softmax. It must return logits: `cross_entropy` applies the softmax itself."""
    return nn.Sequential(notebook.lenet5(**options), nn.Softmax(dim=1))


@lenet5.mistake("ten classes always", loses="other classes, other channels")
def _(classes=10, in_channels=1):
    """Your net has ten outputs whatever `classes` says."""
    return notebook.lenet5(in_channels=in_channels)


# --- alexnet -------------------------------------------------------------------------------------------------------------

alexnet = Exercise("alexnet", reference=notebook.alexnet, title="AlexNet, one tower and two", minutes=50, difficulty=2, rtol=1e-4, seconds=10)
SMALL = {"width": 8, "hidden": 12}
RAW = 60.0


@alexnet.checks("one tower: 61,100,840 parameters", points=2, probe=COUNT, calls=1)
def _(rng):
    return case(variant="one tower")


@alexnet.checks("two towers: 60,965,224 parameters", points=2, probe=COUNT, calls=1)
def _(rng):
    return case(variant="two towers")


@alexnet.checks("one tower: 224 → 55 → 27 → 13 → 6", points=1, probe=SIZES, calls=1)
def _(rng):
    return case((1, 3, 224, 224), variant="one tower")


@alexnet.checks("two towers: 227 → 55 → 27 → 13 → 6", points=1, probe=SIZES, calls=1)
def _(rng):
    return case((1, 3, 227, 227), variant="two towers")


@alexnet.checks("one tower: logits", points=3, probe=OUTPUT, calls=1)
def _(rng):
    return case((1, 3, 224, 224), seed(rng), classes=int(rng.integers(4, 9)), dropout=0.0, **SMALL)


@alexnet.checks("two towers: logits for raw pixels", points=3, probe=OUTPUT, calls=1)
def _(rng):
    return case((1, 3, 227, 227), seed(rng), RAW, variant="two towers", classes=int(rng.integers(4, 9)), dropout=0.0, width=16, hidden=12)


@alexnet.checks("other width, channels and image size", points=1, probe=OUTPUT, calls=1)
def _(rng):
    return case((1, 2, 160, 160), seed(rng), classes=5, in_channels=2, width=one_of(rng, 4, 12), hidden=10, dropout=0.0)


@alexnet.checks("small images", points=2, probe=OUTPUT)
def _(rng):
    return case((2, 3, 32, 32), seed(rng), RAW, variant=one_of(rng, "one tower", "two towers"), small_images=True, classes=5, width=16, hidden=10, dropout=0.0)


@alexnet.checks("dropout in training", points=1, probe=TRAINING, calls=1)
def _(rng):
    return case((3, 3, 32, 32), seed(rng), small_images=True, classes=5, dropout=0.3, **SMALL)


@alexnet.checks("no dropout in evaluation", points=1, probe=OUTPUT, calls=1)
def _(rng):
    return case((3, 3, 32, 32), seed(rng), small_images=True, classes=5, dropout=0.6, **SMALL)


@alexnet.checks("another variant raises ValueError", points=1, probe=COUNT, calls=1)
def _(rng):
    return case(variant=one_of(rng, "three towers", "two"))


def two_towers(options):
    return options.get("variant", "one tower") == "two towers"


@alexnet.mistake("no groups", loses="two towers: 60,965,224 parameters")
def _(**options):
    """Your convolutions read all channels in both variants. In two towers conv2, conv4 and conv5 have groups=2: each half of the filters reads only the half that lay on its own GPU."""
    net = notebook.alexnet(**options)
    return with_parts(net, conv2=like(net.conv2, groups=1), conv4=like(net.conv4, groups=1), conv5=like(net.conv5, groups=1))


@alexnet.mistake("conv3 in groups as well", loses="two towers: 60,965,224 parameters")
def _(**options):
    """You split conv3 as well. It is the one convolution in which the two GPUs exchange their maps: groups only in conv2, conv4 and conv5."""
    net = notebook.alexnet(**options)
    return with_parts(net, conv3=like(net.conv3, groups=2)) if two_towers(options) else net


@alexnet.mistake("conv1 without padding", loses="one tower: 224 → 55 → 27 → 13 → 6")
def _(**options):
    """conv1 has no padding in your one tower, and 224 pixels give (224 − 11)/4 + 1 = 54 positions and a rest. With padding 2 they give 55."""
    net = notebook.alexnet(**options)
    return net if two_towers(options) or options.get("small_images") else with_parts(net, conv1=like(net.conv1, padding=0))


@alexnet.mistake("conv1 padded in two towers", loses="two towers: 227 → 55 → 27 → 13 → 6")
def _(**options):
    """Your conv1 has padding 2 in both variants. The two towers take 227 pixels and no padding: (227 − 11)/4 + 1 = 55."""
    net = notebook.alexnet(**options)
    return with_parts(net, conv1=like(net.conv1, padding=2)) if two_towers(options) and not options.get("small_images") else net


@alexnet.mistake("stride 2 in conv1 and conv2", loses="one tower: 224 → 55 → 27 → 13 → 6")
def _(**options):
    """You divided the stride of 4 between conv1 and conv2. In AlexNet conv1 makes steps of 4, and all others steps of 1. Stride 2 in both is ZFNet's."""
    net = notebook.alexnet(**options)
    return with_parts(net, conv1=like(net.conv1, stride=1 if options.get("small_images") else 2), conv2=like(net.conv2, stride=2))


@alexnet.mistake("pooling that does not overlap", loses="one tower: logits")
def _(**options):
    """You pool in windows of 2×2. The sizes come out the same, the numbers do not: AlexNet's windows are 3×3 with stride 2, so neighbours overlap."""
    return with_parts(notebook.alexnet(**options), pool1=nn.MaxPool2d(2), pool2=nn.MaxPool2d(2), pool5=nn.MaxPool2d(2))


@alexnet.mistake("no response normalisation", loses="two towers: logits for raw pixels")
def _(**options):
    """Your two towers have no local response normalisation. It has no parameters, so the count cannot show it. It stands after ReLU 1 and after ReLU 2."""
    return with_parts(notebook.alexnet(**options), norm1=None, norm2=None)


@alexnet.mistake("response normalisation after the pooling", loses="two towers: logits for raw pixels")
def _(**options):
    """You normalise after the pooling. Some slides list it so, and ZFNet does it. In the paper the pooling follows the normalisation: ReLU, LocalResponseNorm, MaxPool."""
    after = {f"pool{i}": nn.Sequential(nn.MaxPool2d(3, 2), response_norm()) for i in (1, 2)}
    return with_parts(notebook.alexnet(**options), norm1=None, norm2=None, **after) if two_towers(options) else notebook.alexnet(**options)


@alexnet.mistake("response normalisation before the ReLU", loses="two towers: logits for raw pixels")
def _(**options):
    """You normalise before the ReLU, so the negative values count in the sums of squares. The order is convolution, ReLU, normalisation, pooling."""
    net = notebook.alexnet(**options)
    before = {f"conv{i}": nn.Sequential(getattr(net, f"conv{i}"), response_norm()) for i in (1, 2)}
    return with_parts(net, norm1=None, norm2=None, **before) if two_towers(options) else net


@alexnet.mistake("alpha of the paper in PyTorch", loses="two towers: logits for raw pixels")
def _(**options):
    """You set alpha=1e-4, as in the paper. PyTorch divides alpha by the number of channels in the window, 5, and the paper does not: alpha=5e-4."""
    weak = {"norm1": response_norm(alpha=1e-4), "norm2": response_norm(alpha=1e-4)}
    return with_parts(notebook.alexnet(**options), **weak) if two_towers(options) else notebook.alexnet(**options)


@alexnet.mistake("k left at 1", loses="two towers: logits for raw pixels")
def _(**options):
    """You left k at PyTorch's default of 1. AlexNet has k=2."""
    weak = {"norm1": response_norm(k=1), "norm2": response_norm(k=1)}
    return with_parts(notebook.alexnet(**options), **weak) if two_towers(options) else notebook.alexnet(**options)


@alexnet.mistake("response normalisation in one tower", loses="small images")
def _(**options):
    """Your one tower has response normalisation, too. It was left out there, and nobody missed it."""
    added = {f"relu{i}": nn.Sequential(nn.ReLU(), response_norm()) for i in (1, 2)}
    return notebook.alexnet(**options) if two_towers(options) else with_parts(notebook.alexnet(**options), **added)


@alexnet.mistake("no ReLU between the linear layers", loses="one tower: logits")
def _(**options):
    """There is no ReLU after your fc6 and fc7. Three linear layers in a row are one linear layer."""
    return with_parts(notebook.alexnet(**options), relu6=None, relu7=None)


@alexnet.mistake("ReLU after the last layer", loses="one tower: logits")
def _(**options):
    """There is a ReLU after fc8, so no logit can be negative. fc8 is the end."""
    return nn.Sequential(notebook.alexnet(**options), nn.ReLU())


@alexnet.mistake("dropout in evaluation", loses="no dropout in evaluation")
def _(**options):
    """Your net drops activations in evaluation, too. `nn.Dropout` as a layer knows the two modes; `F.dropout(x, p)` must be told: `training=self.training`."""
    share = options.get("dropout", 0.5)
    return with_parts(notebook.alexnet(**options), drop6=AlwaysDropout(share), drop7=AlwaysDropout(share))


@alexnet.mistake("dropout before fc6 and fc7", loses="dropout in training")
def _(**options):
    """Your dropout acts on what goes into fc6 and fc7. torchvision does it so. The paper switches off outputs of these two layers: after their ReLU."""
    net, share = notebook.alexnet(**options), options.get("dropout", 0.5)
    return with_parts(net, drop6=None, drop7=None, fc6=nn.Sequential(nn.Dropout(share), net.fc6), fc7=nn.Sequential(nn.Dropout(share), net.fc7))


@alexnet.mistake("no adaptive pooling", loses="other width, channels and image size")
def _(**options):
    """Without the adaptive average pooling fc6 fits one image size only. nn.AdaptiveAvgPool2d(6) makes 6×6 of maps of any size, and leaves 6×6 as they are."""
    return with_parts(notebook.alexnet(**options), grid=None)


@alexnet.mistake("width for the first convolution only", loses="one tower: logits")
def _(variant="one tower", classes=1000, in_channels=3, width=64, hidden=4096, dropout=0.5, small_images=False):
    """`width` changes your conv1 only. Every number of filters in the table is multiplied by width / 64."""
    net = notebook.alexnet(variant, classes, in_channels, 64, hidden, dropout, small_images)
    first = net.conv1.out_channels * width // 64
    return with_parts(net, conv1=like(net.conv1, out_channels=first), conv2=like(net.conv2, in_channels=first))


@alexnet.mistake("the large first layer for small images", loses="small images")
def _(**options):
    """Images of 32×32 do not fit through your net. With small_images=True conv1 is 3×3 with stride 1 and padding 1, and the grid before fc6 is 3×3."""
    return notebook.alexnet(**options | {"small_images": False})


@alexnet.mistake("any variant accepted", loses="another variant raises ValueError")
def _(variant="one tower", **options):
    """A misspelt variant gives one of your two nets without a word. Raise ValueError for all but the two names."""
    return notebook.alexnet("two towers" if variant == "two towers" else "one tower", **options)


# --- zfnet ---------------------------------------------------------------------------------------------------------------

zfnet = Exercise("zfnet", reference=notebook.zfnet, title="ZFNet", minutes=25, difficulty=2, rtol=1e-4, seconds=10)


def few_filters(rng):
    return tuple(int(n) for n in rng.permutation([4, 5, 6, 7, 8]))


@zfnet.checks("parameters with 512, 1,024 and 512 maps", points=1, probe=COUNT, calls=1)
def _(rng):
    return case()


@zfnet.checks("parameters of the paper's figure 3", points=1, probe=COUNT, calls=1)
def _(rng):
    return case(filters=(96, 256, 384, 384, 256))


@zfnet.checks("224 → 110 → 55 → 26 → 13 → 6", points=2, probe=SIZES, calls=1)
def _(rng):
    return case((1, 3, 224, 224))


@zfnet.checks("logits for raw pixels", points=3, probe=OUTPUT, calls=2)
def _(rng):
    return case((1, 3, 224, 224), seed(rng), RAW, filters=few_filters(rng), hidden=12, classes=int(rng.integers(4, 9)), dropout=0.0)


@zfnet.checks("grey images", points=1, probe=OUTPUT, calls=1)
def _(rng):
    return case((1, 1, 224, 224), seed(rng), RAW, in_channels=1, filters=few_filters(rng), hidden=12, classes=3, dropout=0.0)


@zfnet.checks("dropout in training", points=1, probe=TRAINING, calls=1)
def _(rng):
    return case((2, 3, 224, 224), seed(rng), filters=few_filters(rng), hidden=12, classes=5, dropout=0.3)


@zfnet.mistake("pooling rounded down", loses="224 → 110 → 55 → 26 → 13 → 6")
def _(**options):
    """Your pooling rounds down, so 110 maps to 54 and the windows at the right and lower border are lost. With ceil_mode=True the last window may hang over: 55."""
    net = notebook.zfnet(**options)
    floor = {f"pool{i}": nn.MaxPool2d(3, 2) for i in (1, 2, 5)}
    return with_parts(net, fc6=nn.Linear(net.conv5.out_channels * 25, net.fc6.out_features), **floor)


@zfnet.mistake("AlexNet's first layer", loses="224 → 110 → 55 → 26 → 13 → 6")
def _(**options):
    """Your conv1 is AlexNet's, 11×11 with stride 4. ZFNet's whole point is a finer one: 7×7 with stride 2 and padding 1."""
    net = notebook.zfnet(**options)
    return with_parts(net, conv1=like(net.conv1, kernel_size=11, stride=4, padding=2), conv2=like(net.conv2, stride=1, padding=2))


@zfnet.mistake("conv2 without stride", loses="224 → 110 → 55 → 26 → 13 → 6")
def _(**options):
    """Your conv2 makes steps of 1, so its maps are too large. It is 5×5 with stride 2 and no padding: (55 − 5)/2 + 1 = 26."""
    net = notebook.zfnet(**options)
    return with_parts(net, conv2=like(net.conv2, stride=1), fc6=nn.Linear(net.conv5.out_channels * 12 * 12, net.fc6.out_features))


@zfnet.mistake("AlexNet's numbers of filters", loses="parameters with 512, 1,024 and 512 maps")
def _(classes=1000, in_channels=3, filters=(96, 256, 384, 384, 256), hidden=4096, dropout=0.5):
    """Your defaults for conv3, conv4 and conv5 are AlexNet's 384, 384 and 256. Here they are 512, 1,024 and 512."""
    return notebook.zfnet(classes, in_channels, filters, hidden, dropout)


@zfnet.mistake("filters ignored", loses="parameters of the paper's figure 3")
def _(filters=None, **options):
    """Your net has the same filters whatever `filters` says. Read the five numbers from the argument."""
    return notebook.zfnet(**options)


@zfnet.mistake("two groups", loses="parameters of the paper's figure 3")
def _(**options):
    """You kept AlexNet's two groups. ZFNet was trained on one GPU: no groups."""
    net = notebook.zfnet(**options)
    split = {f"conv{i}": like(conv, groups=2) for i in (2, 4, 5) if (conv := getattr(net, f"conv{i}")).in_channels % 2 == conv.out_channels % 2 == 0}
    return with_parts(net, **split)


@zfnet.mistake("normalised before the pooling", loses="logits for raw pixels")
def _(**options):
    """You normalise before the pooling, as AlexNet does. In figure 3 of the paper the maps are pooled first, then normalised."""
    before = {f"pool{i}": nn.Sequential(response_norm(), nn.MaxPool2d(3, 2, ceil_mode=True)) for i in (1, 2)}
    return with_parts(notebook.zfnet(**options), norm1=None, norm2=None, **before)


@zfnet.mistake("no normalisation", loses="logits for raw pixels")
def _(**options):
    """Your net does not normalise. It costs no parameters, so only the logits tell: LocalResponseNorm after pooling 1 and pooling 2."""
    return with_parts(notebook.zfnet(**options), norm1=None, norm2=None)


@zfnet.mistake("no ReLU between the linear layers", loses="logits for raw pixels")
def _(**options):
    """There is no ReLU after your fc6 and fc7. Three linear layers in a row are one linear layer."""
    return with_parts(notebook.zfnet(**options), relu6=None, relu7=None)


@zfnet.mistake("dropout before fc6 and fc7", loses="dropout in training")
def _(**options):
    """Your dropout acts on what goes into fc6 and fc7. It switches off outputs of these two layers: after their ReLU."""
    net, share = notebook.zfnet(**options), options.get("dropout", 0.5)
    return with_parts(net, drop6=None, drop7=None, fc6=nn.Sequential(nn.Dropout(share), net.fc6), fc7=nn.Sequential(nn.Dropout(share), net.fc7))


# --- vgg -----------------------------------------------------------------------------------------------------------------

vgg = Exercise("vgg", reference=notebook.vgg, title="VGG-11 to VGG-19", minutes=45, difficulty=2, rtol=1e-4, seconds=10)


@vgg.checks("VGG-16: 138,357,544 parameters", points=2, probe=COUNT, calls=1)
def _(rng):
    return case(depth=16)


@vgg.checks("VGG-19: 143,667,240 parameters", points=1, probe=COUNT, calls=1)
def _(rng):
    return case(depth=19)


@vgg.checks("VGG-11 and VGG-13", points=1, probe=COUNT)
def _(rng):
    return case(depth=one_of(rng, 11, 13), batchnorm=one_of(rng, False, True))


@vgg.checks("with BatchNorm: 138,365,992 parameters", points=1, probe=COUNT, calls=1)
def _(rng):
    return case(depth=16, batchnorm=True)


@vgg.checks("224, 112, 56, 28, 14, 7", points=1, probe=SIZES, calls=1)
def _(rng):
    return case((1, 3, 224, 224), depth=one_of(rng, 16, 19))


def small_vgg(rng, **options):
    return {"depth": one_of(rng, 11, 13, 16, 19), "classes": int(rng.integers(4, 9)), "width": 4, "hidden": 12, "dropout": 0.0} | options


@vgg.checks("logits", points=3, probe=OUTPUT)
def _(rng):
    return case((2, 3, 64, 64), seed(rng), **small_vgg(rng, image_size=64))


@vgg.checks("small images", points=1, probe=OUTPUT)
def _(rng):
    return case((2, 1, 32, 32), seed(rng), **small_vgg(rng, image_size=32, in_channels=1))


@vgg.checks("logits with BatchNorm", points=2, probe=OUTPUT)
def _(rng):
    return case((2, 3, 32, 32), seed(rng), **small_vgg(rng, image_size=32, batchnorm=True))


@vgg.checks("images of another size", points=1, probe=OUTPUT, calls=1)
def _(rng):
    return case((1, 3, 96, 128), seed(rng), **small_vgg(rng, image_size=64))


@vgg.checks("dropout in training", points=1, probe=TRAINING, calls=1)
def _(rng):
    return case((3, 3, 32, 32), seed(rng), **small_vgg(rng, image_size=32, dropout=0.3))


@vgg.checks("no dropout in evaluation", points=1, probe=OUTPUT, calls=1)
def _(rng):
    return case((3, 3, 32, 32), seed(rng), **small_vgg(rng, image_size=32, dropout=0.6))


@vgg.checks("another depth raises ValueError", points=1, probe=COUNT, calls=1)
def _(rng):
    return case(depth=one_of(rng, 12, 17, 20))


STAGES = {11: (1, 1, 2, 2, 2), 13: (2, 2, 2, 2, 2), 16: (2, 2, 3, 3, 3), 19: (2, 2, 4, 4, 4)}


def vgg_from(
    depth=16, classes=1000, in_channels=3, width=64, hidden=4096, image_size=224, batchnorm=False, dropout=0.5,
    *, stages=STAGES, times=(1, 2, 4, 8, 8), block="CNR", head="LRDMRDO", pools=5, bias=True, last_kernel=3, share=nn.Dropout, adaptive=True,
):  # fmt: skip
    """A VGG in letters. block: C convolution, N BatchNorm, R ReLU. head: L fc6, M fc7, R ReLU, D dropout, O fc8."""
    layers, channels = [], in_channels
    for stage, (count, factor) in enumerate(zip(stages.get(depth, stages[16]), times, strict=True)):
        for number in range(count):
            kernel = last_kernel if number == 2 and depth == 16 else 3
            makers = {
                "C": nn.Conv2d(channels, factor * width, kernel, padding=kernel // 2, bias=bias or not batchnorm),
                "N": nn.BatchNorm2d(factor * width) if batchnorm else nn.Identity(),
                "R": nn.ReLU(),
            }
            layers += [makers[letter] for letter in block]
            channels = factor * width
        layers += [nn.MaxPool2d(2)] * (stage < pools)
    grid = max(1, image_size // 2**pools)
    makers = {"L": nn.Linear(channels * grid * grid, hidden), "M": nn.Linear(hidden, hidden), "O": nn.Linear(hidden, classes), "R": nn.ReLU(), "D": share(dropout)}
    return nn.Sequential(*layers, *[nn.AdaptiveAvgPool2d(grid)] * adaptive, nn.Flatten(), *(makers[letter] for letter in head))


def checked_vgg(depth=16, **options):
    """The same with the right answer to a wrong depth."""
    if depth not in STAGES:
        raise ValueError(f"depth must be 11, 13, 16 or 19, not {depth!r}")
    return vgg_from(depth, **options)


@vgg.mistake("sixteen convolutions", loses="VGG-16: 138,357,544 parameters")
def _(**options):
    """Your VGG-16 has 16 convolutions and 19 layers with weights. The name counts all layers with weights: 13 convolutions and 3 linear layers."""
    return checked_vgg(**options, stages=STAGES | {16: (2, 2, 4, 4, 4)})


@vgg.mistake("one convolution missing", loses="VGG-19: 143,667,240 parameters")
def _(**options):
    """Your VGG-19 has the convolutions of VGG-16. Stages 3, 4 and 5 have four convolutions there, so that 16 + 3 layers have weights."""
    return checked_vgg(**options, stages=STAGES | {19: (2, 2, 3, 3, 3)})


@vgg.mistake("filters doubled once more", loses="VGG-16: 138,357,544 parameters")
def _(**options):
    """You doubled the filters in the fifth stage, too. They stop at 8 · width: stages 4 and 5 both have 512."""
    return checked_vgg(**options, times=(1, 2, 4, 8, 16))


@vgg.mistake("configuration C", loses="VGG-16: 138,357,544 parameters")
def _(**options):
    """The third convolutions of your stages are 1×1. That is the paper's configuration C. VGG-16 is D: 3×3 everywhere."""
    return checked_vgg(**options, last_kernel=1)


@vgg.mistake("last pooling missing", loses="224, 112, 56, 28, 14, 7")
def _(**options):
    """There is no pooling after your fifth stage, so the maps stay at 14×14. Five stages, five poolings."""
    return checked_vgg(**options, pools=4)


@vgg.mistake("no ReLU between the linear layers", loses="logits")
def _(**options):
    """There is no ReLU after your fc6 and fc7. Three linear layers in a row are one linear layer."""
    return checked_vgg(**options, head="LDMDO")


@vgg.mistake("ReLU missing after the convolutions", loses="logits")
def _(**options):
    """Your convolutions follow each other without a ReLU, and two 3×3 convolutions in a row are only one 5×5 convolution. Put a ReLU after each."""
    return checked_vgg(**options, block="CN")


@vgg.mistake("BatchNorm after the ReLU", loses="logits with BatchNorm")
def _(**options):
    """Your BatchNorm stands behind the ReLU. It belongs between the convolution and its ReLU."""
    return checked_vgg(**options, block="CRN")


@vgg.mistake("BatchNorm ignored", loses="with BatchNorm: 138,365,992 parameters")
def _(**options):
    """Your net is the same with and without `batchnorm`. With it, an nn.BatchNorm2d follows each convolution."""
    return checked_vgg(**options | {"batchnorm": False})


@vgg.mistake("no bias with BatchNorm", loses="with BatchNorm: 138,365,992 parameters")
def _(**options):
    """You left out the convolutions' bias where BatchNorm follows. It is indeed of no use there, but VGG's published weights have it: keep it."""
    return checked_vgg(**options, bias=False)


@vgg.mistake("image size ignored", loses="small images")
def _(**options):
    """Your fc6 always reads 7×7 maps. For images of image_size pixels the grid has image_size // 32 rows and columns."""
    return checked_vgg(**options | {"image_size": 224})


@vgg.mistake("no adaptive pooling", loses="images of another size")
def _(**options):
    """Without the adaptive average pooling fc6 fits one image size only. nn.AdaptiveAvgPool2d makes a fixed grid of maps of any size."""
    return checked_vgg(**options, adaptive=False)


@vgg.mistake("dropout in evaluation", loses="no dropout in evaluation")
def _(**options):
    """Your net drops activations in evaluation, too. `nn.Dropout` as a layer knows the two modes; `F.dropout(x, p)` must be told: `training=self.training`."""
    return checked_vgg(**options, share=AlwaysDropout)


@vgg.mistake("dropout before the linear layers", loses="dropout in training")
def _(**options):
    """Your dropout acts on what goes into fc6 and fc7. It switches off outputs of these two layers: after their ReLU."""
    return checked_vgg(**options, head="DLRDMRO")


@vgg.mistake("any depth accepted", loses="another depth raises ValueError")
def _(**options):
    """A depth that does not exist gives a net without a word. Raise ValueError for all but 11, 13, 16 and 19."""
    return vgg_from(**options)


# --- NaiveInception ------------------------------------------------------------------------------------------------------

naive = Exercise("NaiveInception", reference=notebook.NaiveInception, title="Inception, the naive form", minutes=20, difficulty=1, rtol=1e-4)
MAPS = {"in_channels": 256, "ones": 128, "threes": 192, "fives": 96}


def three_branches(rng):
    a, b, c, d = (int(n) for n in rng.permutation([3, 4, 5, 6]))
    return {"in_channels": a, "ones": b, "threes": c, "fives": d}


def four_equal(rng, *names):
    return dict.fromkeys(names, int(rng.integers(2, 5)))


@naive.checks("28×28×256 becomes 28×28×672", points=1, probe=SHAPE, calls=1)
def _(rng):
    return case((2, 256, 28, 28), **MAPS)


@naive.checks("parameters", points=1, probe=COUNT, calls=1)
def _(rng):
    return case(**MAPS)


@naive.checks("four branches of equal width", points=1, probe=OUTPUT)
def _(rng):
    equal = four_equal(rng, "in_channels", "ones", "threes", "fives")
    return case((2, equal["ones"], 5, 7), seed(rng), **equal)


@naive.checks("maps with known weights", points=3, probe=OUTPUT)
def _(rng):
    given = three_branches(rng)
    return case((2, given["in_channels"], 6, 9), seed(rng), **given)


@naive.checks("every parameter gets a gradient", points=1, probe=GRADIENTS)
def _(rng):
    given = three_branches(rng)
    return case((3, given["in_channels"], 6, 6), seed(rng), **given)


class NaiveFrom(nn.Module):
    """A naive module from its branches; join(maps) puts their outputs together."""

    def __init__(self, branches, join):
        super().__init__()
        self.branches, self.join = nn.ModuleList(branches), join

    def forward(self, x):
        return self.join([branch(x) for branch in self.branches])


def naive_branches(in_channels, ones, threes, fives, after=nn.ReLU):
    filters = ((ones, 1), (threes, 3), (fives, 5))
    convolutions = [nn.Sequential(nn.Conv2d(in_channels, n, k, padding=k // 2), after()) for n, k in filters]
    return [*convolutions, nn.MaxPool2d(3, stride=1, padding=1)]


@naive.mistake("concatenated along the height", loses="four branches of equal width")
def _(**options):
    """You put the maps one below the other: axis 2 is the height. The channels are axis 1: torch.cat(maps, dim=1)."""
    return NaiveFrom(naive_branches(**options), lambda maps: joined_along(2, maps))


@naive.mistake("concatenated along the batch", loses="four branches of equal width")
def _(**options):
    """You put the maps into the batch: torch.cat without `dim` joins along axis 0, the images. The channels are axis 1: torch.cat(maps, dim=1)."""
    return NaiveFrom(naive_branches(**options), lambda maps: joined_along(0, maps))


@naive.mistake("added", loses="four branches of equal width")
def _(**options):
    """You added the branches. They are put side by side, as more channels: torch.cat. Adding comes with ResNet."""

    def total(maps):
        if len({part.shape for part in maps}) > 1:
            raise WrongAxisError("the maps have different shapes")
        return sum(maps)

    return NaiveFrom(naive_branches(**options), total)


@naive.mistake("branches of different sizes", loses="maps with known weights")
def _(**options):
    """torch.cat refuses: the branches' maps differ in height and width. 3×3 needs padding 1, 5×5 padding 2, and the pooling stride=1 with padding=1: without `stride`, nn.MaxPool2d(3) makes steps of 3."""
    return NaiveFrom([*naive_branches(**options)[:3], nn.MaxPool2d(3, stride=2, padding=1)], lambda maps: torch.cat(maps, dim=1))


@naive.mistake("average pooling", loses="maps with known weights")
def _(**options):
    """Your fourth branch averages. It takes the maximum: nn.MaxPool2d."""
    return NaiveFrom([*naive_branches(**options)[:3], nn.AvgPool2d(3, stride=1, padding=1)], lambda maps: torch.cat(maps, dim=1))


@naive.mistake("no ReLU", loses="maps with known weights")
def _(**options):
    """There is no ReLU after your convolutions."""
    return NaiveFrom(naive_branches(**options, after=nn.Identity), lambda maps: torch.cat(maps, dim=1))


@naive.mistake("ReLU after the pooling as well", loses="maps with known weights")
def _(**options):
    """You apply the ReLU to all four branches. The pooling has none: what it passes on may be negative."""
    return NaiveFrom(naive_branches(**options), lambda maps: torch.cat(maps, dim=1).relu())


@naive.mistake("pooling first", loses="maps with known weights")
def _(**options):
    """Your branches come in another order. The order is 1×1, 3×3, 5×5, pooling: the next layer's weights depend on it."""
    return NaiveFrom(naive_branches(**options), lambda maps: torch.cat([maps[3], *maps[:3]], dim=1))


@naive.mistake("one after the other", loses="parameters")
class Chained(nn.Module):
    """Your convolutions follow each other: the 3×3 reads what the 1×1 gives. In an Inception module all branches read the same input `x`."""

    def __init__(self, in_channels, ones, threes, fives):
        super().__init__()
        self.first = nn.Conv2d(in_channels, ones, 1)
        self.second = nn.Conv2d(ones, threes, 3, padding=1)
        self.third = nn.Conv2d(threes, fives, 5, padding=2)

    def forward(self, x):
        a = self.first(x).relu()
        b = self.second(a).relu()
        return torch.cat([a, b, self.third(b).relu(), F.max_pool2d(x, 3, 1, 1)], dim=1)


# --- Inception -----------------------------------------------------------------------------------------------------------

inception = Exercise("Inception", reference=notebook.Inception, title="Inception with bottlenecks", minutes=30, difficulty=2, rtol=1e-4)
THIN = {"in_channels": 256, "ones": 128, "threes_in": 64, "threes": 192, "fives_in": 64, "fives": 96, "pooled": 64}


def four_branches(rng, **options):
    names = ("in_channels", "ones", "threes_in", "threes", "fives_in", "fives", "pooled")
    return dict(zip(names, (int(n) for n in rng.permutation([2, 3, 4, 5, 6, 7, 8])), strict=True)) | options


@inception.checks("28×28×256 becomes 28×28×480", points=1, probe=SHAPE, calls=1)
def _(rng):
    return case((2, 256, 28, 28), **THIN)


@inception.checks("parameters of the original", points=1, probe=COUNT, calls=1)
def _(rng):
    return case(**THIN)


@inception.checks("parameters of torchvision's", points=1, probe=COUNT, calls=1)
def _(rng):
    return case(**THIN, variant="torchvision")


@inception.checks("four branches of equal width", points=1, probe=OUTPUT)
def _(rng):
    equal = four_equal(rng, "in_channels", "ones", "threes_in", "threes", "fives_in", "fives", "pooled")
    return case((2, equal["ones"], 5, 7), seed(rng), **equal)


@inception.checks("the original's maps", points=3, probe=OUTPUT)
def _(rng):
    given = four_branches(rng)
    return case((2, given["in_channels"], 6, 9), seed(rng), **given)


@inception.checks("torchvision's maps", points=2, probe=OUTPUT)
def _(rng):
    given = four_branches(rng, variant="torchvision")
    return case((2, given["in_channels"], 6, 9), seed(rng), **given)


@inception.checks("torchvision's maps in training", points=1, probe=TRAINING)
def _(rng):
    given = four_branches(rng, variant="torchvision")
    return case((3, given["in_channels"], 6, 9), seed(rng), **given)


@inception.checks("every parameter gets a gradient", points=1, probe=GRADIENTS)
def _(rng):
    given = four_branches(rng, variant=one_of(rng, "original", "torchvision"))
    return case((4, given["in_channels"], 8, 8), seed(rng), **given)


def inception_branches(in_channels, ones, threes_in, threes, fives_in, fives, pooled, variant="original", large=None, pool=None):
    large = large or (5 if variant == "original" else 3)
    return [
        convolution(in_channels, ones, 1, variant),
        nn.Sequential(convolution(in_channels, threes_in, 1, variant), convolution(threes_in, threes, 3, variant)),
        nn.Sequential(convolution(in_channels, fives_in, 1, variant), convolution(fives_in, fives, large, variant)),
        nn.Sequential(pool or nn.MaxPool2d(3, stride=1, padding=1), convolution(in_channels, pooled, 1, variant)),
    ]


@inception.mistake("concatenated along the height", loses="four branches of equal width")
def _(**options):
    """You put the maps one below the other: axis 2 is the height. The channels are axis 1: torch.cat(maps, dim=1)."""
    return NaiveFrom(inception_branches(**options), lambda maps: joined_along(2, maps))


@inception.mistake("branches of different sizes", loses="the original's maps")
def _(**options):
    """torch.cat refuses: the branches' maps differ in height and width. `convolution` pads by itself; the pooling needs stride=1 and padding=1."""
    return NaiveFrom(inception_branches(**options, pool=nn.MaxPool2d(3, stride=2, padding=1)), lambda maps: torch.cat(maps, dim=1))


@inception.mistake("pooling without projection", loses="28×28×256 becomes 28×28×480")
def _(**options):
    """Your fourth branch passes on all channels of the input, as in the naive module. A 1×1 convolution with `pooled` filters follows the pooling."""
    return NaiveFrom([*inception_branches(**options)[:3], nn.MaxPool2d(3, stride=1, padding=1)], lambda maps: torch.cat(maps, dim=1))


@inception.mistake("projection before the pooling", loses="the original's maps")
def _(in_channels, ones, threes_in, threes, fives_in, fives, pooled, variant="original"):
    """Your fourth branch projects first and pools then. The count is the same, the result is not: pooling first, then the 1×1 convolution."""
    branches = inception_branches(in_channels, ones, threes_in, threes, fives_in, fives, pooled, variant)
    branches[3] = nn.Sequential(convolution(in_channels, pooled, 1, variant), nn.MaxPool2d(3, stride=1, padding=1))
    return NaiveFrom(branches, lambda maps: torch.cat(maps, dim=1))


@inception.mistake("bottleneck after the large kernel", loses="parameters of the original")
def _(in_channels, ones, threes_in, threes, fives_in, fives, pooled, variant="original"):
    """Your 1×1 convolutions come after the large ones, so these still read all channels. The 1×1 must come first: it makes the expensive layer's input thin."""
    large = 5 if variant == "original" else 3
    branches = inception_branches(in_channels, ones, threes_in, threes, fives_in, fives, pooled, variant)
    branches[1] = nn.Sequential(convolution(in_channels, threes_in, 3, variant), convolution(threes_in, threes, 1, variant))
    branches[2] = nn.Sequential(convolution(in_channels, fives_in, large, variant), convolution(fives_in, fives, 1, variant))
    return NaiveFrom(branches, lambda maps: torch.cat(maps, dim=1))


class OneBottleneck(nn.Module):
    def __init__(self, in_channels, ones, threes_in, threes, fives_in, fives, pooled, variant):
        super().__init__()
        self.branches = nn.ModuleList(inception_branches(in_channels, ones, threes_in, threes, threes_in, fives, pooled, variant))

    def forward(self, x):
        ones, threes, fives, pooled = self.branches
        thin = threes[0](x)
        return torch.cat([ones(x), threes[1](thin), fives[1](thin), pooled(x)], dim=1)

    def parameters(self, recurse=True):
        shared = {id(p) for p in self.branches[2][0].parameters()}
        return (p for p in super().parameters(recurse) if id(p) not in shared)


@inception.mistake("one bottleneck for two branches", loses="parameters of the original")
def _(in_channels, ones, threes_in, threes, fives_in, fives, pooled, variant="original"):
    """Your 3×3 and your 5×5 read the output of the same 1×1 convolution. Each of the two has a bottleneck of its own, threes_in and fives_in wide."""
    return OneBottleneck(in_channels, ones, threes_in, threes, fives_in, fives, pooled, variant)


@inception.mistake("3×3 in both branches", loses="parameters of the original")
def _(**options):
    """Your third branch has a 3×3 kernel in the original, too. There it is 5×5; torchvision has 3×3 by an old mistake."""
    return NaiveFrom(inception_branches(**options, large=3), lambda maps: torch.cat(maps, dim=1))


@inception.mistake("5×5 in torchvision's", loses="parameters of torchvision's")
def _(**options):
    """Your third branch has a 5×5 kernel in variant "torchvision", too. There it is 3×3."""
    return NaiveFrom(inception_branches(**options, large=5), lambda maps: torch.cat(maps, dim=1))


@inception.mistake("variant not passed on", loses="parameters of torchvision's")
def _(**options):
    """Your convolutions are the original's in both variants. Hand `variant` on: convolution(…, variant)."""
    large = 3 if options.get("variant") == "torchvision" else 5
    return NaiveFrom(inception_branches(**options | {"variant": "original"}, large=large), lambda maps: torch.cat(maps, dim=1))


@inception.mistake("average pooling", loses="the original's maps")
def _(**options):
    """Your fourth branch averages. It takes the maximum: nn.MaxPool2d."""
    return NaiveFrom(inception_branches(**options, pool=nn.AvgPool2d(3, stride=1, padding=1)), lambda maps: torch.cat(maps, dim=1))


# --- AuxiliaryHead -------------------------------------------------------------------------------------------------------

head = Exercise("AuxiliaryHead", reference=notebook.AuxiliaryHead, title="An auxiliary head", minutes=20, difficulty=1, rtol=1e-4)


@head.checks("parameters of the original", points=1, probe=COUNT)
def _(rng):
    return case(in_channels=one_of(rng, 512, 528), classes=1000)


@head.checks("parameters of torchvision's", points=1, probe=COUNT)
def _(rng):
    return case(in_channels=one_of(rng, 512, 528), classes=1000, variant="torchvision")


@head.checks("the original's logits", points=3, probe=OUTPUT)
def _(rng):
    channels = int(rng.integers(4, 8))
    return case((2, channels, 14, 14), seed(rng), in_channels=channels, classes=int(rng.integers(3, 7)), width=one_of(rng, 3, 4))


@head.checks("torchvision's logits, maps of another size", points=2, probe=OUTPUT)
def _(rng):
    channels = int(rng.integers(4, 8))
    return case((2, channels, 8, 10), seed(rng), in_channels=channels, classes=5, width=one_of(rng, 3, 4), variant="torchvision")


@head.checks("dropout in training", points=1, probe=TRAINING)
def _(rng):
    return case((3, 6, 14, 14), seed(rng), in_channels=6, classes=5, width=3, dropout=one_of(rng, 0.2, 0.6))


@head.checks("every parameter gets a gradient", points=1, probe=GRADIENTS)
def _(rng):
    return case((4, 6, 14, 14), seed(rng), in_channels=6, classes=5, width=3, dropout=0.0, variant=one_of(rng, "original", "torchvision"))


def wrong_head(in_channels, classes, width=64, variant="original", dropout=0.7, *, order="PCFLRDO", pool=None, grid=4, wide=None, drop=nn.Dropout):
    """A head in letters: P pooling, C convolution, F flatten, L linear, R ReLU, D dropout, O the last linear layer."""
    pool = pool or (nn.AvgPool2d(5, stride=3) if variant == "original" else nn.AdaptiveAvgPool2d(4))
    wide = wide or width
    makers = {"P": pool, "C": convolution(in_channels, 2 * wide, 1, variant), "F": nn.Flatten(), "L": nn.Linear(2 * wide * grid * grid, 16 * wide)}
    makers |= {"R": nn.ReLU(), "D": drop(dropout), "O": nn.Linear(16 * wide, classes)}
    return nn.Sequential(*(makers[letter] for letter in order))


@head.mistake("global pooling", loses="parameters of the original")
def _(**options):
    """You pool the whole map to one number, as at the end of the net. The head keeps a grid of 4×4, so the linear layer reads 2 · width · 4 · 4 numbers."""
    return wrong_head(**options, pool=nn.AdaptiveAvgPool2d(1), grid=1)


@head.mistake("pooling without its stride", loses="parameters of the original")
def _(**options):
    """Your pooling makes steps of 5: nn.AvgPool2d(5) takes the window for the stride. With stride=3, maps of 14×14 become 4×4."""
    original = options.get("variant", "original") == "original"
    return wrong_head(**options, pool=nn.AvgPool2d(5), grid=2) if original else wrong_head(**options)


@head.mistake("adaptive pooling in the original", loses="the original's logits")
def _(**options):
    """Your original pools adaptively. The sizes agree, the windows do not: nn.AdaptiveAvgPool2d(4) on 14×14 has windows of 4×4, the paper's are 5×5 with stride 3."""
    return wrong_head(**options, pool=nn.AdaptiveAvgPool2d(4))


@head.mistake("max pooling", loses="the original's logits")
def _(**options):
    """Your head pools by the maximum. It averages."""
    original = options.get("variant", "original") == "original"
    return wrong_head(**options, pool=nn.MaxPool2d(5, stride=3) if original else nn.AdaptiveMaxPool2d(4))


@head.mistake("pooling after the convolution", loses="the original's logits")
def _(**options):
    """You convolve first and pool then. With the ReLU in between this is not the same, and it costs twelve times as much: pooling first."""
    return wrong_head(**options, order="CPFLRDO")


@head.mistake("no ReLU between the linear layers", loses="the original's logits")
def _(**options):
    """There is no ReLU between your two linear layers."""
    return wrong_head(**options, order="PCFLDO")


@head.mistake("dropout before the first linear layer", loses="dropout in training")
def _(**options):
    """Your dropout stands before the first linear layer. It acts on the 16 · width numbers between the two linear layers, after the ReLU."""
    return wrong_head(**options, order="PCFDLRO")


@head.mistake("dropout always 0.7", loses="dropout in training")
def _(**options):
    """Your dropout is 0.7 whatever the argument says."""
    return wrong_head(**options | {"dropout": 0.7})


@head.mistake("width ignored", loses="the original's logits")
def _(**options):
    """Your head has 128 and 1,024 units whatever `width` says: 2 · width filters, 16 · width outputs of the first linear layer."""
    return wrong_head(**options, wide=64)


@head.mistake("variant not passed on", loses="parameters of torchvision's")
def _(**options):
    """Your 1×1 convolution is the original's in both variants. Hand `variant` on: convolution(…, variant)."""
    pool = nn.AdaptiveAvgPool2d(4) if options.get("variant") == "torchvision" else nn.AvgPool2d(5, stride=3)
    return wrong_head(**options | {"variant": "original"}, pool=pool)


# --- googlenet -----------------------------------------------------------------------------------------------------------

googlenet = Exercise("googlenet", reference=notebook.googlenet, title="GoogLeNet", minutes=75, difficulty=3, rtol=1e-4, seconds=10)
DEFAULTS = {"classes": 1000, "auxiliary": True, "variant": "original", "in_channels": 3, "width": 64, "dropout": 0.4, "small_images": False}


@googlenet.checks("without heads: 6,998,552 parameters", points=2, probe=COUNT, calls=1)
def _(rng):
    return case(auxiliary=False)


@googlenet.checks("with heads: 13,378,280 parameters", points=1, probe=COUNT, calls=1)
def _(rng):
    return case()


@googlenet.checks("torchvision's: 13,004,888 parameters", points=2, probe=COUNT, calls=1)
def _(rng):
    return case(variant="torchvision")


@googlenet.checks("224, 112, 56, 28, 14, 7", points=1, probe=SIZES, calls=1)
def _(rng):
    return case((1, 3, 224, 224), auxiliary=False, width=8)


@googlenet.checks("logits for raw pixels", points=3, probe=OUTPUT, calls=1)
def _(rng):
    return case((1, 3, 96, 96), seed(rng), RAW, auxiliary=False, classes=int(rng.integers(4, 9)), width=8, dropout=0.0)


@googlenet.checks("torchvision's logits", points=2, probe=OUTPUT, calls=1)
def _(rng):
    return case((1, 3, 96, 96), seed(rng), auxiliary=False, variant="torchvision", classes=int(rng.integers(4, 9)), width=8, dropout=0.0)


@googlenet.checks("evaluation: logits only", points=1, probe=SHAPE, calls=1)
def _(rng):
    return case((2, 3, 224, 224), False, classes=int(rng.integers(4, 9)), width=8)


@googlenet.checks("training: three answers", points=1, probe=SHAPE, calls=1)
def _(rng):
    return case((2, 3, 224, 224), True, classes=int(rng.integers(4, 9)), width=8)


@googlenet.checks("the heads' logits in training", points=2, probe=TRAINING, calls=1)
def _(rng):
    return case((1, 3, 32, 32), seed(rng), variant="torchvision", classes=int(rng.integers(4, 9)), width=8, dropout=0.0, small_images=True)


@googlenet.checks("small images, no dropout in evaluation", points=2, probe=OUTPUT, calls=1)
def _(rng):
    return case((1, 1, 32, 32), seed(rng), variant="torchvision", in_channels=1, classes=5, width=8, dropout=0.6, small_images=True)


@googlenet.checks("every parameter gets a gradient", points=1, probe=GRADIENTS, calls=1)
def _(rng):
    return case((2, 3, 32, 32), seed(rng), variant="torchvision", classes=5, width=8, small_images=True)


def googlenet_with(options, **changes):
    """The reference with some of its parts replaced."""
    net = notebook.googlenet(**options)
    for name, part in changes.items():
        setattr(net, name, part)
    return net


@googlenet.mistake("heads active in evaluation", loses="evaluation: logits only")
class HeadsAlways(GoogLeNet):
    """Your net answers with three tensors in evaluation, too. The heads help in training only: ask `self.training`."""

    def __init__(self, **options):
        super().__init__(**DEFAULTS | options)

    def forward(self, x):
        training, self.training = self.training, True
        outputs = super().forward(x)
        self.training = training
        return outputs


@googlenet.mistake("heads never asked", loses="training: three answers")
class HeadsNever(GoogLeNet):
    """Your net answers with its logits alone in training, too. In training it returns (logits, aux1, aux2)."""

    def __init__(self, **options):
        super().__init__(**DEFAULTS | options)

    def forward(self, x):
        outputs = super().forward(x)
        return outputs[0] if isinstance(outputs, tuple) else outputs


@googlenet.mistake("heads exchanged", loses="the heads' logits in training")
class HeadsExchanged(GoogLeNet):
    """You return the two heads in the other order, as torchvision does. Here the order is (logits, aux1, aux2), and aux1 is the lower one, after 4a."""

    def __init__(self, **options):
        super().__init__(**DEFAULTS | options)

    def forward(self, x):
        outputs = super().forward(x)
        return (outputs[0], outputs[2], outputs[1]) if isinstance(outputs, tuple) else outputs


@googlenet.mistake("the first head after 4b", loses="the heads' logits in training")
class HeadLater(GoogLeNet):
    """Your first head reads the output of 4b. 4a has 512 channels as well, so nothing complains; but the head belongs after 4a."""

    def __init__(self, **options):
        super().__init__(**DEFAULTS | options)

    def forward(self, x):
        found = []
        hook = self.inception4b.register_forward_hook(lambda module, args, out: found.append(out))
        outputs = super().forward(x)
        hook.remove()
        return (outputs[0], self.aux1(found[0]), outputs[2]) if isinstance(outputs, tuple) else outputs


@googlenet.mistake("heads even without auxiliary", loses="without heads: 6,998,552 parameters")
def _(**options):
    """With auxiliary=False your net still has its heads, and more than 6 million parameters that nobody uses."""
    return notebook.googlenet(**options | {"auxiliary": True})


@googlenet.mistake("one head for both places", loses="with heads: 13,378,280 parameters")
def _(**options):
    """Only one of your two heads is there. 4a has 512 channels and 4d has 528, so each place needs a head of its own."""
    net = notebook.googlenet(**options)
    return googlenet_with(options, aux2=nn.Sequential(nn.Conv2d(net.inception4e.ones[0].in_channels, net.inception4b.ones[0].in_channels, 1), net.aux1)) if net.auxiliary else net


@googlenet.mistake("pooling rounded down", loses="224, 112, 56, 28, 14, 7")
def _(**options):
    """Your pooling rounds down: 112 becomes 55, not 56. With ceil_mode=True the last window may hang over the border."""
    last = 3 if options.get("variant", "original") == "original" else 2
    pools = {"pool3": nn.MaxPool2d(3, 2), "pool4": nn.MaxPool2d(3, 2), "pool5": nn.MaxPool2d(last, 2)}
    return googlenet_with(options, **pools | ({} if options.get("small_images") else {"pool1": nn.MaxPool2d(3, 2)}))


@googlenet.mistake("no response normalisation", loses="logits for raw pixels")
def _(**options):
    """Your original has no local response normalisation. It has no parameters, so the count cannot show it: after the first pooling, and before the second."""
    return googlenet_with(options, norm1=nn.Identity(), norm3=nn.Identity())


@googlenet.mistake("2×2 pooling in the original", loses="logits for raw pixels")
def _(**options):
    """Your last max pooling is 2×2 in the original, too. The sizes agree, the numbers do not: the paper has 3×3 in all four places."""
    return googlenet_with(options, pool5=nn.MaxPool2d(2, 2, ceil_mode=True))


@googlenet.mistake("3×3 pooling in torchvision's", loses="torchvision's logits")
def _(**options):
    """Your last max pooling is 3×3 in variant "torchvision", too. There it is 2×2."""
    return googlenet_with(options, pool5=nn.MaxPool2d(3, 2, ceil_mode=True))


@googlenet.mistake("maximum at the end", loses="logits for raw pixels")
def _(**options):
    """The end of your net takes the largest value of each map. The global pooling there is an average."""
    return googlenet_with(options, average=nn.AdaptiveMaxPool2d(1))


@googlenet.mistake("flattened in place of averaged", loses="without heads: 6,998,552 parameters")
def _(**options):
    """You flatten the last maps and give all 7·7·1024 numbers to the linear layer. Average each map to one number first: the linear layer reads 1,024."""
    net = notebook.googlenet(**options)
    return googlenet_with(options, average=nn.AdaptiveAvgPool2d(7), fc=nn.Linear(49 * net.fc.in_features, net.fc.out_features))


@googlenet.mistake("variant not passed on", loses="torchvision's: 13,004,888 parameters")
def _(**options):
    """Your net is the original in both variants. Hand `variant` on to `convolution`, `Inception` and `AuxiliaryHead`."""
    return notebook.googlenet(**options | {"variant": "original"})


@googlenet.mistake("dropout in evaluation", loses="small images, no dropout in evaluation")
def _(**options):
    """Your net drops activations in evaluation, too. `nn.Dropout` as a layer knows the two modes; `F.dropout(x, p)` must be told: `training=self.training`."""
    return googlenet_with(options, dropout=AlwaysDropout(options.get("dropout", 0.4)))


@googlenet.mistake("small images pooled at once", loses="small images, no dropout in evaluation")
def _(**options):
    """Your net for small images still pools right after conv1. There conv1 is 3×3 with stride 1, and the pooling after it is left out."""
    return googlenet_with(options, **({"pool1": nn.MaxPool2d(3, 2, ceil_mode=True)} if options.get("small_images") else {}))


# --- googlenet_loss ------------------------------------------------------------------------------------------------------

loss = Exercise(
    "googlenet_loss", reference=notebook.googlenet_loss, title="One loss for three answers", minutes=10, difficulty=1,
    returns=("loss", "gradient"), probe=f"{PROBES}:loss_and_gradients", rtol=1e-4,
)  # fmt: skip


def answers(rng, several=True):
    n, classes = int(rng.integers(3, 6)), int(rng.integers(4, 7))
    tensors = [2 * rng.standard_normal((n, classes)) for _ in range(3)]
    return tuple(tensors) if several else tensors[0], rng.integers(0, classes, n)


@loss.checks("the loss in training", points=2, only="loss")
def _(rng):
    return case(*answers(rng))


@loss.checks("another weight", points=1, only="loss")
def _(rng):
    return case(*answers(rng), weight=float(rng.uniform(0.5, 0.9)))


@loss.checks("the loss in evaluation", points=1, only="loss")
def _(rng):
    return case(*answers(rng, several=False))


@loss.checks("the gradient reaches all three", points=1, only="gradient")
def _(rng):
    return case(*answers(rng))


def weighted(outputs, labels, weight, measure=cross_entropy):
    logits, *others = [outputs] if isinstance(outputs, torch.Tensor) else outputs
    return measure(logits, labels) + weight * sum(measure(other, labels) for other in others)


@loss.mistake("weight forgotten", loses="the loss in training")
def _(outputs, labels, weight=0.3):
    """Your heads count as much as the net itself. Multiply their losses by `weight`, 0.3."""
    return weighted(outputs, labels, 1.0)


@loss.mistake("always 0.3", loses="another weight")
def _(outputs, labels, weight=0.3):
    """You wrote 0.3 where the argument `weight` is meant."""
    return weighted(outputs, labels, 0.3)


@loss.mistake("everything weighted", loses="the loss in training")
def _(outputs, labels, weight=0.3):
    """You multiplied all three losses by the weight. The net's own loss counts in full."""
    return weighted(outputs, labels, 1.0) * weight


@loss.mistake("mean of the heads", loses="the loss in training")
def _(outputs, labels, weight=0.3):
    """You took the mean of the two heads' losses. Each of them is added with its weight: 0.3 + 0.3."""
    return weighted(outputs, labels, weight / 2)


@loss.mistake("softmax before cross_entropy", loses="the loss in training")
def _(outputs, labels, weight=0.3):
    """You gave `cross_entropy` probabilities. It wants logits and applies the softmax itself."""
    return weighted(outputs, labels, weight, lambda logits, labels: cross_entropy(logits.softmax(dim=1), labels))


@loss.mistake("summed over the batch", loses="the loss in training")
def _(outputs, labels, weight=0.3):
    """You summed over the images. The mean over the batch is asked, which is `cross_entropy`'s default."""
    return weighted(outputs, labels, weight) * len(labels)


@loss.mistake("heads cut off", loses="the gradient reaches all three")
def _(outputs, labels, weight=0.3):
    """The value is right, but no gradient flows back through the heads: `.detach()`, `.item()` or `float(…)` cuts it, and the heads are for nothing but their gradient."""
    outputs = outputs if isinstance(outputs, torch.Tensor) else (outputs[0], *(other.detach() for other in outputs[1:]))
    return weighted(outputs, labels, weight)


@loss.mistake("one image taken for three answers", loses="the loss in evaluation")
def _(outputs, labels, weight=0.3):
    """In evaluation `outputs` is one tensor, and you unpacked it as if it were three answers: it fell apart into images. Ask isinstance(outputs, torch.Tensor)."""
    if isinstance(outputs, torch.Tensor):
        first, *rest = outputs
        return cross_entropy(first, labels[0]) + weight * sum(cross_entropy(row, label) for row, label in zip(rest, labels[1:], strict=True))
    return weighted(outputs, labels, weight)
