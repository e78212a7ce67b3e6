"""Docstrings as Markdown, for the API pages of the site.

A section such as "Args:" becomes a list, item by item and word for word, also where an
item has several names or none.
"""

import re

import griffe

SECTIONS = ("Args", "Returns", "Raises", "Attributes")


class Markdown(griffe.Extension):
    """Rewrites the docstrings that griffe finds."""

    def on_object(self, *, obj, **_):
        if obj.docstring:
            obj.docstring.value = to_markdown(obj.docstring.value)


def to_markdown(text):
    """A docstring, dedented, as Markdown."""
    lines, section = [], ""
    for line in text.splitlines():
        if line.rstrip(":") in SECTIONS and line.endswith(":"):
            section = line.rstrip(":")
            lines += ["", f"**{section}**", ""]
        elif section and line.startswith("  "):
            lines.append(_item(line[2:], section))
        else:
            section = "" if line.strip() else section
            lines.append(_escaped(line))
    return "\n".join(lines)


def _item(line, section):
    """A line of a section, whose own indentation is gone."""
    if line.startswith(" "):
        return "  " + _escaped(line.strip())
    names, colon, rest = line.partition(":")
    if section in ("Args", "Attributes") and colon and re.fullmatch(r"[\w, *]+", names):
        names = ", ".join(f"`{name.strip()}`" for name in names.split(","))
        return f"- {names}:{_escaped(rest)}"
    if section == "Raises":
        return f"- {_escaped(line)}"
    return ("- " if section in ("Args", "Attributes") else "") + _escaped(line)


def _escaped(text):
    """Text whose signs mean themselves; what stands in backquotes is code."""
    parts = re.split(r"(`[^`]*`)", text)
    return "".join(x if x.startswith("`") else _plain(x) for x in parts)


def _plain(text):
    text = text.replace("&", "&amp;").replace("<", "&lt;")
    return re.sub(r"([*_\[\]|$])", r"\\\1", text)
