"""What torchvision calls the parameters of its AlexNet, VGG and GoogLeNet, in this unit's names."""

import re
from itertools import count

ALEXNET = {
    "features.0": "conv1", "features.3": "conv2", "features.6": "conv3", "features.8": "conv4", "features.10": "conv5",
    "classifier.1": "fc6", "classifier.4": "fc7", "classifier.6": "fc8",
}  # fmt: skip
BRANCHES = {"branch1": "ones", "branch2": "threes", "branch3": "fives", "branch4": "pooled"}


def alexnet_names(name):
    """"features.0.weight" → "conv1.weight"."""
    layer, kind = name.rsplit(".", 1)
    return f"{ALEXNET[layer]}.{kind}"


def vgg_names(net):
    """A dictionary from torchvision's names to ours for `net`, one of our VGGs. torchvision numbers the layers of all stages through."""
    places, names = count(), {}
    for part, layers in net.named_children():
        for layer, module in layers.named_children():
            if part.startswith("stage"):
                before = f"features.{next(places)}"
            elif layer.startswith("fc"):
                before = f"classifier.{3 * (int(layer[2:]) - 6)}"
            names |= {f"{before}.{kind}": f"{part}.{layer}.{kind}" for kind in module.state_dict()}
    return names


def googlenet_names(name):
    """"inception3a.branch2.1.conv.weight" → "inception3a.threes.1.0.weight"."""
    name = re.sub(r"branch\d", lambda found: BRANCHES[found[0]], name)
    return re.sub(r"(?<=\.)(conv|bn)\.(?!conv|bn)", lambda found: {"conv": "0.", "bn": "1."}[found[1]], name)


def from_torchvision(net, state):
    """The state dict `state` of torchvision's alexnet, vgg11 … vgg19_bn or googlenet, with the names that `net`, one of ours, has for it."""
    if "inception3a.branch1.conv.weight" in state:
        return {googlenet_names(name): values for name, values in state.items()}
    if hasattr(net, "stage1"):
        names = vgg_names(net)
        return {names[name]: values for name, values in state.items()}
    return {alexnet_names(name): values for name, values in state.items()}
