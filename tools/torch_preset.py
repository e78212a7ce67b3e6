"""Write the averaged generator of tools/train_torch.py, or the NPZ of
tools/train_device.py, as weights that ship.

python tools/torch_preset.py RUN/last.pt NAME [--working_size=256] [--summary=...]
"""

import argparse
import json
import pathlib

import numpy as np
import torch
import torch_networks

from tfcolor import config as config_lib
from tfcolor.inference import traced
from tfcolor.networks import factory
from tfcolor.networks.efficientnet_lite import BLOCKS
from tfcolor.presets import writing

# Of the generators of tools/train_torch.py --drawings.
DRAWING = {"head": "lab", "finest": 2, "white_point": torch_networks.WHITE_POINT}


def generator_of(checkpoint, working_size):
    """(Keras generator with the weights of a last.pt or NPZ, its Config, a dict of
    step and args)."""
    weights, state = _npz(checkpoint) if _is_npz(checkpoint) else _pt(checkpoint)
    config = config_lib.Config(
        trainer="tfcolor.trainers.hinge:HingeGAN",
        generator=config_lib.Generator(
            name="efficientnet",
            width=state["args"].get("width", 64),
            norm="batch",
            weights="none",
            **_frozen(state["args"].get("frozen_blocks", 3)),
            **(DRAWING if state["args"].get("drawings") else {}),
        ),
        data=config_lib.Data(image_size=working_size),
    )
    generator = factory.generator_of(config)
    generator.set_weights(weights)
    return generator, config, state


def _is_npz(checkpoint):
    return str(checkpoint).endswith(".npz")


def _pt(checkpoint):
    state = torch.load(checkpoint, "cpu", weights_only=True)
    args = state["args"]
    shape = {"width": args.get("width", 64), "drawing": args.get("drawings", False)}
    trained = torch_networks.Generator(**shape)
    trained.load_state_dict(state["e"])
    return trained.keras_weights(), state


def _npz(checkpoint):
    arrays = np.load(checkpoint)
    state = json.loads(pathlib.Path(checkpoint).with_suffix(".json").read_text())
    return [arrays[name] for name in arrays], state


def _frozen(blocks):
    return {"frozen": True} if blocks == BLOCKS else {"frozen_blocks": blocks}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkpoint")
    parser.add_argument("name")
    parser.add_argument("--working_size", type=int, default=256)
    parser.add_argument("--folder")
    for text in writing.TEXTS:
        parser.add_argument(f"--{text}")
    given = parser.parse_args()
    generator, config, state = generator_of(given.checkpoint, given.working_size)
    texts = {text: getattr(given, text) for text in writing.TEXTS}
    training = {"program": "tools.train_torch", **state["args"]}
    place = (state["step"], given.name, given.folder, training)
    print(traced.save(generator, config, *place, **texts))


if __name__ == "__main__":
    main()
