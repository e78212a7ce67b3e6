"""How well a predicted scan has the lines of the true one: NumPy functions of grey
pictures [H, W] in 0..1, 0 black and 1 white."""

import numpy as np
from scipy import ndimage

# Darkness from which a pixel is a line, and pixels that it may be off.
THRESHOLD, TOLERANCE = 0.5, 1.0


def line_precision_recall(
    prediction: np.ndarray,
    truth: np.ndarray,
    threshold: float = THRESHOLD,
    tolerance: float = TOLERANCE,
) -> tuple[float, float]:
    """Shares of the line pixels that have a counterpart.

    A pixel is a line where its darkness, 1 - grey, is above the threshold.
    Precision is the share of predicted line pixels with a true one within the
    tolerance, recall that of true ones with a predicted one: as in boundary
    detection (Martin et al. 2004), but without matching the pixels one to one, so
    a line that is too broad by up to the tolerance costs nothing. Lines of several
    pixels count by their area.

    Args:
      prediction, truth: [H, W] floats in 0..1.
      threshold: darkness, 0..1.
      tolerance: Euclidean distance in pixels; 0 compares pixel by pixel.

    Returns:
      (precision, recall), floats in 0..1; without any line to take the share of,
      1.

    Raises:
      ValueError: the pictures are not [H, W] of one size.
    """
    prediction, truth = _grey_pair(prediction, truth)
    predicted, true = (1.0 - grey > threshold for grey in (prediction, truth))
    return _near(predicted, true, tolerance), _near(true, predicted, tolerance)


def f_score(precision: float, recall: float) -> float:
    """Their harmonic mean; 0 where both are 0."""
    return 2.0 * precision * recall / max(precision + recall, 1e-12)


def mean_absolute_error(prediction: np.ndarray, truth: np.ndarray) -> float:
    """Mean of |prediction - truth| over all pixels, [H, W] in 0..1: a float.

    Raises:
      ValueError: the pictures are not [H, W] of one size.
    """
    prediction, truth = _grey_pair(prediction, truth)
    return float(np.abs(prediction - truth).mean())


def _grey_pair(prediction, truth):
    prediction, truth = (np.asarray(grey, np.float64) for grey in (prediction, truth))
    if prediction.ndim != 2 or prediction.shape != truth.shape:
        raise ValueError(
            f"not two [H, W] of one size: {prediction.shape} and {truth.shape}"
        )
    return prediction, truth


def _near(pixels, others, tolerance):
    """Share of `pixels` with one of `others` within the tolerance."""
    if not pixels.any():
        return 1.0
    if not others.any():
        return 0.0
    distance = ndimage.distance_transform_edt(~others)
    return float((distance[pixels] <= tolerance).mean())
