"""The probes that judge networks by what they do: the same verdict on the same net, however it is written."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from convnets.check import network_probes as probes


class Written(nn.Module):
    """A small net, layer by layer."""

    def __init__(self, channels=4, dropout=0.5, groups=1):
        super().__init__()
        self.a = nn.Conv2d(3, channels, 3, padding=1)
        self.norm = nn.BatchNorm2d(channels)
        self.b = nn.Conv2d(channels, 2 * channels, 3, stride=2, groups=groups)
        self.last = nn.Linear(2 * channels, 5)
        self.share = dropout

    def forward(self, x):
        x = F.relu(self.b(F.relu(self.norm(self.a(x))))).mean((2, 3))
        return self.last(F.dropout(x, self.share, self.training))


def in_a_row(channels=4, dropout=0.5, groups=1):
    """The same net with its parts made in another order, and the linear layer as a 1×1 convolution."""
    last, b = nn.Conv2d(2 * channels, 5, 1), nn.Conv2d(channels, 2 * channels, 3, 2, groups=groups)
    first = [nn.Conv2d(3, channels, 3, padding=1), nn.BatchNorm2d(channels), nn.ReLU(inplace=True)]
    return nn.Sequential(*first, b, nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Dropout(dropout), last, nn.Flatten())


SHAPE = (3, 3, 9, 8)
ANY_WAY = [
    (probes.parameter_count, ()),
    (probes.output_shape, (SHAPE,)),
    (probes.feature_sizes, (SHAPE,)),
    (probes.output, (SHAPE, 1)),
    (probes.output_at_zero_weights, (SHAPE, 1)),
    (probes.parameters_without_gradient, (SHAPE, 1)),
    (probes.random_in_training, (SHAPE, 1)),
    (probes.alone_as_in_company, (SHAPE, 1)),
    (probes.channel_dependence, ((1, 3, 9, 8),)),
]


@pytest.mark.parametrize(("probe", "given"), ANY_WAY, ids=lambda v: getattr(v, "__name__", ""))
def test_the_way_of_writing_does_not_matter(probe, given):
    np.testing.assert_allclose(probe(Written, *given, groups=2), probe(in_a_row, *given, groups=2), rtol=1e-5, atol=1e-6)


def test_training_with_known_masks_repeats_itself_and_differs_from_evaluation():
    one, again, evaluated = (probe(Written, SHAPE, 1) for probe in (probes.training_output, probes.training_output, probes.output))
    assert np.array_equal(one, again) and not np.allclose(one, evaluated)
    assert not np.allclose(one, probes.training_output(Written, SHAPE, 1, dropout=0.2))


def test_known_masks_switch_off_the_given_share_and_scale_the_rest():
    x = torch.ones(50, 80)
    with probes.KnownDropout():
        for share in (0.0, 0.25, 0.8, 1.0):
            out = F.dropout(x, share, True)
            assert abs(float((out == 0).float().mean()) - share) < 0.03
            assert share == 1 or torch.allclose(out[out != 0], torch.tensor(1 / (1 - share)))
        whole = F.dropout2d(torch.ones(8, 9, 3, 3), 0.5, True)
    assert torch.equal(whole.amax((2, 3)), whole.amin((2, 3)))


def test_code_that_needs_numbers_is_judged_as_well():
    class Reads(nn.Module):
        def __init__(self):
            super().__init__()
            self.layers = nn.ModuleList(nn.Conv2d(3, 3, 3, padding=1) for _ in torch.linspace(0, 1, 4).tolist())

        def forward(self, x):
            for layer in self.layers:
                x = layer(x) / max(1.0, x.abs().max().item())
            return F.max_pool2d(x, 2)

    assert probes.parameter_count(Reads) == 4 * 3 * 28
    assert np.array_equal(probes.output_shape(Reads, (2, 3, 8, 6)), (2, 3, 4, 3))
    assert np.array_equal(probes.feature_sizes(Reads, (1, 3, 8, 6)), [(8, 6), (4, 3)])


def test_groups_strides_and_receptive_fields_show():
    depends = probes.channel_dependence(lambda groups: nn.Conv2d(4, 6, 3, groups=groups), (1, 4, 7, 7), groups=2)
    assert np.array_equal(depends, np.kron(np.eye(2), np.ones((3, 2))).astype(bool))
    three = [nn.Conv2d(2, 2, 3, padding=1) for _ in range(3)]
    assert np.array_equal(probes.receptive_field(lambda: nn.Sequential(*three), (1, 2, 21, 15)), (7, 7))
    rows = probes.convolutions(lambda: nn.Sequential(nn.Conv2d(3, 8, 3), nn.Conv2d(8, 4, (1, 2), stride=2, groups=4)), (1, 3, 9, 9))
    assert rows.tolist() == [[3, 8, 3, 3, 1, 1, 7, 7], [8, 4, 1, 2, 2, 4, 4, 3]]


def test_lost_gradients_and_company_are_noticed():
    class Cut(Written):
        def forward(self, x):
            return self.last(F.relu(self.b(F.relu(self.norm(self.a(x))))).mean((2, 3)).detach())

    class Company(Written):
        def forward(self, x):
            return super().forward(x) - super().forward(x).mean(0, keepdim=True)

    assert probes.parameters_without_gradient(Cut, SHAPE, 1) == 6
    assert not probes.alone_as_in_company(Company, SHAPE, 1)


def test_several_outputs_come_stacked():
    class Two(Written):
        def forward(self, x):
            logits = super().forward(x)
            return (logits, 2 * logits) if self.training else logits

    assert probes.output_shape(Two, SHAPE, True).tolist() == [[3, 5], [3, 5]]
    one, other = probes.training_output(Two, SHAPE, 1)
    np.testing.assert_allclose(2 * one, other, rtol=1e-6)


def test_something_else_than_a_net_is_named():
    with pytest.raises(TypeError, match="a network is expected"):
        probes.parameter_count(lambda: 3)


def test_loss_and_gradients_of_three_answers():
    def loss(outputs, labels, weight):
        return outputs[0].sum() + weight * outputs[1].square().sum()

    value, gradient = probes.loss_and_gradients(loss, (np.ones((2, 3)), np.full((2, 3), 2.0)), np.array([0, 1]), weight=0.5)
    assert float(value.detach()) == 6 + 0.5 * 24
    assert torch.equal(gradient, torch.stack([torch.ones(2, 3), torch.full((2, 3), 2.0)]).double())
