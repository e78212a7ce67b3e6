"""What the trainers with a discriminator share, over and above Colorizer."""

from typing import Any

import tensorflow as tf

from tfcolor import streams
from tfcolor.registry import DISCRIMINATORS
from tfcolor.trainers.colorizer import Colorizer
from tfcolor.types import Batch
from tfcolor.types import Logs
from tfcolor.types import Network
from tfcolor.types import Tensor

# Both; the generator alone, by its reconstruction terms; the critic alone.
PHASES = ("together", "generator", "critic")


class ColorGAN(Colorizer):
    """A Colorizer with a discriminator.

    Args:
      discriminator: l and ab, [B, H, W, 3], of drawings the scan, l and ab,
        [B, H, W, 4] -> raw logits, high = real, or what else `takes` says; built.
      n_critic: discriminator updates a step, each on a fresh minibatch, so
        that `train_step` takes n_critic B images.
      The rest as in Colorizer.

    Raises:
      ValueError: a setting out of its range, or a discriminator whose output is
        not what the losses are of.
    """

    takes = "logits"  # what the discriminator gives
    phase = "together"

    def __init__(
        self,
        generator: Network,
        discriminator: Network,
        *,
        n_critic: int = 1,
        **settings: Any,
    ) -> None:
        super().__init__(generator, **settings)
        check_discriminator(discriminator, self.takes, type(self).__name__)
        if n_critic < 1:
            raise ValueError(f"loss.n_critic: {n_critic} must be at least 1")
        self.discriminator = discriminator
        self.n_critic = n_critic

    def networks(self) -> dict[str, Network]:
        return {"g": self.generator, "d": self.discriminator}

    @classmethod
    def parts(cls) -> tuple[str, ...]:
        return ("generator", "discriminator")

    def minibatches(self, batch: Batch) -> list[tuple[Tensor, Tensor]]:
        """The step's n_critic minibatches [(l, ab), ...].

        Minibatch k is every n_critic-th example from k on: a strategy gives
        each replica neighboring examples, and so an equal part of each.
        """
        l, ab = self.pair(batch)
        n = self.n_critic
        return [(l[k::n], ab[k::n]) for k in range(n)]

    def set_phase(self, phase: str) -> None:
        """What steps train from now on: one of PHASES (NoGAN, Antic 2019).

        Raises:
          ValueError: nothing would train the generator alone.
        """
        if phase == "generator" and not self.reconstructs():
            raise ValueError(
                "nothing would train it: all of loss.l1_weight, l2_weight, "
                "edge_weight, perceptual_weight are 0"
            )
        self.phase = phase
        others = tuple(letter for letter in self.networks() if letter != "g")
        self.frozen_networks = {"generator": others, "critic": ("g",)}.get(phase, ())

    def train_step(self, batch: Batch) -> Logs:
        if self.phase == "generator":
            return self.reconstruction_step(batch)
        return self.adversarial_step(batch)

    def adversarial_step(self, batch: Batch) -> Logs:
        """The step of the paper: the discriminator's updates and the generator's."""
        raise NotImplementedError

    def critic(self, l: Tensor, ab: Tensor) -> Any:
        """Raw logits of ab given l, without the hints beside it."""
        return self.discriminator(tf.concat([l[..., :1], ab], -1), training=True)

    def both(self, l: Tensor, ab: Tensor, fake: Tensor) -> tuple[Any, Any]:
        """What `critic` says of ab and of fake, of one call where it looks at each
        image alone: the losses then have the same terms, summed in another order."""
        if not getattr(self.discriminator, "per_image", False):
            return self.critic(l, ab), self.critic(l, fake)
        found = self.critic(tf.concat([l, l], 0), tf.concat([ab, fake], 0))
        halves = [tf.split(x, 2) for x in tf.nest.flatten(found)]
        real, made = (
            tf.nest.pack_sequence_as(found, x) for x in zip(*halves, strict=True)
        )
        return real, made

    def uniform(self, k: int, like: Tensor) -> Tensor:
        """[B] numbers in 0..1 for the images of minibatch k of this step.

        Drawn for the minibatches of all replicas together, of which each
        takes its own part: any number of replicas uses the same numbers.
        """
        replica = tf.distribute.get_replica_context()
        size = tf.shape(like)[0]
        numbers = tf.random.stateless_uniform(
            [replica.num_replicas_in_sync * size],
            seed=[self.seed + streams.PENALTY, self.step * self.n_critic + k],
        )
        start = tf.cast(replica.replica_id_in_sync_group, tf.int32) * size
        return numbers[start : start + size]

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "n_critic": self.n_critic}


def all_images(x: Tensor) -> Tensor:
    """[B, ...] of each replica -> those of all; gradients pass through."""
    replica = tf.distribute.get_replica_context()
    if replica.num_replicas_in_sync == 1:
        return x
    return replica.all_gather(x, 0)


def check_discriminator(discriminator: Network, wanted: str, trainer: str) -> None:
    """Raise ValueError if a discriminator gives something else than `wanted`,
    "logits" or "energies"."""
    given = getattr(discriminator, "gives", "logits")
    if given != wanted:
        known = {name: entry.load() for name, entry in DISCRIMINATORS.items()}
        fitting = [name for name, cls in known.items() if cls.gives == wanted]
        raise ValueError(
            f"discriminator.name: {type(discriminator).__name__} gives {given}, but "
            f"{trainer} takes {wanted}; use {' or '.join(fitting)}"
        )


def check_per_image(discriminator: Network, penalty: str) -> None:
    """Raise ValueError for a batch norm under a penalty on gradients."""
    if discriminator.get_config().get("norm") == "batch":
        raise ValueError(
            f"discriminator.norm: 'batch' breaks the {penalty} penalty, which "
            "is of each image alone; use instance, layer or none"
        )
