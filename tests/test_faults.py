"""Whether the faults of `mutants.py` can still be planted."""

import shlex

import faults
from harness import ROOT


def test_each_has_a_name_of_its_own():
    names = [fault.name for fault in faults.ALL]
    assert len(set(names)) == len(names) > 60


def test_the_text_of_each_stands_there_once_and_its_tests_exist():
    for fault in faults.ALL:
        text = (ROOT / "tfcolor" / fault.file).read_text()
        assert text.count(fault.text) == 1, fault.name
        assert fault.replacement != fault.text, fault.name
        for argument in shlex.split(fault.tests):
            if argument.startswith("tests/"):
                file, *names = argument.partition("[")[0].split("::")
                written = (ROOT / file).read_text()
                assert all(f"def {n}(" in written for n in names), fault.name
