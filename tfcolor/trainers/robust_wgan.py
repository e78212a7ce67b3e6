"""The robust Wasserstein GAN (Balaji et al. 2020) on top of WGAN-GP."""

import functools
from typing import Any

import keras
import tensorflow as tf

from tfcolor import objectives
from tfcolor.trainers.base import check_not_negative
from tfcolor.trainers.base import over_replicas
from tfcolor.trainers.wgan_gp import WGANGP
from tfcolor.types import Batch
from tfcolor.types import Logs
from tfcolor.types import Network
from tfcolor.types import Tensor


@keras.saving.register_keras_serializable("tfcolor")
class RobustWGAN(WGANGP):
    """WGAN-GP in which a network w weighs the real images: an adversary of the
    critic, it takes weight from those that a cheap part of the Wasserstein
    distance hangs on, the outliers, within a chi-square budget.

    min_G max_D min_w E w D(l, ab) - E D(l, G(l)), w >= 0, E w = 1,
    1/2 E (w - 1)^2 <= rho. As in the authors' code the weights are 1 for the
    first `warm_up` critic updates, then w moves once a step, that is every
    n_critic critic updates, and pays `budget_weight` relu(excess) for more
    than its budget.

    Args:
      weight_network: l and ab, [B, H, W, 3] -> positive weights [B], built.
      rho: the budget, 0..; 0 is WGAN-GP, and no weight network then moves.
      warm_up: critic updates.
      budget_weight: of the excess over rho.
      The rest as in WGANGP.
    """

    def __init__(
        self,
        generator: Network,
        discriminator: Network,
        weight_network: Network,
        *,
        rho: float,
        warm_up: int,
        budget_weight: float = 100.0,
        **settings: Any,
    ) -> None:
        super().__init__(generator, discriminator, **settings)
        check_not_negative(rho=rho, warm_up=warm_up, budget_weight=budget_weight)
        self.weight_network = weight_network
        self.rho = rho
        self.warm_up = warm_up
        self.budget_weight = budget_weight

    def networks(self) -> dict[str, Network]:
        return {**super().networks(), "w": self.weight_network}

    @classmethod
    def parts(cls) -> tuple[str, ...]:
        return (*super().parts(), "weight_network")

    def warm(self) -> Tensor:
        """1.0 once the warm-up is over, before that 0.0."""
        return tf.cast(self.step * self.n_critic >= self.warm_up, tf.float32)

    def weigh(self, l: Tensor, ab: Tensor) -> Tensor:
        """Weights [B] of mean 1 over the minibatches of all replicas."""
        weights = self.weight_network(tf.concat([l[..., :1], ab], -1), training=True)
        return weights / over_replicas(tf.reduce_mean(weights))

    def adversarial_step(self, batch: Batch) -> Logs:
        for k, (l, ab) in enumerate(self.minibatches(batch)):
            fake, _ = self.color(l)
            weights = 1.0 + self.warm() * (self.weigh(l, ab) - 1.0) if self.rho else 1.0
            with tf.GradientTape() as tape:
                real_scores, fake_scores = self.both(l, ab, fake)
                distance = -objectives.weighted_wasserstein_d(
                    objectives.image_scores(real_scores), fake_scores, weights
                )
                critic = functools.partial(self.critic, l)
                penalty = objectives.gradient_penalty(
                    critic, ab, fake, self.uniform(k, l)
                )
                d_loss = -distance + self.gp_weight * penalty
            d_norm = self.descend(d_loss, tape, self.discriminator, self.d_optimizer)

        w_logs = self.weight_step(l, ab) if self.rho else {}
        with tf.GradientTape() as tape:
            fake, logits = self.color(l)
            adversarial = objectives.wasserstein_g(self.critic(l, fake))
            reconstruction, g_logs = self.reconstruction(l, ab, fake, logits)
            g_loss = adversarial + reconstruction
        g_norm = self.descend(g_loss, tape, self.generator, self.g_optimizer)
        self.finish_step()
        return {
            "d/loss": d_loss,
            "d/wasserstein": distance,
            "d/gradient_penalty": penalty,
            "d/gradient_norm": d_norm,
            "g/loss": g_loss,
            "g/adversarial": adversarial,
            "g/gradient_norm": g_norm,
            **g_logs,
            **w_logs,
        }

    def weight_step(self, l: Tensor, ab: Tensor) -> Logs:
        """One update of w against the critic; its logs."""
        scores = objectives.image_scores(self.critic(l, ab))
        with tf.GradientTape() as tape:
            weights = self.weigh(l, ab)
            spent = over_replicas(objectives.chi_square(weights))
            excess = tf.nn.relu(spent - self.rho)
            w_loss = tf.reduce_mean(weights * scores) + self.budget_weight * excess
            # Adam stands still on zeros as long as it has seen nothing else.
            w_loss = self.warm() * w_loss
        w_norm = self.descend(w_loss, tape, self.weight_network, self.w_optimizer)
        return {
            "w/loss": w_loss,
            "w/chi_square": spent,
            "w/least": tf.reduce_min(weights),
            "w/largest": tf.reduce_max(weights),
            "w/gradient_norm": w_norm,
        }

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "rho": self.rho,
            "warm_up": self.warm_up,
            "budget_weight": self.budget_weight,
        }
