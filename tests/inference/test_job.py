"""A batch.Job of bytes that are in memory."""

import contextlib
import io
import os
import pathlib
import threading

import numpy as np
import pytest
from harness import write_pictures

from tfcolor.inference import batch
from tfcolor.inference import planning


def test_a_job_reads_bytes_tells_each_once_and_writes_where_it_is_told(
    tmp_path, predictor, rng
):
    source = write_pictures(tmp_path / "in", rng, 1) / "0000.png"
    target = tmp_path / "out" / "0000.png"
    (task,) = planning.plan([source], target.parent)[0]
    assert batch.run(predictor, [task], batch.Options()) == 0
    good, expected = source.read_bytes(), target.read_bytes()
    written, told = {}, []

    @contextlib.contextmanager
    def replacing(path):
        file = io.BytesIO()
        yield file
        written[path] = file.getvalue()

    def tell(task, why):
        told.append((task.source.name, why))

    with batch.Job(predictor, batch.Options(replacing=replacing), tell) as job:
        for name, data in (
            ("good.png", good),
            ("empty.png", b""),
            ("text.png", b"no picture"),
        ):
            path = pathlib.Path(name)
            job.add(planning.Task(path, path, path), io.BytesIO(data))
        assert told == [
            ("empty.png", "the file is empty"),
            ("text.png", "not an image of a known format"),
        ]
        job.finish()
    assert told[2:] == [("good.png", None)]
    assert written == {pathlib.Path("good.png"): expected}
    assert not pathlib.Path("good.png").exists()


@pytest.mark.skipif(os.cpu_count() < 2, reason="needs two cores")
def test_batches_are_coloured_at_the_same_time(tmp_path, rng):
    met = threading.Barrier(2)

    class Predictor:
        def working_shape(self, height, width, _):
            return height, width

        def predict_ab(self, images):
            met.wait(timeout=60)
            return np.zeros((len(images), 2, 4, 4), np.float32)

    write_pictures(tmp_path / "in", rng, 2 * batch.BATCH)
    tasks, _ = planning.plan([tmp_path / "in"], tmp_path / "out")
    assert batch.run(Predictor(), tasks, batch.Options()) == 0
    assert all(task.target.exists() for task in tasks)
