"""sweep.html: the metric of a sweep against each axis of its grid."""

import itertools
from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any

import numpy as np

from tfcolor import html

WIDTH, HEIGHT, LEFT, BOTTOM = 420, 240, 56, 40


def page(
    points: Sequence[Any],
    grid: Mapping[str, Sequence[str]],
    metric: str,
    lines: Iterable[str],
) -> str:
    """The page as text.

    Args:
      points: of a sweep, run.
      grid: {field: [value, ...]}.
      lines: the ranking as text.
    """
    charts = "".join(_chart(points, field, grid[field], metric) for field in grid)
    ranking = html.text("\n".join(lines))
    return html.page(
        "Sweep",
        [
            f"<pre>{ranking}</pre>",
            f"<p>{html.text(metric)} against each axis: a dot a run, the line through "
            "the means.</p>",
            f"<div class=charts>{charts}</div>",
        ],
    )


def _chart(points, field, values, metric):
    by_value = {
        value: [
            p.result[metric]
            for p in points
            if p.values[field] == value and metric in p.result
        ]
        for value in values
    }
    everything = list(itertools.chain(*by_value.values()))
    if not everything:
        return ""
    low, high = min(everything), max(everything)
    span = (high - low) or 1.0
    place = {
        value: LEFT + (i + 0.5) * (WIDTH - LEFT) / len(values)
        for i, value in enumerate(values)
    }

    def height(y):
        return 30 + (high - y) / span * (HEIGHT - BOTTOM - 40)

    parts = [
        *(
            f'<text x="{LEFT - 8}" y="{height(y) + 4:.1f}" font-size="11" '
            f'text-anchor="end">{y:.4g}</text>'
            for y in {low, high}
        ),
    ]
    means = []
    for value, results in by_value.items():
        x = place[value]
        parts.append(
            f'<text x="{x:.1f}" y="{HEIGHT - 12}" font-size="12" '
            f'text-anchor="middle">{html.text(value)}</text>'
        )
        parts += [
            f'<circle cx="{x:.1f}" cy="{height(y):.1f}" r="4" fill="#2563ab" '
            f'fill-opacity="0.6"><title>{y:.5g}</title></circle>'
            for y in results
        ]
        if results:
            means.append(f"{x:.1f},{height(np.mean(results)):.1f}")
    parts.append(f'<polyline points="{" ".join(means)}" fill="none" stroke="#c2571a"/>')
    return html.chart(field, parts, (WIDTH, HEIGHT))
