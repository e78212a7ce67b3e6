"""tfcolor: image colorization with GANs in TensorFlow and Keras.

Importing this package is cheap: TensorFlow is imported by the modules that
need it.
"""

__version__ = "0.1.0"
