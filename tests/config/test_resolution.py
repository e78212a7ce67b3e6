"""From what was asked for to what is run, and who knows what of a run's folder."""

import ast
import dataclasses
import subprocess
import sys

import pytest
from harness import NAMES
from harness import ROOT

from tfcolor import config as config_lib
from tfcolor import registry
from tfcolor.errors import UsageError
from tfcolor.networks.unet import UNet
from tfcolor.runs.folder import Workdir


def test_a_resolved_config_says_everything_and_does_not_change():
    asked = config_lib.of("cgan")
    asked.generator.depth = 5
    found = config_lib.resolve(asked, {"data.batch_size": 3, "train.steps": 7})
    assert config_lib.resolve(found, {"train.steps": 9}) is found
    assert (found.generator.depth, asked.generator.norm) == (5, None)
    defaults = registry.GENERATORS["unet"].defaults()
    assert found.generator.norm == defaults["norm"] is not None
    assert found.optim.d_lr == found.optim.g_lr
    assert (found.data.batch_size, found.train.steps) == (3, 7)
    for section, field in ((found, "seed"), (found.train, "steps")):
        with pytest.raises(AttributeError, match=f"{field}: the config is resolved"):
            setattr(section, field, 1)
    copy = config_lib.copy_of(found)
    assert copy == found
    copy.train.steps = 1
    assert found.train.steps == 7


@pytest.mark.parametrize("name", NAMES)
def test_what_is_resolved_survives_json_and_resolves_to_itself(name):
    found = config_lib.resolve(config_lib.of(name), toy=True)
    again = config_lib.from_dict(config_lib.to_dict(found))
    assert config_lib.to_dict(config_lib.resolve(again)) == config_lib.to_dict(found)


def test_a_network_without_a_toy_size_does_not_run_at_full_size(monkeypatch):
    entry = registry.Entry("tfcolor.networks.unet:UNet")
    monkeypatch.setitem(registry.GENERATORS, "own", entry)
    config = config_lib.of("l1")
    config.generator.name = "own"
    assert config_lib.resolve(config).generator.depth
    assert entry.load() is UNet
    with pytest.raises(UsageError, match="UNet: registered without a toy size"):
        config_lib.resolve(config, toy=True)


def test_a_config_file_is_executed_once(tmp_path, call):
    path = tmp_path / "own.py"
    text = (config_lib.CONFIGS / "l1.py").read_text()
    path.write_text(f'{text}\n\nopen("{tmp_path}/times", "a").write("x")\n')
    done = call("sweep", f"--config={path}", "--grid=a.b=1", f"--workdir={tmp_path}")
    assert "config.a.b: no such field" in done.stderr
    assert (tmp_path / "times").read_text() == "xx"  # the sweep's, and its point's


def test_nobody_else_knows_the_files_of_a_run():
    names = {path.name for path in vars(Workdir("run")).values()}
    names = {name for name in names if "." in name}
    assert {"config.json", "metrics.jsonl", ".lock"} < names
    for path in (ROOT / "tfcolor").rglob("*.py"):
        if path.parts[-2:] == ("runs", "folder.py"):
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Constant):
                assert node.value not in names, f"{path}:{node.lineno}"


def test_one_process_at_a_time(tmp_path):
    taken = pytest.raises(UsageError, match=r"process \d+ is training in it")
    with Workdir(tmp_path).claim(), taken, Workdir(tmp_path).claim():
        pass
    with Workdir(tmp_path).claim():
        pass
    assert not Workdir(tmp_path).pid.exists()


IMPORTED = """
import sys, time
sys.modules["fcntl"] = sys.modules["resource"] = None  # as on Windows
began = time.process_time()
import tfcolor
seconds = time.process_time() - began
tfcolor.load, tfcolor.train, tfcolor.evaluate, tfcolor.export, tfcolor.colorize
tfcolor.config.of("wgan_gp")
import tfcolor.cli.train, tfcolor.cli.sweep, tfcolor.sweeps.sweep
assert not {"tensorflow", "keras"} & sys.modules.keys()
print(seconds)
"""


def test_importing_is_quick_and_does_without_tensorflow_and_fcntl():
    command = [sys.executable, "-c", IMPORTED]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert float(done.stdout) < 0.2


def test_sections_are_plain_dataclasses():
    config = config_lib.resolve(config_lib.of("uotm"))
    assert "_sealed" not in vars(config.loss)
    assert dataclasses.asdict(config) == dataclasses.asdict(config_lib.copy_of(config))
