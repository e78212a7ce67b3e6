"""What installed packages add; that of a --config is in docs/test_adding.py."""

import pytest

from tfcolor import registry


@pytest.fixture
def _restored():
    """What is registered in a test is forgotten after it."""
    before = dict(registry.SOURCES)
    yield
    registry.SOURCES.clear()
    registry.SOURCES.update(before)


def declare(folder, name, text):
    """An installed package in `folder` that declares the plug-in `name`."""
    (folder / f"{name}.py").write_text(text)
    information = folder / f"{name}-1.dist-info"
    information.mkdir()
    (information / "METADATA").write_text(f"Name: {name}\nVersion: 1\n")
    points = f"[{registry.PLUGINS}]\n{name} = {name}\n"
    (information / "entry_points.txt").write_text(points)


@pytest.mark.usefixtures("_restored")
def test_what_installed_packages_declare_is_known_to_every_command(
    call, tmp_path, monkeypatch
):
    code = "from tfcolor import registry\nregistry.SOURCES.add('x', 'x:y', form='x:Z')"
    declare(tmp_path, "declared", code)
    monkeypatch.syspath_prepend(tmp_path)
    assert "x" not in registry.SOURCES
    assert "x:Z" in call("train", "--help").stdout

    declare(tmp_path, "broken", "import no_such_module")
    done = call("evaluate", "--help")
    assert done.returncode == 2
    assert done.stderr.startswith("error: plug-in broken (broken): ModuleNotFoundError")
