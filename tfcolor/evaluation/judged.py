"""A model as evaluation sees it."""

from typing import Any

import tensorflow as tf

from tfcolor import presets
from tfcolor.color.cie import AB_MAX
from tfcolor.color.cie import L_HALF
from tfcolor.inference import restore
from tfcolor.inference import steering
from tfcolor.presets import weights as preset_weights
from tfcolor.registry import DRAWING
from tfcolor.runs import folder as run_folder
from tfcolor.types import Path


def of_model(model: Path) -> dict[str, Any]:
    """What evaluation needs of a run's folder or of weights that ship.

    Returns:
      {"folder", "origin", "data": of a run, or None; "config": its Config; "step";
      "predict": a function of a batch to (l [B, H, W, 1], ab [B, H, W, 2]); "steer":
      the same of a batch and hints [B, H, W, 3], or None}.

    Raises:
      UsageError: it is neither. RunError: it holds no whole checkpoint.
    """
    generator, info = restore.of_model(model)
    network, head = restore.network_of(generator.folded()), info["head"]
    preset = presets.find(model)
    if preset:
        config, scanner = preset_weights.config_of(presets.card(preset)), None
        place = {"folder": None, "origin": f"sha256 {info['sha256']}", "data": None}
    else:
        folder, config = run_folder.Workdir(model), run_folder.load_config(model)
        scanner = restore.scanner_for(config, folder)
        data = folder.content().get("data")
        place = {"folder": folder, "origin": folder.path, "data": data}

    def steer(batch, hints):
        l = batch["l"]
        ab = network(tf.concat([l, hints], -1))["ab"] * AB_MAX
        lightness = (l[..., 0] + 1.0) * L_HALF
        ab = steering.corrected(tf.transpose(ab, [0, 3, 1, 2]), lightness, hints)
        return l, tf.transpose(ab, [0, 2, 3, 1]) / AB_MAX

    def predict(batch):
        l = batch["l"]
        if config.data.hints:
            return steer(batch, tf.zeros([*tf.unstack(tf.shape(l)[:3]), 3]))
        if head not in DRAWING:
            return l, network(l)["ab"]
        if "scan" in batch:
            l = batch["scan"]
        elif scanner is not None:
            l = scanner(batch["rgb"], training=False)
        prediction = network(l)
        return prediction["l"], prediction["ab"]

    return {
        **place,
        "config": config,
        "step": info["step"],
        "predict": predict,
        "steer": steer if config.data.hints else None,
    }
