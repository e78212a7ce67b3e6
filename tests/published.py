"""The bins of Zhang et al. 2016, and of which colour some are."""

import numpy as np

# The published table: for each a, the first and the last b, in steps of 10.
RUNS = {
    -90: (50, 90),
    -80: (20, 90),
    -70: (0, 90),
    -60: (-20, 90),
    -50: (-30, 100),
    -40: (-40, 100),
    -30: (-50, 100),
    -20: (-50, 100),
    -10: (-60, 100),
    0: (-70, 100),
    10: (-80, 90),
    20: (-80, 90),
    30: (-90, 90),
    40: (-100, 90),
    50: (-100, 80),
    60: (-110, 80),
    70: (-110, 80),
    80: (-110, 70),
    90: (-110, 70),
    100: (-90, 0),
}
BINS = np.array(
    [(a, b) for a, (low, high) in RUNS.items() for b in range(low, high + 1, 10)],
    float,
)
GREY, RED, BLUE = (
    int(np.flatnonzero((color == BINS).all(1))[0])
    for color in [(0, 0), (70, 60), (70, -100)]
)
