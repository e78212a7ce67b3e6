"""Names that a config may hold, and what they stand for.

Whoever checks a name, and whoever knows what it stands for, finds it here. Importing
this needs no TensorFlow.
"""

# What a generator's last part predicts.
HEADS = ("ab", "bins", "lab", "rgb")

# Of drawings: they predict lightness too, which the lines of a scan do not say.
DRAWING = ("lab", "rgb")

# Of weights that were trained before the attention "simple" became a mean.
SUMMED = "attention: simple was a sum over the pixels, and is now their mean"
