"""A batch.Job of bytes that are in memory."""

import contextlib
import io
import pathlib

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
