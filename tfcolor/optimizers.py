"""Optimizers and their learning rates, by the name that a config calls them."""

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable("tfcolor")
class Adam(keras.optimizers.Adam):
    """Keras' Adam (Kingma and Ba 2015) through TensorFlow's one kernel for it,
    which goes over the weights once where Keras goes ten times."""

    def __init__(self, learning_rate=0.001, beta_1=0.9, beta_2=0.999, **kwargs):
        super().__init__(learning_rate, beta_1=beta_1, beta_2=beta_2, **kwargs)
        if self.amsgrad:
            raise ValueError("amsgrad: True is not supported, use False")

    def update_step(self, gradient, variable, learning_rate):
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
            lr=tf.cast(learning_rate, dtype),
            beta1=beta_1,
            beta2=beta_2,
            epsilon=tf.cast(self.epsilon, dtype),
            grad=tf.cast(gradient, dtype),
        )


@keras.saving.register_keras_serializable("tfcolor")
class ConstantThenLinear(keras.optimizers.schedules.LearningRateSchedule):
    """A rate that stays, and then falls linearly to 0 (as in pix2pix).

    Args:
      rate: at the start.
      steps: of the run or of its stage, after which it is 0.
      constant: share of them before it falls.
      updates: optimizer updates a step.
      ahead: steps of the stage less those that the optimizer has done.
    """

    def __init__(self, rate, steps, constant, updates=1, ahead=0):
        self.settings = {
            "rate": rate,
            "steps": steps,
            "constant": constant,
            "updates": updates,
            "ahead": ahead,
        }

    def __call__(self, iteration):
        rate, steps, constant, updates, ahead = self.settings.values()
        step = tf.cast(iteration, tf.float32) / updates + ahead
        falling = max(steps * (1.0 - constant), 1e-9)
        left = (steps - tf.floor(step)) / falling
        return rate * tf.clip_by_value(left, 0.0, 1.0)

    def get_config(self):
        return self.settings


OPTIMIZERS = {"adam": Adam, "rmsprop": keras.optimizers.RMSprop}
