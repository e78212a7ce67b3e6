"""Tools that every trainer uses. No control flow: that is in `train_step`."""

import keras
import tensorflow as tf

from tfcolor import metrics
from tfcolor import objectives
from tfcolor.color import lab

VALIDATION = (
    "l1",
    "psnr",
    "ab_error",
    "colorfulness",
    "colorfulness_truth",
    "chroma",
    "chroma_truth",
    "a",
    "b",
    "a_truth",
    "b_truth",
)


class ColorGAN(keras.Model):
    """A generator, a discriminator, and what their training steps share.

    Args:
      generator: l [B, H, W, 1] -> ab [B, H, W, 2], built.
      discriminator: l and ab, [B, H, W, 3] -> raw logits, built.
      l1_weight: weight of the mean absolute error of ab.
      l2_weight: weight of the mean squared error of ab.
      n_critic: discriminator updates a step, each on a fresh minibatch.
      ema_decay: decay of the generator's weight average, 0..1; 0: none.
      seed: seed of the randomness inside the steps.

    `train_step` takes {"l": [B n_critic, H, W, 1], "ab": [B n_critic, H, W,
    2]}, float32 in [-1, 1], and is one generator update. Calling the model
    colours l with the averaged generator where there is one.
    """

    def __init__(
        self,
        generator,
        discriminator,
        *,
        l1_weight,
        l2_weight,
        n_critic=1,
        ema_decay=0.0,
        seed=0,
        **kwargs,
    ):
        super().__init__(**kwargs)
        for name, value in (("l1_weight", l1_weight), ("l2_weight", l2_weight)):
            if value < 0:
                raise ValueError(f"loss.{name}: {value} must not be negative")
        if n_critic < 1:
            raise ValueError(f"loss.n_critic: {n_critic} must be at least 1")
        if not 0 <= ema_decay < 1:
            raise ValueError(f"train.ema_decay: {ema_decay} is not in [0, 1)")
        self.generator = generator
        self.discriminator = discriminator
        self.l1_weight = l1_weight
        self.l2_weight = l2_weight
        self.n_critic = n_critic
        self.ema_decay = ema_decay
        self.seed = seed
        self.average = _copy(generator) if ema_decay else None
        self.step = self.add_weight(
            shape=(), dtype="int64", initializer="zeros", trainable=False, name="step"
        )
        self.validation = {name: keras.metrics.Mean(name) for name in VALIDATION}
        self.built = True

    def compile(self, g_optimizer, d_optimizer, **kwargs):
        """Optimizers of the two networks; `jit_compile` is off as it makes
        convolutions on the CPU several times slower."""
        super().compile(optimizer=None, **{"jit_compile": False, **kwargs})
        g_optimizer.build(self.generator.trainable_variables)
        d_optimizer.build(self.discriminator.trainable_variables)
        self.g_optimizer = g_optimizer
        self.d_optimizer = d_optimizer

    def steps_done(self):
        """Whole number; outside a step."""
        return int(tf.convert_to_tensor(self.step.value))

    @property
    def metrics(self):
        return list(self.validation.values())

    def call(self, l, training=None):
        return (self.average or self.generator)(l, training=training)

    def minibatches(self, batch):
        """The step's n_critic minibatches [(l, ab), ...].

        Minibatch k is every n_critic-th example from k on: a strategy gives
        each replica neighbouring examples, and so an equal part of each.
        """
        n = self.n_critic
        return [(batch["l"][k::n], batch["ab"][k::n]) for k in range(n)]

    def critic(self, l, ab):
        """Raw logits of ab given l."""
        return self.discriminator(tf.concat([l, ab], -1), training=True)

    def uniform(self, k, like):
        """[B] numbers in 0..1 for the images of minibatch k of this step.

        Drawn for the minibatches of all replicas together, of which each
        takes its own part: any number of replicas uses the same numbers.
        """
        replica = tf.distribute.get_replica_context()
        size = tf.shape(like)[0]
        numbers = tf.random.stateless_uniform(
            [replica.num_replicas_in_sync * size],
            seed=[self.seed, self.step * self.n_critic + k],
        )
        start = tf.cast(replica.replica_id_in_sync_group, tf.int32) * size
        return numbers[start : start + size]

    def reconstruction(self, ab, fake):
        """Weighted L1 and L2 terms, and their unweighted values as logs."""
        logs = {"g/l1": objectives.l1(ab, fake)}
        loss = self.l1_weight * logs["g/l1"]
        if self.l2_weight:
            logs["g/l2"] = objectives.l2(ab, fake)
            loss += self.l2_weight * logs["g/l2"]
        return loss, logs

    def descend(self, loss, tape, network, optimizer):
        """One step of `optimizer` on `network` down this replica's mean loss.

        Optimizers sum the gradients of all replicas, so each is divided by
        their number, here and nowhere else.

        Returns:
          Norm of the gradient of this replica's loss.
        """
        replicas = tf.distribute.get_strategy().num_replicas_in_sync
        scale = optimizer.scale_loss(tf.constant(1.0 / replicas))
        variables = network.trainable_variables
        gradients = tape.gradient(loss, variables, output_gradients=scale)
        optimizer.apply(gradients, variables)
        return tf.linalg.global_norm(gradients) / scale

    def finish_step(self):
        """Count the step and move the weight average.

        The decay grows with the steps as (1 + step)/(10 + step) up to
        `ema_decay`, so that a short run does not average its start.
        """
        self.step.assign_add(1)
        if self.average is None:
            return
        step = tf.cast(self.step.value, tf.float32)
        decay = tf.minimum(self.ema_decay, (1.0 + step) / (10.0 + step))
        for mean, weight in zip(
            self.average.weights, self.generator.weights, strict=True
        ):
            mean.assign(weight + decay * (mean - weight))

    def test_step(self, batch):
        """Means over the images of what a colour collapse shows in."""
        l, ab = batch["l"], batch["ab"]
        prediction = self(l, training=False)
        values = {"l1": tf.reduce_mean(tf.abs(ab - prediction), [1, 2, 3])}
        rgb, true_rgb = _rgb(l, prediction), _rgb(l, ab)
        predicted, truth = prediction * lab.AB_MAX, ab * lab.AB_MAX
        values["psnr"] = metrics.psnr(true_rgb, rgb)
        values["ab_error"] = metrics.ab_error(truth, predicted)
        values["colorfulness"] = metrics.colorfulness(rgb)
        values["colorfulness_truth"] = metrics.colorfulness(true_rgb)
        for suffix, colors in (("", predicted), ("_truth", truth)):
            values["chroma" + suffix] = metrics.chroma(colors)
            values["a" + suffix] = tf.reduce_mean(colors[..., 0], [1, 2])
            values["b" + suffix] = tf.reduce_mean(colors[..., 1], [1, 2])
        for name, value in values.items():
            self.validation[name].update_state(value)
        return {name: mean.result() for name, mean in self.validation.items()}

    def get_config(self):
        serialize = keras.saving.serialize_keras_object
        return {
            **super().get_config(),
            "generator": serialize(self.generator),
            "discriminator": serialize(self.discriminator),
            "l1_weight": self.l1_weight,
            "l2_weight": self.l2_weight,
            "n_critic": self.n_critic,
            "ema_decay": self.ema_decay,
            "seed": self.seed,
        }

    @classmethod
    def from_config(cls, config):
        for name in ("generator", "discriminator"):
            config[name] = keras.saving.deserialize_keras_object(config[name])
        return cls(**config)


def _rgb(l, ab):
    return lab.to_uint8(lab.decode(l, ab))


def _copy(network):
    """A network of the same class, settings and weights."""
    twin = type(network).from_config(network.get_config())
    twin.build_from_config(network.get_build_config())
    twin.set_weights(network.get_weights())
    twin.trainable = False
    return twin
