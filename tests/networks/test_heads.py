import numpy as np
import skimage.data

from tfcolor.color import lab
from tfcolor.color import quantize
from tfcolor.images import resize
from tfcolor.networks import heads


def test_a_ramp_comes_back_where_it_was():
    y, x = np.mgrid[:32, :48].astype("float32")
    ab = np.stack([0.01 * x - 0.3, 0.02 * y - 0.01 * x], -1)[None]
    found = np.asarray(heads.enlarged(quantize.quarter(ab), heads.QUARTER))
    inside = (0, slice(2, -2), slice(2, -2))  # the edges are repeated
    np.testing.assert_allclose(found[inside], ab[inside], atol=1e-6)


def test_no_other_quarter_errs_less():
    """On the colours of photographs, against single pixels and larger means."""
    photographs = [skimage.data.astronaut(), skimage.data.coffee()[:, 100:500]]
    rgb = np.stack([resize.picture(image, 64, 64) for image in photographs])
    ab = lab.rgb_to_lab(rgb)[..., 1:].numpy()
    cells = ab.reshape(2, 16, 4, 16, 4, 2)

    def error(small):
        difference = np.asarray(heads.enlarged(small, heads.QUARTER)) - ab
        return np.hypot(difference[..., 0], difference[..., 1]).mean()

    chosen = error(quantize.quarter(ab))
    others = [cells[:, :, i, :, j] for i in range(4) for j in range(4)]
    assert min(error(other) for other in others) > 1.05 * chosen
    assert error(cells.mean((2, 4))) > 1.02 * chosen
