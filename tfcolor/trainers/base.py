"""Tools that every trainer uses. No control flow: that is in `train_step`."""

from collections.abc import Iterable
from collections.abc import Mapping
from typing import Any

import keras
import tensorflow as tf

from tfcolor.networks.layers import advance
from tfcolor.types import Logs
from tfcolor.types import Network
from tfcolor.types import Tensor
from tfcolor.types import Variable


class Trainer(keras.Model):
    """Networks, their optimizers, the step, and one network's weight average.

    A subclass names its networks in `parts`, takes them as arguments, and has
    `train_step`, `test_step`, `summary`, `warnings` and `picture`.

    Args:
      averaged: the network whose weights are averaged, the first of `parts`.
      validation: names of the means that `test_step` returns.
      ema_decay: decay of the weight average, 0..1; 0: none.
      seed: seed of the randomness inside the steps.

    Raises:
      ValueError: a setting outside its range.
    """

    n_critic = 1  # minibatches a step
    cross_entropy = 0.0  # its weight, where there are logits
    frozen_networks: tuple[str, ...] = ()  # letters of `networks` that no step moves

    def __init__(
        self,
        averaged: Network,
        validation: Iterable[str],
        *,
        ema_decay: float = 0.0,
        seed: int = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if not 0 <= ema_decay < 1:
            raise ValueError(f"train.ema_decay: {ema_decay} is not in [0, 1)")
        self.ema_decay = ema_decay
        self.seed = seed
        self.average = _copy(averaged) if ema_decay else None
        self.step = self.add_weight(
            shape=(), dtype="int64", initializer="zeros", trainable=False, name="step"
        )
        self.validation = {name: keras.metrics.Mean(name) for name in validation}
        self.built = True

    @classmethod
    def parts(cls) -> tuple[str, ...]:
        """Names of the networks among the arguments."""
        raise NotImplementedError

    def networks(self) -> dict[str, Network]:
        """What is trained, by the letter it has in the logs."""
        raise NotImplementedError

    def state(self) -> dict[str, list[Variable]]:
        """Variables that steps depend on, besides those of the networks and
        the optimizers: {name: [variable]}."""
        return {}

    def averaged(self) -> Network:
        """The network whose weights are averaged."""
        return getattr(self, self.parts()[0])

    def set_phase(self, phase: str) -> None:
        """What steps train from now on: all networks at a time, "together".

        Raises:
          ValueError: there is no such phase.
        """
        if phase != "together":
            raise ValueError(
                f"{type(self).__name__} has no critic that judges its generator"
            )

    def prepare(self) -> None:
        """Take what a run has found out before its first step; here nothing."""

    def compile(self, g_optimizer: Any, **kwargs: Any) -> None:
        """One optimizer for each of `networks`, such as `g_optimizer`.

        `jit_compile` is off: on the CPU it makes convolutions several times
        slower.
        """
        others = {
            key: kwargs.pop(key) for key in list(kwargs) if key.endswith("_optimizer")
        }
        super().compile(optimizer=None, **{"jit_compile": False, **kwargs})
        for key, optimizer in {"g_optimizer": g_optimizer, **others}.items():
            network = self.networks()[key.removesuffix("_optimizer")]
            optimizer.build(network.trainable_variables)
            setattr(self, key, optimizer)

    def optimizers(self) -> dict[str, Any]:
        """The optimizers, by the letters of `networks`."""
        return {key: getattr(self, f"{key}_optimizer") for key in self.networks()}

    def steps_done(self) -> int:
        """Whole number; outside a step."""
        return int(tf.convert_to_tensor(self.step.value))

    @property
    def metrics(self) -> list[Any]:
        return list(self.validation.values())

    def descend(
        self, loss: Tensor, tape: Any, network: Network, optimizer: Any
    ) -> Tensor:
        """One step of `optimizer` on `network` down this replica's mean loss.

        Optimizers sum the gradients of all replicas, so each is divided by their
        number, here and nowhere else. Spectral norms follow the weights. The weights of
        a network that is frozen stay as they are, and their gradients cost nothing.

        Returns:
          Scalar: norm of the gradient of this replica's loss; 0 of a frozen network.
        """
        if any(network is self.networks()[letter] for letter in self.frozen_networks):
            return tf.zeros([])
        replicas = tf.distribute.get_strategy().num_replicas_in_sync
        scale = optimizer.scale_loss(tf.constant(1.0 / replicas))
        variables = network.trainable_variables
        gradients = tape.gradient(loss, variables, output_gradients=scale)
        norm = tf.linalg.global_norm(gradients) / scale
        # What a gradient is made of has been read before any weight is written:
        # TensorFlow's own order of a read whose gradient is 0 does not outlive its
        # optimization of the graph, such as that of an offset in a slope's pass.
        with tf.control_dependencies([norm]):
            optimizer.apply(gradients, variables)
        advance(network)
        return norm

    def finish_step(self) -> None:
        """Count the step and move the weight average.

        The decay grows with the steps as (1 + step)/(10 + step) up to
        `ema_decay`, so that a short run does not average its start.
        """
        self.step.assign_add(1)
        if self.average is None:
            return
        step = tf.cast(self.step.value, tf.float32)
        decay = tf.minimum(self.ema_decay, (1.0 + step) / (10.0 + step))
        weights = self.averaged().weights
        for mean, weight in zip(self.average.weights, weights, strict=True):
            tf.raw_ops.ResourceApplyGradientDescent(
                var=mean.value.handle, alpha=1.0 - decay, delta=mean - weight
            )
        advance(self.average)  # the mean of unit vectors is shorter than one

    def validated(self, values: Mapping[str, Any]) -> Logs:
        """Take a batch's values [B] into the means; returns the means."""
        for name, value in values.items():
            self.validation[name].update_state(value)
        return {name: mean.result() for name, mean in self.validation.items()}

    def get_config(self) -> dict[str, Any]:
        serialize = keras.saving.serialize_keras_object
        return {
            **super().get_config(),
            **{name: serialize(getattr(self, name)) for name in self.parts()},
            "ema_decay": self.ema_decay,
            "seed": self.seed,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        for name in cls.parts():
            config[name] = keras.saving.deserialize_keras_object(config[name])
        return cls(**config)


def over_replicas(x: Tensor) -> Tensor:
    """The mean of a tensor [...] over the replicas; gradients pass through."""
    replica = tf.distribute.get_replica_context()
    if replica.num_replicas_in_sync == 1:
        return x
    return replica.all_reduce(tf.distribute.ReduceOp.MEAN, x)


def check_not_negative(**settings: Any) -> None:
    """Raise ValueError, naming the field of `loss`, if a setting is negative."""
    for name, value in settings.items():
        if value < 0:
            raise ValueError(f"loss.{name}: {value} must not be negative")


def check_positive(**settings: Any) -> None:
    """Raise ValueError, naming the field of `loss`, if a setting is not above 0."""
    for name, value in settings.items():
        if not value > 0:
            raise ValueError(f"loss.{name}: {value} must be positive")


def _copy(network):
    """A network of the same class, settings and weights."""
    twin = type(network).from_config(network.get_config())
    twin.build_from_config(network.get_build_config())
    twin.set_weights(network.get_weights())
    twin.trainable = False
    return twin
