"""ResNeXt's block in its first form: many small paths whose results are added."""

from torch.nn.functional import conv2d, relu


def aggregated_paths(x, reduce, transform, expand, cardinality):
    """The sum over `cardinality` paths, each of which goes 1×1, ReLU, 3×3 with padding 1, ReLU, 1×1.

    x: tensor (N, C, H, W)
    reduce: tensor (D, C, 1, 1), the first 1×1 convolutions of all paths, D/cardinality filters for each path, one path after the other
    transform: tensor (D, D/cardinality, 3, 3), their 3×3 convolutions in the same order
    expand: tensor (C_out, D, 1, 1), their last 1×1 convolutions; its second axis is in the same order
    cardinality: int, number of paths; divides D

    Returns a tensor (N, C_out, H, W). There are no biases and no batch normalisation here.

    Source: Xie, Girshick, Dollár, Tu, He, "Aggregated residual transformations for deep neural networks", 2017, equation 2 and figure 3.
    """
    ### BEGIN SOLUTION
    total = 0
    paths = zip(reduce.chunk(cardinality), transform.chunk(cardinality), expand.chunk(cardinality, dim=1), strict=True)
    for first, middle, last in paths:
        total = total + conv2d(relu(conv2d(relu(conv2d(x, first)), middle, padding=1)), last)
    return total
    ### END SOLUTION
