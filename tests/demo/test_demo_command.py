"""bin/demo as a user types it."""

import importlib.util
import os
import signal
import socket
import tempfile
import threading
import time
import urllib.request

import pytest
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
def test_it_serves_here_only_and_leaves_nothing(call, runs, tmp_path, monkeypatch):
    pytest.importorskip("gradio", reason="gradio is not installed: tfcolor[demo]")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    seen = []

    def look():
        try:
            seen.append(page_at(f"http://127.0.0.1:{port}"))
            seen.extend(tmp_path.glob("tfcolor-demo-*"))
        finally:
            os.kill(os.getpid(), signal.SIGTERM)

    looking = threading.Thread(target=look)
    looking.start()
    handler = signal.getsignal(signal.SIGTERM)
    done = call("demo", f"--model={runs.plain}", f"--port={port}")
    looking.join()
    assert done.returncode == 128 + signal.SIGTERM, done.stderr
    assert done.stdout.startswith(f"http://127.0.0.1:{port}/ ")
    assert b"tfcolor: colour for grey pictures" in seen[0]
    assert len(seen) == 2
    assert not list(tmp_path.glob("tfcolor-demo-*"))
    assert signal.getsignal(signal.SIGTERM) is handler


def page_at(address):
    """What is served there, in the end."""
    for _ in range(600):
        try:
            with urllib.request.urlopen(address) as answer:
                return answer.read()
        except OSError:
            time.sleep(0.1)
    raise AssertionError(f"nothing at {address}")
