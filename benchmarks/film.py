"""How much films flicker, and how fast they are coloured.

python benchmarks/film.py --output=DIR
python benchmarks/film.py --film=FILM.mp4
python benchmarks/film.py --speed --frames=2000

Without --speed: clips whose colours and motion are known are made from photographs
(those of scikit-image or of --data): a pan, a zoom, two layers that move apart, a cut,
noise, grain, a fade, brightness that flickers. Each way of colouring them is judged by
its flicker (mean |change of ab| along the true motion, beyond the truth's own), its
mean ab error and its time. Of a --film in colour the motion is estimated. The
correlation that finds cuts is printed for neighbours of one shot and of two. With
--output a strip of ten frames of each way is written.

With --speed: a clip of 720 lines through every stage alone, and through all at once.
"""

import itertools
import pathlib
import resource
import sys
import tempfile
import time

import av
import cv2
import numpy as np
from absl import app
from absl import flags
from PIL import Image

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

import film_clips

import tfcolor
from tfcolor.color import gamut
from tfcolor.color import lab
from tfcolor.film import colorize
from tfcolor.film import encoding
from tfcolor.film import source
from tfcolor.film import steady

_MODEL = flags.DEFINE_string("model", "photo", "as of bin/colorize")
_DATA = flags.DEFINE_string("data", "sample", "SPEC of the photographs")
_FILM = flags.DEFINE_string("film", None, "a film in colour, instead of photographs")
_FRAMES = flags.DEFINE_integer("frames", 24, "of a clip, or read of --film")
_KINDS = flags.DEFINE_list("kinds", None, "only these clips")
_STRENGTH = flags.DEFINE_float("strength", steady.STRENGTH, "of filter and mean")
_OUTPUT = flags.DEFINE_string("output", None, "folder for the strips")
_SPEED = flags.DEFINE_boolean("speed", False, "how fast, instead of how steady")

WAYS = ("frame by frame", "exponential mean", "filter")


def film_clip(predictor):
    """The same of a film in color, whose motion is estimated."""
    film = source.probe(_FILM.value)
    height, width = predictor.working_shape(*film.shown)
    before = None
    with av.open(_FILM.value) as container:
        for number, frame in enumerate(container.decode(video=0)):
            if number == _FRAMES.value:
                return
            rgb = frame.to_ndarray(format="rgb24")
            rgb = np.rot90(rgb, film.quarters)
            rgb = cv2.resize(rgb, (width, height), interpolation=cv2.INTER_AREA)
            lightness = lab.lightness(rgb).numpy()
            motion, valid = None, np.ones((height, width), bool)
            if before is not None:
                _, _, moved, inside = steady.followed(lightness, before)
                if steady.same_shot(lightness, moved, inside):
                    motion = steady.flow(lightness, before)
                    valid = np.abs(moved - lightness) < 5
            before = lightness
            yield rgb.astype(np.float32) / 255, lightness, motion, valid


def predicted(predictor, frames):
    parts = [frames[i : i + 8] for i in range(0, len(frames), 8)]
    found = [predictor.predict_lightness(np.stack([f[1] for f in p])) for p in parts]
    return list(np.concatenate(found))


def exponential(frames, ab):
    means = [ab[0]]
    for plane in ab[1:]:
        means.append(_STRENGTH.value * means[-1] + (1 - _STRENGTH.value) * plane)
    return means


def filtered(frames, ab):
    filter_ = steady.Steady(_STRENGTH.value)
    return [filter_(f[1], plane) for f, plane in zip(frames, ab, strict=True)]


def flicker(frames, ab):
    """Mean |change| along the motion."""
    changes = []
    for before, now, (_, _, motion, valid) in zip(ab, ab[1:], frames[1:], strict=False):
        if motion is None:
            continue
        x, y = steady.places(motion)
        height, width = valid.shape
        seen = valid & (x >= 0) & (y >= 0) & (x <= width - 1) & (y <= height - 1)
        moved = cv2.remap(np.moveaxis(before, 0, -1), x, y, cv2.INTER_LINEAR)
        changes.append(np.hypot(*(now - np.moveaxis(moved, -1, 0)))[seen].mean())
    return float(np.mean(changes))


def error(ab, truth):
    pairs = zip(ab, truth, strict=True)
    return float(np.mean([np.hypot(*(a - b)).mean() for a, b in pairs]))


def judge(name, frames, predictor):
    """Print the rows of a clip; returns {way: ab of its frames}."""
    truth = [np.moveaxis(lab.rgb_to_lab(f[0]).numpy()[..., 1:], -1, 0) for f in frames]
    start = time.process_time()
    alone = predicted(predictor, frames)
    network = (time.process_time() - start) / len(frames)
    own, found, rows = flicker(frames, truth), {}, []
    for way, make in zip(WAYS, (None, exponential, filtered), strict=True):
        start = time.process_time()
        found[way] = make(frames, alone) if make else alone
        seconds = network + (time.process_time() - start) / len(frames)
        excess = flicker(frames, found[way]) - own
        base = base if make else excess  # noqa: F821
        removed = f"{100 * (1 - excess / base):.0f} %" if make else ""
        first = [i for i, f in enumerate(frames) if f[2] is None]
        ghost = max(np.abs(found[way][i] - alone[i]).max() for i in first)
        rows.append((excess, error(found[way], truth), ghost, 1000 * seconds))
        show(name, way, rows[-1], removed)
    return {**found, "truth": truth}, rows


def show(name, way, row, removed):
    excess, wrong, ghost, cpu = row
    print(
        f"| {name} | {way} | {excess:.3f} | {removed} | {wrong:.2f} | {ghost:.1f} | "
        f"{cpu:.0f} |",
        flush=True,
    )


def correlations(frames):
    """The correlation of neighbours: (least within shots, most over cuts)."""
    within, over = [1.0], [-1.0]
    for before, now in itertools.pairwise(frames):
        _, _, moved, inside = steady.followed(now[1], before[1])
        found = steady.correlation(now[1], moved, inside)
        (over if now[2] is None else within).append(found)
    return min(within), max(over)


def strip(path, frames, found):
    """Ten frames of each way below each other: grey, the ways, the truth."""
    chosen = np.linspace(0, len(frames) - 1, 10).round().astype(int)
    rows = [[picture(frames[i][1], np.zeros((2, 1, 1), np.float32)) for i in chosen]]
    for ab in found.values():
        rows.append([picture(frames[i][1], ab[i]) for i in chosen])
    sheet = np.concatenate([np.concatenate(row, 1) for row in rows])
    image = Image.fromarray(sheet).resize((1600, 1600 * len(sheet) // sheet.shape[1]))
    image.save(path, quality=82)


def picture(lightness, ab):
    a, b = np.broadcast_to(ab, (2, *lightness.shape)).astype(np.float32)
    return gamut.to_uint8(lightness, a, b).numpy()


def rate(items, count):
    """Frames a second, and CPU seconds a frame, of what a generator does."""
    wall, cpu, number = time.perf_counter(), time.process_time(), 0
    for _ in items:
        number += 1
        if number == count:
            break
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    return number / wall, 1000 * cpu / number


def speed(predictor):
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder, "clip.mp4")
        film_clips.write_clip(path, film_clips.photographs(_DATA.value), _FRAMES.value)
        film = source.probe(path)
        target = pathlib.Path(folder, "out.mp4")
        job = colorize._Job(predictor, film, target, colorize.Options())
        count = min(_FRAMES.value, 48)
        first = [frame for _, frame in zip(range(8), job.reader.frames(), strict=False)]
        list(job._predicted(given(first)))  # traced
        job._joiner()  # makes its tables
        print("| stage | frames a second | CPU ms a frame |\n|---|---|---|")
        stage("decoding and reducing", job.reader.frames(), count)
        few = [
            frame for _, frame in zip(range(count), job.reader.frames(), strict=False)
        ]
        stage("network", job._predicted(given(few)), count)
        stage("motion", job._followed(given(few)), count)
        stage("steady filter", job._steadied(given(few)), count)
        stage("joining", job._joined(given(few)), count)
        joined = list(job._joined(given(few)))
        stage("encoding", coded(film, job.settings, joined), count)
        job.close()
        options = colorize.Options(overwrite=True)
        wall, cpu = time.perf_counter(), time.process_time()
        colorize.run(predictor, film, target, options)
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        done = _FRAMES.value
        print(f"| all at once | {done / wall:.2f} | {1000 * cpu / done:.1f} |")
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(f"\n{done} frames; peak memory {peak:.0f} MiB")


def given(items):
    yield from items


def stage(name, items, count):
    found, cpu = rate(items, count)
    print(f"| {name} | {found:.2f} | {cpu:.1f} |", flush=True)


def coded(film, settings, joined):
    segment = encoding.Segment(film, settings)
    for image, frame in joined[:-1]:
        segment.add(image, frame.duration)
        yield
    segment.add(*joined[-1][:1], 0)
    segment.finish([])
    yield


def main(_):
    predictor = tfcolor.load(_MODEL.value)
    if _SPEED.value:
        speed(predictor)
        return
    print(
        "| clip | way | excess flicker | removed | ab error | ghost | CPU ms a frame |"
        "\n|---|---|---|---|---|---|---|"
    )
    if _FILM.value:
        clips = [(pathlib.Path(_FILM.value).name, list(film_clip(predictor)))]
    else:
        photos = film_clips.photographs(_DATA.value)
        clips = (
            (
                kind,
                list(
                    film_clips.clip(
                        photos[i % len(photos) :] + photos, kind, _FRAMES.value
                    )
                ),
            )
            for i, kind in enumerate(film_clips.KINDS)
            if kind in (_KINDS.value or film_clips.KINDS)
        )
    bounds, all_rows = [], []
    for name, frames in clips:
        found, rows = judge(name, frames, predictor)
        all_rows.append(rows)
        bounds.append((name, *correlations(frames)))
        if _OUTPUT.value:
            pathlib.Path(_OUTPUT.value).mkdir(parents=True, exist_ok=True)
            strip(pathlib.Path(_OUTPUT.value, f"film_{name}.jpg"), frames, found)
    for way, row in zip(WAYS, np.mean(all_rows, 0), strict=True):
        removed = f"{100 * (1 - row[0] / np.mean(all_rows, 0)[0, 0]):.0f} %"
        show("mean", way, row, "" if way == WAYS[0] else removed)
    print(
        "\n| clip | least correlation within a shot | most over a cut |\n|---|---|---|"
    )
    for name, within, over in bounds:
        print(f"| {name} | {within:.3f} | {over if over > -1 else float('nan'):.3f} |")


if __name__ == "__main__":
    app.run(main)
