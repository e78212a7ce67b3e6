"""tfcolor as on Windows, which has neither `fcntl` nor `resource`."""

import subprocess
import sys

import pytest
from harness import ROOT

from tfcolor.data import sources
from tfcolor.errors import UsageError

IMPORTED = """
import sys
sys.modules["fcntl"] = sys.modules["resource"] = None
import importlib, importlib.util, pathlib
root = pathlib.Path("tfcolor")
beam = importlib.util.find_spec("apache_beam")
for path in sorted(root.rglob("*.py")):
    if path.name != "__main__.py" and (beam or path.parent.name != "beam"):
        importlib.import_module(".".join(path.with_suffix("").parts))
print(len([name for name in sys.modules if name.startswith("tfcolor.")]))
"""


@pytest.mark.slow
def test_every_module_is_imported_without_fcntl_and_resource():
    done = subprocess.run(
        [sys.executable, "-c", IMPORTED], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 120


def test_what_is_not_to_be_had_is_named_when_it_is_asked_for(monkeypatch):
    monkeypatch.setitem(sys.modules, "array_record", None)
    with pytest.raises(UsageError, match="tfds:mnist: needs the package array_record"):
        sources.open_source("tfds:mnist")
