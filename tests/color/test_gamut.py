import numpy as np
import tensorflow as tf

from tfcolor.color import gamut
from tfcolor.color import lab
from tfcolor.images import compose
from tfcolor.images import grid
from tfcolor.metrics import sets


def test_colours_of_srgb_are_what_they_were():
    levels = np.linspace(0, 255, 18).round().astype("uint8")
    rgb = np.stack(np.meshgrid(levels, levels, levels), -1)
    np.testing.assert_array_equal(
        gamut.to_uint8(*tf.unstack(lab.rgb_to_lab(rgb), axis=-1)), rgb
    )


def test_others_keep_lightness_and_hue_and_as_much_chroma_as_there_is(rng):
    l = rng.uniform(15, 95, 2000).astype("float32")
    hue = rng.uniform(-np.pi, np.pi, 2000)
    a, b = (160 * f(hue).astype("float32") for f in (np.cos, np.sin))
    found = lab.rgb_to_lab(gamut.to_uint8(l, a, b)).numpy()
    # What half a level of rounding does to L*, and to the hue of much chroma.
    assert np.abs(found[:, 0] - l).max() < 0.5
    chroma = np.hypot(found[:, 1], found[:, 2])
    turned = np.angle(np.exp(1j * (np.arctan2(found[:, 2], found[:, 1]) - hue)))
    assert np.abs(turned * chroma).max() < 2.0
    # A little more chroma is out of sRGB's reach.
    more = [(chroma + 3.0) * f(hue) for f in (np.cos, np.sin)]
    light = np.stack([c.numpy() for c in lab.linear(l, *more)])
    assert ((light.min(0) < 0) | (light.max(0) > 1)).all()


def test_clipping_would_have_changed_the_lightness():
    """The known case that this is for: a blue that sRGB cannot show."""
    l, a, b = (tf.constant([value]) for value in (60.0, 40.0, -110.0))
    clipped = lab.rgb_to_lab(lab.lab_to_rgb(tf.stack([l, a, b], -1)))[0, 0]
    kept = lab.rgb_to_lab(gamut.to_uint8(l, a, b))[0, 0]
    assert abs(clipped - 60.0) > 3.0
    assert abs(kept - 60.0) < 0.3


def test_black_and_white_have_no_colour():
    found = gamut.to_uint8(
        *(tf.constant(x) for x in ([0.0, 100.0], [50.0] * 2, [9.0] * 2))
    )
    np.testing.assert_array_equal(found, [[0] * 3, [255] * 3])


def test_what_is_judged_and_shown_is_what_is_written(rng):
    grey = rng.integers(0, 256, (24, 31), dtype=np.uint8)
    planes = rng.uniform(-110, 110, (2, 24, 31)).astype("float32")
    l, _ = lab.encode(np.dstack([grey] * 3)[None])
    ab = np.moveaxis(planes, 0, -1)[None] / 110.0
    clipped = lab.lab_to_rgb(tf.concat([(l + 1.0) * 50.0, ab * 110.0], -1))[0]
    written = compose.join(grey, planes)
    assert np.abs(255.0 * clipped - written).mean() > 10
    judged = sets.render(l, ab)
    shown = grid.of_rows([(l, ab)])
    for found in (gamut.picture(l, ab)[0], judged.rgb[0], shown):
        # One unit is not the other to the last bit.
        assert np.abs(np.asarray(found).astype(int) - written).max() <= 1
    seen = lab.rgb_to_lab(judged.rgb)[..., 1:]
    np.testing.assert_allclose(judged.ab, seen, atol=1e-3)
