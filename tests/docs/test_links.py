"""Links between the texts of the repository, and tables that must agree with it."""

import functools
import re

import pytest
from harness import NAMES
from harness import ROOT

from tfcolor import config

TEXTS = sorted(
    path.relative_to(ROOT).as_posix()
    for path in (*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"))
)
CODE = re.compile(r"^```.*?^```$|`[^`\n]+`", re.M | re.S)
LINK = re.compile(r"\]\(([^)\s]+)\)")
BUILT = re.compile(r"docs/objectives/\w+\.png")  # by tools/docs_hooks.py


@functools.cache
def anchors(path):
    """The anchors of a text's headings."""
    text = re.sub(r"^```.*?^```$", "", path.read_text(), flags=re.M | re.S)
    titles = [title.lower() for title in re.findall(r"^#+ (.+)$", text, re.M)]
    return {re.sub(r"\s+", "-", re.sub(r"[^\w\s-]", "", t)).strip("-") for t in titles}


@pytest.mark.parametrize("text", TEXTS)
def test_links_lead_somewhere(text):
    path = ROOT / text
    for link in LINK.findall(CODE.sub("", path.read_text())):
        assert not link.startswith("/"), f"{text}: {link} is absolute"
        if "://" in link:
            continue
        file, _, anchor = link.partition("#")
        target = (path.parent / file).resolve() if file else path
        if BUILT.fullmatch(target.relative_to(ROOT).as_posix()):
            continue
        assert target.exists(), f"{text}: there is no {link}"
        assert not anchor or anchor in anchors(target), f"{text}: no anchor {link}"


def test_links_are_found():
    assert "README.md" in TEXTS
    assert "docs/results.md" in LINK.findall((ROOT / "README.md").read_text())
    assert "7-nogan-a-falling-l1-weight-edges" in anchors(ROOT / "docs" / "results.md")


def table(path, after):
    """{names of a row, as `name`, ...: its cells} of the first table of a text after
    some words."""
    text = (ROOT / path).read_text().partition(after)[2]
    lines = re.search(r"(?:^\|.*\n)+", text, re.MULTILINE)[0].splitlines()[2:]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return {row[0]: row for row in cells}


def number(text):
    return float(text or 0.0)


@pytest.mark.parametrize("text", ["README.md", "docs/objectives/index.md"])
def test_the_table_of_objectives_is_that_of_the_configs(text):
    rows = {}
    for first, row in table(text, "# Objectives").items():
        rows |= {name: row for name in re.findall(r"`(\w+)`", first)}
    assert {*rows, "cyclegan"} == set(NAMES)
    for name, (_, _, updates, optimizer, weight, _) in rows.items():
        loss, optim = config.of(name).loss, config.of(name).optim
        if hasattr(loss, "l1_weight"):
            assert number(weight) == max(loss.l1_weight, loss.l2_weight), name
        if config.of(name).discriminator is not None:
            assert number(updates) == getattr(loss, "n_critic", 1), name
        kind, *numbers = re.findall(r"[A-Za-z]{3,}|[\d.]+(?:e-\d)?", optimizer)
        assert kind.lower() == optim.name, name
        betas = [] if "(" not in optimizer else [optim.beta_1, optim.beta_2]
        rates = sorted({optim.g_lr, optim.d_lr or optim.g_lr})
        found = [float(x) for x in numbers]
        assert sorted(found[: len(found) - len(betas)]) == rates, name
        assert found[len(found) - len(betas) :] == betas, name


def test_figures_are_the_same_everywhere():
    whole = table("docs/results.md", "## Ten minutes of every objective")
    short = table("README.md", "## Results")
    assert short == {name: [row[0], *row[3:7]] for name, row in whole.items()}
    for name in set(NAMES) - {"cyclegan"}:
        _, _, _, error, colorfulness, distance, *_ = whole[f"`{name}`"]
        said = " ".join(config.CONFIGS.joinpath(f"{name}.py").read_text().split())
        figures = re.search(r"ab error ([\d.]+), .*? ([\d.]+) of .*? ([\d.]+)\. ", said)
        assert figures.groups() == (error, colorfulness, distance), name


@pytest.mark.parametrize("name", NAMES)
def test_every_objective_has_a_page(name):
    page = (ROOT / "docs" / "objectives" / f"{name}.md").read_text()
    assert f"<!-- settings: {name} -->" in page
    assert f"objectives/{name}.md" in (ROOT / "mkdocs.yml").read_text()
    assert name == "cyclegan" or f"<!-- figures: {name} -->" in page
