"""From lightness to colors by a network, on tensors: in an exported graph too."""

from collections.abc import Callable

import tensorflow as tf

from tfcolor.color import cie
from tfcolor.images import resize
from tfcolor.networks import heads
from tfcolor.types import Batch
from tfcolor.types import Tensor


def predict_planes(
    network: Callable[[Tensor], Batch],
    lightness: Tensor,
    multiple: int,
    temperature: float | None = None,
    hints: Tensor | None = None,
) -> Batch:
    """Run a network at the size given, padded by reflection to what it takes.

    Args:
      network: as of Predictor.
      lightness: [N, h, w] float32, L* 0..100.
      hints: [N, h, w, 3] of a network that takes them, none in the padding.

    Returns:
      {"ab": [N, 2, h, w] float32, a* and b*}, of the head "bins" {"logits": [N,
      ceil(h/4), ceil(w/4), 313]} too, and of those of drawings {"change":
      [N, 1, h, w]}, what the network adds to L*.
    """
    height, width = tf.unstack(tf.shape(lightness)[1:])
    padded = lightness
    for axis, size in ((1, height), (2, width)):
        index = resize.reflected(size, 0, -size % multiple)
        padded = tf.gather(padded, index, axis=axis)
    l = padded[..., None] / cie.L_HALF - 1.0
    if hints is not None:
        beyond = [[0, 0], [0, -height % multiple], [0, -width % multiple], [0, 0]]
        l = tf.concat([l, tf.pad(hints, beyond)], -1)
    output = dict(network(l))
    if temperature is not None:
        output["ab"] = heads.ab_of_logits(output["logits"], temperature)
    planes = tf.transpose(output["ab"][:, :height, :width], [0, 3, 1, 2])
    output["ab"] = planes * cie.AB_MAX
    if "l" in output:
        drawn = (output.pop("l")[:, :height, :width, 0] + 1.0) * cie.L_HALF
        output["change"] = (drawn - lightness)[:, None]
    if "logits" in output:
        output["logits"] = output["logits"][
            :, : -(-height // heads.QUARTER), : -(-width // heads.QUARTER)
        ]
    return output


def changed(lightness: Tensor, change: Tensor) -> Tensor:
    """L* [...] plus the sum of changes [0 or 1, ...], within 0..100."""
    return tf.clip_by_value(lightness + tf.reduce_sum(change, 0), 0.0, 100.0)


def enlarged(planes: Tensor, height: Tensor, width: Tensor) -> Tensor:
    """[N, C, h, w] -> [N, C, height, width], cubic."""
    return resize.apply(
        planes,
        resize.weights(tf.shape(planes)[2], height, "cubic"),
        resize.weights(tf.shape(planes)[3], width, "cubic"),
    )
