import os

import numpy as np
import pytest
import tensorflow_datasets as tfds
from harness import picture
from harness import write_pictures

from tfcolor.data import sources
from tfcolor.errors import UsageError
from tfcolor.runs import folder as run_folder


def test_names_need_not_be_text(tmp_path, rng):
    name = os.fsdecode(b"caf\xe9.png")
    write_pictures(tmp_path, rng, 12)
    (tmp_path / "0000.png").rename(tmp_path / name)
    source = sources.open_source(str(tmp_path))
    assert source.read(source.names.index(name)).shape == (40, 56, 3)
    assert sources.fingerprint(source).startswith("12-")
    assert len(sources.hold_out(source)[1]) >= 1
    reports = run_folder.Workdir(tmp_path).reporter()
    reports(name, "why")
    assert (tmp_path / "skipped.tsv").read_bytes() == b"caf\xe9.png\twhy\n"


def test_folder_is_read_recursively_in_a_fixed_order(tmp_path, rng):
    write_pictures(tmp_path / "b" / "deep", rng, 2)
    write_pictures(tmp_path / "a", rng, 1, ".JPG")
    (tmp_path / "notes.txt").write_text("no picture")
    (tmp_path / ".hidden.png").write_bytes(b"")
    for spec in (f"folder:{tmp_path}", str(tmp_path)):
        source = sources.open_source(spec)
        names = [source.name(i) for i in range(len(source))]
        assert names == ["a/0000.JPG", "b/deep/0000.png", "b/deep/0001.png"]
        assert source.read(1).shape == (40, 56, 3)


def test_sample_is_there_and_colourful():
    source = sources.open_source("sample")
    assert len(source) == 8
    for i in range(len(source)):
        assert np.ptp(source.read(i).astype(int), axis=-1).max() > 32


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("nope", "neither a folder nor one of sample, drawings"),
        ("folder:/no/such", "/no/such: no such folder"),
        ("/no/such", "/no/such: no such folder"),
        (__file__, "is not a folder"),
        ("tfds:no_such_data_set", "no_such_data_set"),
    ],
)
def test_bad_specs_are_named(spec, message):
    with pytest.raises(UsageError, match=message):
        sources.open_source(spec)


def test_an_empty_folder_is_an_error(tmp_path):
    with pytest.raises(UsageError, match="no image in it"):
        sources.open_source(str(tmp_path))


class Names:
    def __init__(self, names):
        self.names = names

    def __len__(self):
        return len(self.names)

    def name(self, i):
        return self.names[i]


def test_hold_out_is_2_percent_by_name_whatever_else_is_there():
    source = Names([f"{i}.jpg" for i in range(5000)])
    kept, held = sources.hold_out(source)
    held = {held.name(i) for i in range(len(held))}
    kept = {kept.name(i) for i in range(len(kept))}
    assert not held & kept
    assert held | kept == set(source.names)
    assert 70 <= len(held) <= 130
    _, fewer = sources.hold_out(Names(source.names[1::2]))
    fewer = {fewer.name(i) for i in range(len(fewer))}
    assert fewer == held & set(source.names[1::2])


def test_hold_out_of_small_sets():
    kept, held = sources.hold_out(Names([f"{i}.png" for i in range(20)]))
    assert len(held) == 1
    assert len(kept) == 19
    few = Names(["a", "b", "c"])
    assert sources.hold_out(few) == (few, few)


def test_fingerprint_changes_with_the_names():
    first = sources.fingerprint(Names(["a", "bc"]))
    assert first != sources.fingerprint(Names(["ab", "c"]))
    assert first == sources.fingerprint(Names(["a", "bc"]))


class Colours(tfds.core.GeneratorBasedBuilder):
    VERSION = tfds.core.Version("1.0.0")

    def _info(self):
        image = tfds.features.Image(shape=(None, None, 3))
        features = tfds.features.FeaturesDict({"image": image})
        return tfds.core.DatasetInfo(builder=self, features=features)

    def _split_generators(self, dl_manager):
        return {"train": self._generate_examples(), "test": self._generate_examples(3)}

    def _generate_examples(self, count=7):
        rng = np.random.default_rng(0)
        for i in range(count):
            yield i, {"image": picture(rng, 20 + i, 30)}


def test_tfds_is_read_by_random_access(tmp_path):
    builder = Colours(data_dir=tmp_path, file_format="array_record")
    builder.download_and_prepare()
    source = sources.open_source("tfds:colours", str(tmp_path))
    assert len(source) == 7
    assert len(sources.open_source("tfds:colours:test", str(tmp_path))) == 3
    by_hand = builder.as_data_source(split="train")
    for i in (5, 0, 5):
        np.testing.assert_array_equal(source.read(i), by_hand[i]["image"])
    assert source.name(5) == "colours:train[5]"
    part = source.read(0, None, lambda size: (1, 2, 3, 4))
    np.testing.assert_array_equal(part, by_hand[0]["image"][1:4, 2:6])
    with pytest.raises(UsageError, match="nope"):
        sources.open_source("tfds:colours:nope", str(tmp_path))


def test_every_name_has_a_line_of_its_own_in_skipped_tsv(tmp_path):
    r"""Also where a run goes on; \t and a blank are two names."""
    names = ["a\tb", "a b", "a\nb", "a\x0bb\x85c\u2028d\re", "\x1b[2J", "é😀\u202e"]
    for _ in range(2):
        report = run_folder.Workdir(tmp_path).reporter()
        for name in names:
            report(name, "why\nnot")
    expected = ["a\\tb", "a b", "a\\nb", "a\\x0bb\\x85c\\u2028d\\re", "\\x1b[2J"]
    text = (tmp_path / "skipped.tsv").read_text()
    lines = [line.split("\t") for line in text.splitlines()]
    assert lines == [[name, "why\\nnot"] for name in [*expected, "é😀\\u202e"]]
