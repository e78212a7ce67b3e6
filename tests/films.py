"""Films of a few small frames, and a stand-in for a trained network."""

from fractions import Fraction

import av
import numpy as np

from tfcolor.film import encoding

# Of smaller frames x264 reads memory that it has not written, and is not the same
# twice.
HEIGHT, WIDTH = 96, 128

# Container: encoder of pictures, of sound, time base and ticks from frame to frame.
CONTAINERS = {
    "mp4": ("libx264", "aac", Fraction(1, 12800), 512),
    "mov": ("libx264", "aac", Fraction(1, 12800), 512),
    "mkv": ("libx264", "aac", Fraction(1, 1000), 40),
    "webm": ("libvpx-vp9", "libopus", Fraction(1, 1000), 40),
    "avi": ("mpeg4", "pcm_s16le", Fraction(1, 25), 1),
}


class Toy:
    """Colors that follow from the lightness, at 32 pixels."""

    def __init__(self):
        self.info = {"working_size": 32, "head": "ab"}
        self.frames = 0

    def working_shape(self, height, width, working_size=None):
        scale = 32 / min(height, width)
        return round(height * scale), round(width * scale)

    def check(self, **settings):
        pass

    def predict_lightness(self, lightness, temperature=None, saturation=1.0):
        self.frames += len(lightness)
        a, b = 0.3 * (lightness - 50), 20 * np.sin(lightness / 20)
        return saturation * np.stack([a, b], 1).astype(np.float32)


def pictures(count, height=HEIGHT, width=WIDTH, cut=None):
    """Luma, uint8 [height, width], of frames that pan by 2 pixels; those from the
    number `cut` on are of another shot."""
    rng = np.random.default_rng(0)
    cells = rng.integers(40, 220, (20, 40))
    big = np.kron(cells, np.ones((8, 8))).astype(np.uint8)
    for number in range(count):
        if number == cut:
            big = big[::-1, ::-1]
        yield big[10 : 10 + height, 4 + 2 * number : 4 + 2 * number + width]


def write_film(
    path, count=20, rotation=0, uneven=True, primaries=None, aspect=None, cut=None
):
    """A grey film with sound, in the container of its extension; the timestamps of
    all but AVI's are uneven."""
    codec, sound, tick, step = CONTAINERS[path.suffix[1:]]
    with av.open(str(path), "w") as container:
        video = container.add_stream(codec, rate=25)
        video.width, video.height, video.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        video.codec_context.time_base = video.time_base = tick
        if aspect:
            video.codec_context.sample_aspect_ratio = aspect
        if primaries:
            video.codec_context.colorspace = primaries
            video.codec_context.color_range = 1
        if rotation:
            video.set_display_rotation(rotation)
        audio = container.add_stream(sound, rate=48000)
        container.metadata["title"] = "A film"
        if path.suffix in (".mp4", ".mkv"):
            container.set_chapters([_chapter(0, 300, "one"), _chapter(300, 700, "two")])
        pts = 0
        for number, luma in enumerate(pictures(count, cut=cut)):
            grey = np.full((HEIGHT // 2, WIDTH // 2), 128, np.uint8)
            frame = encoding.frame_of([luma, grey, grey], "yuv420p")
            frame.pts, frame.time_base = pts, tick
            pts += step * (2 if uneven and step > 1 and number % 3 == 2 else 1)
            container.mux(video.encode(frame))
        container.mux(video.encode(None))
        for frame in _sound(sound, int(pts * tick * 48000)):
            container.mux(audio.encode(frame))
        container.mux(audio.encode(None))
    return path


def _chapter(start, end, title):
    tick = Fraction(1, 1000)
    return {
        "id": start, "start": start, "end": end, "time_base": tick,
        "metadata": {"title": title},
    }  # fmt: skip


def _sound(codec, samples):
    rng = np.random.default_rng(0)
    for first in range(0, samples - 960, 960):
        noise = rng.normal(0, 0.1, (2, 960)).astype(np.float32)
        if codec == "pcm_s16le":
            noise = (noise * 32767).astype(np.int16).T.reshape(1, -1)
        form = "s16" if codec == "pcm_s16le" else "fltp"
        frame = av.AudioFrame.from_ndarray(noise, form, "stereo")
        frame.rate, frame.pts, frame.time_base = 48000, first, Fraction(1, 48000)
        yield frame


def packets(path, kind):
    """[(pts, duration, bytes)] of a film's first stream of a kind, as stored."""
    with av.open(str(path)) as container:
        stream = getattr(container.streams, kind)[0]
        return [
            (packet.pts, packet.duration, bytes(packet))
            for packet in container.demux(stream)
            if packet.dts is not None
        ]


def decoded(path):
    """[(pts, luma, Cb, Cr)] of a film."""
    from tfcolor.film import source

    with av.open(str(path)) as container:
        return [
            (frame.pts, *(source.array_of(frame, i).copy() for i in range(3)))
            for frame in container.decode(video=0)
        ]
