"""sweep.html: the metric of a sweep against each axis of its grid."""

import html
import itertools

import numpy as np

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 1000px; margin: 0 auto;
  padding: 16px; color: #1c1f24; background: #fff; }
.charts { display: flex; flex-wrap: wrap; gap: 24px; }
.charts svg { width: 420px; max-width: 100%; }
pre { overflow-x: auto; }
"""
WIDTH, HEIGHT, LEFT, BOTTOM = 420, 240, 56, 40


def page(points, grid, metric, lines):
    """The page as text.

    Args:
      points: of a sweep, run.
      grid: {field: [value, ...]}.
      lines: the ranking as text.
    """
    charts = "".join(_chart(points, field, grid[field], metric) for field in grid)
    ranking = html.escape("\n".join(lines))
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>Sweep</title><style>{_STYLE}</style><h1>Sweep</h1>"
        f"<pre>{ranking}</pre><p>{html.escape(metric)} against each axis: a dot a "
        f"run, the line through the means.</p><div class=charts>{charts}</div></html>\n"
    )


def _chart(points, field, values, metric):
    found = {
        value: [
            p.result[metric]
            for p in points
            if p.values[field] == value and metric in p.result
        ]
        for value in values
    }
    everything = list(itertools.chain(*found.values()))
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
        f'<text x="0" y="14" font-weight="600">{html.escape(field)}</text>',
        *(
            f'<text x="{LEFT - 8}" y="{height(y) + 4:.1f}" font-size="11" '
            f'text-anchor="end">{y:.4g}</text>'
            for y in {low, high}
        ),
    ]
    means = []
    for value, results in found.items():
        x = place[value]
        parts.append(
            f'<text x="{x:.1f}" y="{HEIGHT - 12}" font-size="12" '
            f'text-anchor="middle">{html.escape(value)}</text>'
        )
        parts += [
            f'<circle cx="{x:.1f}" cy="{height(y):.1f}" r="4" fill="#2563ab" '
            f'fill-opacity="0.6"><title>{y:.5g}</title></circle>'
            for y in results
        ]
        if results:
            means.append(f"{x:.1f},{height(np.mean(results)):.1f}")
    parts.append(f'<polyline points="{" ".join(means)}" fill="none" stroke="#c2571a"/>')
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        f'aria-label="{html.escape(field)}">{"".join(parts)}</svg>'
    )
