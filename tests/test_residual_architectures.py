"""Assignment 07's residual nets against published numbers, torchvision, and published weights on CIFAR-10."""

import re

import pytest
import torch
from torch import nn

from autograder.units import import_unit
from convnets.arithmetic import layer_table
from convnets.check.network_probes import NoInitialisation, known_weights
from convnets.data import load_cifar10
from convnets.data.cifar10 import sheets_folders
from convnets.pretrained import cifar_resnet_weights
from convnets.vision import torchvision

unit = import_unit("07_residual_architectures")
CIFAR = {20: 269_722, 32: 464_154, 44: 658_586, 56: 853_018, 110: 1_727_962}
IMAGENET = {18: 11_689_512, 34: 21_797_672, 50: 25_557_032, 101: 44_549_160, 152: 60_192_808}


def numbers(net):
    return sum(p.numel() for p in net.parameters())


def on_meta(make, *args, **options):
    with torch.device("meta"):
        return make(*args, **options)


def shapes(net, shape):
    """{top-level part: output shape of one image}."""
    found = {}
    for name, part in net.named_children():
        part.register_forward_hook(lambda module, args, output, name=name: found.update({name: tuple(output.shape[1:])}))
    net.eval()(torch.zeros(1, *shape, device="meta"))
    return found


@pytest.mark.parametrize("depth", CIFAR)
def test_cifar_resnets_have_the_published_numbers_of_parameters(depth):
    net = on_meta(unit.cifar_resnet, depth)
    assert numbers(net) == CIFAR[depth]
    assert sum(isinstance(m, nn.Conv2d) for m in net.modules()) + 1 == depth  # convolutions and the linear layer; option A adds none
    assert numbers(on_meta(unit.cifar_resnet, depth, residual=False)) == CIFAR[depth]


def test_projections_cost_2752_parameters():
    assert numbers(on_meta(unit.cifar_resnet, 20, shortcut="B")) - CIFAR[20] == 16 * 32 + 64 + 32 * 64 + 128 == 2752


@pytest.mark.parametrize("depth", IMAGENET)
def test_imagenet_resnets_have_torchvisions_numbers_of_parameters(depth):
    net = on_meta(unit.resnet, depth)
    assert numbers(net) == IMAGENET[depth]
    main_path = [n for n, m in net.named_modules() if isinstance(m, (nn.Conv2d, nn.Linear)) and "shortcut" not in n]
    assert len(main_path) == depth


def test_shapes_of_every_stage():
    small = {"conv1": (16, 32, 32), "stage1": (16, 32, 32), "stage2": (32, 16, 16), "stage3": (64, 8, 8), "pool": (64, 1, 1), "fc": (10,)}
    assert shapes(on_meta(unit.cifar_resnet, 20), (3, 32, 32)).items() >= small.items()
    stem = {"conv1": (64, 112, 112), "pool1": (64, 56, 56)}
    basic = {"stage1": (64, 56, 56), "stage2": (128, 28, 28), "stage3": (256, 14, 14), "stage4": (512, 7, 7), "fc": (1000,)}
    deep = {"stage1": (256, 56, 56), "stage2": (512, 28, 28), "stage3": (1024, 14, 14), "stage4": (2048, 7, 7), "fc": (1000,)}
    assert shapes(on_meta(unit.resnet, 34), (3, 224, 224)).items() >= (stem | basic).items()
    assert shapes(on_meta(unit.resnet, 152), (3, 224, 224)).items() >= (stem | deep).items()


def our_name(theirs):
    """Name in our nets of an entry of torchvision's ResNets or of the published CIFAR ResNets."""
    name = re.sub(r"^layer(\d)", r"stage\1", theirs)
    return name.replace("downsample.", "shortcut.").replace("linear.", "fc.")


def translated(weights):
    return {our_name(name): tensor for name, tensor in weights.items()}


@pytest.mark.parametrize("name", ["resnet18", "resnet34", "resnet50", "resnet101", "resnet152", "resnext50_32x4d"])
def test_torchvisions_weights_give_the_same_logits(name):
    settings = {"groups": 32, "base_width": 4} if "x4d" in name else {}
    with NoInitialisation():
        theirs = known_weights(getattr(torchvision.models, name)(num_classes=7)).eval()
        ours = unit.resnet(int(re.search(r"\d+", name)[0]), classes=7, **settings).eval()
    ours.load_state_dict(translated(theirs.state_dict()), strict=True)
    x = torch.randn(2, 3, 64, 96, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        expected = theirs(x)
        torch.testing.assert_close(ours(x), expected, rtol=1e-5, atol=1e-5 * expected.abs().max().item())
    assert expected.std() > 0.01


@pytest.mark.skipif(not sheets_folders(), reason="CONVNETS_DATA names no mirror with CIFAR-10 and the CIFAR ResNets")
@pytest.mark.parametrize(("depth", "accuracy"), [(20, 91.73), (56, 93.39)])
def test_published_weights_reproduce_their_accuracy_on_the_whole_test_set(depth, accuracy):
    net = unit.cifar_resnet(depth).eval()
    net.load_state_dict(translated(cifar_resnet_weights(depth)), strict=True)
    data = load_cifar10()
    assert len(data.test_images) == 10_000
    mean, std = (torch.tensor(values).view(3, 1, 1) for values in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))
    right = 0
    with torch.inference_mode():
        for images, labels in zip(torch.from_numpy(data.test_images).split(250), torch.from_numpy(data.test_labels).split(250), strict=True):
            x = (images.permute(0, 3, 1, 2) / 255 - mean) / std
            right += int((net(x).argmax(1) == labels).sum())
    assert right / 100 == accuracy


def test_a_fresh_net_with_zero_init_only_subsamples_and_projects():
    torch.manual_seed(0)
    block = unit.Bottleneck(16, 4, zero_init=True)
    x = torch.rand(3, 16, 5, 6)
    assert torch.equal(block(x), x)
    block = unit.BasicBlock(4, 8, stride=2, option="A", zero_init=True)
    assert torch.equal(block(x[:, :4]), unit.make_shortcut(4, 8, 2, "A")(x[:, :4]))


def test_what_the_text_says_about_costs():
    wide, narrow = unit.BasicBlock(256, 256), unit.Bottleneck(256, 64)
    assert (numbers(wide), numbers(narrow)) == (1_180_672, 70_400)
    wide_work, narrow_work = (layer_table(block, (256, 56, 56)).total.multiply_adds for block in (wide, narrow))
    assert (wide_work, narrow_work) == (3_699_376_128, 218_365_952)
    assert numbers(unit.Bottleneck(64, 64)) == 75_008 > numbers(unit.Bottleneck(256, 64))
    assert numbers(unit.make_shortcut(2, 4, 2)) == 8 + 8
    assert [numbers(unit.BasicBlock(16, 32, 2, option=option)) for option in "BA"] == [14_528, 13_952]
    assert unit.BasicBlock(16, 32, 2)(torch.zeros(2, 16, 9, 7)).shape == (2, 32, 5, 4)
    assert numbers(unit.PreActivationBlock(16, 16)) == numbers(unit.BasicBlock(16, 16)) == 4_672
    assert round(IMAGENET[50] / IMAGENET[34], 2) == 1.17
    assert (CIFAR[32] - CIFAR[20]) / 2 == (CIFAR[44] - CIFAR[32]) / 2 == 97_216
    assert 152 / 16 > 9 and IMAGENET[152] < 138_357_544 / 2


def test_what_the_text_says_about_gates_and_first_weights():
    assert torch.sigmoid(torch.tensor([-2.0, -6.0])).tolist() == pytest.approx([0.12, 0.0025], abs=0.001)
    assert 5e-17 < 0.5**54 < 6.5e-17
    he, default = nn.init.kaiming_normal_(torch.empty(64, 64, 3, 3), mode="fan_out"), nn.Conv2d(64, 64, 3).weight
    assert (he.std() / default.std()).item() == pytest.approx(2.4, abs=0.1)


def test_stochastic_depth_saves_a_quarter_of_the_blocks():
    kept = unit.survival_probabilities(54)
    assert kept[-1] == 0.5 and abs(sum(kept) - 40.25) < 1e-9 and round(1 - sum(kept) / 54, 2) == 0.25
