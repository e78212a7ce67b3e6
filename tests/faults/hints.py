"""Faults of hints and suggestions."""

from faults.fault import Fault

SIMULATED = "tests/data/test_hints.py -k 'second_implementation or points'"
SPREAD = "tests/inference/test_spreading.py"
TENSORS = "tests/inference/test_hints_inference.py -k 'rows or tensors or remains'"
EVALUATED = "tests/evaluation/test_hints_evaluation.py -k 'places or counts or levin'"
SUGGESTED = "tests/inference/test_suggestions.py -k 'doubt'"

FAULTS = [
    Fault(
        "hints.points_not_geometric",
        "data/hints.py",
        "math.log(1.0 - STOP)",
        "math.log(STOP)",
        SIMULATED,
    ),
    Fault(
        "hints.corner_for_mean",
        "data/hints.py",
        "tf.reduce_sum(colors * counted, 2, keepdims=True) / tf.maximum(total, 1.0)",
        "colors[:, :, :1]",
        SIMULATED,
    ),
    Fault(
        "hints.none_is_never",
        "data/hints.py",
        "shown & (share >= STOP)",
        "shown & (share >= ALL)",
        SIMULATED,
    ),
    Fault(
        "hints.weak_where_small",
        "networks/hints.py",
        "color = means[..., :2] / ops.where(known, share, ops.ones_like(share))",
        "color = means[..., :2]",
        "tests/data/test_hints.py -k cells",
    ),
    Fault(
        "hints.first_covers_last",
        "images/hints.py",
        "places = np.concatenate(known[::-1])",
        "places = np.concatenate(known)",
        TENSORS,
    ),
    Fault(
        "hints.edges_let_through",
        "inference/spreading.py",
        "EDGE = 6.0",
        "EDGE = 600.0",
        SPREAD,
    ),
    Fault(
        "hints.spread_without_end",
        "inference/spreading.py",
        "tf.square(1.0 / (REACH * side)) + beside",
        "1e-9 + beside",
        SPREAD,
    ),
    Fault(
        "hints.spread_as_far_in_pixels",
        "inference/spreading.py",
        "tf.square(1.0 / (REACH * side))",
        "tf.square(1.0 / (REACH * 64.0))",
        SPREAD,
    ),
    Fault(
        "hints.spread_over_edges_on_one_side",
        "inference/spreading.py",
        "right * _from_right(x)\n        + _to_right(right * x)",
        "right * _from_right(x)\n        + right * _to_right(x)",
        SPREAD,
    ),
    Fault(
        "hints.spread_past_known",
        "inference/spreading.py",
        "own = free * (tf.square(1.0 / (REACH * side)) + beside)",
        "own = free * tf.square(1.0 / (REACH * side))",
        SPREAD,
    ),
    Fault(
        "hints.spread_beyond_the_colors",
        "inference/spreading.py",
        "return tf.clip_by_value(found, lowest, highest)",
        "return found",
        SPREAD,
    ),
    Fault(
        "hints.halved_grids_unseen",
        "inference/spreading.py",
        "x += _doubled(_cycle(smaller, rest), grid)",
        "x += 0.0 * _doubled(_cycle(smaller, rest), grid)",
        SPREAD,
    ),
    Fault(
        "hints.directions_not_conjugate",
        "inference/spreading.py",
        "direction = nearer + tf.math.divide_no_nan(new, product) * direction",
        "direction = nearer",
        SPREAD,
    ),
    Fault(
        "hints.sums_for_means",
        "inference/steering.py",
        "means = sums[:, :2] / tf.maximum(count, 1.0) / AB_MAX",
        "means = sums[:, :2] / AB_MAX",
        TENSORS,
    ),
    Fault(
        "hints.own_pixel_forgotten",
        "inference/steering.py",
        "inside = (inside | own) & (radius > 0.0)",
        "inside = inside & (radius > 0.0)",
        TENSORS,
    ),
    Fault(
        "hints.the_same_places_everywhere",
        "evaluation/hints.py",
        "np.random.default_rng([size, number])",
        "np.random.default_rng([size])",
        EVALUATED,
    ),
    Fault(
        "suggestions.tilt_lost",
        "inference/suggestions.py",
        "moved = logits + _tilt(logits, tilt or (0, 0))",
        "moved = logits + 0.0",
        SUGGESTED,
    ),
    Fault(
        "suggestions.narrow_axis_first",
        "inference/suggestions.py",
        "return axes[:, ::-1], np.sqrt(np.maximum(values[::-1], 0.0))",
        "return axes, np.sqrt(np.maximum(values, 0.0))",
        SUGGESTED,
    ),
]
