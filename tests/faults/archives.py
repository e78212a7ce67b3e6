"""Faults in how pictures are packed, read from packed files, and mixed."""

from faults.fault import Fault

PACKING = [
    Fault(
        "packing.shards_end_too_soon",
        "data/packing.py",
        "(number + 1) * images // shards)",
        "(number + 1) * images // shards - 1)",
        "tests/data/test_packing.py -k 'their_names or ten_thousand'",
    ),
    Fault(
        "packing.written_in_place",
        "data/packing.py",
        "temporary = target + atomic.UNFINISHED",
        "temporary = target",
        "tests/data/test_packing.py -k stopped",
    ),
    Fault(
        "packing.cut_off_files_kept",
        "data/packing.py",
        "os.path.exists(path) and os.path.getsize(path) == shard.size",
        "os.path.exists(path)",
        "tests/data/test_packing.py -k cut_off",
    ),
    Fault(
        "packing.left_out_for_good",
        "data/packing.py",
        "if shard is None or shard.left_out:",
        "if shard is None:",
        "tests/data/test_packing.py -k tried_again",
    ),
    Fault(
        "packing.unreadable_files_forgotten",
        "data/packing.py",
        "left_out.append([name, str(found)])",
        "pass",
        "tests/data/test_packing.py -k tried_again",
    ),
    Fault(
        "packing.records_not_counted",
        "data/packing.py",
        "    if found != images:\n",
        "    if found > images:\n",
        "tests/data/test_packing.py -k records_that_are_missing",
    ),
    Fault(
        "packing.any_packing_goes_on",
        "data/packing.py",
        "if index.header.get(field) != value:",
        "if field not in index.header:",
        "tests/data/test_packing.py -k another_packing",
    ),
    Fault(
        "packing.chroma_halved",
        "data/packing.py",
        "subsampling=0",
        "subsampling=2",
        "tests/data/test_packing.py -k larger",
    ),
    Fault(
        "packing.longer_side_reduced",
        "data/packing.py",
        "scale = size / min(image.shape[:2])",
        "scale = size / max(image.shape[:2])",
        "tests/data/test_packing.py -k larger",
    ),
    Fault(
        "packing.broken_line_read",
        "data/shards.py",
        '.split("\\n")[:-1]',
        ".splitlines()",
        "tests/data/test_packing.py -k stopped",
    ),
    Fault(
        "packing.unfinished_taken_for_whole",
        "data/shards.py",
        'if len(index.shards) < index.header["shards"]:',
        "if not index.shards:",
        "tests/data/test_array_records.py -k not_whole",
    ),
    Fault(
        "packing.truncated_files_opened",
        "data/shards.py",
        "if size != shard.size:",
        "if size == 0:",
        "tests/data/test_array_records.py -k not_whole",
    ),
]

RECORDS = [
    Fault(
        "records.held_out_of_the_shard",
        "data/array_records.py",
        "return np.concatenate([start + shard.held_out for start, shard in places])",
        "return np.concatenate([shard.held_out for start, shard in places])",
        "tests/data/test_array_records.py -k 'pictures_are or held_out'",
    ),
    Fault(
        "records.lowest_of_the_shard",
        "data/array_records.py",
        "((shard.lowest[0], start + shard.lowest[1]) for start, shard in places)",
        "((shard.lowest[0], shard.lowest[1]) for start, shard in places)",
        "tests/data/test_array_records.py -k 'pictures_are or lowest'",
    ),
    Fault(
        "records.last_of_a_shard_in_the_next",
        "data/array_records.py",
        'shard = int(np.searchsorted(self.ends, i, side="right"))',
        'shard = int(np.searchsorted(self.ends, i, side="left"))',
        "tests/data/test_array_records.py -k 'pictures_are or stay_open'",
    ),
    Fault(
        "records.missing_records_ignored",
        "data/array_records.py",
        "if found != images:",
        "if found > images:",
        "tests/data/test_array_records.py -k gone",
    ),
    Fault(
        "records.fingerprint_without_names",
        "data/array_records.py",
        'f"{shard.images} {shard.names}\\n"',
        'f"{shard.images}\\n"',
        "tests/data/test_array_records.py -k fingerprints",
    ),
    Fault(
        "sources.parts_have_one_fingerprint",
        "data/sources.py",
        "    digest.update(np.asarray(numbers, np.int64).tobytes())\n",
        "",
        "tests/data/test_array_records.py -k fingerprints",
    ),
    Fault(
        "sources.others_shifted",
        "data/sources.py",
        'np.searchsorted(self.before, i, side="right")',
        'np.searchsorted(self.before, i, side="left")',
        "tests/data/test_array_records.py -k pictures_are",
    ),
]

MIXTURES = [
    Fault(
        "mixtures.shares_drift",
        "data/mixtures.py",
        "rest, total = rest - before, total - weight",
        "rest, total = rest - before, total",
        "tests/data/test_mixtures.py -k shares",
    ),
    Fault(
        "mixtures.remainder_lost",
        "data/mixtures.py",
        "return count // total * weight + count % total * weight // total",
        "return count // total * weight",
        "tests/data/test_mixtures.py -k shares",
    ),
    Fault(
        "mixtures.products_overflow",
        "data/mixtures.py",
        "return count // total * weight + count % total * weight // total",
        "return count * weight // total",
        "tests/data/test_mixtures.py -k far_on",
    ),
    Fault(
        "mixtures.one_order_for_all",
        "data/mixtures.py",
        "stream = seed + part * streams.PART",
        "stream = seed",
        "tests/data/test_mixtures.py -k orders_of_their_own",
    ),
    Fault(
        "mixtures.first_of_the_mixture",
        "data/mixtures.py",
        "own += self._first(part)",
        "own += 0",
        "tests/data/test_mixtures.py -k permuted",
    ),
    Fault(
        "mixtures.replaced_by_any",
        "data/mixtures.py",
        "return self._first(part), len(self.parts[part])",
        "return 0, len(self)",
        "tests/data/test_mixtures.py -k replaced",
    ),
    Fault(
        "mixtures.weights_not_in_the_fingerprint",
        "data/mixtures.py",
        'f"{weight} {sources.fingerprint(part)}\\n"',
        'f"{sources.fingerprint(part)}\\n"',
        "tests/data/test_mixtures.py -k fingerprint",
    ),
    Fault(
        "mixtures.any_weight",
        "data/mixtures.py",
        "sound = 0.0 < float(text) < math.inf",
        "sound = float(text) == float(text)",
        "tests/data/test_mixtures.py -k bad_mixtures",
    ),
    Fault(
        "mixtures.only_the_whole_is_tried",
        "data/mixtures.py",
        "if not isinstance(source, Mixture):\n        return [(source, field)]",
        "if True:\n        return [(source, field)]",
        "tests/data/test_mixtures.py -k at_the_start",
    ),
]

FAULTS = PACKING + RECORDS + MIXTURES
