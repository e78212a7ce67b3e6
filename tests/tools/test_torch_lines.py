"""tools/torch_lines.py: line drawings without a network."""

import math

import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed (extra bench)")

import scipy.ndimage
import torch_lines


def test_a_blur_is_that_of_scipy():
    x = torch.rand((2, 1, 24, 31), generator=torch.Generator().manual_seed(0))
    found = torch_lines.blurred(x.double(), 1.3)[1, 0]
    right = scipy.ndimage.gaussian_filter(
        x[1, 0].double().numpy(), 1.3, mode="mirror", radius=math.ceil(3.9)
    )
    assert torch.allclose(found, torch.from_numpy(right), rtol=0, atol=1e-12)


@pytest.mark.parametrize(("l", "tone"), [(0.2, 1.0), (-0.6, 1 + math.tanh(-0.8))])
def test_an_even_tone_is_paper_or_what_the_curve_makes_of_it(l, tone):
    found = torch_lines.drawn(torch.full((1, 1, 20, 20), l), dark=0.3, steep=8.0)
    assert torch.allclose(found, torch.tensor(2.0 * tone - 1.0), atol=1e-5)


def test_an_edge_is_a_line_on_its_darker_side():
    l = torch.full((1, 1, 16, 32), -0.2)
    l[..., 16:] = 0.6
    ink = (1.0 - torch_lines.drawn(l)[0, 0]) / 2.0
    assert (ink[:, 14:16] > 0.3).all()
    assert ink[:, 16:].max() == 0.0
    assert ink[:, :10].max() < 1e-6


def test_a_share_of_the_scans_is_drawn_and_the_same_for_a_seed():
    scan = torch.zeros((100, 1, 16, 16))
    l = torch.linspace(-1, 1, 16).expand(100, 1, 16, 16)
    found = torch_lines.some(scan, l, 0.3, 5)
    assert torch.equal(found, torch_lines.some(scan, l, 0.3, 5))
    drawn = (found != 0).flatten(1).any(1).sum()
    assert 20 <= drawn <= 40
    assert torch.equal(torch_lines.some(scan, l, 0.0, 5), scan)
