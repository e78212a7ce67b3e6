"""Semi-dual unbalanced optimal transport (Choi et al. 2023)."""

from typing import Any

import keras
import tensorflow as tf

from tfcolor import objectives
from tfcolor.networks.layers import check_choice
from tfcolor.trainers.base import check_not_negative
from tfcolor.trainers.gan import ColorGAN
from tfcolor.trainers.gan import check_per_image
from tfcolor.types import Batch
from tfcolor.types import Logs
from tfcolor.types import Network


@keras.saving.register_keras_serializable("tfcolor")
class UOTM(ColorGAN):
    """Algorithm 1 of Choi et al. 2023 on ab given l, the potential v being the
    discriminator: first v, then the transport G, one update each.

    L_v = E Psi*(v(G(l)) - c) + E Psi*(-v(ab)) + r1_weight/2 R1(v, ab);
    L_G = E c - v(G(l)) + weighted reconstruction. An image's v is the mean of
    its patches. The paper's cost compares the source with its image, which l
    and ab, of different spaces, do not allow: here c = tau |ab - G(l)|^2
    between the prediction and the paired truth, a mean over pixels and
    channels, the same tau in both losses.

    Args:
      tau: weight of the cost.
      psi: "kl", "chi_square", "softplus" or "linear".
      r1_weight: at 64 pixels gamma of the paper, at others see
        `objectives.r1_penalty`.
      The rest as in ColorGAN.
    """

    def __init__(
        self,
        generator: Network,
        discriminator: Network,
        *,
        tau: float,
        psi: str,
        r1_weight: float,
        **settings: Any,
    ) -> None:
        super().__init__(generator, discriminator, **settings)
        check_choice("loss.psi", psi, tuple(objectives.CONJUGATES))
        check_not_negative(tau=tau, r1_weight=r1_weight)
        check_per_image(discriminator, "R1")
        self.tau = tau
        self.psi = psi
        self.r1_weight = r1_weight

    def adversarial_step(self, batch: Batch) -> Logs:
        l, ab = self.pair(batch)
        with tf.GradientTape() as g_tape:
            fake, logits = self.color(l)
            cost = self.tau * tf.reduce_mean((ab - fake) ** 2, [1, 2, 3])

            with g_tape.stop_recording():
                with tf.GradientTape() as tape:
                    both = self.both(l, ab, fake)
                    real_scores, fake_scores = map(objectives.image_scores, both)
                    conjugate = objectives.CONJUGATES[self.psi]
                    potential = objectives.unbalanced_d(
                        real_scores, fake_scores, cost, conjugate
                    )
                    r1 = objectives.r1_penalty(lambda x: self.critic(l, x), ab)
                    d_loss = potential + 0.5 * self.r1_weight * r1
                d_norm = self.descend(
                    d_loss, tape, self.discriminator, self.d_optimizer
                )

            adversarial = objectives.wasserstein_g(self.critic(l, fake))
            reconstruction, g_logs = self.reconstruction(l, ab, fake, logits)
            g_loss = tf.reduce_mean(cost) + adversarial + reconstruction
        g_norm = self.descend(g_loss, g_tape, self.generator, self.g_optimizer)
        self.finish_step()
        return {
            "d/loss": d_loss,
            "d/real": tf.reduce_mean(real_scores),
            "d/fake": tf.reduce_mean(fake_scores),
            "d/r1": r1,
            "d/gradient_norm": d_norm,
            "g/loss": g_loss,
            "g/adversarial": adversarial,
            "g/cost": tf.reduce_mean(cost),
            "g/gradient_norm": g_norm,
            **g_logs,
        }

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "tau": self.tau,
            "psi": self.psi,
            "r1_weight": self.r1_weight,
        }
