"""bin/demo as a user types it."""

import importlib.util
import os
import signal
import socket
import subprocess
import sys
import urllib.request

import pytest
from harness import ROOT
from harness import assert_refused


def test_without_gradio_it_says_what_to_install(call, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    done = call("demo")
    assert_refused(done, "the page needs Gradio: pip install 'tfcolor[demo]'")


@pytest.mark.parametrize(
    ("flag", "said"),
    [
        ("--model=/no/such", "--model=/no/such: no such folder"),
        ("--port=70000", "port"),
        ("--max_pixels=0", "max_pixels"),
        ("portrait.jpg", "unexpected argument 'portrait.jpg'"),
    ],
)
def test_bad_usage_is_one_line(flag, said, call):
    pytest.importorskip("gradio", reason="gradio is not installed: tfcolor[demo]")
    assert_refused(call("demo", flag), said)


def test_a_port_that_is_taken_is_named(call, runs):
    pytest.importorskip("gradio", reason="gradio is not installed: tfcolor[demo]")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = call("demo", f"--model={runs.plain}", f"--port={port}")
    assert_refused(done, f"--port={port}, --host=127.0.0.1: taken")


@pytest.mark.slow
def test_it_serves_here_only_and_leaves_nothing(runs, tmp_path):
    pytest.importorskip("gradio", reason="gradio is not installed: tfcolor[demo]")
    command = [sys.executable, str(ROOT / "bin" / "demo"), f"--model={runs.plain}"]
    environment = {**os.environ, "TMPDIR": str(tmp_path), "CUDA_VISIBLE_DEVICES": ""}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, env=environment
    ) as process:
        address = process.stdout.readline().split()[0]
        assert address.startswith("http://127.0.0.1:")
        with urllib.request.urlopen(address) as answer:
            assert b"tfcolor: colour for grey pictures" in answer.read()
        assert list(tmp_path.glob("tfcolor-demo-*"))
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 128 + signal.SIGTERM
    assert not list(tmp_path.glob("tfcolor-demo-*"))
