"""Faults in how films are coloured."""

from faults.fault import Fault

YUV = [
    Fault(
        "film.luma_of_all_codes",
        "film/yuv.py",
        "(codes - 16.0) / 219.0",
        "codes / 255.0",
        "tests/film/test_yuv.py -k standard",
    ),
    Fault(
        "film.matrix_mixed_up",
        "film/yuv.py",
        "1: (0.2126, 0.0722),  # BT.709",
        "1: (0.299, 0.114),  # BT.709",
        "tests/film/test_yuv.py -k taken_of",
    ),
    Fault(
        "film.chroma_exchanged",
        "film/yuv.py",
        "return np.stack([cb, cr])",
        "return np.stack([cr, cb])",
        "tests/film/test_yuv.py -k standard",
    ),
    Fault(
        "film.chroma_not_halved",
        "film/yuv.py",
        "cb = (blues - luma) / (2.0 * (1.0 - blue))",
        "cb = (blues - luma) / (1.0 - blue)",
        "tests/film/test_yuv.py -k standard",
    ),
    Fault(
        "film.out_of_gamut",
        "film/yuv.py",
        "factor = np.minimum(1.0, most / np.maximum(np.hypot(a, b), 1e-6))",
        "factor = np.ones_like(most)",
        "tests/film/test_yuv.py -k gamut",
    ),
    Fault(
        "film.grey_instead_of_the_edge",
        "film/yuv.py",
        "low, high = tf.where(inside, middle, low), tf.where(inside, high, middle)",
        "low, high = tf.where(inside, low, middle), tf.where(inside, middle, high)",
        "tests/film/test_yuv.py -k gamut",
    ),
    Fault(
        "film.tile_of_another_code",
        "film/yuv.py",
        "_ROWS, _COLUMNS = np.divmod(",
        "_COLUMNS, _ROWS = np.divmod(",
        "tests/film/test_yuv.py -k tables",
    ),
    Fault(
        "film.more_bits_not_scaled",
        "film/yuv.py",
        "chroma *= self.reach * scale",
        "chroma *= self.reach",
        "tests/film/test_yuv.py -k bits",
    ),
]

STEADY = [
    Fault(
        "steady.carried_the_wrong_way",
        "film/steady.py",
        "x, y = places(flow(lightness, before))",
        "x, y = places(-flow(lightness, before))",
        "tests/film/test_steady.py -k carried",
    ),
    Fault(
        "steady.not_carried",
        "film/steady.py",
        "x, y = places(flow(lightness, before))",
        "x, y = places(0 * flow(lightness, before))",
        "tests/film/test_steady.py -k carried",
    ),
    Fault(
        "steady.cuts_not_seen",
        "film/steady.py",
        "SAME_SHOT = 0.7",
        "SAME_SHOT = -1.0",
        "tests/film/test_steady.py -k cut",
    ),
    Fault(
        "steady.brightness_counts",
        "film/steady.py",
        "difference -= np.median(difference[inside])",
        "difference -= 0.0",
        "tests/film/test_steady.py -k agreement",
    ),
    Fault(
        "steady.contrast_counts",
        "film/steady.py",
        "difference = lightness - gain * before",
        "difference = lightness - before",
        "tests/film/test_steady.py -k agreement",
    ),
    Fault(
        "steady.what_was_out_of_sight_counts",
        "film/steady.py",
        "np.where(inside, agree, 0.0)",
        "np.where(inside, agree, agree)",
        "tests/film/test_steady.py -k agreement",
    ),
    Fault(
        "steady.forgets_one_too_early",
        "film/steady.py",
        "self.limit = strength / (1.0 - strength)",
        "self.limit = strength",
        "tests/film/test_steady.py -k mean",
    ),
    Fault(
        "steady.deviations_not_centred",
        "film/steady.py",
        "np.mean((x - x.mean()) * (y - y.mean()))",
        "np.mean(x * y)",
        "tests/film/test_steady.py -k pearson",
    ),
]

FILES = [
    Fault(
        "film.decoded_when_shown",
        "film/encoding.py",
        "return [*past, *shown][: len(shown)]",
        "return list(shown)",
        "tests/film/test_films.py -k decoding_precedes",
    ),
    Fault(
        "film.goes_on_without_its_past",
        "film/colorize.py",
        "state = self.journal.state or {}",
        "state = {}",
        "tests/film/test_films.py -k broken_off",
    ),
    Fault(
        "film.not_upright",
        "film/reading.py",
        "np.rot90(lightness, self.film.quarters)",
        "np.rot90(lightness, -self.film.quarters)",
        "tests/film/test_films.py -k upright",
    ),
    Fault(
        "film.damaged_segments_are_whole",
        "film/journal.py",
        "return data if zlib.crc32(data) == crc else None",
        "return data",
        "tests/film/test_films.py -k torn",
    ),
    Fault(
        "film.of_line_art",
        "film/batch.py",
        'if predictor.info["head"] in DRAWING:',
        "if False:",
        "tests/film/test_film_command.py -k line_art",
    ),
]

HINTS = [
    Fault(
        "film_hints.carried_the_wrong_way",
        "film/hinting.py",
        "place = start - _sampled(flow, place)",
        "place = start + _sampled(flow, place)",
        "tests/film/test_film_hints.py -k motion_takes",
    ),
    Fault(
        "film_hints.carried_by_the_flow_at_the_start",
        "film/hinting.py",
        "_ROUNDS = 8",
        "_ROUNDS = 1",
        "tests/film/test_hinting.py",
    ),
    Fault(
        "film_hints.carried_over_a_cut",
        "film/steady.py",
        "if not same_shot(lightness, moved, inside):",
        "if not inside.any():",
        "tests/film/test_film_hints.py -k cut",
    ),
    Fault(
        "film_hints.lightness_not_looked_at",
        "film/hinting.py",
        "kept[kept] = motion.agreement[y, x] >= LEAST",
        "kept[kept] = motion.agreement[y, x] >= 0.0",
        "tests/film/test_hinting.py",
    ),
    Fault(
        "film_hints.forgotten_when_broken_off",
        "film/colorize.py",
        'self.hinter.points = state.get("points", hinting.NONE)',
        "self.hinter.points = hinting.NONE",
        "tests/film/test_film_hints.py -k broken_off",
    ),
    Fault(
        "film_hints.averaged_away",
        "film/colorize.py",
        "frame.ab = yuv.obeyed(frame.ab, frame.hints)",
        "pass",
        "tests/film/test_film_hints.py -k motion_takes",
    ),
    Fault(
        "film_hints.the_past_counts_where_they_are_given",
        "film/colorize.py",
        "motion = None if frame.marked else frame.motion",
        "motion = frame.motion",
        "tests/film/test_film_hints.py -k without_the_filter",
    ),
    Fault(
        "film_hints.old_ones_stay_near_new_ones",
        "film/hinting.py",
        "kept = points[away[y, x] > NEAR]",
        "kept = points[away[y, x] > 0.0]",
        "tests/film/test_film_hints.py -k replace",
    ),
]

FAULTS = YUV + STEADY + FILES + HINTS
