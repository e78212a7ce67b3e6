"""What a frozen recognizer sees of two pictures, as losses."""

import torch.nn.functional as F


def relative(found, true):
    """Mean over the maps of their mean difference over the true ones' size."""
    each = [
        (f - t).abs().float().mean() / t.abs().float().mean().clamp_min(1e-3)
        for f, t in zip(found, true, strict=True)
    ]
    return sum(each) / len(each)


def divergence(found, true):
    """Kullback-Leibler divergence of the classes found from the true ones, nats."""
    found, true = (logits.log_softmax(-1) for logits in (found, true))
    return F.kl_div(found, true, reduction="batchmean", log_target=True)
