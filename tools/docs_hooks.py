"""What mkdocs fills into the pages of docs/: formulas, settings, figures, pictures.

$$...$$ on lines of its own and $`...`$ within a line become MathML, which needs no
script and no network. <!-- settings: NAME --> becomes the table of what configs/NAME.py
sets, <!-- figures: NAME --> the rows of docs/results.md for it, and
objectives/NAME.png is cut from docs/objectives.png.
"""

import ast
import dataclasses
import io
import pathlib
import re

from latex2mathml.converter import convert
from mkdocs.structure.files import File
from PIL import Image

from tfcolor import config as config_lib
from tfcolor.config import schema

DOCS = pathlib.Path(__file__).resolve().parent.parent / "docs"

# Of a config, in the order of the table; of the others what differs from all configs.
SECTIONS = (
    "loss",
    "generator",
    "scanner",
    "colorist",
    "discriminator",
    "weight_network",
    "bins",
    "optim",
)
SHARED = ("data", "train")

# Height of a row of docs/objectives.png, and of what is between two.
ROW, GAP = 64, 2


def on_files(files, config):
    """Add the pictures of the objectives."""
    names = picture_rows()
    for name in dict.fromkeys(names[1:-1]):
        files.append(
            File.generated(config, f"objectives/{name}.png", content=picture(name))
        )
    return files


def on_page_markdown(markdown, **_):
    markdown = re.sub(r"<!-- settings: (\w+) -->", lambda m: settings(m[1]), markdown)
    markdown = re.sub(r"<!-- figures: (\w+) -->", lambda m: figures(m[1]), markdown)
    return formulas(markdown)


def formulas(markdown):
    """LaTeX to MathML, but in blocks of code."""
    parts = re.split(r"(^```.*?^```$)", markdown, flags=re.MULTILINE | re.DOTALL)
    return "".join(x if x.startswith("```") else _formulas(x) for x in parts)


def _formulas(markdown):
    markdown = re.sub(
        r"^\$\$(.+?)\$\$$",
        lambda m: (
            f'<div class="formula">{convert(m[1].strip(), display="block")}</div>'
        ),
        markdown,
        flags=re.MULTILINE | re.DOTALL,
    )
    # Within a span, because Markdown takes math at the head of a line for a block.
    return re.sub(r"\$`(.+?)`\$", lambda m: f"<span>{convert(m[1])}</span>", markdown)


def settings(name):
    """A table of what a config sets: field, value, meaning."""
    config = config_lib.of(name)
    meanings = comments(pathlib.Path(schema.__file__))
    meanings |= comments(config_lib.CONFIGS / f"{name}.py")
    lines = ["| `--config.` | default | |", "|---|---|---|"]
    for section in (*SECTIONS, *SHARED):
        for field, value in _set(getattr(config, section), section):
            kind = type(getattr(config, section)).__name__
            meaning = meanings.get((kind, field), "").replace("|", r"\|")
            lines.append(f"| `{section}.{field}` | `{value}` | {meaning} |")
    return "\n".join(lines)


def _set(section, name):
    """(field, value) of what a config sets in a section."""
    if section is None:
        return
    for field in dataclasses.fields(section):
        value = getattr(section, field.name)
        if name in SHARED:
            shown = value != field.default
        elif hasattr(schema.Loss, field.name) and name == "loss":
            shown = value not in (None, 0.0)
        else:
            shown = value is not None
        if shown:
            yield field.name, value


def comments(path):
    """{(class, field): the comment beside it} of a file of dataclasses."""
    source = path.read_text()
    lines, found = source.splitlines(), {}
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ClassDef):
            for field in node.body:
                if isinstance(field, ast.AnnAssign):
                    _, _, comment = lines[field.lineno - 1].partition("  # ")
                    found[node.name, field.target.id] = comment
    return found


def table():
    """The lines of the table of every objective in docs/results.md."""
    text = (DOCS / "results.md").read_text().partition("## Ten minutes")[2]
    return re.search(r"(?:^\|.*\n)+", text, re.MULTILINE)[0].splitlines()


def rows():
    """[(name of the objective, line)]: grey, then all."""
    return [(re.search(r"\w+", line)[0], line) for line in table()[2:]]


def figures(name):
    """The table, of grey and of one objective."""
    shown = [line for other, line in rows() if other in ("grey", name)]
    return "\n".join([*table()[:2], *shown])


def picture_rows():
    """Whose rows docs/objectives.png has, from the top."""
    return [*(name for name, _ in rows()), "truth"]


def picture(name):
    """PNG: grey, the rows of an objective, the ground truth."""
    image = Image.open(DOCS / "objectives.png").convert("RGB")
    shown = [i for i, x in enumerate(picture_rows()) if x in ("grey", name, "truth")]
    step = ROW + GAP
    cut = Image.new("RGB", (image.width, len(shown) * step - GAP), "white")
    for place, i in enumerate(shown):
        row = image.crop((0, i * step, image.width, i * step + ROW))
        cut.paste(row, (0, place * step))
    stream = io.BytesIO()
    cut.save(stream, "png")
    return stream.getvalue()
