"""Write the averaged generator of tools/train_torch.py as weights that ship.

python tools/torch_preset.py RUN/last.pt NAME [--working_size=256] [--summary=...]
"""

import argparse

import torch
import torch_networks

from tfcolor import config as config_lib
from tfcolor.networks import factory
from tfcolor.networks.efficientnet_lite import BLOCKS
from tfcolor.presets import writing


def generator_of(checkpoint, working_size):
    """(Keras generator with the weights of a last.pt, its Config, the checkpoint)."""
    state = torch.load(checkpoint, "cpu")
    frozen = state["args"].get("frozen_blocks", 3)
    trained = torch_networks.Generator()
    trained.load_state_dict(state["e"])
    config = config_lib.Config(
        trainer="tfcolor.trainers.hinge:HingeGAN",
        generator=config_lib.Generator(
            name="efficientnet", norm="batch", weights="none", **_frozen(frozen)
        ),
        data=config_lib.Data(image_size=working_size),
    )
    generator = factory.generator_of(config)
    generator.set_weights(trained.keras_weights())
    return generator, config, state


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
    print(writing.save(generator, config, *place, **texts))


if __name__ == "__main__":
    main()
