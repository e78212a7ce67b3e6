"""What hints are worth: the curve over the number of pixels whose color is shown."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Iterable
from typing import Any

import numpy as np
import tensorflow as tf

from tfcolor import html
from tfcolor.classical import levin
from tfcolor.errors import UsageError
from tfcolor.evaluation import statistics
from tfcolor.metrics import METRICS

# What the curves are of.
SHOWN = ("psnr", "ab_error", "histogram")

LEVIN = "levin"

# {method: {number of pixels: {metric: [1 + resamples]}}}
Curves = dict[str, dict[int, dict[str, np.ndarray]]]


def counts_of(given: str | Iterable[int] | None, size: int) -> list[int]:
    """Numbers of pixels, ascending, of "0,1,5" or [0, 1, 5]; None: none.

    Raises:
      UsageError: one that is not in 0 .. size^2, or is there twice.
    """
    parts = given.split(",") if isinstance(given, str) else list(given or ())
    try:
        counts = [int(part) for part in parts]
    except (TypeError, ValueError):
        counts = [-1]
    if len(set(counts)) < len(counts) or any(not 0 <= n <= size**2 for n in counts):
        raise UsageError(
            f"--hints={given}: numbers of pixels, such as 0,1,5,20, each once and in "
            f"0 .. {size**2}"
        )
    return sorted(counts)


def places(number: int, size: int, count: int) -> np.ndarray:
    """The pixels of image `number` that are shown: bool [size, size]; they follow
    from the number, and fewer are some of more."""
    order = np.random.default_rng([size, number]).permutation(size**2)
    known = np.zeros(size**2, bool)
    known[order[:count]] = True
    return known.reshape(size, size)


def revealed(batch: dict[str, tf.Tensor], count: int) -> np.ndarray:
    """Of a numbered batch the true colors of that many pixels: [B, S, S, 3]
    float32, (a*, b*)/110 and 1 where they are shown, elsewhere 0."""
    ab = np.asarray(batch["ab"])
    known = [places(int(n), ab.shape[1], count) for n in np.asarray(batch["number"])]
    known = np.stack(known)[..., None]
    return np.concatenate([ab * known, known], -1).astype(np.float32)


def judge(
    steered: dict[str, Callable[..., Any]],
    table: dict[str, Any],
    batches: Iterable[dict[str, tf.Tensor]],
    count: int,
    counts: list[int],
    resamples: int,
) -> Curves:
    """Judge methods that take hints, and Levin's, on the same pixels.

    Args:
      steered: {name: function of a batch and hints, as of `revealed`, to (l, ab)}.
      table: of `statistics.judge`, what they and others do without hints.
      batches, count, resamples: as of `statistics.judge`.
      counts: of `counts_of`.

    Returns:
      The Curves; of methods that take none the one value without.
    """
    methods: Any = {
        (name, n): lambda batch, predict=predict, n=n: predict(
            batch, revealed(batch, n)
        )
        for n in counts
        if n
        for name, predict in {**steered, LEVIN: _levin}.items()
    }
    found: Curves = {}
    if 0 in counts:
        found = {
            name: {0: values}
            for name, values in table.items()
            if name != statistics.TRUTH
        }
    if methods:
        judged: Any
        judged, _ = statistics.judge(
            methods, batches, count, str, None, resamples=resamples
        )
        for name, n in methods:
            found.setdefault(name, {})[n] = judged[name, n]
    return found


def _levin(batch, hints):
    l = np.asarray(batch["l"])
    spread = [
        levin.spread((x[..., 0] + 1.0) / 2.0, known[..., :2], known[..., 2] > 0)
        for x, known in zip(l, hints, strict=True)
    ]
    return l, np.stack(spread)


def content(curves: Curves) -> dict[str, Any]:
    """What metrics.json holds: each value with its interval, and how much each method
    differs from Levin's at the same number of pixels."""
    values = {
        name: {n: {m: _triple(row[m]) for m in SHOWN} for n, row in curve.items()}
        for name, curve in curves.items()
    }
    differences = {
        name: {
            n: {m: _triple(row[m] - curves[LEVIN][n][m]) for m in SHOWN}
            for n, row in curve.items()
            if n in curves.get(LEVIN, {})
        }
        for name, curve in curves.items()
        if name != LEVIN
    }
    return {
        "metrics": values,
        "differences from levin": {k: v for k, v in differences.items() if v},
    }


def _triple(values):
    names = ("value", "low", "high")
    return dict(zip(names, statistics.interval(values), strict=True))


def lines(curves: Curves) -> Iterable[str]:
    """The curves as text."""
    width = max(map(len, curves)) + 2
    yield f"{'pixels shown':{width}s}" + "".join(f"{m:>14s}" for m in SHOWN)
    for name, curve in curves.items():
        for n, row in curve.items():
            cells = "".join(f"{row[m][0]:14.3f}" for m in SHOWN)
            yield f"{name:{width - 6}s}{n:6d}{cells}"


def section(curves: Curves) -> list[str]:
    """The part of the report: a plot of each metric, and a table."""
    counts = sorted({n for curve in curves.values() for n in curve})
    palette = html.PALETTE
    colors = {name: palette[i % len(palette)] for i, name in enumerate(curves)}
    return [
        "<h2>Hints</h2>",
        "<p class=muted>Over the number of pixels, at random places, whose true colour "
        "is shown; the same for all. Bars are 95 % intervals.</p>",
        html.key(colors),
        "<div class=charts>",
        *(_plot(curves, metric, counts, colors) for metric in SHOWN),
        "</div>",
        _table(curves, counts),
    ]


def _plot(curves, metric, counts, colors):
    """An SVG; the numbers of pixels are evenly spaced."""
    at = {n: 30 + 290 * i / max(1, len(counts) - 1) for i, n in enumerate(counts)}
    found = {
        name: {n: statistics.interval(row[metric]) for n, row in curve.items()}
        for name, curve in curves.items()
    }
    values = [
        v for curve in found.values() for triple in curve.values() for v in triple
    ]
    low, high = min(values), max(values)
    span = (high - low) or 1.0

    def y(value):
        return 160 - 130 * (value - low) / span

    parts = []
    for name, curve in found.items():
        points = [(at[n], y(v[0])) for n, v in sorted(curve.items())]
        path = " ".join(f"{a:.1f},{b:.1f}" for a, b in points)
        color = colors[name]
        parts.append(
            f'<polyline points="{path}" fill="none" stroke="{color}" stroke-width="2"/>'
        )
        for n, (value, least, most) in curve.items():
            x = at[n]
            parts.append(
                f'<path d="M{x:.1f} {y(least):.1f}V{y(most):.1f}" stroke="{color}"/>'
                f'<circle cx="{x:.1f}" cy="{y(value):.1f}" r="3" fill="{color}">'
                f"<title>{html.text(name)}, {n} pixels: {value:.4g}</title></circle>"
            )
    parts += [
        f'<text x="{x:.1f}" y="178" font-size="11" text-anchor="middle">{n}</text>'
        for n, x in at.items()
    ]
    parts.append(
        f'<text x="0" y="194" font-size="11" fill="#555">{low:.3g} to {high:.3g}</text>'
    )
    return html.chart(METRICS[metric].title, parts, (350, 200), 340)


def _table(curves, counts):
    header = "".join(
        f"<th>{html.text(METRICS[m].title)}, {n}</th>" for m in SHOWN for n in counts
    )
    rows = "".join(
        f"<tr><td>{html.text(name)}</td>"
        + "".join(_cell(curve.get(n), m) for m in SHOWN for n in counts)
        + "</tr>"
        for name, curve in curves.items()
    )
    return f"<div class=wide><table><tr><th></th>{header}</tr>{rows}</table></div>"


def _cell(row, metric):
    if row is None:
        return "<td></td>"
    value, low, high = statistics.interval(row[metric])
    return f"<td>{value:.3f}<small>{low:.3f} &ndash; {high:.3f}</small></td>"
