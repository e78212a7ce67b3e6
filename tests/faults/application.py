"""Faults in what is done with a trained network, and around the training."""

from faults.fault import Fault

RESIZE = [
    Fault(
        "resize.corners_aligned",
        "images/resize.py",
        "+ 0.5) * scale - 0.5",
        ") * scale",
        "tests/images/test_resize.py -k tensorflow",
    ),
    Fault(
        "resize.not_antialiased",
        "images/resize.py",
        "tf.abs(distance) / tf.maximum(scale, 1.0)",
        "tf.abs(distance)",
        "tests/images/test_resize.py -k tensorflow",
    ),
    Fault(
        "resize.sharper_cubic",
        "images/resize.py",
        "near = (1.5 * t - 2.5) * t * t + 1.0",
        "near = (1.25 * t - 2.25) * t * t + 1.0",
        "tests/images/test_resize.py -k tensorflow",
    ),
    Fault(
        "resize.edge_repeated",
        "images/resize.py",
        "last = tf.maximum(count - 1, 1)",
        "last = tf.maximum(count, 1)",
        "tests/images/test_resize.py -k reflected",
    ),
]

INFERENCE = [
    Fault(
        "inference.longer_side_as_it_comes",
        "images/working.py",
        "LONGEST = 4",
        "LONGEST = 400",
        "tests/inference/test_inference.py -k working_shape",
    ),
    Fault(
        "inference.sides_cut_off",
        "images/working.py",
        "np.round(sides * scale).astype(int)",
        "(sides * scale).astype(int)",
        "tests/inference/test_inference.py -k working_shape",
    ),
    Fault(
        "inference.padded_before",
        "inference/predictor.py",
        "np.abs((np.arange(count + after) + last)",
        "np.abs((np.arange(-after, count) + last)",
        "tests/inference/test_inference.py -k reflection",
    ),
    Fault(
        "inference.l_not_centred",
        "inference/predictor.py",
        "l = padded[..., None] / np.float32(cie.L_HALF) - np.float32(1.0)",
        "l = padded[..., None] / np.float32(2.0 * cie.L_HALF)",
        "tests/inference/test_inference.py -k it_is_the_network",
    ),
    Fault(
        "inference.every_band_the_first",
        "images/compose.py",
        '"cubic", first, count',
        '"cubic", 0, count',
        "tests/inference/test_inference.py -k bands",
    ),
    Fault(
        "inference.first_band_left_out",
        "images/working.py",
        "for rows, span, matrix in down:",
        "for rows, span, matrix in down[1:]:",
        "tests/inference/test_inference.py -k bands",
    ),
    Fault(
        "inference.saturation_of_lightness",
        "inference/predictor.py",
        "planes[:, :2] *= saturation",
        "planes *= saturation",
        "tests/inference/test_line_art.py -k full_size",
    ),
    Fault(
        "inference.lightness_of_the_network",
        "color/arrays.py",
        "_luminance(own, y, f)",
        "_luminance(own, y, f), np.multiply(y, 0.97, out=y)",
        "tests/inference/test_inference.py -k full_size",
    ),
]

EXPORT = [
    Fault(
        "export.orientation_ignored",
        "images/encoded.py",
        "exif.upright(tf.ensure_shape(image, [None, None, 3]), data)",
        "tf.ensure_shape(image, [None, None, 3])",
        "tests/inference/test_serving.py -k every_format_and_orientation",
    ),
    Fault(
        "export.companions_of_any_version",
        "inference/export.py",
        "if served and version >= max(restore.versions(base), default=0):",
        "if served:",
        "tests/inference/test_export.py::test_versions",
    ),
    Fault(
        "export.logits_for_probabilities",
        "inference/export.py",
        'tf.nn.softmax(planes["logits"])',
        'planes["logits"]',
        "'tests/inference/test_serving.py::test_answers_without_python_as_keras_does"
        "[classification]'",
    ),
    Fault(
        "export.enlarged_bilinearly",
        "inference/planes.py",
        'resize.weights(tf.shape(planes)[2], height, "cubic")',
        'resize.weights(tf.shape(planes)[2], height, "linear")',
        "tests/inference/test_export.py -k bicubically",
    ),
    Fault(
        "exif.byte_order_ignored",
        "images/exif.py",
        'little = tiff[0] == ord("I")',
        "little = tf.constant(True)",
        "tests/images/test_exif.py -k upright",
    ),
]

RUN = [
    Fault(
        "checkpoints.dropout_forgotten",
        "runs/checkpoints.py",
        '"random_state": _values(random_state)',
        '"random_state": _values([])',
        "'tests/training/test_resume.py::test_resumed_is_uninterrupted_to_the_last_bit[l1]'",
    ),
    Fault(
        "checkpoints.optimizers_forgotten",
        "runs/checkpoints.py",
        '_optimizer": _values(o.variables)',
        '_optimizer": _values([])',
        "'tests/training/test_resume.py::test_resumed_is_uninterrupted_to_the_last_bit[l1]'",
    ),
    Fault(
        "checkpoints.oldest_first",
        "runs/checkpoints.py",
        "for path in reversed(paths):",
        "for path in paths:",
        "'tests/training/test_resume.py::test_resumed_is_uninterrupted_to_the_last_bit[l1]'",
    ),
    Fault(
        "checkpoints.named_before_whole",
        "runs/checkpoints.py",
        "self.checkpoint.write(str(made / name))",
        "self.checkpoint.write(str(self.folder / name))",
        "tests/runs/test_checkpoints.py -k any_moment",
    ),
    Fault(
        "checkpoints.generator_for_average",
        "runs/checkpoints.py",
        "trainer.average.weights if trainer.average else []",
        "trainer.averaged().weights if trainer.average else []",
        "tests/inference/test_inference.py -k average",
    ),
    Fault(
        "callbacks.nan_goes_on",
        "training/callbacks.py",
        "if not math.isfinite(value) and not excused:",
        "if math.isinf(value) and not excused:",
        "tests/training/test_callbacks.py -k nan_gradient",
    ),
    Fault(
        "callbacks.means_of_all_steps",
        "training/monitoring.py",
        "self.began, self.seen = now, []",
        "self.began = now",
        "tests/training/test_callbacks.py -k interval",
    ),
    Fault(
        "callbacks.rates_of_another_step",
        "training/monitoring.py",
        'means[name] = last if name.startswith("lr/") else',
        "means[name] =",
        "tests/training/test_callbacks.py -k over_their_interval",
    ),
    Fault(
        "callbacks.last_step_not_saved",
        "training/callbacks.py",
        "if self.ended_by or super().due(step):",
        "if self.ended_by or step % self.every == 0:",
        "tests/training/test_callbacks.py -k saved_at_its_interval",
    ),
    Fault(
        "stages.generator_alone_sees_n_critic",
        "config/stages.py",
        'minibatches = 1 if phase == "generator" else n_critic',
        "minibatches = n_critic",
        "tests/training/test_stages.py -k segments",
    ),
    Fault(
        "stages.resting_optimizers_counted",
        "config/stages.py",
        'updated["g"] += steps * (phase != "critic")',
        'updated["g"] += steps',
        "tests/training/test_stages.py -k segments",
    ),
    Fault(
        "optimizers.rate_falls_at_once",
        "training/optimizers.py",
        "falling = max(steps * (1.0 - constant), 1e-9)",
        "falling = max(steps, 1e-9)",
        "tests/training/test_optimizers.py -k rate",
    ),
]

CLASSICAL = [
    Fault(
        "levin.affinities_of_any_sum",
        "classical/affinity.py",
        "return weights / weights.sum(0)",
        "return weights / 8.0",
        "tests/classical/test_levin.py -k affinities",
    ),
    Fault(
        "levin.variance_of_the_paper_unscaled",
        "classical/affinity.py",
        "_SPREAD = 0.6",
        "_SPREAD = 1.0",
        "tests/classical/test_levin.py -k affinities",
    ),
    Fault(
        "levin.known_neighbours_repel",
        "classical/levin.py",
        "_csr(values, _neighbor_numbers(known, free), counts[1])",
        "_csr(-values, _neighbor_numbers(known, free), counts[1])",
        "tests/classical/test_levin.py -k 'rows_sum or dense_system'",
    ),
    Fault(
        "multigrid.loss_of_the_difference",
        "classical/stencils.py",
        "np.subtract(value, neighbor(x, color, rows, k), out=term)",
        "np.subtract(0.5 * value, neighbor(x, color, rows, k), out=term)",
        "tests/classical/test_multigrid.py -k products",
    ),
    Fault(
        "multigrid.next_grid_without_the_deficit",
        "classical/coarsening.py",
        "sums = -system.product(deficit, system.unknowns())",
        "sums = 0.0 * system.product(deficit, system.unknowns())",
        "tests/classical/test_multigrid.py -k galerkin",
    ),
    Fault(
        "canvas.starts_from_nothing",
        "classical/canvas.py",
        "last = self.last if self._fits(chroma) else None",
        "last = None",
        "tests/classical/test_multigrid.py -k last_one",
    ),
    Fault(
        "levin.strokes_summed_when_reduced",
        "classical/levin.py",
        "np.stack(sums, -1) / np.maximum(count, 1)[..., None]",
        "np.stack(sums, -1)",
        "tests/classical/test_levin.py -k reduced",
    ),
    Fault(
        "levin.energy_of_the_strokes_too",
        "classical/levin.py",
        "np.square((plane - mean)[~known], dtype=np.float64)",
        "np.square(plane - mean, dtype=np.float64)",
        "tests/classical/test_levin.py -k energy",
    ),
    Fault(
        "charpiat.smoothing_unweighted",
        "classical/charpiat.py",
        "weights = smoothness * 0.5 * (inverse[pairs[0]] + inverse[pairs[1]])",
        "weights = 0.0 * smoothness * (inverse[pairs[0]] + inverse[pairs[1]])",
        "tests/classical/test_charpiat.py -k smoothness",
    ),
    Fault(
        "charpiat.window_never_widened",
        "classical/charpiat.py",
        "np.maximum(self.bandwidth**2, _BALLOON * nearest)",
        "self.bandwidth**2",
        "tests/classical/test_charpiat.py -k parzen",
    ),
    Fault(
        "charpiat.gradient_of_a_alone",
        "classical/charpiat.py",
        "np.sqrt(sum((d * d).sum(-1) for d",
        "np.sqrt(sum((d * d)[..., 0] for d",
        "tests/classical/test_charpiat.py -k ramp",
    ),
    Fault(
        "expansion.pairs_half_cut",
        "classical/expansion.py",
        "both = second_goes + first_goes - stay",
        "both = second_goes - stay",
        "tests/classical/test_charpiat.py -k best_of_all",
    ),
    Fault(
        "expansion.neighbours_without_diagonals",
        "classical/expansion.py",
        "_PAIRS = ((0, 1), (1, 0), (1, 1), (1, -1))",
        "_PAIRS = ((0, 1), (1, 0), (1, 1))",
        "tests/classical/test_charpiat.py -k neighbour_pairs",
    ),
]

FAULTS = RESIZE + INFERENCE + EXPORT + RUN + CLASSICAL
