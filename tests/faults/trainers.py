"""Faults in the training steps and in the objectives."""

from faults.fault import Fault


def _cut(name, text="(self.critic(l, fake))"):
    """The generator learns nothing from the discriminator."""
    cut = text.replace("fake", "tf.stop_gradient(fake)")
    return Fault(f"{name}.pass_cut", f"trainers/{name}.py", text, cut, _of(name))


def _minimises(name):
    """The generator lowers the discriminator's score of what it makes."""
    return Fault(
        f"{name}.g_minimises_its_score",
        f"trainers/{name}.py",
        "g_loss = adversarial + reconstruction",
        "g_loss = reconstruction - adversarial",
        _of(name),
    )


def _of(name):
    return f"tests/trainers/test_adversarial.py -k '[{name}]'"


STEPS = [
    _cut("cgan", "objectives.bce_g(self.critic(l, fake))"),
    _cut("dcgan", "objectives.bce_g(self.critic(l, fake))"),
    _cut("lsgan", "self.critic(l, fake), self.wanted_label"),
    _cut("hinge", "objectives.wasserstein_g(self.critic(l, fake))"),
    _cut("ebgan", "energy, code = self.critic(l, fake)"),
    _cut("wgan", "objectives.wasserstein_g(self.critic(l, fake))"),
    _cut("wgan_gp", "objectives.wasserstein_g(self.critic(l, fake))"),
    _cut("robust_wgan", "objectives.wasserstein_g(self.critic(l, fake))"),
    _cut("uotm", "objectives.wasserstein_g(self.critic(l, fake))"),
    Fault(
        "cyclegan.scan_pass_cut",
        "trainers/cyclegan.py",
        "self.scan_discriminator(fake_scan, training=True), 1.0",
        "self.scan_discriminator(tf.stop_gradient(fake_scan), training=True), 1.0",
        _of("cyclegan"),
    ),
    Fault(
        "cyclegan.color_pass_cut",
        "trainers/cyclegan.py",
        "self.color_discriminator(fake_rgb, training=True), 1.0",
        "self.color_discriminator(tf.stop_gradient(fake_rgb), training=True), 1.0",
        _of("cyclegan"),
    ),
    *map(_minimises, ("hinge", "dcgan", "wgan", "wgan_gp", "robust_wgan")),
    Fault(
        "hinge.real_and_fake_exchanged",
        "trainers/hinge.py",
        "objectives.hinge_d(real_scores, fake_scores)",
        "objectives.hinge_d(fake_scores, real_scores)",
        _of("hinge"),
    ),
    Fault(
        "dcgan.real_and_fake_exchanged",
        "trainers/dcgan.py",
        "objectives.bce_d(real_scores, fake_scores)",
        "objectives.bce_d(fake_scores, real_scores)",
        _of("dcgan"),
    ),
    Fault(
        "ebgan.real_and_fake_exchanged",
        "trainers/ebgan.py",
        "objectives.energy_d(real_energy, fake_energy, self.margin)",
        "objectives.energy_d(fake_energy, real_energy, self.margin)",
        _of("ebgan"),
    ),
    Fault(
        "wgan.real_and_fake_exchanged",
        "trainers/wgan.py",
        "*self.both(l, ab, fake)",
        "*self.both(l, fake, ab)",
        _of("wgan"),
    ),
    Fault(
        "wgan_gp.distance_flipped",
        "trainers/wgan_gp.py",
        "distance = -objectives.wasserstein_d(",
        "distance = objectives.wasserstein_d(",
        _of("wgan_gp"),
    ),
    Fault(
        "robust_wgan.distance_flipped",
        "trainers/robust_wgan.py",
        "distance = -objectives.weighted_wasserstein_d(",
        "distance = objectives.weighted_wasserstein_d(",
        _of("robust_wgan"),
    ),
    Fault(
        "wgan_gp.penalty_times_0",
        "trainers/wgan_gp.py",
        "d_loss = -distance + self.gp_weight * penalty",
        "d_loss = -distance + 0.0 * self.gp_weight * penalty",
        _of("wgan_gp"),
    ),
    Fault(
        "robust_wgan.penalty_times_0",
        "trainers/robust_wgan.py",
        "d_loss = -distance + self.gp_weight * penalty",
        "d_loss = -distance + 0.0 * self.gp_weight * penalty",
        _of("robust_wgan"),
    ),
    Fault(
        "robust_wgan.weights_maximise",
        "trainers/robust_wgan.py",
        "w_loss = tf.reduce_mean(weights * scores)",
        "w_loss = -tf.reduce_mean(weights * scores)",
        _of("robust_wgan"),
    ),
    Fault(
        "robust_wgan.budget_free",
        "trainers/robust_wgan.py",
        "+ self.budget_weight * excess",
        "+ 0.0 * excess",
        _of("robust_wgan"),
    ),
    Fault(
        "uotm.r1_dropped",
        "trainers/uotm.py",
        "d_loss = potential + 0.5 * self.r1_weight * r1",
        "d_loss = potential + 0.0 * self.r1_weight * r1",
        _of("uotm"),
    ),
    Fault(
        "uotm.cost_subtracted",
        "trainers/uotm.py",
        "g_loss = tf.reduce_mean(cost) + adversarial",
        "g_loss = adversarial - tf.reduce_mean(cost)",
        _of("uotm"),
    ),
    Fault(
        "ebgan.pulling_away_cut",
        "trainers/ebgan.py",
        "objectives.pulling_away(all_images(code))",
        "objectives.pulling_away(tf.stop_gradient(all_images(code)))",
        _of("ebgan"),
    ),
    Fault(
        "cgan.d_loss_not_halved",
        "trainers/cgan.py",
        "d_loss = 0.5 * objectives.bce_d(real_scores, fake_scores)",
        "d_loss = objectives.bce_d(real_scores, fake_scores)",
        _of("cgan"),
    ),
    Fault(
        "lsgan.labels_exchanged",
        "trainers/lsgan.py",
        "real_scores, fake_scores, self.fake_label, self.real_label",
        "real_scores, fake_scores, self.real_label, self.fake_label",
        _of("lsgan"),
    ),
    Fault(
        "cyclegan.scan_pool_unused",
        "trainers/cyclegan.py",
        "fake_scan = self.scan_pool.exchange(fake_scan, self.step.value)",
        "self.scan_pool.exchange(fake_scan, self.step.value)",
        "tests/trainers/test_adversarial.py -k full_pool",
    ),
    Fault(
        "cyclegan.color_pool_unused",
        "trainers/cyclegan.py",
        "fake_rgb = self.color_pool.exchange(fake_rgb, self.step.value)",
        "self.color_pool.exchange(fake_rgb, self.step.value)",
        "tests/trainers/test_adversarial.py -k full_pool",
    ),
    Fault(
        "wgan.weights_not_clipped",
        "trainers/wgan.py",
        "weight.assign(tf.clip_by_value(weight, -self.clip, self.clip))",
        "weight.assign(weight)",
        "tests/trainers/test_variants.py -k clip",
    ),
    Fault(
        "base.average_of_the_first_weights",
        "trainers/base.py",
        "alpha=1.0 - decay",
        "alpha=decay",
        "tests/trainers/test_trainers.py::test_weight_average_follows_its_formula",
    ),
    Fault(
        "gan.minibatches_of_other_truths",
        "trainers/gan.py",
        "(l[k::n], ab[k::n])",
        "(l[k::n], ab[::n])",
        _of("wgan_gp"),
    ),
]

OBJECTIVES = [
    Fault(
        "objectives.hinge_without_margin",
        "objectives.py",
        "tf.nn.relu(1.0 + _float(fake_logits))",
        "tf.nn.relu(_float(fake_logits))",
        "tests/test_objectives.py -k hand_computed",
    ),
    Fault(
        "objectives.penalty_one_sided",
        "objectives.py",
        "(tf.sqrt(squares + NORM_EPSILON) - 1.0) ** 2",
        "tf.nn.relu(tf.sqrt(squares + NORM_EPSILON) - 1.0) ** 2",
        "tests/test_objectives.py -k penalty",
    ),
    Fault(
        "objectives.codes_pulled_from_themselves",
        "objectives.py",
        "tf.linalg.diag_part(cosines) ** 2",
        "0.0 * tf.linalg.diag_part(cosines) ** 2",
        "tests/test_objectives.py -k pulling",
    ),
    Fault(
        "objectives.edges_of_rows_alone",
        "objectives.py",
        "return rows + tf.reduce_mean(",
        "return rows + 0.0 * tf.reduce_mean(",
        "tests/trainers/test_phases.py -k edge_weight",
    ),
]

FAULTS = STEPS + OBJECTIVES
