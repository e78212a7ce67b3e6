"""Optimizers and their learning rates, by the name that a config calls them."""

from typing import TYPE_CHECKING
from typing import Any

import keras
import tensorflow as tf

from tfcolor.types import Tensor
from tfcolor.types import Variable

if TYPE_CHECKING:
    from keras.optimizers import Optimizer as _Optimizer
else:
    _Optimizer = object


class _Shares(_Optimizer):
    """Mixin for an optimizer whose variables learn at different rates.

    Args:
      shares: of the learning rate, one for each variable in the order in which
        the optimizer is built with them; None: all of it.
    """

    def __init__(self, *args, shares=None, **kwargs):
        super().__init__(*args, **kwargs)
        self.shares = shares

    def rate_of(self, variable, learning_rate):
        if self.shares is None:
            return learning_rate
        return learning_rate * self.shares[self._get_variable_index(variable)]

    def get_config(self):
        shares = self.shares and list(self.shares)
        return {**super().get_config(), "shares": shares}


@keras.saving.register_keras_serializable("tfcolor")
class Adam(_Shares, keras.optimizers.Adam):
    """Keras' Adam (Kingma and Ba 2015) through TensorFlow's one kernel for it, which
    goes over the weights once where Keras goes ten times. `shares` as in _Shares.

    Raises:
      ValueError: `amsgrad` is set.
    """

    def __init__(
        self,
        learning_rate: Any = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        **kwargs: Any,
    ) -> None:
        super().__init__(learning_rate, beta_1=beta_1, beta_2=beta_2, **kwargs)
        if self.amsgrad:
            raise ValueError("amsgrad: True is not supported, use False")

    def update_step(
        self, gradient: Tensor, variable: Variable, learning_rate: Any
    ) -> None:
        index = self._get_variable_index(variable)
        dtype = variable.dtype
        beta_1, beta_2 = tf.cast(self.beta_1, dtype), tf.cast(self.beta_2, dtype)
        step = tf.cast(self.iterations + 1, dtype)
        tf.raw_ops.ResourceApplyAdam(
            var=variable.handle,
            m=self._momentums[index].value.handle,
            v=self._velocities[index].value.handle,
            beta1_power=beta_1**step,
            beta2_power=beta_2**step,
            lr=tf.cast(self.rate_of(variable, learning_rate), dtype),
            beta1=beta_1,
            beta2=beta_2,
            epsilon=tf.cast(self.epsilon, dtype),
            grad=tf.cast(gradient, dtype),
        )


@keras.saving.register_keras_serializable("tfcolor")
class RMSprop(_Shares, keras.optimizers.RMSprop):
    """Keras' RMSprop; `shares` as in _Shares."""

    def __init__(
        self, learning_rate: Any = 0.001, rho: float = 0.9, **kwargs: Any
    ) -> None:
        super().__init__(learning_rate, rho=rho, **kwargs)

    def update_step(
        self, gradient: Tensor, variable: Variable, learning_rate: Any
    ) -> None:
        rate = self.rate_of(variable, learning_rate)
        super().update_step(gradient, variable, rate)


@keras.saving.register_keras_serializable("tfcolor")
class ConstantThenLinear(keras.optimizers.schedules.LearningRateSchedule):
    """A rate that stays, and then falls linearly to 0 (as in pix2pix). Called with the
    number of updates done, scalar, it returns the rate, scalar.

    Args:
      rate: at the start.
      steps: of the run or of its stage, after which it is 0.
      constant: share of them before it falls.
      updates: optimizer updates a step.
      ahead: steps of the stage less those that the optimizer has done.
    """

    def __init__(
        self, rate: float, steps: int, constant: float, updates: int = 1, ahead: int = 0
    ) -> None:
        self.settings = {
            "rate": rate,
            "steps": steps,
            "constant": constant,
            "updates": updates,
            "ahead": ahead,
        }

    def __call__(self, iteration: Tensor) -> Tensor:
        rate, steps, constant, updates, ahead = self.settings.values()
        step = tf.cast(iteration, tf.float32) / updates + ahead
        falling = max(steps * (1.0 - constant), 1e-9)
        left = (steps - tf.floor(step)) / falling
        return rate * tf.clip_by_value(left, 0.0, 1.0)

    def get_config(self) -> dict[str, Any]:
        return self.settings
