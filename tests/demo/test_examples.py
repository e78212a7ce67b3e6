"""The Space and the notebook of examples/ run."""

import importlib.util
import json
import re
import socket
import types
import urllib.request

import numpy as np
import pytest
from harness import ROOT
from harness import eagerly
from harness import toy_config

import tfcolor
from tfcolor import version
from tfcolor.color import lab
from tfcolor.images import hints

SPACE = ROOT / "examples" / "space"
NOTEBOOK = ROOT / "examples" / "notebook.ipynb"


def test_the_card_of_the_space_is_that_of_what_is_tested():
    _, front, card = (SPACE / "README.md").read_text().split("---\n", 2)
    said = dict(line.split(": ", 1) for line in front.splitlines())
    assert (SPACE / said["app_file"]).is_file()
    assert said["sdk"] == "gradio"
    bound = re.search(r'^demo = \["gradio>=(.*)"\]', _project(), re.M)[1]
    assert said["sdk_version"].startswith(f"{bound}.")
    assert "25 megapixels and 20 MB" in card
    (line,) = (SPACE / "requirements.txt").read_text().splitlines()
    assert line == f"tfcolor[demo]>={version.__version__.rpartition('.')[0]}"


def _project():
    return (ROOT / "pyproject.toml").read_text()


@pytest.mark.slow
def test_the_space_serves_the_page(ship, monkeypatch):
    pytest.importorskip("gradio", reason="gradio is not installed: tfcolor[demo]")
    spec = importlib.util.spec_from_file_location("app", SPACE / "app.py")
    app = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(app)
    assert app.LIMITS.max_pixels == 25_000_000
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    seen = []

    class Event:
        def wait(self):
            with urllib.request.urlopen(f"http://127.0.0.1:{port}") as answer:
                seen.append(answer.read())

    monkeypatch.setattr(app, "threading", types.SimpleNamespace(Event=Event))
    app.main("127.0.0.1", port)
    assert b"tfcolor: colour for grey pictures" in seen[0]


@pytest.mark.slow
def test_the_notebook_runs(ship, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    eagerly(monkeypatch)
    monkeypatch.setattr(tfcolor.config, "of", toy_config)
    cells = json.loads(NOTEBOOK.read_text())["cells"]
    code = ["".join(c["source"]) for c in cells if c["cell_type"] == "code"]
    assert sum("STEPS = 100" in each for each in code) == 1
    names = {}
    for number, each in enumerate(code):
        quick = each.replace("STEPS = 100", "STEPS = 2")
        exec(compile(quick, f"cell {number}", "exec"), names)
    assert names["colored"].shape == names["grey"].shape == (240, 360, 3)
    wanted = hints.of_rows(names["hints"], 240, 360)
    found = lab.rgb_to_lab(names["hinted"]).numpy()[..., 1:].reshape(-1, 2)
    missed = np.linalg.norm(found[wanted.places] - wanted.ab, axis=-1)
    assert missed.mean() < 3
    assert (tmp_path / "judged" / "report.html").exists()
    report = json.loads((tmp_path / "judged" / "metrics.json").read_text())
    assert "hints" in json.dumps(report)
