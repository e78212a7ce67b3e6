"""The image pool of CycleGAN."""

import tensorflow as tf

from tfcolor.trainers.gan import all_images
from tfcolor.types import Tensor
from tfcolor.types import Variable


class ImagePool:
    """Fakes of earlier steps, for a discriminator to see beside the newest
    (Shrivastava et al. 2017; Zhu et al. 2017, section 4).

    The first `size` images are taken in and handed back. Of each later one, a
    coin decides: either it is handed back, or it takes the place of a random
    old one, which is handed back instead. Images of one batch never meet in
    one place, so that they can be exchanged at once.

    Args:
      size: images that it holds; 0: none, every image is handed back.
      shape: (H, W, C) of an image.
      seed: of coins and places.

    Raises:
      ValueError: a size below 0.
    """

    def __init__(self, size: int, shape: tuple[int, int, int], seed: int) -> None:
        if size < 0:
            raise ValueError(f"loss.pool: {size} must not be negative")
        self.size = size
        self.seed = seed
        settings = {
            "trainable": False,
            # Every replica exchanges the images of all of them.
            "aggregation": tf.VariableAggregation.ONLY_FIRST_REPLICA,
        }
        self.images = tf.Variable(tf.zeros([size, *shape]), **settings)
        self.count = tf.Variable(tf.zeros([], tf.int32), **settings)

    def variables(self) -> list[Variable]:
        """The images [size, H, W, C], and how many of them are filled in."""
        return [self.images, self.count]

    def exchange(self, images: Tensor, step: Tensor) -> Tensor:
        """What a discriminator is to see in place of `images` [B, H, W, C].

        Args:
          step: of the run, which with the seed decides coins and places.
        """
        if not self.size:
            return images
        replica = tf.distribute.get_replica_context()
        size = tf.shape(images)[0]
        handed_back = self._exchange(tf.stop_gradient(all_images(images)), step)
        start = tf.cast(replica.replica_id_in_sync_group, tf.int32) * size
        return handed_back[start : start + size]

    def _exchange(self, images, step):
        seed, step = tf.constant(self.seed, tf.int64), tf.cast(step, tf.int64)
        order = tf.random.experimental.stateless_shuffle(
            tf.range(self.size), tf.stack([seed, 2 * step])
        )
        number = tf.range(tf.minimum(tf.shape(images)[0], self.size))
        coins = tf.stack([seed, 2 * step + 1])
        coin = tf.random.stateless_uniform(tf.shape(number), coins) < 0.5
        count = tf.convert_to_tensor(self.count)
        fresh = count + number < self.size
        # A pool that is not full yet hands back nothing old.
        full = tf.fill(tf.shape(number), count == self.size)
        place = tf.where(fresh, count + number, tf.gather(order, number))
        old = tf.gather(self.images, place)
        new = images[: tf.size(number)]
        swapped = full & coin
        stored = tf.where((fresh | swapped)[:, None, None, None], new, old)
        # Where nothing is stored, a place may be one that is being filled.
        filled = tf.where(fresh | swapped)
        self.images.assign(
            tf.tensor_scatter_nd_update(
                self.images,
                tf.gather(place, filled),
                tf.gather(stored, filled[:, 0]),
            )
        )
        self.count.assign(tf.minimum(count + tf.size(number), self.size))
        handed_back = tf.where(swapped[:, None, None, None], old, new)
        return tf.concat([handed_back, images[tf.size(number) :]], 0)
