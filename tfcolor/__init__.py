"""tfcolor: image colorization with GANs in TensorFlow and Keras.

Importing this package is cheap: TensorFlow is imported by the modules that
need it.
"""

from tfcolor.version import __version__

__all__ = ["__version__", "load"]


def load(model):
    """The colorizer of weights that ship, such as "photo", in a run's folder or an
    exported SavedModel.

    Returns:
      A `tfcolor.inference.Predictor`: called with uint8 [H, W] or [H, W, 3], of
      any size, it gives uint8 [H, W, 3]; with a batch [N, H, W, 1 or 3] uint8
      [N, H, W, 3].

    Raises:
      ValueError: there are no such weights, or the folder holds neither.
    """
    from tfcolor.inference import restore

    return restore.load(model)
