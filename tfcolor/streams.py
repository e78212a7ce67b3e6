"""Streams of random numbers: what is added to a run's seed, which is less than
2^32, so that none of them shares its numbers with another.

The numbers of a stream follow from (seed + stream, counter). The augmentation
uses the seed itself.
"""

GEOMETRY = 1 << 32  # rotation and perspective
INPUT = 2 << 32  # blur and erasing
ORDER = 3 << 32  # of an epoch
SCANS = 4 << 32  # added to the four above, for the scans of drawings
PENALTY = 8 << 32  # where between real and fake a step takes its slopes
AGING = 9 << 32  # of the inputs
HINTS = 10 << 32
PART = 1 << 40  # times the number of a mixture's part, added to the order's
