"""Clips whose colours and motion are known, made from photographs, for film.py."""

import av
import cv2
import numpy as np
from PIL import Image

from tfcolor.color import lab
from tfcolor.data import sources
from tfcolor.film import encoding

HEIGHT, WIDTH = 256, 384
KINDS = ("pan", "zoom", "layers", "cut", "noise", "grain", "fade", "flicker")


def photographs(spec):
    """Float32 RGB 0..1, so large that a window of the clip can move in it."""
    found = sources.open_source(spec)
    images = []
    for number in range(min(len(found), len(KINDS) + 1)):
        image = found.read(number)
        if image.ndim < 3:
            continue
        scale = 1.5 * max(HEIGHT / image.shape[0], WIDTH / image.shape[1])
        size = round(image.shape[1] * scale), round(image.shape[0] * scale)
        resized = Image.fromarray(image).resize(size, Image.Resampling.LANCZOS)
        images.append(np.asarray(resized, np.float32) / 255.0)
    return images


def grid(photo, t, kind, frames):
    """Where the pixels of frame t lie in a photograph: x, y [h, w]."""
    x, y = np.meshgrid(np.arange(WIDTH), np.arange(HEIGHT))
    x, y = x.astype(np.float32), y.astype(np.float32)
    middle = (photo.shape[1] - WIDTH) / 2, (photo.shape[0] - HEIGHT) / 2
    if kind == "zoom":
        factor = 1.012**-t
        x, y = (x - WIDTH / 2) * factor, (y - HEIGHT / 2) * factor
        return x + WIDTH / 2 + middle[0], y + HEIGHT / 2 + middle[1]
    shift = t - frames / 2
    return x + middle[0] + 1.7 * shift, y + middle[1] + 0.6 * shift


def sample(photo, places):
    return cv2.remap(
        photo, *places, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT_101
    ).clip(0, 1)


def motion_of(kind, t):
    """The motion from frame t back to t - 1 [h, w, 2]."""
    motion = np.zeros((HEIGHT, WIDTH, 2), np.float32)
    if kind != "zoom":
        motion[:] = 1.7, 0.6
        return motion
    x, y = np.meshgrid(np.arange(WIDTH), np.arange(HEIGHT))
    motion[..., 0] = (x - WIDTH / 2) * (1 / 1.012 - 1)
    motion[..., 1] = (y - HEIGHT / 2) * (1 / 1.012 - 1)
    return motion


def layer(t):
    """The front layer of `layers`: [h, w] bool, an ellipse that goes left."""
    x, y = np.meshgrid(np.arange(WIDTH), np.arange(HEIGHT))
    middle = WIDTH * 0.75 - 2.5 * t
    return ((x - middle) / 60) ** 2 + ((y - HEIGHT / 2) / 90) ** 2 < 1


def clip(photos, kind, frames):
    """Yields (RGB of the truth, L* that is colored, motion back, bool where it holds)
    of each frame; of the first of a shot None for the last two."""
    rng = np.random.default_rng(0)
    for t in range(frames):
        second = kind == "cut" and t >= frames // 2
        photo = photos[1 if second else 0]
        rgb, motion = sample(photo, grid(photo, t, kind, frames)), motion_of(kind, t)
        valid = np.ones((HEIGHT, WIDTH), bool)
        if kind == "layers":
            inside, other = layer(t), photos[1]
            places = grid(other, 0, "pan", frames)
            moved = places[0] + np.float32(2.5 * t), places[1]
            rgb[inside] = sample(other, moved)[inside]
            motion[inside] = 2.5, 0
            valid = ~(layer(t - 1) & ~inside)
        lightness = lab.lightness(rgb).numpy()
        lightness = aged(lightness, kind, t, frames, rng)
        first = t == 0 or (second and t == frames // 2)
        yield rgb, lightness, None if first else motion, valid


def aged(lightness, kind, t, frames, rng):
    """Lightness as old film has it."""
    if kind == "noise":
        lightness = lightness + rng.normal(0, 4, lightness.shape)
    if kind == "grain":
        grain = cv2.GaussianBlur(rng.normal(0, 1, lightness.shape), (0, 0), 1.2)
        lightness = lightness + 4 * grain / grain.std() * (1 - lightness / 150)
    if kind == "fade":
        lightness = lightness * abs(1 - 2 * t / (frames - 1))
    if kind == "flicker":
        lightness = lightness * rng.uniform(0.8, 1.15)
    return np.clip(lightness, 0, 100).astype(np.float32)


def write_clip(path, photos, count):
    """A grey film of 720 lines that pans over a photograph."""
    photo = cv2.resize(photos[0], (2000, 1400), interpolation=cv2.INTER_CUBIC)
    grey = (lab.lightness(photo.clip(0, 1)).numpy() * 2.55).astype(np.uint8)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"crf": "16"})
        stream.width, stream.height, stream.pix_fmt = 1280, 720, "yuv420p"
        for t in range(count):
            x, y = (int(300 * (1 + np.sin(t / d))) for d in (40, 65))
            planes = [grey[y : y + 720, x : x + 1280]]
            planes += [np.full((360, 640), 128, np.uint8)] * 2
            container.mux(stream.encode(encoding.frame_of(planes, "yuv420p")))
        container.mux(stream.encode(None))
