"""One loss for three classifiers."""

from torch import Tensor
from torch.nn.functional import cross_entropy


def googlenet_loss(outputs, labels, weight=0.3):
    """Cross-entropy of the net, plus `weight` times that of each auxiliary head.

    outputs: (logits, aux1, aux2) as in training, each a float tensor (N, classes), or the logits alone as in evaluation
    labels: int64 tensor (N,)
    weight: float

    Returns a scalar tensor with a gradient. Source: Szegedy et al., "Going deeper with convolutions", 2015, section 5.
    """
    ### BEGIN SOLUTION
    if isinstance(outputs, Tensor):
        return cross_entropy(outputs, labels)
    logits, *auxiliary = outputs
    return cross_entropy(logits, labels) + weight * sum(cross_entropy(aux, labels) for aux in auxiliary)
    ### END SOLUTION
