"""Runs of earlier versions: which are taken and which refused."""

import json

import pytest
from harness import config_of

from tfcolor import config as config_lib
from tfcolor.errors import UsageError
from tfcolor.runs import folder as workdir_lib


@pytest.mark.parametrize(
    ("name", "settings", "reason"),
    [
        ("wgan_gp", {}, "loss.gp_weight: slopes were of sums over the pixels"),
        ("uotm", {}, "loss.r1_weight: slopes were of sums over the pixels"),
        ("wgan_gp", {"loss.gp_weight": 0.0}, None),
        ("wgan_gp", {"data.image_size": 64}, None),
        ("wgan_gp", {"data.image_size": 64, "train.stages": "64:2:2 32:2:2"}, "loss"),
        ("cgan", {"discriminator.attention": "simple"}, "discriminator.attention: sim"),
        ("cgan", {"discriminator.attention": "sagan"}, None),
    ],
)
def test_runs_that_would_go_on_as_others_are_refused(name, settings, reason, tmp_path):
    config = config_of(name)
    for path, value in settings.items():
        section, field = path.split(".")
        setattr(getattr(config, section), field, value)
    folder = workdir_lib.Workdir(tmp_path)
    folder.write_config(config, "none")
    assert folder.check(config) == []
    older(tmp_path)
    workdir_lib.load_config(tmp_path)  # its generator colours as before
    if reason is None:
        assert folder.check(config) == []
        return
    message = f"begun with other formulas: {reason}.*; finish it with the version that"
    with pytest.raises(UsageError, match=message):
        folder.check(config)


def older(workdir):
    """Make a run's config.json that of a version that knew no `formulas`."""
    path = workdir / "config.json"
    content = json.loads(path.read_text())
    assert content.pop("formulas") == workdir_lib.FORMULAS
    path.write_text(json.dumps(content))


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"attention": "simple"}, "generator.attention: simple was a sum over the pi"),
        (
            {"attention": "sagan", "spectral_norm": True},
            "generator.spectral_norm is no",
        ),
        ({"attention": "sagan"}, None),
        ({"spectral_norm": True}, None),
    ],
)
def test_generators_that_would_colour_otherwise_are_refused(settings, reason, tmp_path):
    config = config_of("l1")
    config.generator = config_lib.Generator(name="resnet_unet", **settings)
    workdir_lib.Workdir(tmp_path).write_config(config, "none")
    workdir_lib.load_config(tmp_path)
    older(tmp_path)
    if reason is None:
        workdir_lib.load_config(tmp_path)
        return
    with pytest.raises(UsageError, match=f"{reason}.*; train it again, or use an exp"):
        workdir_lib.load_config(tmp_path)
