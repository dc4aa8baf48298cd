"""Checks of assignment 07: the exercises on residual nets, then those on what came after. The order of the imports is the notebook's."""

from .residual_checks import (
    highway,
    make_shortcut,
    basic_block,
    bottleneck,
    cifar_resnet,
    resnet,
    study_block,
    preactivation_block,
    stochastic_depth,
    survival_probabilities,
)
from .efficient_checks import (
    aggregated_paths,
    resnext,
    squeeze_excitation,
    se_resnet,
    dense_block,
    densenet,
    fire,
    squeezenet,
    depthwise_separable,
    mbconv,
    compound_scaling,
    scale_stage,
    efficientnet,
    policy_network,
)
