"""Who may import whom."""

import ast
import functools

from harness import ROOT

# Whom everybody may import.
BASE = {"atomic", "errors", "registry", "streams", "threads", "types", "version"}

# Each room, and the rooms that it may import.
ROOMS = {
    "color": "",
    "objectives": "",
    "html": "",
    "config": "",
    "images": "color",
    "networks": "color",
    "networks.factory": "config",
    "metrics": "color images",
    "data": "color images config",
    "classical": "color images",
    "runs": "config",
    "presets": "networks config",
    "trainers": "color images networks objectives metrics",
    "inference": "runs presets networks images color data config",
    "film": "color images classical",
    "beam": "images inference",
    "training": "trainers inference data runs presets images color networks config",
    "evaluation": "inference data metrics classical runs presets networks objectives "
    "images color html config",
    "sweeps": "config runs html",
    "api": "config presets classical inference film training evaluation",
    "tfcolor": "config api inference",
    "demo": "color images classical presets inference film",
    "cli": "tfcolor api beam demo data config presets inference training evaluation "
    "sweeps",
}


@functools.cache
def imports():
    """((module that imports, its room, room that is imported), ...)."""
    return tuple(_imports())


def _imports():
    for path in (ROOT / "tfcolor").rglob("*.py"):
        if path.name == "__main__.py":  # an entry point, as those in bin/ are
            continue
        parts = path.relative_to(ROOT / "tfcolor").with_suffix("").parts
        room = "tfcolor" if parts == ("__init__",) else parts[0]
        module = ".".join(parts)
        for node in ast.walk(ast.parse(path.read_text())):
            names = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                assert not node.level, f"{path}: a relative import"
                names = [f"{node.module}.{alias.name}" for alias in node.names]
            for name in names:
                if name.split(".")[0] == "tfcolor":
                    yield module, room, [*name.split(".")[1:], "tfcolor"][0]


def test_rooms_import_only_whom_they_may():
    for module, room, imported in imports():
        allowed = f"{ROOMS.get(room, '')} {ROOMS.get(module, '')}".split()
        said = f"{module} imports {imported}"
        assert imported in {room, *BASE, *allowed}, said


def test_there_is_no_circle():
    arrows = {(room, imported) for _, room, imported in imports()}
    arrows = {(a, b) for a, b in arrows if a != b}
    assert len(arrows) > 50
    while arrows:  # each turn takes the rooms that import nobody that is left
        leaves = {b for _, b in arrows} - {a for a, _ in arrows}
        assert leaves, f"a circle: {sorted(arrows)}"
        arrows = {(a, b) for a, b in arrows if b not in leaves}
