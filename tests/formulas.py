"""The losses of every adversarial trainer a second time, by hand from the papers.

Plain TensorFlow on the outputs of the networks: nothing of tfcolor.objectives and
of the trainers. Under the name of its class a trainer has here {letter: function},
a letter being that of a network in the logs. The function takes a Position and
returns all that a step logs of this network, but the norm of its gradient; what the
network descends is its "d/loss", "g/loss" or "w/loss".
"""

import dataclasses

import tensorflow as tf

mean = tf.reduce_mean


@dataclasses.dataclass
class Position:
    """Where the networks stand when one of them is about to move.

    Attributes:
      networks: {name: network}, as the trainer calls them.
      batch: {"l", "ab"}, the minibatch of this move, or {"rgb", "scan"}.
      loss: the `loss` section of the config.
      step: of the run, from 0.
      shares: [B] where between real and fake a gradient penalty is taken.
    """

    networks: dict
    batch: dict
    loss: object
    step: int
    shares: tf.Tensor

    def of(self, name, x):
        return self.networks[name](x, training=True)

    @property
    def ab(self):
        return self.batch["ab"]

    def fake(self):
        return self.of("generator", self.batch["l"])

    def critic(self, ab):
        return self.of("discriminator", tf.concat([self.batch["l"], ab], -1))

    def scores(self, ab):
        """[B]: of each image the mean of its patches."""
        logits = self.critic(ab)
        return mean(tf.reshape(logits, [len(ab), -1]), 1)

    def slopes(self, ab):
        """[B]: the norm of each score's gradient, of a picture 64 pixels wide."""
        with tf.GradientTape() as tape:
            tape.watch(ab)
            scores = self.scores(ab)
        gradient = tape.gradient(scores, ab)
        side = ab.shape[1]
        return side / 64.0 * tf.sqrt(tf.reduce_sum(gradient**2, [1, 2, 3]))


def of(name):
    """The formulas of a trainer's class, by its name."""
    assert name in FORMULAS, (
        f"{name} is in no FORMULAS of tests/formulas.py: write the losses of its "
        "networks there by hand, which its steps are then compared with"
    )
    return FORMULAS[name]


def reconstruction(x, fake):
    """(weighted terms between prediction and truth, their values as logs)."""
    error = fake - x.ab
    down, right = error[:, 1:] - error[:, :-1], error[:, :, 1:] - error[:, :, :-1]
    logs = {
        "g/l1": mean(tf.abs(error)),
        "g/l2": mean(error**2),
        "g/edges": mean(tf.abs(down)) + mean(tf.abs(right)),
    }
    weights = (x.loss.l1_weight, x.loss.l2_weight, x.loss.edge_weight)
    return sum(w * y for w, y in zip(weights, logs.values(), strict=True)), logs


def generator(x, fake, adversarial, other=0.0, **logs):
    terms, found = reconstruction(x, fake)
    total = adversarial + other + terms
    logs = {f"g/{name}": value for name, value in logs.items()}
    return {"g/loss": total, "g/adversarial": adversarial, **logs, **found}


def log_sigmoid(x):
    return -tf.math.log(1.0 + tf.exp(-x))


def bce_d(x, factor):
    """-log D(real) - log(1 - D(fake)), D being the sigmoid of the logits."""
    real, fake = x.critic(x.ab), x.critic(x.fake())
    loss = -factor * (mean(log_sigmoid(real)) + mean(log_sigmoid(-fake)))
    shown = [1.0 / (1.0 + tf.exp(-y)) for y in (real, fake)]
    return {"d/loss": loss, "d/real": mean(shown[0]), "d/fake": mean(shown[1])}


def bce_g(x):
    fake = x.fake()
    return generator(x, fake, -mean(log_sigmoid(x.critic(fake))))


def least_squares_d(x):
    real, fake = x.critic(x.ab), x.critic(x.fake())
    to_real = mean((real - x.loss.real_label) ** 2)
    to_fake = mean((fake - x.loss.fake_label) ** 2)
    return {
        "d/loss": to_real / 2 + to_fake / 2,
        "d/real": mean(real),
        "d/fake": mean(fake),
    }


def least_squares_g(x):
    fake = x.fake()
    wanted = x.critic(fake) - x.loss.wanted_label
    return generator(x, fake, mean(wanted**2) / 2)


def hinge_d(x):
    real, fake = x.critic(x.ab), x.critic(x.fake())
    loss = mean(tf.maximum(0.0, 1.0 - real)) + mean(tf.maximum(0.0, 1.0 + fake))
    return {"d/loss": loss, "d/real": mean(real), "d/fake": mean(fake)}


def score_g(x):
    """-E D(fake), of hinge and of all Wasserstein distances."""
    fake = x.fake()
    return generator(x, fake, -mean(x.critic(fake)))


def energy_d(x):
    real, fake = x.critic(x.ab)[0], x.critic(x.fake())[0]
    loss = mean(real) + mean(tf.maximum(0.0, x.loss.margin - fake))
    return {"d/loss": loss, "d/real": mean(real), "d/fake": mean(fake)}


def energy_g(x):
    """The energy, and the mean squared cosine of the codes of two images."""
    fake = x.fake()
    energy, code = x.critic(fake)
    codes, squares = tf.unstack(code), []
    for i, one in enumerate(codes):
        for j, two in enumerate(codes):
            if i != j:
                products = [tf.tensordot(a, b, 1) for a, b in ((one, one), (two, two))]
                squares.append(
                    tf.tensordot(one, two, 1) ** 2 / tf.reduce_prod(products)
                )
    away = sum(squares) / (len(codes) * (len(codes) - 1))
    other = x.loss.pt_weight * away
    return generator(x, fake, mean(energy), other, pulling_away=away)


def wasserstein_d(x):
    distance = mean(x.critic(x.ab)) - mean(x.critic(x.fake()))
    return {"d/loss": -distance, "d/wasserstein": distance}


def penalised_d(x, weights=1.0):
    """WGAN-GP; with the weights of the real images the robust one."""
    fake = x.fake()
    distance = mean(weights * x.scores(x.ab)) - mean(x.scores(fake))
    share = x.shares[:, None, None, None]
    penalty = mean((x.slopes((1.0 - share) * x.ab + share * fake) - 1.0) ** 2)
    return {
        "d/loss": -distance + x.loss.gp_weight * penalty,
        "d/wasserstein": distance,
        "d/gradient_penalty": penalty,
    }


def weights_of_reals(x):
    weights = x.of("weight_network", tf.concat([x.batch["l"], x.ab], -1))
    return weights / mean(weights)


def is_warm(x):
    return x.step * x.loss.n_critic >= x.loss.warm_up


def robust_d(x):
    return penalised_d(x, weights_of_reals(x) if is_warm(x) else 1.0)


def robust_w(x):
    weights = weights_of_reals(x)
    spent = mean((weights - 1.0) ** 2) / 2
    excess = tf.maximum(0.0, spent - x.loss.rho)
    loss = mean(weights * x.scores(x.ab)) + 100.0 * excess
    return {
        "w/loss": loss if is_warm(x) else 0.0 * loss,
        "w/chi_square": spent,
        "w/least": tf.reduce_min(weights),
        "w/largest": tf.reduce_max(weights),
    }


def transport_cost(x, fake):
    return x.loss.tau * mean((x.ab - fake) ** 2, [1, 2, 3])


def transport_d(x):
    """Psi* of the softplus kind, 2 log(1 + e^t) - 2 log 2, and half of R1."""
    assert x.loss.psi == "softplus"

    def conjugate(t):
        return 2.0 * tf.math.log((1.0 + tf.exp(t)) / 2.0)

    fake = x.fake()
    real_scores, fake_scores = x.scores(x.ab), x.scores(fake)
    potential = mean(conjugate(fake_scores - transport_cost(x, fake)))
    potential += mean(conjugate(-real_scores))
    r1 = mean(x.slopes(x.ab) ** 2)
    return {
        "d/loss": potential + x.loss.r1_weight / 2 * r1,
        "d/real": mean(real_scores),
        "d/fake": mean(fake_scores),
        "d/r1": r1,
    }


def transport_g(x):
    fake = x.fake()
    cost = mean(transport_cost(x, fake))
    return generator(x, fake, -mean(x.scores(fake)), cost, cost=cost)


def cycle_d(x):
    """On the newest fakes, which is what a pool of size 0 gives back."""
    rgb, scan = x.batch["rgb"], x.batch["scan"]
    loss = 0.0
    for name, real, fake in (
        ("scan_discriminator", scan, x.of("scanner", rgb)),
        ("color_discriminator", rgb, x.of("colorist", scan)),
    ):
        loss += mean((x.of(name, real) - 1.0) ** 2) / 2
        loss += mean(x.of(name, fake) ** 2) / 2
    return {"d/loss": loss}


def cycle_g(x):
    """Zhu et al. 2017, eqs. 1 to 3, of the squared form of section 4."""
    rgb, scan = x.batch["rgb"], x.batch["scan"]
    fake_scan, fake_rgb = x.of("scanner", rgb), x.of("colorist", scan)
    scan_scores = x.of("scan_discriminator", fake_scan)
    color_scores = x.of("color_discriminator", fake_rgb)
    adversarial = mean((scan_scores - 1.0) ** 2) + mean((color_scores - 1.0) ** 2)
    cycle = mean(tf.abs(x.of("colorist", fake_scan) - rgb))
    cycle += mean(tf.abs(x.of("scanner", fake_rgb) - scan))
    identity = mean(tf.abs(x.of("scanner", tf.concat([scan] * 3, -1)) - scan))
    weights = x.loss.cycle_weight, x.loss.identity_weight
    return {
        "g/loss": adversarial + weights[0] * cycle + weights[1] * identity,
        "g/adversarial": adversarial / 2,  # logged with the 1/2 of D's terms
        "g/cycle": cycle,
        "g/identity": identity,
    }


FORMULAS = {
    "CGAN": {"d": lambda x: bce_d(x, 0.5), "g": bce_g},
    "DCGAN": {"d": lambda x: bce_d(x, 1.0), "g": bce_g},
    "LSGAN": {"d": least_squares_d, "g": least_squares_g},
    "HingeGAN": {"d": hinge_d, "g": score_g},
    "EBGAN": {"d": energy_d, "g": energy_g},
    "WGAN": {"d": wasserstein_d, "g": score_g},
    "WGANGP": {"d": penalised_d, "g": score_g},
    "RobustWGAN": {"d": robust_d, "w": robust_w, "g": score_g},
    "UOTM": {"d": transport_d, "g": transport_g},
    "CycleGAN": {"g": cycle_g, "d": cycle_d},
}
