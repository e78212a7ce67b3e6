"""Faults between the files and the batches."""

from faults.fault import Fault

SOURCES = [
    Fault(
        "sources.sixteen_bits_clipped",
        "images/decode.py",
        "levels = np.round(levels / 257.0)",
        "levels = np.round(levels)",
        "tests/images/test_decode.py -k 16_bit_grey",
    ),
    Fault(
        "sources.transparency_on_black",
        "images/decode.py",
        'Image.new("RGBA", image.size, "white")',
        'Image.new("RGBA", image.size, "black")',
        "tests/images/test_decode.py -k transparen",
    ),
    Fault(
        "sources.orientation_ignored",
        "images/decode.py",
        "image = ImageOps.exif_transpose(to_8_bit(image))",
        "image = to_8_bit(image)",
        "tests/images/test_decode.py -k orientation",
    ),
    Fault(
        "sources.reduced_too_far",
        "images/decode.py",
        "min(size) // (2 * factor) >= side",
        "min(size) // factor >= side",
        "tests/images/test_decode.py -k reduced",
    ),
    Fault(
        "sources.held_out_trained_on",
        "data/sources.py",
        "Part(source, Others(len(source), held))",
        "Part(source, range(len(source)))",
        "tests/data/test_sources.py -k hold_out",
    ),
    Fault(
        "readers.grey_for_a_larger_colour",
        "data/readers.py",
        "return np.abs(vivid[:, 1:]).max() > LEAST_COLOR",
        "return np.abs(vivid[:, 1:]).mean() > LEAST_COLOR",
        "tests/data/test_readers.py -k has_color",
    ),
    Fault(
        "readers.grey_crops_rejected",
        "data/readers.py",
        "if has_color(self._read(number)):",
        "if has_color(window):",
        "tests/data/test_readers.py -k grey_crop",
    ),
    Fault(
        "readers.replaced_by_the_next",
        "data/readers.py",
        "number = first + _mix(self.seed, int(example), attempt) % count",
        "number = first + len(self.rejected) % count",
        "tests/data/test_readers.py -k replaced",
    ),
]

CROPS = [
    Fault(
        "pipeline.every_picture_mirrored",
        "data/pipeline.py",
        "numbers[-1] >= 0.5",
        "numbers[-1] >= 0.0",
        "tests/data/test_pipeline.py -k mirrors",
    ),
    Fault(
        "pipeline.every_shard_the_first",
        "data/pipeline.py",
        "tf.range(shard * part, (shard + 1) * part, dtype=tf.int64)",
        "tf.range(0, part, dtype=tf.int64)",
        "tests/data/test_pipeline.py -k shards",
    ),
    Fault(
        "pipeline.starts_anew",
        "data/pipeline.py",
        "steps = tf.data.Dataset.range(start, last)",
        "steps = tf.data.Dataset.range(0, last)",
        "tests/data/test_pipeline.py -k starting_at_step_s",
    ),
    Fault(
        "augment.sides_for_areas",
        "data/crops.py",
        "min(size) * math.sqrt(smallest_area + (1.0 - smallest_area) * area)",
        "min(size) * (smallest_area + (1.0 - smallest_area) * area)",
        "tests/data/test_crops.py -k boxes",
    ),
    Fault(
        "augment.no_aspect",
        "data/crops.py",
        "stretch = LARGEST_ASPECT ** (aspect - 0.5)",
        "stretch = 1.0",
        "tests/data/test_crops.py -k boxes_by_hand",
    ),
    Fault(
        "augment.last_place_left_out",
        "data/crops.py",
        "int(top * (size[0] - height + 1))",
        "int(top * (size[0] - height) / 2)",
        "tests/data/test_crops.py -k boxes_by_hand",
    ),
    Fault(
        "augment.dullest_window",
        "data/crops.py",
        "return max(boxes, key=",
        "return min(boxes, key=",
        "tests/data/test_crops.py -k smart_crop",
    ),
]

DISTORTIONS = [
    Fault(
        "distortions.clockwise",
        "data/distortions.py",
        "angle = signed[0] * (rotation",
        "angle = -signed[0] * (rotation",
        "tests/data/test_distortions.py -k counter_clockwise",
    ),
    Fault(
        "distortions.corners_twice_as_far",
        "data/distortions.py",
        "(perspective / 4.0 * last)",
        "(perspective / 2.0 * last)",
        "tests/data/test_distortions.py -k perspective",
    ),
    Fault(
        "distortions.one_kernel",
        "images/degrade.py",
        "tf.where(size < 0.5, small, large)",
        "small",
        "tests/images/test_degrade.py -k blur",
    ),
    Fault(
        "distortions.erased_to_grey",
        "images/degrade.py",
        "tf.where(gone, 2.0 * lightness - 1.0, l)",
        "tf.where(gone, 0.0, l)",
        "tests/images/test_degrade.py -k erased",
    ),
    Fault(
        "distortions.sides_erased_alike",
        "images/degrade.py",
        "columns, shape[2], side / stretch, left",
        "columns, shape[2], side * stretch, left",
        "tests/images/test_degrade.py -k erased",
    ),
    Fault(
        "distortions.black_beyond_the_edge",
        "data/distortions.py",
        "fill_value=255.0",
        "fill_value=0.0",
        "tests/data/test_distortions.py -k beyond_the_edge",
    ),
]

PRIOR = [
    Fault(
        "prior.transposed",
        "data/prior.py",
        "point[..., 0] * _SIDE + point[..., 1]",
        "point[..., 1] * _SIDE + point[..., 0]",
        "tests/data/test_prior.py -k 'shares or counted_at_its_nearest'",
    ),
    Fault(
        "prior.cut_off_to_the_grid",
        "data/prior.py",
        "tf.math.ceil(steps - 0.5)",
        "tf.math.floor(steps)",
        "tests/data/test_prior.py -k 'shares or counted_at_its_nearest'",
    ),
    Fault(
        "prior.cached_for_every_size",
        "data/prior.py",
        "{data.image_size}-{limit}",
        "{limit}",
        "tests/data/test_prior.py -k other_images",
    ),
]

FAULTS = SOURCES + CROPS + DISTORTIONS + PRIOR
