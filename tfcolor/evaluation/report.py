"""report.html: an evaluation on one page that opens offline."""

from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any

import numpy as np

from tfcolor import html
from tfcolor.evaluation.statistics import GREY
from tfcolor.evaluation.statistics import TRUTH
from tfcolor.evaluation.statistics import Difference
from tfcolor.evaluation.statistics import Table
from tfcolor.evaluation.statistics import interval
from tfcolor.evaluation.statistics import may_be_noise
from tfcolor.evaluation.statistics import measured
from tfcolor.evaluation.statistics import ranked
from tfcolor.metrics import METRICS

# What the page says first.
HEADLINES = ("histogram", "ab_error")

# Curves over the steps, where a run has them.
CURVES = (
    "g/loss",
    "d/loss",
    "g/l1",
    "val/ab_error",
    "val/colorfulness_ratio",
    "val/one_hue",
)


def page(
    table: Table,
    differences: Sequence[Difference],
    facts: Mapping[str, object],
    pictures: Iterable[tuple[str, np.ndarray]],
    curves: Mapping[str, Mapping[str, Any]],
    extra: Sequence[str] = (),
) -> str:
    """The page as text.

    Args:
      table: {method: {metric: [1 + resamples]}} of `statistics.judge`.
      differences: of `statistics.differences`.
      facts: {name: text}, said under the title.
      pictures: [(caption, uint8 [h, w, 3])].
      curves: {run: {name: (steps, values)}}.
      extra: parts in HTML after the table and the bars.
    """
    runs = [name for name in table if name not in (TRUTH, GREY)]
    colors = {run: html.PALETTE[i % len(html.PALETTE)] for i, run in enumerate(runs)}
    parts = [
        *(
            f"<div class=muted>{html.text(name)}: <code>{html.text(value)}</code></div>"
            for name, value in facts.items()
        ),
        *(
            f"<div class=verdict>{verdict(table, differences, metric)}</div>"
            for metric in HEADLINES
        ),
        "<h2>All metrics</h2>",
        "<p class=muted>With 95 % intervals over the images. The best run of each "
        "column is bold; arrows say which way is better, = that the truth's value "
        "is.</p>",
        _table(table),
        "<h2>Side by side</h2>",
        html.key(colors),
        "<div class=charts>",
        *(_bars(table, m, colors) for m in measured(table) if METRICS[m].bars),
        "</div>",
        *extra,
    ]
    if differences:
        parts += ["<h2>Differences between runs</h2>", _differences(differences)]
    for caption, picture in pictures:
        parts.append(
            f"<figure><h2>{html.text(caption)}</h2>"
            f'<img alt="{html.text(caption)}" src="{html.png(picture)}" '
            f'style="width:{2 * picture.shape[1]}px"></figure>'
        )
    if any(curves.values()):
        parts += ["<h2>Training</h2>", html.key(colors), "<div class=charts>"]
        parts += [_curve(name, curves, colors) for name in CURVES]
        parts.append("</div>")
    return html.page("Colorization, judged", parts)


def verdict(table: Table, differences: Sequence[Difference], metric: str) -> str:
    """Which run is best by a metric, and whether that may be noise."""
    name = METRICS[metric].title
    order = ranked(table, metric)
    best = order[0]
    value = _number(table, best, metric)
    said = f"{html.text(name)}: <b>{html.text(best)}</b> is best, {value}."
    if len(order) == 1:
        return said.replace("is best, ", "")
    second = order[1]
    for one, other, of, value, low, high in differences:
        if of == metric and {one, other} == {best, second}:
            noise = may_be_noise(low, high)
            return (
                f"{said} The next, {html.text(second)}, differs by {abs(value):.3g} "
                f"[{min(abs(low), abs(high)) if not noise else 0:.3g} to "
                f"{max(abs(low), abs(high)):.3g}]: {_judgement(low, high)}."
            )
    return said


def _table(table):
    arrows = {True: "&uarr;", False: "&darr;", None: "="}
    header = "".join(
        f"<th>{html.text(METRICS[metric].title)} {arrows[METRICS[metric].more]}</th>"
        for metric in measured(table)
    )
    best = {metric: ranked(table, metric)[0] for metric in measured(table)}
    rows = []
    for method in table:
        cells = "".join(
            f"<td{' class=best' if best.get(metric) == method else ''}>"
            f"{_number(table, method, metric)}{_range(table, method, metric)}</td>"
            for metric in measured(table)
        )
        rows.append(f"<tr><td>{html.text(method)}</td>{cells}</tr>")
    return (
        f"<div class=wide><table><tr><th></th>{header}</tr>"
        f"{''.join(rows)}</table></div>"
    )


def _differences(rows):
    lines = [
        f"<tr><td>{html.text(first)} &minus; {html.text(second)}</td>"
        f"<td>{html.text(METRICS[metric].title)}</td><td>{value:+.4g}</td>"
        f"<td>{low:+.4g} to {high:+.4g}</td>"
        f"<td>{_judgement(low, high)}</td></tr>"
        for first, second, metric, value, low, high in rows
    ]
    return (
        "<details><summary>Each pair of runs, each metric, on the same resamples"
        "</summary><div class=wide><table><tr><th>pair</th><th>metric</th>"
        "<th>difference</th><th>95 % interval</th><th></th></tr>"
        f"{''.join(lines)}</table></div></details>"
    )


def _judgement(low, high):
    return "may be noise" if may_be_noise(low, high) else "more than noise"


def _number(table, method, metric):
    value = table[method][metric][0]
    return f"{value:.3f}" if abs(value) < 10 else f"{value:.2f}"


def _range(table, method, metric):
    _, low, high = interval(table[method][metric])
    if high - low < 5e-4:
        return ""
    return f"<small>{low:.3f} &ndash; {high:.3f}</small>"


def _bars(table, metric, colors):
    values = {run: interval(table[run][metric]) for run in colors}
    truth = float(table[TRUTH][metric][0])
    shown = [high for _, _, high in values.values()]
    if METRICS[metric].more is None:
        shown.append(truth)
    scale = 290.0 / (max(shown) or 1.0)
    lines, y = [], 24
    for run, (value, low, high) in values.items():
        lines.append(
            f'<rect x="0" y="{y}" width="{value * scale:.1f}" height="16" '
            f'fill="{colors[run]}"><title>{html.text(run)}: {value:.4g}</title></rect>'
            f'<path d="M{low * scale:.1f} {y + 8}H{high * scale:.1f}" stroke="#000"/>'
            f'<text x="{high * scale + 6:.1f}" y="{y + 13}" font-size="11">'
            f"{value:.3g}</text>"
        )
        y += 22
    if METRICS[metric].more is None:
        lines.append(
            f'<path d="M{truth * scale:.1f} 20V{y}" stroke="#555" '
            'stroke-dasharray="3 3"/><text x="0" y="'
            f'{y + 12}" font-size="11" fill="#555">dashed: truth, {truth:.3g}</text>'
        )
    return html.chart(METRICS[metric].title, lines, (350, y + 16), 340)


def _curve(name, curves, colors):
    series = {
        run: curve[name]
        for run, curve in curves.items()
        if len(curve.get(name, [])) > 0
    }
    series = {run: pair for run, pair in series.items() if len(pair[0]) > 1}
    if not series:
        return ""
    values = np.concatenate([np.asarray(v, float) for _, v in series.values()])
    low, high = np.quantile(values, [0.01, 0.99])
    last = max(steps[-1] for steps, _ in series.values())
    span = (high - low) or 1.0
    lines = []
    for run, (steps, curve) in series.items():
        x = np.asarray(steps, float) / last * 330 + 4
        y = 150 - (np.clip(curve, low, high) - low) / span * 120
        points = " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(x, y, strict=True))
        lines.append(
            f'<polyline points="{points}" fill="none" stroke="{colors[run]}" '
            f'stroke-width="1.5"><title>{html.text(run)}</title></polyline>'
        )
    lines.append(
        f'<text x="4" y="166" font-size="11" fill="#555">{low:.3g} to {high:.3g}, '
        f"steps 0 to {last:,}</text>"
    )
    return html.chart(name, lines, (350, 172), 340)
