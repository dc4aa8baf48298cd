"""Checks of assignment 07, second half: what came after ResNet, from ResNeXt to EfficientNet, and AlphaGo's policy network."""

import math

import torch
from torch import nn
from torch.nn.functional import conv2d, pad, relu

from autograder.units import import_unit
from convnets.check import Exercise, case
from convnets.check.network_probes import seed

notebook = import_unit("07_residual_architectures")
NETWORK = "convnets.check.network_probes"
OUTPUT = "convnets.check.efficient_probes:output"
COUNT = {"probe": f"{NETWORK}:parameter_count", "calls": 1}
SHAPE = {"probe": f"{NETWORK}:output_shape"}
GRADIENT = {"probe": f"{NETWORK}:parameters_without_gradient", "calls": 1}
CLOSE = 1e-4


def sizes(rng):
    """A batch of two; height and width, which differ."""
    return 2, 3, int(rng.integers(4, 6))


def drawn(rng, *choices):
    """One of these, drawn by chance."""
    return choices[int(rng.integers(len(choices)))]


# --- aggregated_paths -----------------------------------------------------------------------------------------------------

aggregated_paths = Exercise(
    "aggregated_paths",
    reference=notebook.aggregated_paths,
    title="Many small paths, added",
    minutes=25,
    difficulty=2,
    probe="convnets.check.efficient_probes:on_tensors",
    rtol=CLOSE,
)


def paths(rng, cardinality, width):
    """An input and the three groups of filters of `cardinality` paths."""
    batch, height, columns = sizes(rng)
    inner, channels, out_channels = cardinality * width, int(rng.integers(3, 6)), int(rng.integers(6, 9))
    shapes = (batch, channels, height, columns), (inner, channels, 1, 1), (inner, width, 3, 3), (out_channels, inner, 1, 1)
    return case(*(rng.standard_normal(shape).round(2) for shape in shapes), cardinality=cardinality)


@aggregated_paths.checks("one path", points=1)
def _(rng):
    return paths(rng, 1, int(rng.integers(3, 5)))


@aggregated_paths.checks("several paths", points=3)
def _(rng):
    return paths(rng, int(rng.integers(3, 5)), 2)


@aggregated_paths.checks("paths of one channel", points=1, calls=1)
def _(rng):
    return paths(rng, int(rng.integers(4, 7)), 1)


@aggregated_paths.checks("input left unmodified", points=1, unmodified=True, calls=1)
def _(rng):
    return paths(rng, 2, 3)


@aggregated_paths.mistake("ReLU after the 3×3 convolution missing", loses="one path")
def _(x, reduce, transform, expand, cardinality):
    """Your paths have no ReLU between the 3×3 and the last 1×1 convolution, so these two are one linear map. Each of the first two is followed by a ReLU."""
    middle = conv2d(relu(conv2d(x, reduce)), transform, padding=1, groups=cardinality)
    return conv2d(middle, expand)


@aggregated_paths.mistake("ReLU after the first 1×1 convolution missing", loses="one path")
def _(x, reduce, transform, expand, cardinality):
    """Your paths have no ReLU between the first 1×1 and the 3×3 convolution. Each of the first two convolutions is followed by one."""
    return conv2d(relu(conv2d(conv2d(x, reduce), transform, padding=1, groups=cardinality)), expand)


@aggregated_paths.mistake("ReLU at the end of a path", loses="one path")
def _(x, reduce, transform, expand, cardinality):
    """Your paths end in a ReLU. In a residual block the last convolution stays as it is: the ReLU comes after the addition of the shortcut."""
    parts = zip(reduce.chunk(cardinality), transform.chunk(cardinality), expand.chunk(cardinality, dim=1), strict=True)
    return sum(relu(conv2d(relu(conv2d(relu(conv2d(x, a)), b, padding=1)), c)) for a, b, c in parts)


@aggregated_paths.mistake("padding missing", loses="one path")
def _(x, reduce, transform, expand, cardinality):
    """Your maps got smaller by two rows and two columns: the 3×3 convolution has padding 1."""
    return conv2d(relu(conv2d(relu(conv2d(x, reduce)), transform, groups=cardinality)), expand)


@aggregated_paths.mistake("grouped convolution ungrouped", loses="several paths")
def _(x, reduce, transform, expand, cardinality):
    """Every 3×3 filter of yours reads the channels of all paths. A path sees only its own D/cardinality channels; that is what `groups=cardinality` says."""
    full = transform.repeat(1, cardinality, 1, 1)
    return conv2d(relu(conv2d(relu(conv2d(x, reduce)), full, padding=1)), expand)


@aggregated_paths.mistake("results concatenated", loses="several paths")
def _(x, reduce, transform, expand, cardinality):
    """You concatenated the paths' results along the channels. Here they are added: every path gives all C_out channels."""
    parts = zip(reduce.chunk(cardinality), transform.chunk(cardinality), expand.chunk(cardinality, dim=1), strict=True)
    return torch.cat([conv2d(relu(conv2d(relu(conv2d(x, a)), b, padding=1)), c) for a, b, c in parts], dim=1)


@aggregated_paths.mistake("mean of the paths", loses="several paths")
def _(x, reduce, transform, expand, cardinality):
    """You divided by the number of paths. Their sum is asked."""
    return notebook.aggregated_paths(x, reduce, transform, expand, cardinality) / cardinality


@aggregated_paths.mistake("one path only", loses="several paths")
def _(x, reduce, transform, expand, cardinality):
    """Your result is that of the last path alone. Start with 0 and add what each path gives."""
    a, b, c = reduce.chunk(cardinality)[-1], transform.chunk(cardinality)[-1], expand.chunk(cardinality, dim=1)[-1]
    return conv2d(relu(conv2d(relu(conv2d(x, a)), b, padding=1)), c)


@aggregated_paths.mistake("filters dealt out like cards", loses="several paths")
def _(x, reduce, transform, expand, cardinality):
    """You gave path k the filters k, k + cardinality, … They lie one path after the other: path 0 has the first D/cardinality filters."""
    total = 0
    for k in range(cardinality):
        middle = conv2d(relu(conv2d(x, reduce[k::cardinality])), transform[k::cardinality], padding=1)
        total = total + conv2d(relu(middle), expand[:, k::cardinality])
    return total


# --- resnext --------------------------------------------------------------------------------------------------------------

resnext = Exercise("resnext", reference=notebook.resnext, title="ResNeXt-50", minutes=15, difficulty=1, probe=OUTPUT, rtol=CLOSE)


@resnext.checks("25,028,904 parameters", points=2, **COUNT)
def _(rng):
    return case()


@resnext.checks("ResNeXt-101 32×8d: 88,791,336", points=1, **COUNT)
def _(rng):
    return case(depth=101, groups=32, base_width=8)


@resnext.checks("logits with known weights", points=4, calls=1)
def _(rng):
    return case((2, 4, 40, 33), seed(rng), groups=drawn(rng, 4, 8), base_width=16, width=16, classes=int(rng.integers(5, 9)), in_channels=4)


@resnext.checks("depth 34 raises ValueError", points=1, **COUNT)
def _(rng):
    return case(depth=34)


@resnext.mistake("cardinality and width exchanged", loses="25,028,904 parameters")
def _(depth=50, groups=32, base_width=4, classes=1000, in_channels=3, width=64):
    """You exchanged cardinality and width: `groups` is how many paths there are (32), `base_width` how wide one of them is (4)."""
    return notebook.resnext(depth, base_width, groups, classes, in_channels, width)


@resnext.mistake("grouped convolution ungrouped", loses="25,028,904 parameters")
def _(depth=50, groups=32, base_width=4, classes=1000, in_channels=3, width=64):
    """Your 3×3 convolutions have the width of all paths together, but they are not grouped: hand `groups` over to the blocks."""
    return notebook.resnext(depth, 1, groups * base_width, classes, in_channels, width)


@resnext.mistake("plain ResNet", loses="25,028,904 parameters")
def _(depth=50, groups=32, base_width=4, classes=1000, in_channels=3, width=64):
    """This is ResNet: neither `groups` nor `base_width` reaches the blocks."""
    return notebook.resnext(depth, 1, 64, classes, in_channels, width)


@resnext.mistake("width of a path left at 64", loses="25,028,904 parameters")
def _(depth=50, groups=32, base_width=4, classes=1000, in_channels=3, width=64):
    """You handed over `groups` but not `base_width`, so each of your paths is as wide as ResNet's whole block."""
    return notebook.resnext(depth, groups, 64, classes, in_channels, width)


@resnext.mistake("always 50 layers", loses="ResNeXt-101 32×8d: 88,791,336")
def _(depth=50, groups=32, base_width=4, classes=1000, in_channels=3, width=64):
    """Your net has 50 layers whatever `depth` says."""
    return notebook.resnext(min(depth, 50), groups, base_width, classes, in_channels, width)


@resnext.mistake("no error for depth 34", loses="depth 34 raises ValueError")
def _(depth=50, groups=32, base_width=4, classes=1000, in_channels=3, width=64):
    """For depth 34 you return a net of `BasicBlock`s, which has no groups at all. Raise ValueError, so that nobody takes it for a ResNeXt."""
    return notebook.resnet(depth, classes=classes, in_channels=in_channels, width=width, groups=groups, base_width=base_width)


# --- SqueezeExcitation ----------------------------------------------------------------------------------------------------

squeeze_excitation = Exercise(
    "SqueezeExcitation",
    reference=notebook.SqueezeExcitation,
    title="Squeeze-and-Excitation",
    minutes=25,
    difficulty=2,
    probe=OUTPUT,
    rtol=CLOSE,
)


def maps(rng, channels):
    batch, height, width = sizes(rng)
    return batch, channels, height, width


@squeeze_excitation.checks("two layers with bias", points=1, **COUNT)
def _(rng):
    return case(channels=96, reduction=drawn(rng, 4, 8))


@squeeze_excitation.checks("the input's shape", points=1, **SHAPE, calls=1)
def _(rng):
    return case(maps(rng, 32), channels=32)


@squeeze_excitation.checks("channels weighed by known weights", points=3)
def _(rng):
    return case(maps(rng, 12), seed(rng), channels=12, reduction=drawn(rng, 2, 3))


@squeeze_excitation.checks("the number of hidden units given", points=1, calls=1)
def _(rng):
    return case(maps(rng, 8), seed(rng), channels=8, squeezed=int(rng.integers(3, 7)))


@squeeze_excitation.checks("SiLU between the layers", points=1, probe="convnets.check.efficient_probes:output_with_silu", calls=1)
def _(rng):
    return case(maps(rng, 8), seed(rng), channels=8, reduction=2)


@squeeze_excitation.checks("every parameter gets a gradient", points=1, **GRADIENT)
def _(rng):
    return case(maps(rng, 24), seed(rng), channels=24, reduction=3)


WEIGHED = "channels weighed by known weights"


@squeeze_excitation.mistake("gate without sigmoid", loses=WEIGHED)
class GateWithoutSigmoid(notebook.SqueezeExcitation):
    """Your gate has no sigmoid: the channels are multiplied by any number, also by negative ones. A gate lies between 0 and 1."""

    def forward(self, x):
        return x * self.gate[:-1](x)


@squeeze_excitation.mistake("softmax instead of sigmoid", loses=WEIGHED)
class GateBySoftmax(notebook.SqueezeExcitation):
    """Your gates sum to 1 over the channels, so one open channel closes the others. With a sigmoid each gate is open or closed by itself."""

    def forward(self, x):
        return x * self.gate[:-1](x).softmax(dim=1)


@squeeze_excitation.mistake("squeeze over the rows only", loses=WEIGHED)
class SqueezeOverRows(notebook.SqueezeExcitation):
    """Your mean runs over one axis of the maps, so every column has a gate of its own. The squeeze is one number a channel: mean over H and W."""

    def forward(self, x):
        return x * self.gate[1:](x.mean(dim=2, keepdim=True))


@squeeze_excitation.mistake("nothing squeezed", loses=WEIGHED)
class NothingSqueezed(notebook.SqueezeExcitation):
    """Every pixel has a gate of its own, computed from that pixel alone. Take the mean over H and W first: the gate looks at the whole image."""

    def forward(self, x):
        return x * self.gate[1:](x)


@squeeze_excitation.mistake("squeeze over the batch too", loses=WEIGHED)
class SqueezeOverBatch(notebook.SqueezeExcitation):
    """Your mean runs over the images of the batch as well, so an image's gates depend on its company. Mean over H and W only."""

    def forward(self, x):
        return x * self.gate[1:](x.mean(dim=(0, 2, 3), keepdim=True))


@squeeze_excitation.mistake("maximum instead of mean", loses=WEIGHED)
class SqueezeByMaximum(notebook.SqueezeExcitation):
    """You squeezed each map to its maximum. The squeeze is the mean of the map, a global average pooling."""

    def forward(self, x):
        return x * self.gate[1:](x.amax(dim=(2, 3), keepdim=True))


@squeeze_excitation.mistake("nonlinearity between the layers missing", loses=WEIGHED)
class NoReLUInside(notebook.SqueezeExcitation):
    """There is no nonlinearity between your two layers, so they are one linear layer with a bottleneck."""

    def forward(self, x):
        return x * self.gate[4](self.gate[3](self.gate[1](self.gate[0](x))))


@squeeze_excitation.mistake("gate added", loses=WEIGHED)
class GateAdded(notebook.SqueezeExcitation):
    """You added the gate to the input. It is a weight: multiply each map by its number."""

    def forward(self, x):
        return x + self.gate(x)


@squeeze_excitation.mistake("gate returned", loses="the input's shape")
class GateReturned(notebook.SqueezeExcitation):
    """You returned the gates, one number a channel. Multiply the input by them; N×C×1×1 broadcasts over the pixels."""

    def forward(self, x):
        return self.gate(x)


@squeeze_excitation.mistake("layers without bias", loses="two layers with bias")
class GateWithoutBias(notebook.SqueezeExcitation):
    """Your layers have no bias. Both of them have one here: no BatchNorm follows that would bring its own."""

    def __init__(self, channels, reduction=16, squeezed=None, activation=nn.ReLU):
        super().__init__(channels, reduction, squeezed, activation)
        hidden = squeezed or channels // reduction
        self.gate[1], self.gate[3] = nn.Conv2d(channels, hidden, 1, bias=False), nn.Conv2d(hidden, channels, 1, bias=False)


@squeeze_excitation.mistake("reduction always 16", loses="two layers with bias")
class ReductionIgnored(notebook.SqueezeExcitation):
    """You divided by 16 whatever `reduction` says."""

    def __init__(self, channels, reduction=16, squeezed=None, activation=nn.ReLU):
        super().__init__(channels, 16, squeezed or max(1, channels // 16), activation)


@squeeze_excitation.mistake("reduction taken as the number of hidden units", loses="two layers with bias")
class ReductionAsUnits(notebook.SqueezeExcitation):
    """Your hidden layer has `reduction` units. It has channels // reduction of them: the reduction is a divisor."""

    def __init__(self, channels, reduction=16, squeezed=None, activation=nn.ReLU):
        super().__init__(channels, 1, squeezed or reduction, activation)


@squeeze_excitation.mistake("activation ignored", loses="SiLU between the layers")
class ActivationIgnored(notebook.SqueezeExcitation):
    """You used ReLU whatever class `activation` is. Call it: `activation()` makes the layer."""

    def __init__(self, channels, reduction=16, squeezed=None, activation=nn.ReLU):
        super().__init__(channels, reduction, squeezed)


@squeeze_excitation.mistake("squeezed ignored", loses="the number of hidden units given")
class SqueezedIgnored(notebook.SqueezeExcitation):
    """You did not use `squeezed`: where it is given, it is the number of hidden units, and `reduction` does not matter."""

    def __init__(self, channels, reduction=16, squeezed=None, activation=nn.ReLU):
        super().__init__(channels, reduction, max(1, channels // reduction), activation)


# --- se_resnet ------------------------------------------------------------------------------------------------------------

se_resnet = Exercise("se_resnet", reference=notebook.se_resnet, title="SE-ResNet-50", minutes=20, difficulty=2, probe=OUTPUT, rtol=CLOSE)


@se_resnet.checks("28,088,024 parameters", points=2, **COUNT)
def _(rng):
    return case()


@se_resnet.checks("101 layers and another reduction", points=2, **COUNT)
def _(rng):
    return case(depth=101, reduction=drawn(rng, 4, 8))


@se_resnet.checks("logits with known weights", points=4, calls=1)
def _(rng):
    return case((2, 4, 40, 33), seed(rng), reduction=4, width=8, classes=int(rng.integers(5, 9)), in_channels=4)


def se_blocks(net):
    """The bottleneck blocks of a ResNet with the number of channels that each of them gives."""
    return [(block, block.bn3.num_features) for block in net.modules() if hasattr(block, "bn3")]


@se_resnet.mistake("SE after the addition", loses="logits with known weights")
def _(depth=50, reduction=16, classes=1000, in_channels=3, width=64):
    """Your SE weighs the sum, so the shortcut goes through it, too. It belongs to the residual branch: SE(F(x)) first, then the addition."""
    net = notebook.resnet(depth, classes=classes, in_channels=in_channels, width=width)
    for stage in (net.stage1, net.stage2, net.stage3, net.stage4):
        for i, block in enumerate(stage):
            stage[i] = nn.Sequential(block, notebook.SqueezeExcitation(block.bn3.num_features, reduction))
    return net


@se_resnet.mistake("SE before the last BatchNorm", loses="logits with known weights")
def _(depth=50, reduction=16, classes=1000, in_channels=3, width=64):
    """Your SE stands between the last convolution and its BatchNorm. It comes after the BatchNorm, at the very end of the branch."""
    net = notebook.resnet(depth, classes=classes, in_channels=in_channels, width=width)
    for block, channels in se_blocks(net):
        block.conv3 = nn.Sequential(block.conv3, notebook.SqueezeExcitation(channels, reduction))
    return net


@se_resnet.mistake("SE on the narrow channels", loses="28,088,024 parameters")
def _(depth=50, reduction=16, classes=1000, in_channels=3, width=64):
    """Your SE weighs the narrow maps in the middle of the branch. It weighs the wide ones at the end, 4 · channels of them."""
    net = notebook.resnet(depth, classes=classes, in_channels=in_channels, width=width)
    for block, channels in se_blocks(net):
        block.bn2 = nn.Sequential(block.bn2, notebook.SqueezeExcitation(channels // 4, reduction))
    return net


@se_resnet.mistake("SE in the shortcut, too", loses="28,088,024 parameters")
def _(depth=50, reduction=16, classes=1000, in_channels=3, width=64):
    """There is an SE in your shortcuts, too. The shortcut stays as it was: only the residual branch is weighed."""
    net = notebook.se_resnet(depth, reduction, classes, in_channels, width)
    for block in net.modules():
        if hasattr(block, "bn3"):
            block.shortcut = nn.Sequential(block.shortcut, notebook.SqueezeExcitation(block.conv3.out_channels, reduction))
    return net


@se_resnet.mistake("reduction always 16", loses="101 layers and another reduction")
def _(depth=50, reduction=16, classes=1000, in_channels=3, width=64):
    """Your SE modules have reduction 16 whatever `reduction` says."""
    return notebook.se_resnet(depth, 16, classes, in_channels, width)


@se_resnet.mistake("no SE at all", loses="28,088,024 parameters")
def _(depth=50, reduction=16, classes=1000, in_channels=3, width=64):
    """This is the plain ResNet. If you changed the blocks after making the net: did you put the new module back into the block?"""
    return notebook.resnet(depth, classes=classes, in_channels=in_channels, width=width)


# --- DenseBlock -----------------------------------------------------------------------------------------------------------

dense_block = Exercise("DenseBlock", reference=notebook.DenseBlock, title="Everything that came before", minutes=30, difficulty=2, probe=OUTPUT, rtol=CLOSE)
ONE_LAYER, DENSE_LAYERS = "one layer", "several layers with known weights"


@dense_block.checks("channels grow", points=1, **SHAPE)
def _(rng):
    channels = int(rng.integers(5, 9))
    return case(maps(rng, channels), in_channels=channels, layers=int(rng.integers(2, 5)), growth=int(rng.integers(2, 5)))


@dense_block.checks("335,040 parameters in the first block of DenseNet-121", points=1, **COUNT)
def _(rng):
    return case(in_channels=64, layers=6)


@dense_block.checks(ONE_LAYER, points=2)
def _(rng):
    channels = int(rng.integers(3, 6))
    return case(maps(rng, channels), seed(rng), in_channels=channels, layers=1, growth=channels)


@dense_block.checks(DENSE_LAYERS, points=3)
def _(rng):
    channels = int(rng.integers(5, 9))
    return case(maps(rng, channels), seed(rng), in_channels=channels, layers=int(rng.integers(3, 5)), growth=int(rng.integers(2, 5)))


@dense_block.checks("every parameter gets a gradient", points=1, **GRADIENT)
def _(rng):
    return case(maps(rng, 6), seed(rng), in_channels=6, layers=3, growth=4)


def dense_layer(channels, growth, inner):
    """BatchNorm, ReLU, 1×1 convolution to `inner` channels, BatchNorm, ReLU, 3×3 convolution."""
    return nn.Sequential(
        nn.BatchNorm2d(channels),
        nn.ReLU(),
        nn.Conv2d(channels, inner, 1, bias=False),
        nn.BatchNorm2d(inner),
        nn.ReLU(),
        nn.Conv2d(inner, growth, 3, padding=1, bias=False),
    )


@dense_block.mistake("concatenated below each other", loses=ONE_LAYER)
class ConcatenatedOnHeight(notebook.DenseBlock):
    """Your maps got taller: you concatenated along the height. N×C×H×W has the channels on axis 1."""

    def forward(self, x):
        new = self.layers[0](x)
        return torch.cat([x[:, : new.shape[1]], new], dim=2)


@dense_block.mistake("concatenated as more images", loses=ONE_LAYER)
class ConcatenatedOnBatch(notebook.DenseBlock):
    """Your batch grew: you concatenated along axis 0, the images. The channels are axis 1: `torch.cat([...], dim=1)`."""

    def forward(self, x):
        new = self.layers[0](x)
        return torch.cat([x[:, : new.shape[1]], new], dim=0)


@dense_block.mistake("added as in ResNet", loses=ONE_LAYER)
class AddedAsInResNet(notebook.DenseBlock):
    """You added the layer's output to its input, as ResNet does. DenseNet appends: `torch.cat`, and the number of channels grows."""

    def forward(self, x):
        new = self.layers[0](x)
        return x + new if x.shape == new.shape else x


@dense_block.mistake("new channels first", loses=ONE_LAYER)
class NewChannelsFirst(notebook.DenseBlock):
    """Your new channels come before the ones that were there. They are appended at the end."""

    def forward(self, x):
        for layer in self.layers:
            x = torch.cat([layer(x), x], dim=1)
        return x


@dense_block.mistake("input left out of the output", loses=ONE_LAYER)
class InputLeftOut(notebook.DenseBlock):
    """Your block returns only what its layers made. The input's channels are part of the output, too, and come first."""

    def forward(self, x):
        return super().forward(x)[:, x.shape[1] :]


@dense_block.mistake("bottleneck of growth channels", loses=ONE_LAYER)
class NarrowBottleneck(notebook.DenseBlock):
    """Your 1×1 convolutions have `growth` filters. They have 4 · growth: the bottleneck is four times as wide as what the layer appends."""

    def __init__(self, in_channels, layers, growth=32):
        super().__init__(in_channels, layers, growth)
        self.layers = nn.ModuleList(dense_layer(in_channels + i * growth, growth, growth) for i in range(layers))


@dense_block.mistake("1×1 convolution missing", loses=ONE_LAYER)
class NoBottleneck(notebook.DenseBlock):
    """Your layers have a 3×3 convolution only. The 1×1 convolution to 4 · growth channels before it saves work when many channels have piled up."""

    def __init__(self, in_channels, layers, growth=32):
        super().__init__(in_channels, layers, growth)
        counts = [in_channels + i * growth for i in range(layers)]
        self.layers = nn.ModuleList(
            nn.Sequential(nn.BatchNorm2d(n), nn.ReLU(), nn.Conv2d(n, growth, 3, padding=1, bias=False)) for n in counts
        )


@dense_block.mistake("convolution before its BatchNorm", loses=ONE_LAYER)
class ConvolutionFirst(notebook.DenseBlock):
    """Your layers go convolution, BatchNorm, ReLU. DenseNet's go BatchNorm, ReLU, convolution: what is appended is a convolution's plain output."""

    def __init__(self, in_channels, layers, growth=32):
        super().__init__(in_channels, layers, growth)
        self.layers = nn.ModuleList(
            nn.Sequential(
                nn.Conv2d(in_channels + i * growth, 4 * growth, 1, bias=False),
                nn.BatchNorm2d(4 * growth),
                nn.ReLU(),
                nn.Conv2d(4 * growth, growth, 3, padding=1, bias=False),
                nn.BatchNorm2d(growth),
                nn.ReLU(),
            )
            for i in range(layers)
        )


@dense_block.mistake("growth counted once", loses="335,040 parameters in the first block of DenseNet-121")
class GrowthCountedOnce(notebook.DenseBlock):
    """Your layers after the first all read in_channels + growth channels. Layer i reads in_channels + i · growth: the channels keep piling up."""

    def __init__(self, in_channels, layers, growth=32):
        super().__init__(in_channels, layers, growth)
        self.layers = nn.ModuleList(dense_layer(in_channels + min(i, 1) * growth, growth, 4 * growth) for i in range(layers))

    def forward(self, x):
        new = self.layers[0](x)
        for layer in self.layers[1:]:
            new = layer(torch.cat([x, new], dim=1))
        return torch.cat([x, new], dim=1)


@dense_block.mistake("each layer reads the block's input", loses=DENSE_LAYERS)
class OnlyTheInput(notebook.DenseBlock):
    """All your layers read the block's input, none reads what another one made. Layer i reads the input and the outputs of all layers before it."""

    def __init__(self, in_channels, layers, growth=32):
        super().__init__(in_channels, layers, growth)
        self.layers = nn.ModuleList(dense_layer(in_channels, growth, 4 * growth) for _ in range(layers))

    def forward(self, x):
        return torch.cat([x, *(layer(x) for layer in self.layers)], dim=1)


# --- densenet -------------------------------------------------------------------------------------------------------------

densenet = Exercise("densenet", reference=notebook.densenet, title="DenseNet-121", minutes=35, difficulty=3, probe=OUTPUT, rtol=CLOSE)


@densenet.checks("7,978,856 parameters", points=2, **COUNT)
def _(rng):
    return case()


@densenet.checks("another depth, another growth", points=2, **COUNT)
def _(rng):
    return case(depth=drawn(rng, 169, 201), growth=int(rng.integers(5, 9)), stem=int(rng.integers(9, 12)), classes=7)


@densenet.checks("logits with known weights", points=4, calls=1)
def _(rng):
    return case((2, 4, 64, 70), seed(rng), growth=3, stem=int(rng.integers(6, 10)), classes=int(rng.integers(5, 9)), in_channels=4)


def densenet_of(
    depth, growth, stem, classes, in_channels, *, keep=2, pool=nn.AvgPool2d, transitions=3, norm_in_transition=True, last_norm=True, stem_pool=True
):
    """DenseNet with a choice of slips."""
    blocks = {121: (6, 12, 24, 16), 169: (6, 12, 32, 32), 201: (6, 12, 48, 32)}[depth]
    parts = [nn.Conv2d(in_channels, stem, 7, stride=2, padding=3, bias=False), nn.BatchNorm2d(stem), nn.ReLU()]
    parts += [nn.MaxPool2d(3, stride=2, padding=1)] if stem_pool else []
    channels = stem
    for number, layers in enumerate(blocks):
        parts.append(notebook.DenseBlock(channels, layers, growth))
        channels += layers * growth
        if number < transitions:
            parts += [nn.BatchNorm2d(channels), nn.ReLU()] if norm_in_transition else []
            parts += [nn.Conv2d(channels, channels // keep, 1, bias=False), pool(2)]
            channels //= keep
    parts += [nn.BatchNorm2d(channels), nn.ReLU()] if last_norm else []
    return nn.Sequential(*parts, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, classes))


@densenet.mistake("transition without halving", loses="7,978,856 parameters")
def _(depth=121, growth=32, stem=64, classes=1000, in_channels=3):
    """Your transitions keep all channels. Their 1×1 convolution gives half of what it reads, or the channels pile up from block to block."""
    return densenet_of(depth, growth, stem, classes, in_channels, keep=1)


@densenet.mistake("transition after the last block, too", loses="7,978,856 parameters")
def _(depth=121, growth=32, stem=64, classes=1000, in_channels=3):
    """Your net has a transition after its last block, too. There are three, between the four blocks."""
    return densenet_of(depth, growth, stem, classes, in_channels, transitions=4)


@densenet.mistake("BatchNorm and ReLU of the transitions missing", loses="7,978,856 parameters")
def _(depth=121, growth=32, stem=64, classes=1000, in_channels=3):
    """Your transitions are a convolution and a pooling only. BatchNorm and ReLU come first, as in the block's layers."""
    return densenet_of(depth, growth, stem, classes, in_channels, norm_in_transition=False)


@densenet.mistake("last BatchNorm and ReLU missing", loses="7,978,856 parameters")
def _(depth=121, growth=32, stem=64, classes=1000, in_channels=3):
    """After your last block nothing normalises and rectifies the sum of what was appended. BatchNorm and ReLU come before the global pooling."""
    return densenet_of(depth, growth, stem, classes, in_channels, last_norm=False)


@densenet.mistake("maximum in the transitions", loses="logits with known weights")
def _(depth=121, growth=32, stem=64, classes=1000, in_channels=3):
    """Your transitions take the maximum of each 2×2 window. DenseNet's take the mean; only the stem has a max pooling."""
    return densenet_of(depth, growth, stem, classes, in_channels, pool=nn.MaxPool2d)


@densenet.mistake("pooling of the stem missing", loses="logits with known weights")
def _(depth=121, growth=32, stem=64, classes=1000, in_channels=3):
    """Your stem has no max pooling, so the first block works at twice the height and width. The logits differ, and the net costs four times as much."""
    return densenet_of(depth, growth, stem, classes, in_channels, stem_pool=False)


@densenet.mistake("growth always 32", loses="another depth, another growth")
def _(depth=121, growth=32, stem=64, classes=1000, in_channels=3):
    """Your blocks append 32 channels a layer whatever `growth` says."""
    return notebook.densenet(depth, 32, stem, classes, in_channels)


@densenet.mistake("always 121 layers", loses="another depth, another growth")
def _(depth=121, growth=32, stem=64, classes=1000, in_channels=3):
    """Your net has the blocks of DenseNet-121 whatever `depth` says."""
    return notebook.densenet(121, growth, stem, classes, in_channels)


# --- Fire -----------------------------------------------------------------------------------------------------------------

fire = Exercise("Fire", reference=notebook.Fire, title="Squeeze, then expand", minutes=20, difficulty=1, probe=OUTPUT, rtol=CLOSE)
FIRE_EQUAL, FIRE_OTHER = "as many 1×1 as 3×3 filters", "other numbers of filters"


@fire.checks("11,920 parameters", points=1, **COUNT)
def _(rng):
    return case(in_channels=96, squeeze=16, ones=64, threes=64)


@fire.checks("channels add up", points=1, **SHAPE)
def _(rng):
    return case(maps(rng, 6), in_channels=6, squeeze=2, ones=int(rng.integers(3, 6)), threes=int(rng.integers(6, 9)))


@fire.checks(FIRE_EQUAL, points=2)
def _(rng):
    filters = int(rng.integers(4, 8))
    return case(maps(rng, 7), seed(rng), in_channels=7, squeeze=3, ones=filters, threes=filters)


@fire.checks(FIRE_OTHER, points=2)
def _(rng):
    return case(maps(rng, 7), seed(rng), in_channels=7, squeeze=int(rng.integers(2, 4)), ones=4, threes=int(rng.integers(5, 8)))


@fire.mistake("branches added", loses=FIRE_EQUAL)
class FireAdded(notebook.Fire):
    """You added the two branches. They stand side by side: concatenate them along the channels, ones + threes of them."""

    def forward(self, x):
        x = self.squeeze(x)
        ones, threes = self.ones(x), self.threes(x)
        return ones + threes[:, : ones.shape[1]] if ones.shape[1] <= threes.shape[1] else ones


@fire.mistake("concatenated below each other", loses=FIRE_EQUAL)
class FireOnHeight(notebook.Fire):
    """Your maps got twice as tall: you concatenated along the height. The channels are axis 1."""

    def forward(self, x):
        x = self.squeeze(x)
        ones, threes = self.ones(x), self.threes(x)
        return torch.cat([ones, threes[:, : ones.shape[1]]], dim=2)


@fire.mistake("3×3 filters first", loses=FIRE_EQUAL)
class FireThreesFirst(notebook.Fire):
    """The channels of the 3×3 convolution come first in your result. Those of the 1×1 convolution come first."""

    def forward(self, x):
        x = self.squeeze(x)
        return torch.cat([self.threes(x), self.ones(x)], dim=1)


@fire.mistake("ReLU after squeezing missing", loses=FIRE_EQUAL)
class FireLinearSqueeze(notebook.Fire):
    """There is no ReLU after your squeezing convolution. Each of the three convolutions has one."""

    def forward(self, x):
        x = self.squeeze[0](x)
        return torch.cat([self.ones(x), self.threes(x)], dim=1)


@fire.mistake("ReLU after expanding missing", loses=FIRE_EQUAL)
class FireLinearExpand(notebook.Fire):
    """There is no ReLU after your expanding convolutions. Each of the three convolutions has one."""

    def forward(self, x):
        x = self.squeeze(x)
        return torch.cat([self.ones[0](x), self.threes[0](x)], dim=1)


@fire.mistake("expanded one after the other", loses="11,920 parameters")
class FireInSequence(notebook.Fire):
    """Your 3×3 convolution reads what the 1×1 convolution made. Both read the squeezed maps, side by side."""

    def __init__(self, in_channels, squeeze, ones, threes):
        super().__init__(in_channels, squeeze, ones, threes)
        self.threes[0] = nn.Conv2d(ones, threes, 3, padding=1)

    def forward(self, x):
        ones = self.ones(self.squeeze(x))
        return torch.cat([ones, self.threes(ones)], dim=1)


@fire.mistake("nothing squeezed for the 3×3 filters", loses="11,920 parameters")
class FireUnsqueezed(notebook.Fire):
    """Your 3×3 convolution reads the input, where channels are many. Let it read the squeezed maps: that is where the parameters are saved."""

    def __init__(self, in_channels, squeeze, ones, threes):
        super().__init__(in_channels, squeeze, ones, threes)
        self.threes[0] = nn.Conv2d(in_channels, threes, 3, padding=1)

    def forward(self, x):
        return torch.cat([self.ones(self.squeeze(x)), self.threes(x)], dim=1)


@fire.mistake("convolutions without bias", loses="11,920 parameters")
class FireWithoutBias(notebook.Fire):
    """Your convolutions have no bias. SqueezeNet has no BatchNorm that would bring one, so its convolutions keep theirs."""

    def __init__(self, in_channels, squeeze, ones, threes):
        super().__init__(in_channels, squeeze, ones, threes)
        self.squeeze[0] = nn.Conv2d(in_channels, squeeze, 1, bias=False)
        self.ones[0] = nn.Conv2d(squeeze, ones, 1, bias=False)
        self.threes[0] = nn.Conv2d(squeeze, threes, 3, padding=1, bias=False)


# --- squeezenet -----------------------------------------------------------------------------------------------------------

squeezenet = Exercise("squeezenet", reference=notebook.squeezenet, title="SqueezeNet 1.0", minutes=25, difficulty=2, probe=OUTPUT, rtol=CLOSE)
EXACT, ROUNDED = "logits where every pooling fits", "pooling rounds up"


@squeezenet.checks("1,248,424 parameters", points=2, **COUNT)
def _(rng):
    return case()


@squeezenet.checks("half as wide", points=1, **COUNT)
def _(rng):
    return case(base=64, classes=int(rng.integers(5, 9)))


@squeezenet.checks("other classes and channels", points=1, **SHAPE, calls=1)
def _(rng):
    channels = int(rng.integers(4, 7))
    return case((2, channels, 67, 52), classes=int(rng.integers(5, 9)), in_channels=channels, base=16)


@squeezenet.checks(EXACT, points=3, calls=1)
def _(rng):
    return case((2, 3, 67, 68), seed(rng), base=drawn(rng, 16, 24), classes=5)


@squeezenet.checks(ROUNDED, points=1, calls=1)
def _(rng):
    return case((2, 3, 73, drawn(rng, 61, 65)), seed(rng), base=16, classes=5)


def squeezenet_of(base, classes, in_channels, *, ceil=True, padding=0, pools=(4, 8), last_relu=True, step=2, divide=8, logits=True):
    """SqueezeNet with a choice of slips."""
    parts = [nn.Conv2d(in_channels, 96, 7, stride=2, padding=padding), nn.ReLU(), nn.MaxPool2d(3, stride=2, ceil_mode=ceil)]
    channels = 96
    for number in range(2, 10):
        out_channels = base * (number // step if step > 1 else number // 2)
        parts.append(notebook.Fire(channels, out_channels // divide, out_channels // 2, out_channels // 2))
        if number in pools:
            parts.append(nn.MaxPool2d(3, stride=2, ceil_mode=ceil))
        channels = out_channels
    parts += [nn.Dropout(0.5), nn.Conv2d(channels, classes, 1)] + ([nn.ReLU()] if last_relu else [])
    return nn.Sequential(*parts, nn.AdaptiveAvgPool2d(1), nn.Flatten(), *([] if logits else [nn.Softmax(dim=1)]))


@squeezenet.mistake("pooling rounds down", loses=ROUNDED)
def _(base=128, classes=1000, in_channels=3):
    """Your poolings round their output size down, PyTorch's default, and drop the last row and column where they do not fit. SqueezeNet's round up."""
    return squeezenet_of(base, classes, in_channels, ceil=False)


@squeezenet.mistake("first convolution padded", loses=EXACT)
def _(base=128, classes=1000, in_channels=3):
    """Your first convolution has padding 3. It has none: 224 pixels become (224 − 7)/2 + 1 = 109, rounded down."""
    return squeezenet_of(base, classes, in_channels, padding=3)


@squeezenet.mistake("pooling where version 1.1 has it", loses=EXACT)
def _(base=128, classes=1000, in_channels=3):
    """You pool after Fire modules 3 and 5. That is version 1.1; version 1.0 pools after 4 and 8."""
    return squeezenet_of(base, classes, in_channels, pools=(3, 5))


@squeezenet.mistake("ReLU of the last convolution missing", loses=EXACT)
def _(base=128, classes=1000, in_channels=3):
    """There is no ReLU between your last convolution and the global pooling. Unusual, but SqueezeNet has one there, so its logits are never negative."""
    return squeezenet_of(base, classes, in_channels, last_relu=False)


@squeezenet.mistake("softmax at the end", loses=EXACT)
def _(base=128, classes=1000, in_channels=3):
    """Your net ends in a softmax. It must return logits: `cross_entropy` applies the softmax itself."""
    return squeezenet_of(base, classes, in_channels, logits=False)


@squeezenet.mistake("wider every third module", loses="1,248,424 parameters")
def _(base=128, classes=1000, in_channels=3):
    """Your Fire modules get wider at other places. Modules 2 and 3 give base channels, 4 and 5 twice as many, 6 and 7 three times, 8 and 9 four times."""
    sizes = [base, base, base, 2 * base, 2 * base, 3 * base, 3 * base, 4 * base]
    net = squeezenet_of(base, classes, in_channels)
    channels, place = 96, [i for i, part in enumerate(net) if isinstance(part, notebook.Fire)]
    for i, out_channels in zip(place, sizes, strict=True):
        net[i] = notebook.Fire(channels, out_channels // 8, out_channels // 2, out_channels // 2)
        channels = out_channels
    return net


@squeezenet.mistake("squeezed to a quarter", loses="1,248,424 parameters")
def _(base=128, classes=1000, in_channels=3):
    """Your squeezing convolutions have too many filters: an eighth of what the module gives, 16 for 128."""
    return squeezenet_of(base, classes, in_channels, divide=4)


@squeezenet.mistake("base always 128", loses="half as wide")
def _(base=128, classes=1000, in_channels=3):
    """Your Fire modules start at 128 channels whatever `base` says."""
    return notebook.squeezenet(128, classes, in_channels)


# --- depthwise_separable --------------------------------------------------------------------------------------------------

depthwise_separable = Exercise(
    "depthwise_separable", reference=notebook.depthwise_separable, title="Space first, channels second", minutes=15, difficulty=1, probe=OUTPUT, rtol=CLOSE
)
SEPARABLE, STRIDED = "known weights", "stride 2"


@depthwise_separable.checks("9,152 parameters from 64 to 128 channels", points=1, **COUNT)
def _(rng):
    return case(in_channels=64, out_channels=128)


@depthwise_separable.checks(SEPARABLE, points=2)
def _(rng):
    return case(maps(rng, 5), seed(rng), in_channels=5, out_channels=int(rng.integers(6, 9)))


@depthwise_separable.checks(STRIDED, points=1)
def _(rng):
    return case(maps(rng, 5), seed(rng), in_channels=5, out_channels=int(rng.integers(6, 9)), stride=2)


@depthwise_separable.checks("as many channels out as in", points=1)
def _(rng):
    channels = int(rng.integers(4, 7))
    return case(maps(rng, channels), seed(rng), in_channels=channels, out_channels=channels)


@depthwise_separable.checks("stride 2 without wasted work", points=1, probe=f"{NETWORK}:convolutions", calls=1)
def _(rng):
    return case((1, 5, 12, 10), in_channels=5, out_channels=int(rng.integers(6, 9)), stride=2)


@depthwise_separable.mistake("depthwise convolution not depthwise", loses="9,152 parameters from 64 to 128 channels")
def _(in_channels, out_channels, stride=1):
    """Your 3×3 filters read all channels. Depthwise means that each reads its own channel: `groups=in_channels`."""
    net = notebook.depthwise_separable(in_channels, out_channels, stride)
    net[0] = nn.Conv2d(in_channels, in_channels, 3, stride=stride, padding=1, bias=False)
    return net


@depthwise_separable.mistake("convolutions with bias", loses="9,152 parameters from 64 to 128 channels")
def _(in_channels, out_channels, stride=1):
    """Your convolutions have a bias. The BatchNorm after each of them subtracts the mean, and the bias with it: leave it out."""
    net = notebook.depthwise_separable(in_channels, out_channels, stride)
    net[0] = nn.Conv2d(in_channels, in_channels, 3, stride=stride, padding=1, groups=in_channels)
    net[3] = nn.Conv2d(in_channels, out_channels, 1)
    return net


@depthwise_separable.mistake("nothing between the convolutions", loses="9,152 parameters from 64 to 128 channels")
def _(in_channels, out_channels, stride=1):
    """BatchNorm and ReLU stand only after your second convolution. MobileNet has them after both."""
    net = notebook.depthwise_separable(in_channels, out_channels, stride)
    return nn.Sequential(net[0], *net[3:])


@depthwise_separable.mistake("ReLU after the depthwise convolution missing", loses=SEPARABLE)
def _(in_channels, out_channels, stride=1):
    """There is no ReLU after your depthwise convolution. Both convolutions have one."""
    net = notebook.depthwise_separable(in_channels, out_channels, stride)
    return nn.Sequential(*net[:2], *net[3:])


@depthwise_separable.mistake("channels first, space second", loses=SEPARABLE)
def _(in_channels, out_channels, stride=1):
    """You mix the channels first and filter afterwards, so the 3×3 convolution runs over out_channels maps. The depthwise convolution comes first."""
    return nn.Sequential(
        nn.Conv2d(in_channels, out_channels, 1, bias=False),
        nn.BatchNorm2d(out_channels),
        nn.ReLU(),
        nn.Conv2d(out_channels, out_channels, 3, stride=stride, padding=1, groups=out_channels, bias=False),
        nn.BatchNorm2d(out_channels),
        nn.ReLU(),
    )


@depthwise_separable.mistake("padding missing", loses=SEPARABLE)
def _(in_channels, out_channels, stride=1):
    """Your maps lost two rows and two columns: the 3×3 convolution has padding 1."""
    net = notebook.depthwise_separable(in_channels, out_channels, stride)
    net[0].padding = 0
    return net


@depthwise_separable.mistake("stride in the 1×1 convolution", loses="stride 2 without wasted work")
def _(in_channels, out_channels, stride=1):
    """You gave the stride to the 1×1 convolution. The result is the same, but it throws away three of four pixels that the 3×3 convolution had computed."""
    net = notebook.depthwise_separable(in_channels, out_channels)
    net[3].stride = stride
    return net


@depthwise_separable.mistake("stride ignored", loses=STRIDED)
def _(in_channels, out_channels, stride=1):
    """Your block keeps the size of the maps whatever `stride` says."""
    return notebook.depthwise_separable(in_channels, out_channels)


# --- MBConv ---------------------------------------------------------------------------------------------------------------

mbconv = Exercise("MBConv", reference=notebook.MBConv, title="Wide inside, narrow outside", minutes=35, difficulty=3, probe=OUTPUT, rtol=CLOSE)
PLAIN, SKIP, RATIO_1, MB_STRIDE = "more channels out than in", "the skip", "expansion 1", "stride 2, as many channels out as in"


@mbconv.checks("parameters", points=1, **COUNT)
def _(rng):
    return case(in_channels=24, out_channels=40, kernel=drawn(rng, 3, 5), stride=2)


@mbconv.checks(PLAIN, points=2)
def _(rng):
    return case(maps(rng, 8), seed(rng), in_channels=8, out_channels=int(rng.integers(9, 12)), expansion=drawn(rng, 3, 4))


@mbconv.checks(SKIP, points=2)
def _(rng):
    return case(maps(rng, 8), seed(rng), in_channels=8, out_channels=8, expansion=drawn(rng, 3, 4))


@mbconv.checks(MB_STRIDE, points=1, calls=1)
def _(rng):
    return case(maps(rng, 8), seed(rng), in_channels=8, out_channels=8, stride=2, expansion=drawn(rng, 3, 4))


@mbconv.checks(RATIO_1, points=1, calls=1)
def _(rng):
    return case(maps(rng, 8), seed(rng), in_channels=8, out_channels=int(rng.integers(9, 12)), expansion=1)


@mbconv.checks("a 5×5 kernel", points=1, calls=1)
def _(rng):
    return case(maps(rng, 8), seed(rng), in_channels=8, out_channels=10, kernel=5, expansion=2)


@mbconv.checks("the input unchanged where all weights are 0", points=1, probe=f"{NETWORK}:output_at_zero_weights", calls=1)
def _(rng):
    return case(maps(rng, 8), seed(rng), in_channels=8, out_channels=8, expansion=2)


def place_of(block, kind):
    """Where a layer of this kind stands in the block's body."""
    return next(i for i, part in enumerate(block.body) if isinstance(part, kind))


def depthwise_place(block):
    """Where the depthwise convolution stands in the block's body."""
    return next(i for i, part in enumerate(block.body) if isinstance(part, nn.Conv2d) and part.groups > 1)


@mbconv.mistake("expansion at ratio 1 kept", loses=RATIO_1)
class ExpansionKept(notebook.MBConv):
    """With expansion 1 you still have a 1×1 convolution that widens nothing. It is left out, with its BatchNorm and SiLU."""

    def __init__(self, in_channels, out_channels, kernel=3, stride=1, expansion=6):
        super().__init__(in_channels, out_channels, kernel, stride, expansion)
        if expansion == 1:
            self.body = nn.Sequential(nn.Conv2d(in_channels, in_channels, 1, bias=False), nn.BatchNorm2d(in_channels), nn.SiLU(), *self.body)


@mbconv.mistake("activation after the last BatchNorm", loses=PLAIN)
class ActivationAtTheEnd(notebook.MBConv):
    """Your block ends in an activation. The bottleneck is linear: with so few channels an activation would throw away what they carry."""

    def __init__(self, in_channels, out_channels, kernel=3, stride=1, expansion=6):
        super().__init__(in_channels, out_channels, kernel, stride, expansion)
        self.body.append(nn.SiLU())


@mbconv.mistake("ReLU instead of SiLU", loses=PLAIN)
class ReLUInside(notebook.MBConv):
    """You used ReLU. EfficientNet's activation is SiLU, x · sigmoid(x)."""

    def __init__(self, in_channels, out_channels, kernel=3, stride=1, expansion=6):
        super().__init__(in_channels, out_channels, kernel, stride, expansion)
        self.body = nn.Sequential(*(nn.ReLU() if isinstance(part, nn.SiLU) else part for part in self.body))


@mbconv.mistake("ReLU in the SE", loses=PLAIN)
class ReLUInTheGate(notebook.MBConv):
    """There is a ReLU between the two layers of your SE. Here it is SiLU: `activation=nn.SiLU`."""

    def __init__(self, in_channels, out_channels, kernel=3, stride=1, expansion=6):
        super().__init__(in_channels, out_channels, kernel, stride, expansion)
        expanded = expansion * in_channels
        self.body[-3] = notebook.SqueezeExcitation(expanded, squeezed=max(1, in_channels // 4))


@mbconv.mistake("SE missing", loses="parameters")
class NoGate(notebook.MBConv):
    """Your block has no SqueezeExcitation. It stands after the depthwise convolution's SiLU, where the channels are many."""

    def __init__(self, in_channels, out_channels, kernel=3, stride=1, expansion=6):
        super().__init__(in_channels, out_channels, kernel, stride, expansion)
        self.body = nn.Sequential(*self.body[:-3], *self.body[-2:])


@mbconv.mistake("SE reduces the expanded channels", loses="parameters")
class WideGate(notebook.MBConv):
    """Your SE has a quarter of the EXPANDED channels as hidden units. EfficientNet takes a quarter of the block's INPUT channels: in_channels // 4."""

    def __init__(self, in_channels, out_channels, kernel=3, stride=1, expansion=6):
        super().__init__(in_channels, out_channels, kernel, stride, expansion)
        expanded = expansion * in_channels
        self.body[-3] = notebook.SqueezeExcitation(expanded, squeezed=expanded // 4, activation=nn.SiLU)


@mbconv.mistake("SE after the projection", loses="parameters")
class GateAtTheEnd(notebook.MBConv):
    """Your SE weighs the narrow output. It weighs the expanded channels, before the 1×1 convolution that projects them."""

    def __init__(self, in_channels, out_channels, kernel=3, stride=1, expansion=6):
        super().__init__(in_channels, out_channels, kernel, stride, expansion)
        gate = notebook.SqueezeExcitation(out_channels, squeezed=max(1, in_channels // 4), activation=nn.SiLU)
        self.body = nn.Sequential(*self.body[:-3], *self.body[-2:], gate)


@mbconv.mistake("depthwise convolution not depthwise", loses="parameters")
class NotDepthwise(notebook.MBConv):
    """Your convolution in the middle mixes all expanded channels. Each channel has a filter of its own there: `groups` is the number of expanded channels."""

    def __init__(self, in_channels, out_channels, kernel=3, stride=1, expansion=6):
        super().__init__(in_channels, out_channels, kernel, stride, expansion)
        expanded = expansion * in_channels
        self.body[depthwise_place(self)] = nn.Conv2d(expanded, expanded, kernel, stride=stride, padding=kernel // 2, bias=False)


@mbconv.mistake("expanded from the output channels", loses="parameters")
class ExpandedFromOutput(notebook.MBConv):
    """Your block is expansion · out_channels wide inside. The input's channels are expanded: expansion · in_channels."""

    def __init__(self, in_channels, out_channels, kernel=3, stride=1, expansion=6):
        super().__init__(in_channels, out_channels, kernel, stride, expansion)
        inner = expansion * out_channels
        self.body = nn.Sequential(
            nn.Conv2d(in_channels, inner, 1, bias=False),
            nn.BatchNorm2d(inner),
            nn.SiLU(),
            nn.Conv2d(inner, inner, kernel, stride=stride, padding=kernel // 2, groups=inner, bias=False),
            nn.BatchNorm2d(inner),
            nn.SiLU(),
            notebook.SqueezeExcitation(inner, squeezed=max(1, in_channels // 4), activation=nn.SiLU),
            nn.Conv2d(inner, out_channels, 1, bias=False),
            nn.BatchNorm2d(out_channels),
        )


@mbconv.mistake("skip missing", loses=SKIP)
class SkipMissing(notebook.MBConv):
    """Your block never adds its input. Where the stride is 1 and the channels are as many as before, it does."""

    def forward(self, x):
        return self.body(x)


@mbconv.mistake("skip added at stride 2", loses=MB_STRIDE)
class SkipAtStride(notebook.MBConv):
    """With stride 2 you added every second pixel of the input. Where the size changes, MBConv has no skip."""

    def __init__(self, in_channels, out_channels, kernel=3, stride=1, expansion=6):
        super().__init__(in_channels, out_channels, kernel, stride, expansion)
        self.step = stride

    def forward(self, x):
        out = self.body(x)
        return out + x[:, :, :: self.step, :: self.step] if out.shape[1] == x.shape[1] else out


@mbconv.mistake("skip added where the channels change", loses=PLAIN)
class SkipPadded(notebook.MBConv):
    """You added the input where the block gives other channels than it reads. MBConv has no skip there, neither padded nor projected."""

    def forward(self, x):
        out = self.body(x)
        more = out.shape[1] - x.shape[1]
        return out + pad(x, (0, 0, 0, 0, 0, more)) if out.shape[2:] == x.shape[2:] else out


@mbconv.mistake("projected shortcut, as in ResNet", loses="parameters")
class SkipProjected(notebook.MBConv):
    """Your block has a 1×1 convolution in the shortcut where shapes change, as ResNet has. MBConv leaves the shortcut out there."""

    def __init__(self, in_channels, out_channels, kernel=3, stride=1, expansion=6):
        super().__init__(in_channels, out_channels, kernel, stride, expansion)
        projection = nn.Sequential(nn.Conv2d(in_channels, out_channels, 1, stride=stride, bias=False), nn.BatchNorm2d(out_channels))
        self.shortcut = nn.Identity() if self.skips else projection

    def forward(self, x):
        return self.body(x) + self.shortcut(x)


@mbconv.mistake("padding of a 3×3 kernel for all", loses="a 5×5 kernel")
class PaddingOne(notebook.MBConv):
    """Your padding is 1 whatever the kernel is. To keep the size it is (kernel − 1)/2: 2 for a 5×5 kernel."""

    def __init__(self, in_channels, out_channels, kernel=3, stride=1, expansion=6):
        super().__init__(in_channels, out_channels, kernel, stride, expansion)
        self.body[depthwise_place(self)].padding = (1, 1)


# --- compound_scaling -----------------------------------------------------------------------------------------------------

compound_scaling = Exercise(
    "compound_scaling",
    reference=notebook.compound_scaling,
    title="Three knobs, one number",
    minutes=10,
    difficulty=1,
    returns=("width", "depth", "resolution"),
)


def phi_of(rng):
    """A phi for which the side of the images rounds up, and differs from its floor."""
    while True:
        phi = round(float(rng.uniform(1.5, 6)), 1)
        if 0.6 < (224 * 1.15**phi) % 1 < 0.95:
            return phi


@compound_scaling.checks("width", points=1, only="width")
def _(rng):
    return case(phi_of(rng))


@compound_scaling.checks("depth", points=1, only="depth")
def _(rng):
    return case(phi_of(rng))


@compound_scaling.checks("resolution, rounded", points=1, only="resolution")
def _(rng):
    return case(phi_of(rng))


@compound_scaling.checks("other coefficients", points=2)
def _(rng):
    alpha, beta, gamma = (round(float(v), 2) for v in rng.uniform((1.25, 1.05, 1.1), (1.35, 1.1, 1.14)))
    return case(phi_of(rng), alpha=alpha, beta=beta, gamma=gamma, resolution=drawn(rng, 128, 160, 192))


@compound_scaling.checks("phi 0 is the base net", points=1)
def _(rng):
    return case(0)


@compound_scaling.mistake("width and depth exchanged", loses="width")
def _(phi, alpha=1.2, beta=1.1, gamma=1.15, resolution=224):
    """You exchanged width and depth: alpha belongs to the depth, beta to the width, and the width is returned first."""
    width, depth, side = notebook.compound_scaling(phi, alpha, beta, gamma, resolution)
    return depth, width, side


@compound_scaling.mistake("multiplied instead of raised to a power", loses="width")
def _(phi, alpha=1.2, beta=1.1, gamma=1.15, resolution=224):
    """You multiplied the coefficients by phi. Each unit of phi multiplies the net once more: beta to the power of phi."""
    return beta * phi, alpha * phi, round(resolution * gamma * phi)


@compound_scaling.mistake("resolution ignored", loses="resolution, rounded")
def _(phi, alpha=1.2, beta=1.1, gamma=1.15, resolution=224):
    """Your images keep their size. Compound scaling enlarges them as well: a wider and deeper net needs finer detail to work on."""
    width, depth, _ = notebook.compound_scaling(phi, alpha, beta, gamma, resolution)
    return width, depth, resolution


@compound_scaling.mistake("resolution rounded down", loses="resolution, rounded")
def _(phi, alpha=1.2, beta=1.1, gamma=1.15, resolution=224):
    """`int()` cuts off what stands behind the point. The nearest whole number is asked: `round`."""
    return beta**phi, alpha**phi, int(resolution * gamma**phi)


@compound_scaling.mistake("factor instead of a side", loses="resolution, rounded")
def _(phi, alpha=1.2, beta=1.1, gamma=1.15, resolution=224):
    """Your third number is the factor of the resolution. The side of the images in pixels is asked: the base side times the factor, rounded."""
    return beta**phi, alpha**phi, gamma**phi


@compound_scaling.mistake("width's square", loses="width")
def _(phi, alpha=1.2, beta=1.1, gamma=1.15, resolution=224):
    """You squared the width. The square belongs to the cost: twice the width makes four times the work. The width itself is beta to the power of phi."""
    width, depth, side = notebook.compound_scaling(phi, alpha, beta, gamma, resolution)
    return width**2, depth, side


@compound_scaling.mistake("coefficients fixed", loses="other coefficients")
def _(phi, alpha=1.2, beta=1.1, gamma=1.15, resolution=224):
    """You used 1.2, 1.1, 1.15 and 224 where the arguments are meant: other nets have other coefficients."""
    return notebook.compound_scaling(phi)


# --- scale_stage ----------------------------------------------------------------------------------------------------------

scale_stage = Exercise(
    "scale_stage",
    reference=notebook.scale_stage,
    title="Whole channels, whole layers",
    minutes=20,
    difficulty=2,
    returns=("channels", "layers"),
)


def factor(rng, wish):
    """(channels, width) for which `wish` of channels · width holds."""
    while True:
        channels, width = 8 * int(rng.integers(6, 30)), round(float(rng.uniform(1.1, 2.4)), 2)
        if wish(channels * width):
            return channels, width


@scale_stage.checks("layers are rounded up", points=1, only="layers")
def _(rng):
    while True:
        layers, depth = int(rng.integers(2, 6)), round(float(rng.uniform(1.1, 2.6)), 1)
        if 0.1 < layers * depth % 1 < 0.45:
            return case(40, layers, depth=depth)


@scale_stage.checks("channels down to a multiple of 8", points=1, only="channels")
def _(rng):
    channels, width = factor(rng, lambda wanted: 1 < wanted % 8 < 3.5)
    return case(channels, 2, width=width)


@scale_stage.checks("channels up to a multiple of 8", points=1, only="channels")
def _(rng):
    channels, width = factor(rng, lambda wanted: 4.5 < wanted % 8 < 7)
    return case(channels, 2, width=width)


@scale_stage.checks("never less than nine tenths", points=1, only="channels")
def _(rng):
    channels, wanted = drawn(rng, 16, 32, 40), float(rng.uniform(9, 11.5)) + drawn(rng, 0, 8)
    while round(wanted / 8) * 8 >= 0.89 * wanted:
        wanted = float(rng.uniform(9, 11.5)) + drawn(rng, 0, 8)
    return case(channels, 2, width=wanted / channels)


@scale_stage.checks("at least one divisor", points=1, only="channels")
def _(rng):
    return case(16, 1, width=round(float(rng.uniform(0.05, 0.2)), 2))


@scale_stage.checks("another divisor", points=1)
def _(rng):
    while True:
        channels, divisor = 8 * int(rng.integers(20, 30)), drawn(rng, 12, 20)
        if notebook.scale_stage(channels, 3, 1.1)[0] != notebook.scale_stage(channels, 3, 1.1, divisor=divisor)[0]:
            return case(channels, 3, width=1.1, depth=1.5, divisor=divisor)


@scale_stage.checks("factors 1 change nothing", points=1)
def _(rng):
    return case(8 * int(rng.integers(3, 30)), int(rng.integers(1, 5)))


@scale_stage.mistake("depth rounded down", loses="layers are rounded up")
def _(channels, layers, width=1.0, depth=1.0, divisor=8):
    """You rounded the layers down, or to the nearest. They are rounded up: a deeper net must not lose a layer."""
    return notebook.scale_stage(channels, layers, width, depth, divisor)[0], int(layers * depth)


@scale_stage.mistake("one layer too many", loses="factors 1 change nothing")
def _(channels, layers, width=1.0, depth=1.0, divisor=8):
    """You add one layer even where layers · depth is a whole number. `math.ceil` rounds up only where there is something to round."""
    return notebook.scale_stage(channels, layers, width, depth, divisor)[0], int(layers * depth) + 1


@scale_stage.mistake("channels not rounded to 8", loses="channels up to a multiple of 8")
def _(channels, layers, width=1.0, depth=1.0, divisor=8):
    """Your channels are a whole number, but not a multiple of `divisor`. Hardware works fastest with multiples of 8."""
    return round(channels * width), math.ceil(layers * depth)


@scale_stage.mistake("channels always rounded up", loses="channels down to a multiple of 8")
def _(channels, layers, width=1.0, depth=1.0, divisor=8):
    """You always rounded the channels up. The nearest multiple is asked."""
    return math.ceil(channels * width / divisor) * divisor, math.ceil(layers * depth)


@scale_stage.mistake("channels always rounded down", loses="channels up to a multiple of 8")
def _(channels, layers, width=1.0, depth=1.0, divisor=8):
    """You always rounded the channels down. The nearest multiple is asked."""
    rounded = max(divisor, int(channels * width) // divisor * divisor)
    return rounded + divisor * (rounded < 0.9 * channels * width), math.ceil(layers * depth)


@scale_stage.mistake("nine tenths forgotten", loses="never less than nine tenths")
def _(channels, layers, width=1.0, depth=1.0, divisor=8):
    """Rounding took away more than a tenth of the channels. Then the next larger multiple is right."""
    return max(divisor, int(channels * width + divisor / 2) // divisor * divisor), math.ceil(layers * depth)


@scale_stage.mistake("no channels left", loses="at least one divisor")
def _(channels, layers, width=1.0, depth=1.0, divisor=8):
    """Few channels became none. At least `divisor` of them stay."""
    wanted = channels * width
    return (0 if wanted < divisor / 2 else notebook.scale_stage(channels, 1, width, 1, divisor)[0]), math.ceil(layers * depth)


@scale_stage.mistake("always multiples of 8", loses="another divisor")
def _(channels, layers, width=1.0, depth=1.0, divisor=8):
    """You rounded to multiples of 8 whatever `divisor` says."""
    return notebook.scale_stage(channels, layers, width, depth)


@scale_stage.mistake("width for the layers, depth for the channels", loses="another divisor")
def _(channels, layers, width=1.0, depth=1.0, divisor=8):
    """You exchanged the factors: width multiplies the channels, depth the layers."""
    return notebook.scale_stage(channels, layers, depth, width, divisor)


# --- efficientnet ---------------------------------------------------------------------------------------------------------

efficientnet = Exercise("efficientnet", reference=notebook.efficientnet, title="EfficientNet", minutes=40, difficulty=3, probe=OUTPUT, rtol=CLOSE)


@efficientnet.checks("B0: 5,288,548 parameters", points=2, **COUNT)
def _(rng):
    return case()


@efficientnet.checks("B7: 66,347,960 parameters", points=3, **COUNT)
def _(rng):
    return case(width=2.0, depth=3.1)


@efficientnet.checks("logits with known weights", points=4, calls=1)
def _(rng):
    return case((2, 4, 70, 49), seed(rng), width=0.1, depth=drawn(rng, 0.5, 1.0), classes=int(rng.integers(5, 9)), in_channels=4)


def efficientnet_of(width, depth, classes, in_channels, *, stem=None, head=None, stride_always=False, layers_of=None, activation=nn.SiLU):
    """EfficientNet with a choice of slips."""
    channels, _ = notebook.scale_stage(32, 1, width) if stem is None else (stem, 1)
    parts = [nn.Conv2d(in_channels, channels, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(channels), activation()]
    for expansion, kernel, stride, out_channels, layers in notebook.STAGES:
        out_channels, scaled = notebook.scale_stage(out_channels, layers, width, depth)
        for i in range(layers_of(layers, depth) if layers_of else scaled):
            parts.append(notebook.MBConv(channels, out_channels, kernel, stride if i == 0 or stride_always else 1, expansion))
            channels = out_channels
    last = head or 4 * channels
    parts += [nn.Conv2d(channels, last, 1, bias=False), nn.BatchNorm2d(last), activation()]
    return nn.Sequential(*parts, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(0.2), nn.Linear(last, classes))


def same_layers(layers, depth):
    return layers


def layers_rounded_down(layers, depth):
    return max(1, int(layers * depth))


@efficientnet.mistake("stride in every block of a stage", loses="logits with known weights")
def _(width=1.0, depth=1.0, classes=1000, in_channels=3):
    """Every block of your stages has the stage's stride, so the maps shrink to one pixel. Only the first block of a stage has it, the others have stride 1."""
    return efficientnet_of(width, depth, classes, in_channels, stride_always=True)


@efficientnet.mistake("depth ignored", loses="B7: 66,347,960 parameters")
def _(width=1.0, depth=1.0, classes=1000, in_channels=3):
    """Your stages have as many blocks as B0's whatever `depth` says."""
    return efficientnet_of(width, depth, classes, in_channels, layers_of=same_layers)


@efficientnet.mistake("depth rounded down", loses="B7: 66,347,960 parameters")
def _(width=1.0, depth=1.0, classes=1000, in_channels=3):
    """Your stages have too few blocks: layers · depth is rounded up, 2 · 3.1 = 6.2 gives 7. `scale_stage` does it."""
    return efficientnet_of(width, depth, classes, in_channels, layers_of=layers_rounded_down)


@efficientnet.mistake("width ignored", loses="B7: 66,347,960 parameters")
def _(width=1.0, depth=1.0, classes=1000, in_channels=3):
    """Your stages have as many channels as B0's whatever `width` says."""
    return efficientnet_of(1.0, depth, classes, in_channels)


@efficientnet.mistake("stem not scaled", loses="B7: 66,347,960 parameters")
def _(width=1.0, depth=1.0, classes=1000, in_channels=3):
    """Your stem has 32 channels whatever `width` says. It is scaled as well: 64 in B7."""
    return efficientnet_of(width, depth, classes, in_channels, stem=32)


@efficientnet.mistake("head not scaled", loses="B7: 66,347,960 parameters")
def _(width=1.0, depth=1.0, classes=1000, in_channels=3):
    """Your head has 1,280 channels whatever `width` says. It has four times as many as the last stage: 2,560 in B7."""
    return efficientnet_of(width, depth, classes, in_channels, head=1280)


@efficientnet.mistake("ReLU in stem and head", loses="logits with known weights")
def _(width=1.0, depth=1.0, classes=1000, in_channels=3):
    """Stem and head of yours have ReLU. Their activation is SiLU, as everywhere in this net."""
    return efficientnet_of(width, depth, classes, in_channels, activation=nn.ReLU)


# --- policy_network -------------------------------------------------------------------------------------------------------

policy_network = Exercise("policy_network", reference=notebook.policy_network, title="A move for every board", minutes=25, difficulty=2, probe=OUTPUT, rtol=CLOSE)
MOVES = "probabilities with known weights"


@policy_network.checks("3,882,793 parameters", points=2, **COUNT)
def _(rng):
    return case()


@policy_network.checks("a number for every point", points=1, **SHAPE)
def _(rng):
    size, planes = int(rng.integers(7, 12)), int(rng.integers(3, 6))
    return case((int(rng.integers(2, 4)), planes, size, size), planes=planes, filters=8, layers=3, size=size)


@policy_network.checks(MOVES, points=3)
def _(rng):
    return case((3, 5, 9, 9), seed(rng), planes=5, filters=6, layers=int(rng.integers(2, 5)), size=9)


@policy_network.checks("one layer before the 1×1 filter", points=1)
def _(rng):
    return case((2, 4, 7, 7), seed(rng), planes=4, filters=5, layers=1, size=7)


def policy_of(planes, filters, layers, size, *, first=5, padded=True, share_bias=False, last=None, relu_last=False, later=None):
    """The policy network with a choice of slips; `last` makes probabilities (N, size, size) from logits (N, 1, size, size)."""
    parts = [nn.Conv2d(planes, filters, first, padding=first // 2 if padded else 0), nn.ReLU()]
    for _ in range(layers - 1 if later is None else layers + later):
        parts += [nn.Conv2d(filters, filters, 3, padding=1), nn.ReLU()]
    parts.append(nn.Conv2d(filters, 1, 1, bias=share_bias))
    side = size if padded else size - first + 1
    parts += [] if share_bias else [nn.Flatten(), notebook.PointBias(side * side), nn.Unflatten(1, (1, side, side))]
    parts += [nn.ReLU()] if relu_last else []
    return nn.Sequential(*parts, last or SoftmaxOverPoints())


class SoftmaxOverPoints(nn.Module):
    def forward(self, x):
        return x.flatten(1).softmax(dim=1).reshape(x.shape[0], *x.shape[2:])


class SoftmaxOverChannels(nn.Module):
    def forward(self, x):
        return x.softmax(dim=1)[:, 0]


class SoftmaxOverRows(nn.Module):
    def forward(self, x):
        return x.softmax(dim=3)[:, 0]


class SoftmaxOverBatch(nn.Module):
    def forward(self, x):
        return x.softmax(dim=0)[:, 0]


class NoSoftmax(nn.Module):
    def forward(self, x):
        return x[:, 0]


class SigmoidOfPoints(nn.Module):
    def forward(self, x):
        return x[:, 0].sigmoid()


@policy_network.mistake("softmax over the channels", loses=MOVES)
def _(planes=48, filters=192, layers=12, size=19):
    """All your probabilities are 1: the softmax runs over the channel axis, which has one entry. Flatten the board first, then softmax over its points."""
    return policy_of(planes, filters, layers, size, last=SoftmaxOverChannels())


@policy_network.mistake("softmax over each row", loses=MOVES)
def _(planes=48, filters=192, layers=12, size=19):
    """Each row of your board sums to 1. The net chooses one point of the whole board: flatten it first."""
    return policy_of(planes, filters, layers, size, last=SoftmaxOverRows())


@policy_network.mistake("softmax over the batch", loses=MOVES)
def _(planes=48, filters=192, layers=12, size=19):
    """Your probabilities sum to 1 over the boards of the batch. They sum to 1 over the points of each board."""
    return policy_of(planes, filters, layers, size, last=SoftmaxOverBatch())


@policy_network.mistake("no softmax", loses=MOVES)
def _(planes=48, filters=192, layers=12, size=19):
    """You returned logits. This net gives probabilities: softmax over the points of the board."""
    return policy_of(planes, filters, layers, size, last=NoSoftmax())


@policy_network.mistake("sigmoid at every point", loses=MOVES)
def _(planes=48, filters=192, layers=12, size=19):
    """Each of your points is a yes or no by itself. One move is chosen among all points: their probabilities sum to 1, by a softmax."""
    return policy_of(planes, filters, layers, size, last=SigmoidOfPoints())


@policy_network.mistake("one bias for all points", loses="3,882,793 parameters")
def _(planes=48, filters=192, layers=12, size=19):
    """Your last convolution has one bias for the whole board, and softmax does not even see it. Each point has a bias of its own."""
    return policy_of(planes, filters, layers, size, share_bias=True)


@policy_network.mistake("padding of the 5×5 convolution missing", loses="a number for every point")
def _(planes=48, filters=192, layers=12, size=19):
    """Your board lost its edge: the 5×5 convolution needs padding 2 to keep every point."""
    return policy_of(planes, filters, layers, size, padded=False)


@policy_network.mistake("first convolution 3×3", loses="3,882,793 parameters")
def _(planes=48, filters=192, layers=12, size=19):
    """Your first convolution is 3×3 like the others. The first one is 5×5, with padding 2."""
    return policy_of(planes, filters, layers, size, first=3)


@policy_network.mistake("one layer too many", loses="3,882,793 parameters")
def _(planes=48, filters=192, layers=12, size=19):
    """You have `layers` convolutions 3×3 after the 5×5 one. That one counts, too: layers − 1 follow."""
    return policy_of(planes, filters, layers, size, later=0)


@policy_network.mistake("ReLU before the softmax", loses=MOVES)
def _(planes=48, filters=192, layers=12, size=19):
    """A ReLU stands before your softmax, so no point can get less than exp(0). Only the convolutions with `filters` filters have one."""
    return policy_of(planes, filters, layers, size, relu_last=True)
