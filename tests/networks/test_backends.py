"""Networks give on PyTorch and JAX what they give on TensorFlow."""

import pytest
from harness import check_other_backend

BUILD = """
from tfcolor.networks.autoencoder import *
from tfcolor.networks.discriminators import *
from tfcolor.networks.translator import Translator
from tfcolor.networks.weight_network import WeightNetwork
from tfcolor.registry import GENERATORS
new = lambda name: GENERATORS[name].load()
shape = (2, 32, 32, 3)
networks = {
    "unet": (new("unet")(depth=3, width=4), (2, 16, 24, 1)),
    "efficientnet": (new("efficientnet")(width=4, weights="none"), (2, 32, 64, 1)),
    **{
        f"{name}-{head}": (new(name)(width=4, head=head, **more), (2, 32, 32, 1))
        for name, more in (("unet", {"depth": 3}), ("colorful", {}))
        for head in ("ab", "bins", "rgb")
    },
    "patch": (PatchDiscriminator(16, 4, "instance", True, "sagan"), shape),
    "simple": (PatchDiscriminator(16, 4, attention="simple"), shape),
    "image": (ImageDiscriminator(4), shape),
    "autoencoder": (AutoencoderDiscriminator(4, "layer"), shape),
    "weight": (WeightNetwork(4), shape),
    "scanner": (Translator(3, 1, 4, 1, "group"), (2, 8, 12, 3)),
}
"""


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["torch", "jax"])
def test_networks_are_the_same_on_another_backend(backend, tmp_path):
    check_other_backend(BUILD, backend, tmp_path)
