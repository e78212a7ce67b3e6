"""Tools that every trainer uses. No control flow: that is in `train_step`."""

import keras
import tensorflow as tf

from tfcolor import metrics
from tfcolor import objectives
from tfcolor.color import lab
from tfcolor.color import quantize
from tfcolor.data import distortions
from tfcolor.networks.heads import QUARTER
from tfcolor.networks.layers import advance

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


class Colorizer(keras.Model):
    """A generator, and what all training steps share.

    Args:
      generator: l [B, H, W, 1] -> ab [B, H, W, 2], built.
      l1_weight: weight of the mean absolute error of ab.
      l2_weight: weight of the mean squared error of ab.
      cross_entropy: weight of the head's cross-entropy; 0 without logits.
      class_weights: [313] weights of the colours in it; None: all 1.
      neighbors: nearest colours that encode a true one in it.
      ema_decay: decay of the generator's weight average, 0..1; 0: none.
      seed: seed of the randomness inside the steps.
      blur: share of the training inputs that are blurred, 0..1.
      erase: share of the training inputs that lose a rectangle, 0..1.

    `train_step` takes {"l": [B, H, W, 1], "ab": [B, H, W, 2]}, float32 in
    [-1, 1], and is one generator update; with {"numbers"} as in `pair`, l is
    blurred and erased. Calling the model colours l with the averaged generator
    where there is one.
    """

    n_critic = 1  # minibatches a step

    def __init__(
        self,
        generator,
        *,
        l1_weight=0.0,
        l2_weight=0.0,
        cross_entropy=0.0,
        class_weights=None,
        neighbors=5,
        ema_decay=0.0,
        seed=0,
        blur=0.0,
        erase=0.0,
        **kwargs,
    ):
        super().__init__(**kwargs)
        check_not_negative(
            l1_weight=l1_weight, l2_weight=l2_weight, cross_entropy=cross_entropy
        )
        if not 0 <= ema_decay < 1:
            raise ValueError(f"train.ema_decay: {ema_decay} is not in [0, 1)")
        self.generator = generator
        self.l1_weight = l1_weight
        self.l2_weight = l2_weight
        self.cross_entropy = cross_entropy
        count = len(quantize.AB_BINS)
        self.class_weights = tuple(class_weights or [1.0] * count)
        self.neighbors = neighbors
        self.ema_decay = ema_decay
        self.seed = seed
        self.blur = blur
        self.erase = erase
        self.average = _copy(generator) if ema_decay else None
        self.step = self.add_weight(
            shape=(), dtype="int64", initializer="zeros", trainable=False, name="step"
        )
        self.validation = {name: keras.metrics.Mean(name) for name in VALIDATION}
        self.built = True

    def networks(self):
        """What is trained, by the letter it has in the logs."""
        return {"g": self.generator}

    def compile(self, g_optimizer, **kwargs):
        """One optimizer for each of `networks`, such as `g_optimizer`.

        `jit_compile` is off: on the CPU it makes convolutions several times
        slower.
        """
        others = {
            key: kwargs.pop(key) for key in list(kwargs) if key.endswith("_optimizer")
        }
        super().compile(optimizer=None, **{"jit_compile": False, **kwargs})
        for key, optimizer in {"g_optimizer": g_optimizer, **others}.items():
            optimizer.build(self.networks()[key[0]].trainable_variables)
            setattr(self, key, optimizer)

    def optimizers(self):
        """The optimizers, by the letters of `networks`."""
        return {key: getattr(self, f"{key}_optimizer") for key in self.networks()}

    def steps_done(self):
        """Whole number; outside a step."""
        return int(tf.convert_to_tensor(self.step.value))

    @property
    def metrics(self):
        return list(self.validation.values())

    def call(self, l, training=None):
        return (self.average or self.generator)(l, training=training)

    def pair(self, batch):
        """The input l and the ab that a training step gets of a batch.

        Where the batch has {"numbers": [B, INPUT_NUMBERS]}, uniform in [0, 1),
        they blur and erase l, which ab is then not quite of.
        """
        l, ab = batch["l"], batch["ab"]
        if "numbers" in batch:
            l = distortions.degrade(l, batch["numbers"], self.blur, self.erase)
        return l, ab

    def color(self, l):
        """The generator's ab and what its head made it of, in training."""
        return self.generator(l, training=True, with_logits=True)

    def reconstruction(self, ab, fake, logits):
        """The weighted terms between prediction and truth: L1, L2 and the
        cross-entropy of the head's logits; and their unweighted values as
        logs."""
        logs = {"g/l1": objectives.l1(ab, fake)}
        loss = self.l1_weight * logs["g/l1"]
        if self.l2_weight:
            logs["g/l2"] = objectives.l2(ab, fake)
            loss += self.l2_weight * logs["g/l2"]
        if self.cross_entropy:
            logs["g/cross_entropy"] = quantize.cross_entropy(
                logits, quarter(ab) * lab.AB_MAX, self.class_weights, self.neighbors
            )
            loss += self.cross_entropy * logs["g/cross_entropy"]
        return loss, logs

    def descend(self, loss, tape, network, optimizer):
        """One step of `optimizer` on `network` down this replica's mean loss.

        Optimizers sum the gradients of all replicas, so each is divided by
        their number, here and nowhere else. Spectral norms follow the weights.

        Returns:
          Norm of the gradient of this replica's loss.
        """
        replicas = tf.distribute.get_strategy().num_replicas_in_sync
        scale = optimizer.scale_loss(tf.constant(1.0 / replicas))
        variables = network.trainable_variables
        gradients = tape.gradient(loss, variables, output_gradients=scale)
        optimizer.apply(gradients, variables)
        advance(network)
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
        advance(self.average)  # the mean of unit vectors is shorter than one

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
            **{name: serialize(getattr(self, name)) for name in self.parts()},
            "l1_weight": self.l1_weight,
            "l2_weight": self.l2_weight,
            "cross_entropy": self.cross_entropy,
            "class_weights": list(self.class_weights),
            "neighbors": self.neighbors,
            "ema_decay": self.ema_decay,
            "seed": self.seed,
            "blur": self.blur,
            "erase": self.erase,
        }

    @classmethod
    def parts(cls):
        """Names of the networks among the arguments."""
        return ("generator",)

    @classmethod
    def from_config(cls, config):
        for name in cls.parts():
            config[name] = keras.saving.deserialize_keras_object(config[name])
        return cls(**config)


def quarter(ab):
    """Every fourth row and column, near the middle of each 4x4 pixels, which
    is what the logits are compared with (Zhang et al. 2016 do it at 1/4 too)."""
    return ab[:, QUARTER // 2 :: QUARTER, QUARTER // 2 :: QUARTER]


def check_not_negative(**settings):
    for name, value in settings.items():
        if value < 0:
            raise ValueError(f"loss.{name}: {value} must not be negative")


def check_positive(**settings):
    for name, value in settings.items():
        if not value > 0:
            raise ValueError(f"loss.{name}: {value} must be positive")


def _rgb(l, ab):
    return lab.to_uint8(lab.decode(l, ab))


def _copy(network):
    """A network of the same class, settings and weights."""
    twin = type(network).from_config(network.get_config())
    twin.build_from_config(network.get_build_config())
    twin.set_weights(network.get_weights())
    twin.trainable = False
    return twin
