"""What a frozen recognizer sees of two pictures, as losses."""

import torch.nn.functional as F
import torch_networks


def recognizers(files):
    """Frozen, of NPZ files of published weights; of none Lite0 as installed."""
    if not files:
        found = [torch_networks.Recognizer()]
    else:
        stages = (torch_networks.STAGES, torch_networks.LITE1)
        found = [
            torch_networks.Recognizer(torch_networks.tensors(file), repeats)
            for file, repeats in zip(files, stages, strict=False)
        ]
    for recognizer in found:
        recognizer.requires_grad_(False).fold()
    return found


def relative(found, true):
    """Mean over the maps of their mean difference over the true ones' size."""
    each = [
        (f - t).abs().float().mean() / t.abs().float().mean().clamp_min(1e-3)
        for f, t in zip(found, true, strict=True)
    ]
    return sum(each) / len(each)


def divergence(found, true, weights=1.0):
    """Mean Kullback-Leibler divergence of the classes found [B, C] from the true
    ones, nats; `weights` [B] of the pictures."""
    return (weights * _divergences(found, true)).mean()


def lost(grey, true):
    """Weights [B] of pictures: the divergence of what is named in grey from what is
    named in colour, in nats, from 0.2 to 2."""
    return _divergences(grey, true).clamp(0.2, 2.0)


def _divergences(found, true):
    found, true = (logits.log_softmax(-1) for logits in (found, true))
    return F.kl_div(found, true, reduction="none", log_target=True).sum(-1)
