"""Several sources in one SPEC."""

import collections

import numpy as np
import pytest
import tensorflow as tf
from harness import write_pictures
from PIL import Image

from tfcolor import config as config_lib
from tfcolor.data import crops
from tfcolor.data import datasets
from tfcolor.data import mixtures
from tfcolor.data import pipeline
from tfcolor.data import readers
from tfcolor.data import sources
from tfcolor.errors import UsageError


def shown(example, weights):
    """(part, place) of an example."""
    for part, (here, place) in enumerate(mixtures.places(example, weights)):
        if here:
            return part, place


def test_places_by_hand():
    assert [shown(i, [1, 1]) for i in range(4)] == [(1, 0), (0, 0), (1, 1), (0, 1)]
    assert [shown(i, [3, 7])[0] for i in range(10)] == [1, 1, 1, 0, 1, 1, 0, 1, 1, 0]
    assert [shown(i, [2])[1] for i in range(3)] == [0, 1, 2]


@pytest.mark.parametrize("weights", [[3, 7], [1, 2, 4], [5, 1, 1, 3], [1, 999]])
def test_shares_are_exact(weights):
    """After each period, and nearly so in between; none is left out or comes twice."""
    total, counts = sum(weights), collections.Counter()
    for example in range(20 * total):
        part, place = shown(example, weights)
        assert place == counts[part]
        counts[part] += 1
        for i, weight in enumerate(weights):
            assert abs(counts[i] - (example + 1) * weight / total) < len(weights)
    assert counts == {i: 20 * weight for i, weight in enumerate(weights)}


def test_places_far_on_are_those_of_large_numbers():
    weights = [10**8 + 7, 3, 8 * 10**8]
    for example in (0, 10**9 + 9, 2**61 + 12345):
        expected = mixtures.places(example, weights)  # Python's numbers do not overflow
        assert example < 10**10 or expected[0][1] == example * weights[0] // sum(
            weights
        )
        found = mixtures.places(tf.constant(example, tf.int64), weights)
        assert [(bool(a), int(b)) for a, b in found] == expected


def test_specs_are_split_at_their_weights():
    assert mixtures.split("folder:A*0.3+array_record:B-*.x*0.7") == [
        ("folder:A", "0.3"),
        ("array_record:B-*.x", "0.7"),
    ]
    for spec in ("sample", "folder:/c++/a*b/c", "array_record:p-*.x", "folder:A*0.3"):
        assert mixtures.split(spec) == []
    assert mixtures.whole(["0.3", "0.7"]) == [3, 7]
    assert mixtures.whole(["2", "1e-1", "0.5"]) == [20, 1, 5]
    assert mixtures.whole(["6", "9"]) == [2, 3]


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("sample*-0.3+drawings*0.7", "the weight '-0.3' is not a number above 0"),
        ("sample*0.3+drawings*nan", "the weight 'nan' is not a number above 0"),
        ("sample*inf+drawings*1", "the weight 'inf' is not a number above 0"),
        ("sample*0+drawings*1", "the weight '0' is not a number above 0"),
        ("sample*1+drawings*1e-99999", "the weight '1e-99999' is not a number above 0"),
        ("sample*many+drawings*1", "the weight 'many' is not a number above 0"),
        ("sample*1+drawings*0.12345678901", "take such of fewer digits"),
        ("sample*1+folder:B", "each part of a mixture needs a weight"),
        ("folder:A+array_record:B-*.x*0.7", "each part of a mixture needs a weight"),
        ("sample*1+folder:/no/such*1", "/no/such: no such folder"),
        ("sample*1+array_record:/no-*.x*1", "/no-\\*.x: matches no file"),
    ],
)
def test_bad_mixtures_are_named(spec, message):
    with pytest.raises(UsageError, match=message):
        sources.open_source(spec)


@pytest.fixture
def folders(tmp_path, rng):
    """Pictures of one side in A and of another in B."""
    write_pictures(tmp_path / "A", rng, 5, ".jpg", height=30, width=30)
    write_pictures(tmp_path / "B", rng, 11, ".jpg", height=40, width=40)
    return tmp_path


def spec(folders, a=0.3, b=0.7):
    return f"folder:{folders}/A*{a}+folder:{folders}/B*{b}"


def test_each_source_is_permuted_epoch_by_epoch(folders):
    source = sources.open_source(spec(folders))
    assert len(source) == 16
    assert [source.name(i) for i in (4, 5, 15)] == ["0004.jpg", "0000.jpg", "0010.jpg"]
    assert [source.read(i).shape[0] for i in (4, 5)] == [30, 40]
    number = tf.function(lambda i: mixtures.image_number(i, 3, source))
    found = [int(number(i)) for i in tf.range(220, dtype=tf.int64)]
    first = [i for i in found if i < 5]
    second = [i for i in found if i >= 5]
    assert len(first) == 66
    for numbers, count, lowest in ((first[:65], 5, 0), (second, 11, 5)):
        epochs = [numbers[i : i + count] for i in range(0, len(numbers), count)]
        assert {tuple(sorted(epoch)) for epoch in epochs} == {
            tuple(range(lowest, lowest + count))
        }
        assert len(set(map(tuple, epochs))) > len(epochs) // 2
    assert found == [int(number(i)) for i in tf.range(220, dtype=tf.int64)]


def test_sources_of_one_size_have_orders_of_their_own(folders):
    source = sources.open_source(spec(folders).replace("/B", "/A"))
    found = [
        int(mixtures.image_number(tf.constant(i, tf.int64), 3, source))
        for i in range(40)
    ]
    first, second = [i for i in found if i < 5][:10], [i - 5 for i in found if i >= 5]
    assert first != second[:10]


def test_a_mixture_resumes_and_divides_as_folders_do(folders):
    data = config_lib.Data(image_size=16, batch_size=10)

    def batches(count, **position):
        reader = readers.Reader(sources.open_source(spec(folders)), data, 7, None)
        made = pipeline.training_crops(reader, data, 7, **position).take(count)
        return [batch["rgb"] for batch in made.as_numpy_iterator()]

    whole = batches(5)
    np.testing.assert_array_equal(whole[3:], batches(2, start=3))
    halves = [batches(1, shard=i, shards=2)[0] for i in range(2)]
    np.testing.assert_array_equal(whole[0], np.concatenate(halves))


def test_what_cannot_be_used_is_replaced_by_the_same_source(folders):
    for i in range(4):
        Image.new("RGB", (30, 30), (9, 9, 9)).save(folders / "A" / f"{i:04d}.jpg")
    source = sources.open_source(spec(folders))
    data = config_lib.Data(image_size=16, batch_size=10, crop="center")
    listed = []
    reader = readers.Reader(source, data, 0, lambda *line: listed.append(line))
    for example in range(20):
        window = reader.read(example, 1, np.full(crops.NUMBERS, 0.5))
        np.testing.assert_array_equal(window, source.read(4))
    assert {name for name, _ in listed} <= {f"000{i}.jpg" for i in range(4)}
    assert readers.replacements(source, 9) == (5, 11)


def test_hold_out_and_fingerprint_are_of_the_parts(folders, rng):
    source = sources.open_source(spec(folders))
    kept, held = sources.hold_out(source)
    parts = [sources.hold_out(sources.folder(folders / name)) for name in "AB"]
    assert len(parts[0][0]) == 5  # too few to hold any out
    assert [len(part) for part in kept.parts] == [5, 10]
    assert [held.name(i) for i in range(len(held))] == [parts[1][1].name(0)]
    assert kept.weights == [3, 7]
    few = sources.open_source(spec(folders).replace("/B", "/A"))
    assert sources.hold_out(few) == (few, few)
    assert sources.fingerprint(source).startswith("16-")
    said = {
        sources.fingerprint(sources.open_source(one))
        for one in (spec(folders), spec(folders, 3, 7), spec(folders, 0.4, 0.6))
    }
    assert len(said) == 2
    write_pictures(folders / "B" / "more", rng, 1, ".jpg")
    assert sources.fingerprint(sources.open_source(spec(folders))) not in said


def test_every_part_is_tried_at_the_start(folders):
    for i in range(5):
        (folders / "A" / f"{i:04d}.jpg").write_bytes(b"no picture")
    config = config_lib.of("l1")
    config.data.source = spec(folders)
    dataset = datasets.dataset_of(config_lib.resolve(config))
    with pytest.raises(UsageError, match=f"--data: folder:{folders}/A: "):
        dataset.probe(config_lib.Data(image_size=16, batch_size=4))
