"""EfficientNet's compound scaling: one number makes a net wider, deeper, and sharper-sighted at once."""


def compound_scaling(phi, alpha=1.2, beta=1.1, gamma=1.15, resolution=224):
    """The three factors of a net that may cost about 2^phi times as much.

    phi: float, 0 for the base net
    alpha, beta, gamma: float, by how much depth, width and resolution grow for each unit of phi
    resolution: int, side of the base net's images in pixels

    Returns (width, depth, resolution): two floats, and the side of the images, rounded to the nearest int.

    Source: Tan, Le, "EfficientNet: rethinking model scaling for convolutional neural networks", 2019, equation 3.
    """
    ### BEGIN SOLUTION
    return beta**phi, alpha**phi, round(resolution * gamma**phi)
    ### END SOLUTION
