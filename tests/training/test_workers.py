"""Several workers of one run: who they are, what they tell each other, and that they
end where one does."""

import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import time

import numpy as np
import pytest
import tensorflow as tf
from harness import ROOT
from harness import assert_identical
from harness import step_of
from harness import tensors
from harness import toy_config

from tfcolor.errors import RunError
from tfcolor.errors import UsageError
from tfcolor.training import build
from tfcolor.training import callbacks
from tfcolor.training import workers

ADDRESSES = ["a:1", "b:2", "c:3"]


def config_for(number, addresses=ADDRESSES, job="worker", **jobs):
    cluster = {"worker": addresses, **jobs}
    return json.dumps({"cluster": cluster, "task": {"type": job, "index": number}})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", None),
        (config_for(0, ["a:1"]), None),
        (config_for(2), (2, [("worker", 0), ("worker", 1), ("worker", 2)])),
        (config_for(0, ["b:1"], chief=["a:1"]), (1, [("chief", 0), ("worker", 0)])),
        (
            config_for(0, ["b:1"], "chief", chief=["a:1"]),
            (0, [("chief", 0), ("worker", 0)]),
        ),
    ],
)
def test_the_environment_says_who_this_worker_is(text, expected, monkeypatch):
    monkeypatch.setenv("TF_CONFIG", text)
    found = workers.cluster()
    if expected is None:
        assert found is None
    else:
        assert (found.number, [task[:2] for task in found.tasks]) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "TF_CONFIG: {: "),
        ("[1]", r"TF_CONFIG: \[1\]: "),
        (config_for(3), "TF_CONFIG: task worker 3 is none of the chief and workers"),
        (config_for(0, job="ps"), "TF_CONFIG: task ps 0 is none of"),
    ],
)
def test_what_is_no_cluster_is_refused(text, message, monkeypatch):
    monkeypatch.setenv("TF_CONFIG", text)
    with pytest.raises(UsageError, match=message):
        workers.cluster()


def test_workers_need_a_cluster(monkeypatch):
    monkeypatch.delenv("TF_CONFIG", raising=False)
    train = toy_config("l1", strategy="workers").train
    with pytest.raises(UsageError, match="train.strategy: workers, but the environ"):
        build.strategy(train)


def second_of_three(monkeypatch):
    monkeypatch.setenv("TF_CONFIG", config_for(1))
    one = workers.Workers(tf.distribute.get_strategy())
    one.tasks, one.count, one.number, one.chief = workers.cluster().tasks, 3, 1, False
    return one


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (RunError("a full disk"), "worker 1 (b:2): a full disk"),
        (
            tf.errors.UnknownError(None, None, "RunError: x.jpg is bad\n\n\t[[node]]"),
            "worker 1 (b:2): x.jpg is bad",
        ),
        (
            tf.errors.UnavailableError(
                None,
                None,
                "Graph execution error:\n\nCollective ops is aborted by: recvmsg:"
                "Connection reset by peer\nAdditional GRPC error information from "
                "remote target /job:worker/replica:0/task:2 while calling /x",
            ),
            "worker 2 (c:3) is gone",
        ),
        (
            tf.errors.UnavailableError(
                None,
                None,
                "Collective ops is aborted by: Error reported from /job:worker/task:0: "
                "The following tasks are unhealthy (stopped sending heartbeats):\n"
                "/job:worker/replica:0/task:0\nThe tasks have crashed.",
            ),
            "worker 0 (a:1) is gone",
        ),
        (
            tf.errors.AbortedError(
                None,
                None,
                "Collective ops is aborted by: Error reported from /job:worker/task:2: "
                "worker 2 (c:3): step 5: g/loss is nan\nThe error could be from a "
                "previous operation. Restart your program to reset.",
            ),
            "worker 2 (c:3): step 5: g/loss is nan",
        ),
        (
            tf.errors.AbortedError(
                None,
                None,
                "Graph execution error:\n\nDetected at node x\nCollective ops is "
                "aborted by: Collective ops is aborted by: worker 0 (a:1): a bad disk\n"
                "The error could be from a previous operation. Restart your program.\n"
                "Additional GRPC error information from remote target "
                "/job:worker/replica:0/task:0 while calling /y:\n",
            ),
            "worker 0 (a:1): a bad disk",
        ),
    ],
)
def test_an_error_is_told_to_all_with_its_worker(error, line, monkeypatch):
    one, told = second_of_three(monkeypatch), []
    monkeypatch.setattr(one, "_report", told.append)
    with pytest.raises(RunError) as caught, one.together():
        raise error
    assert str(caught.value) == line
    assert told == [line]


def test_a_process_alone_raises_what_it_did():
    alone = workers.Workers(tf.distribute.get_strategy())
    assert (alone.count, alone.number, alone.chief) == (1, 0, True)
    assert alone.largest(-3) == -3
    alone.agree(7, "a number")
    with pytest.raises(KeyError), alone.together():
        raise KeyError("x")
    with pytest.raises(RunError, match=r"^x.jpg is bad$"), alone.together():
        raise tf.errors.UnknownError(None, None, "RunError: x.jpg is bad\n[[node]]")


def test_a_batch_is_divided_in_its_order():
    batch = {"l": tf.reshape(tf.range(12.0), [6, 2])}
    parts = list(workers.divided(tf.data.Dataset.from_tensors(batch), 3))
    assert [part["l"].shape for part in parts] == [(2, 2)] * 3
    joined = np.concatenate([part["l"] for part in parts])
    np.testing.assert_array_equal(joined, batch["l"])


def test_validation_is_shared_out(monkeypatch):
    one = second_of_three(monkeypatch)
    dataset = tf.data.Dataset.range(8)
    assert [int(x) for x in one.part(dataset)] == [1, 4, 7]


def test_several_ask_for_signals_at_the_same_steps(monkeypatch, tmp_path):
    """Another's SIGTERM is heard of at step 10, and all save after it."""

    class Others:
        count = 2
        largest = staticmethod(lambda value: max(value, heard))
        wait = staticmethod(lambda: saved.append("all wait"))

    class Checkpoints:
        def save(self):
            saved.append(step)

    saved, heard = [], 0
    writer = tf.summary.create_file_writer(str(tmp_path))
    saver = callbacks.Saver(25, 40, Checkpoints(), writer, Others())
    saver.signal = None
    for step in range(1, 31):
        heard = signal.SIGTERM if step >= 27 else 0
        if saver.due(step):
            saver.after(step)
        assert saver.ended_by == (signal.SIGTERM if step == 30 else None)
    assert saved == [25, "all wait", 30, "all wait"]


WORKER = [sys.executable, str(ROOT / "tests" / "worker.py")]


def ports(count):
    """Free ones."""
    sockets = [socket.create_server(("localhost", 0)) for _ in range(count)]
    found = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return found


def start(workdir, count, *arguments):
    """`count` workers of a toy run; their processes."""
    addresses = [f"localhost:{port}" for port in ports(count)]
    return [
        subprocess.Popen(
            [*WORKER, str(workdir), *map(str, arguments)],
            env={**os.environ, "TF_CONFIG": config_for(i, addresses)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for i in range(count)
    ]


def ended(processes, seconds=600):
    """[(exit code, stdout, stderr)] of processes that end by themselves."""
    try:
        said = [process.communicate(timeout=seconds) for process in processes]
        return [(p.returncode, *x) for p, x in zip(processes, said, strict=True)]
    finally:
        for process in processes:
            process.kill()


@pytest.mark.slow
def test_two_workers_end_where_one_does_and_outlive_a_kill(tmp_path):
    """Two for 8 steps of cgan, and one with the same global batch. Then two of whom one
    is killed after the checkpoint of step 4, and two that go on from there."""
    whole, alone, parts = (tmp_path / name for name in ("whole", "alone", "parts"))
    two = start(whole, 2, "--steps=8")
    one = start(alone, 1, "--steps=8")
    killed = start(parts, 2, "--steps=100000")
    while not list((pathlib.Path(parts) / "checkpoints").glob("step-4.index")):
        assert killed[1].poll() is None, killed[1].communicate()
        time.sleep(0.1)
    killed[1].send_signal(signal.SIGKILL)
    began = time.monotonic()
    (left, _, said), _ = ended(killed)
    assert time.monotonic() - began < 60
    assert left == 1
    (line,) = [x for x in said.splitlines() if x.startswith("error: ")]
    assert line.startswith("error: worker 1 (localhost:")
    assert line.endswith(" is gone")
    results = ended(two)
    assert [code for code, *_ in results] == [0, 0], results
    assert results[0][1].startswith("step 8 digest")
    assert results[0][1] == results[1][1]
    ((code, *_),) = ended(one)
    assert code == 0
    assert not (whole / "skipped.tsv").exists()
    first, second = tensors(alone), tensors(whole)
    assert first.keys() == second.keys()
    for name, value in first.items():
        scale = max(1.0, np.abs(value).max(initial=0))  # of Adam's moments, up to 1e3
        atol = 1e-5 * (scale if "_optimizer/" in name else 1.0)
        np.testing.assert_allclose(value, second[name], rtol=0, atol=atol, err_msg=name)
    for path in (parts / "checkpoints").glob("step-*"):
        if not path.name.startswith("step-4."):
            path.unlink()
    results = ended(start(parts, 2, "--steps=8"))
    assert [code for code, *_ in results] == [0, 0], results
    assert step_of(parts) == 8
    assert_identical(whole, parts)
