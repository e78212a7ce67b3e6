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
        "self.critic(l, ab), self.critic(l, fake)",
        "self.critic(l, fake), self.critic(l, ab)",
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
        "mean.assign(weight + decay * (mean - weight))",
        "mean.assign(mean + decay * (weight - mean))",
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

LOOP = [
    Fault(
        "loop.losses_that_nobody_looks_at",
        "training/loop.py",
        "for number, logs in losses.read():",
        "for number, logs in losses.read()[-1:]:",
        "tests/training/test_callbacks.py -k named_with_its_step",
    ),
    Fault(
        "loop.written_before_the_losses_are_seen",
        "training/callbacks.py",
        "if not math.isfinite(value) and not excused:",
        "if not math.isfinite(value) and excused:",
        "tests/training/test_callbacks.py -k nan_gradients",
    ),
    Fault(
        "loop.waits_at_every_step",
        "training/callbacks.py",
        "return step == self.last or (bool(self.every) and step % self.every == 0)",
        "return True",
        "tests/training/test_callbacks.py -k host_waits",
    ),
    Fault(
        "loop.ends_at_a_signal_without_a_checkpoint",
        "training/callbacks.py",
        "return self.signal is not None or super().due(step)",
        "return super().due(step)",
        "tests/training/test_callbacks.py -k is_saved_at_its_interval",
    ),
    Fault(
        "steps.rates_of_the_next_step",
        "training/steps.py",
        'f"lr/{key}": optimizer.learning_rate',
        'f"lr/{key}": optimizer._learning_rate(optimizer.iterations + 1)',
        "tests/training/test_stages.py -k rates_fall",
    ),
]

WORKERS = [
    Fault(
        "workers.each_reads_the_whole_batch",
        "training/loop.py",
        "shard=self.workers.number,",
        "shard=0,",
        "tests/training/test_workers.py -k two_workers_end",
    ),
    Fault(
        "workers.chief_after_the_workers",
        "training/workers.py",
        'for job in ("chief", "worker")',
        'for job in ("worker", "chief")',
        "tests/training/test_workers.py -k who_this_worker_is",
    ),
    Fault(
        "workers.an_error_is_not_told",
        "training/workers.py",
        "            self._report(line)\n",
        "",
        "tests/training/test_workers.py -k told_to_all",
    ),
    Fault(
        "workers.who_is_gone_is_who_says_it",
        "training/workers.py",
        'return f"{self._name(gone[0])} is gone" if gone else None',
        'return f"{self._name(self.number)} is gone" if gone else None',
        "tests/training/test_workers.py -k told_to_all",
    ),
    Fault(
        "workers.a_signal_is_this_workers_alone",
        "training/callbacks.py",
        "self.ended_by = self.workers.largest(self.signal or 0) or None",
        "self.ended_by = self.signal",
        "tests/training/test_workers.py -k ask_for_signals",
    ),
    Fault(
        "workers.a_signal_is_heard_at_steps_of_its_own",
        "training/callbacks.py",
        "return step % self.TOGETHER == 0 or super().due(step)",
        "return self.signal is not None or super().due(step)",
        "tests/training/test_workers.py -k ask_for_signals",
    ),
    Fault(
        "workers.validation_is_of_the_first_part",
        "training/workers.py",
        "return dataset.shard(self.count, self.number)",
        "return dataset.shard(self.count, 0)",
        "tests/training/test_workers.py -k shared_out",
    ),
    Fault(
        "workers.replicas_take_every_nth_example",
        "training/workers.py",
        "tf.reshape(x, [replicas, x.shape[0] // replicas, *x.shape[1:]])",
        "tf.stack([x[i::replicas] for i in range(replicas)])",
        "tests/training/test_workers.py -k divided_in_its_order",
    ),
]

FAULTS = STEPS + OBJECTIVES + LOOP + WORKERS
