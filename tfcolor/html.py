"""What reports share: a page that opens offline, its style, and its charts."""

import base64
import html
import io
from collections.abc import Iterable
from collections.abc import Mapping

import numpy as np
from PIL import Image

PALETTE = ("#2563ab", "#c2571a", "#2e7d4f", "#8b3fa0", "#b8860b", "#0f7f8b", "#b03060")

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; color: #1c1f24; background: #fff;
  max-width: 1100px; margin: 0 auto; padding: 16px; }
h1 { font-size: 1.5em; } h2 { font-size: 1.15em; margin-top: 2em; }
.wide, pre { overflow-x: auto; }
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
.charts svg { max-width: 100%; }
.key span { display: inline-block; margin-right: 16px; }
.key i { display: inline-block; width: 12px; height: 12px; margin-right: 5px; }
code { overflow-wrap: anywhere; }
"""


def page(title: str, parts: Iterable[str]) -> str:
    """A page as text: the title, and parts in HTML below it."""
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{text(title)}</title><style>{_STYLE}</style><h1>{text(title)}</h1>"
        + "\n".join(parts)
        + "</html>\n"
    )


def chart(
    title: str, lines: Iterable[str], size: tuple[int, int], shown: int | None = None
) -> str:
    """An SVG picture with a title.

    Args:
      lines: its elements as text, below the first 20 units of its height.
      size: (width, height) of its own units.
      shown: pixels of its width on the page; None: as many.
    """
    width, height = size
    return (
        f'<svg viewBox="0 0 {width} {height}" width="{shown or width}" role="img" '
        f'aria-label="{text(title)}"><text x="0" y="13" font-size="13" '
        f'font-weight="600">{text(title)}</text>{"".join(lines)}</svg>'
    )


def key(colors: Mapping[str, str]) -> str:
    """What the colors of charts mean: {name: color}."""
    spans = "".join(
        f'<span><i style="background:{color}"></i>{text(name)}</span>'
        for name, color in colors.items()
    )
    return f"<div class=key>{spans}</div>"


def png(picture: np.ndarray) -> str:
    """A uint8 [H, W, 3] picture as a URL that holds all of it."""
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "PNG")
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()


def text(value: object) -> str:
    """A value as text that HTML takes for nothing else."""
    return html.escape(str(value))
