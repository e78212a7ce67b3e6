"""report.html: an evaluation on one page that opens offline."""

import base64
import html
import io

import numpy as np
from PIL import Image

from tfcolor.evaluate import GREY
from tfcolor.evaluate import METRICS
from tfcolor.evaluate import TRUTH
from tfcolor.evaluate import interval
from tfcolor.evaluate import may_be_noise
from tfcolor.evaluate import measured
from tfcolor.evaluate import ranked

PALETTE = ("#2563ab", "#c2571a", "#2e7d4f", "#8b3fa0", "#b8860b", "#0f7f8b", "#b03060")

# What the page says first, and what is drawn as bars.
HEADLINES = ("histogram", "ab_error")
BARS = ("histogram", "ab_error", "hasler", "sepia", "blobs", "psnr")

# Curves over the steps, where a run has them.
CURVES = (
    "g/loss",
    "d/loss",
    "g/l1",
    "val/ab_error",
    "val/colorfulness_ratio",
    "val/one_hue",
)

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; color: #1c1f24; background: #fff;
  max-width: 1100px; margin: 0 auto; padding: 16px; }
h1 { font-size: 1.5em; } h2 { font-size: 1.15em; margin-top: 2em; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: 4px 10px; text-align: right; border-bottom: 1px solid #dde1e6;
  white-space: nowrap; }
th:first-child, td:first-child { text-align: left; position: sticky; left: 0;
  background: #fff; }
td small { color: #6a7280; display: block; } .best { font-weight: 700; }
.verdict { font-size: 1.05em; background: #f1f5fa; padding: 10px 14px;
  border-left: 4px solid #2563ab; margin: 8px 0; }
.muted { color: #6a7280; } img { max-width: 100%; height: auto; }
figure { margin: 0 0 20px; } figcaption { color: #6a7280; }
.charts { display: flex; flex-wrap: wrap; gap: 20px; }
.charts svg { width: 340px; max-width: 100%; }
.key span { display: inline-block; margin-right: 16px; }
.key i { display: inline-block; width: 12px; height: 12px; margin-right: 5px; }
code { overflow-wrap: anywhere; }
"""


def page(table, differences, facts, pictures, curves):
    """The page as text.

    Args:
      table: {method: {metric: [1 + resamples]}} of `evaluate.judge`.
      differences: of `evaluate.differences`.
      facts: {name: text}, said under the title.
      pictures: [(caption, uint8 [h, w, 3])].
      curves: {run: {name: (steps, values)}}.
    """
    runs = [name for name in table if name not in (TRUTH, GREY)]
    colors = {run: PALETTE[i % len(PALETTE)] for i, run in enumerate(runs)}
    parts = [
        "<h1>Colorization, judged</h1>",
        *(
            f"<div class=muted>{_text(name)}: <code>{_text(value)}</code></div>"
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
        _key(colors),
        "<div class=charts>",
        *(_bars(table, metric, colors) for metric in BARS),
        "</div>",
    ]
    if differences:
        parts += ["<h2>Differences between runs</h2>", _differences(differences)]
    for caption, picture in pictures:
        parts.append(
            f"<figure><h2>{_text(caption)}</h2>"
            f'<img alt="{_text(caption)}" src="{_png(picture)}" '
            f'style="width:{2 * picture.shape[1]}px"></figure>'
        )
    if any(curves.values()):
        parts += ["<h2>Training</h2>", _key(colors), "<div class=charts>"]
        parts += [_curve(name, curves, colors) for name in CURVES]
        parts.append("</div>")
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>Colorization, judged</title><style>{_STYLE}</style>"
        + "\n".join(parts)
        + "</html>\n"
    )


def verdict(table, differences, metric):
    """Which run is best by a metric, and whether that may be noise."""
    name, _ = METRICS[metric]
    order = ranked(table, metric)
    best = order[0]
    said = (
        f"{_text(name)}: <b>{_text(best)}</b> is best, {_number(table, best, metric)}."
    )
    if len(order) == 1:
        return said.replace("is best, ", "")
    second = order[1]
    for one, other, of, value, low, high in differences:
        if of == metric and {one, other} == {best, second}:
            noise = may_be_noise(low, high)
            return (
                f"{said} The next, {_text(second)}, differs by {abs(value):.3g} "
                f"[{min(abs(low), abs(high)) if not noise else 0:.3g} to "
                f"{max(abs(low), abs(high)):.3g}]: {_judgement(low, high)}."
            )
    return said


def _table(table):
    arrows = {True: "&uarr;", False: "&darr;", None: "="}
    header = "".join(
        f"<th>{_text(METRICS[metric][0])} {arrows[METRICS[metric][1]]}</th>"
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
        rows.append(f"<tr><td>{_text(method)}</td>{cells}</tr>")
    return (
        f"<div class=wide><table><tr><th></th>{header}</tr>"
        f"{''.join(rows)}</table></div>"
    )


def _differences(rows):
    lines = [
        f"<tr><td>{_text(first)} &minus; {_text(second)}</td>"
        f"<td>{_text(METRICS[metric][0])}</td><td>{value:+.4g}</td>"
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
    if METRICS[metric][1] is None:
        shown.append(truth)
    scale = 290.0 / (max(shown) or 1.0)
    lines, y = [], 24
    for run, (value, low, high) in values.items():
        lines.append(
            f'<rect x="0" y="{y}" width="{value * scale:.1f}" height="16" '
            f'fill="{colors[run]}"><title>{_text(run)}: {value:.4g}</title></rect>'
            f'<path d="M{low * scale:.1f} {y + 8}H{high * scale:.1f}" stroke="#000"/>'
            f'<text x="{high * scale + 6:.1f}" y="{y + 13}" font-size="11">'
            f"{value:.3g}</text>"
        )
        y += 22
    if METRICS[metric][1] is None:
        lines.append(
            f'<path d="M{truth * scale:.1f} 20V{y}" stroke="#555" '
            'stroke-dasharray="3 3"/><text x="0" y="'
            f'{y + 12}" font-size="11" fill="#555">dashed: truth, {truth:.3g}</text>'
        )
    return _chart(METRICS[metric][0], lines, y + 16)


def _curve(name, curves, colors):
    series = {
        run: found[name]
        for run, found in curves.items()
        if len(found.get(name, [])) > 0
    }
    series = {run: pair for run, pair in series.items() if len(pair[0]) > 1}
    if not series:
        return ""
    values = np.concatenate([np.asarray(v, float) for _, v in series.values()])
    low, high = np.quantile(values, [0.01, 0.99])
    last = max(steps[-1] for steps, _ in series.values())
    span = (high - low) or 1.0
    lines = []
    for run, (steps, found) in series.items():
        x = np.asarray(steps, float) / last * 330 + 4
        y = 150 - (np.clip(found, low, high) - low) / span * 120
        points = " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(x, y, strict=True))
        lines.append(
            f'<polyline points="{points}" fill="none" stroke="{colors[run]}" '
            f'stroke-width="1.5"><title>{_text(run)}</title></polyline>'
        )
    lines.append(
        f'<text x="4" y="166" font-size="11" fill="#555">{low:.3g} to {high:.3g}, '
        f"steps 0 to {last:,}</text>"
    )
    return _chart(name, lines, 172)


def _chart(title, lines, height):
    return (
        f'<svg viewBox="0 0 350 {height}" role="img" aria-label="{_text(title)}">'
        f'<text x="0" y="13" font-size="13" font-weight="600">{_text(title)}</text>'
        f"{''.join(lines)}</svg>"
    )


def _key(colors):
    spans = "".join(
        f'<span><i style="background:{color}"></i>{_text(run)}</span>'
        for run, color in colors.items()
    )
    return f"<div class=key>{spans}</div>"


def _png(picture):
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "PNG")
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()


def _text(value):
    return html.escape(str(value))
