"""The page in a real browser: Chromium, headless.

TFCOLOR_SCREENSHOTS=FOLDER python -m pytest -n 0 tests/demo/test_browser.py

writes demo.jpg and demo_narrow.jpg there, by the weights that ship; README and docs
show the former.
"""

import io
import os
import pathlib
import shutil
import time
import zipfile

import numpy as np
import pytest
from PIL import Image
from skimage import data

from tfcolor.color import lab
from tfcolor.demo import coloring
from tfcolor.demo import films
from tfcolor.demo.limits import Limits
from tfcolor.demo.models import Models

pytest.importorskip("gradio", reason="gradio is not installed: tfcolor[demo]")
sync_api = pytest.importorskip(
    "playwright.sync_api", reason="playwright is not installed: tfcolor[browser]"
)
from tfcolor.demo import page as page_of  # noqa: E402

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
SHOTS = os.environ.get("TFCOLOR_SCREENSHOTS")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium to look with"),
]

# Rows and columns of the square in `squared`.
SQUARE = np.s_[40:60, 80:104]


@pytest.fixture(scope="module")
def address(runs):
    models = Models([str(runs.hinted), str(runs.plain)])
    with page_of.served(models, Limits(), "127.0.0.1", None) as address:
        yield address


@pytest.fixture(scope="module")
def visitor(address):
    """A function that opens the page as another visitor does, in one Chromium."""
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox"]
        )
        context = browser.new_context(reduced_motion="reduce")
        context.set_default_timeout(60_000)

        def visitor(width, height=800):
            page = context.new_page()
            page.set_viewport_size({"width": width, "height": height})
            page.requested = []
            page.on("request", lambda r: page.requested.append(r.url))
            page.goto(address)
            page.locator("#files input[type=file]").wait_for(state="attached")
            return page

        yield visitor
        browser.close()


def squared(height=96, width=128):
    """A grey picture with a lighter square, uint8 [height, width]."""
    levels = np.full((height, width), 120, np.uint8)
    levels[SQUARE] = 165
    return levels


def file(path, levels, **options):
    Image.fromarray(levels).save(path, **options)
    return path


def upload(page, *paths):
    page.locator("#files input[type=file]").set_input_files(list(map(str, paths)))


def said(page, text):
    """Wait until the page says it."""
    page.locator("#status", has_text=text).wait_for()
    return page.locator("#status").inner_text()


def downloaded(page, button="#png"):
    with page.expect_download() as download:
        page.locator(button).click()
    return download.value


def square_on_screen(page):
    """The middle of the square in the editor, as it is seen: x, y."""
    editor = page.locator("#editor canvas").first
    editor.scroll_into_view_if_needed()
    box = editor.bounding_box()
    end = time.monotonic() + 20
    while time.monotonic() < end:
        seen = Image.open(io.BytesIO(page.screenshot(clip=box))).convert("RGB")
        lighter = (np.abs(np.asarray(seen).astype(int) - 165) <= 2).all(-1)
        y, x = np.nonzero(lighter)
        if len(x) > 100:
            return box["x"] + np.median(x), box["y"] + np.median(y)
        page.wait_for_timeout(100)
    raise AssertionError("the picture is not in the editor")


def drag(page, by):
    """Drag the slider by some pixels; returns where its handle is then."""
    handle = page.locator("#slider .outer").first
    box, before = handle.bounding_box(), None
    while box != before:  # until the pictures have their size
        page.wait_for_timeout(300)
        box, before = handle.bounding_box(), box
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + by, y, steps=4)
    page.mouse.up()
    return handle.bounding_box()["x"]


def choose(page, where, name):
    page.locator(f"{where} input").first.click()
    page.get_by_role("option", name=name).last.click()


def fresh(page):
    """The page without pictures."""
    page.locator("#files button[aria-label='Clear']").click()
    page.wait_for_function("() => !document.querySelector('#status').innerText.trim()")
    return page


def two_visitors_at_once(pages, tmp_path):
    for number, page in enumerate(pages):
        name = tmp_path / f"of_{number}.png"
        upload(page, file(name, squared(96 + 16 * number)))
    for number, page in enumerate(pages):
        assert said(page, "by the network").startswith(f"of_{number}.png")
        assert (
            page.evaluate("document.documentElement.scrollWidth")
            <= (page.viewport_size["width"])
        )
    for number, page in enumerate(pages):
        found = Image.open(downloaded(page).path())
        assert found.size == (128, 96 + 16 * number)


def coloured_painted_on_and_downloaded(page, address, tmp_path):
    page = fresh(page)
    upload(page, file(tmp_path / "square.png", squared(), dpi=(300, 300)))
    said(page, "square.png: by the network, at 43x32 pixels")
    images = page.locator("#slider img")
    assert images.count() == 2
    first = images.last.get_attribute("src")

    before = drag(page, 0)
    assert drag(page, -80) == pytest.approx(before - 80, abs=3)

    x, y = square_on_screen(page)
    page.mouse.move(x - 3, y)
    page.mouse.down()
    page.mouse.move(x + 3, y, steps=4)
    page.mouse.up()
    said(page, "was given the strokes")
    assert images.last.get_attribute("src") != first

    download = downloaded(page)
    assert download.suggested_filename == "square_color.png"
    found = Image.open(download.path())
    assert found.info["dpi"] == pytest.approx((300, 300), abs=0.01)
    rgb = np.asarray(found)
    assert rgb.shape == (96, 128, 3)
    wanted = np.array([*bytes.fromhex(page_of.COLORS[0][1:])], np.uint8)
    ab = lab.rgb_to_lab(rgb).numpy()[..., 1:] - lab.rgb_to_lab(wanted).numpy()[1:]
    missed = np.linalg.norm(ab, axis=-1)
    assert missed[48:52, 90:94].mean() < 3  # the middle of the square
    assert missed[:10, :10].mean() > 10

    page.locator("#suggest").click()
    page.locator("#suggestions button img").nth(1).click()
    said(page, "suggestion 2 of 4")
    choose(page, "#model", "plain")
    said(page, "by the strokes alone (Levin 2004)")
    page.locator("#intensity input[type=number]").fill("0")
    page.wait_for_timeout(1000)
    grey = np.asarray(Image.open(downloaded(page).path()))
    assert np.ptp(grey, -1).max() <= 1
    assert all(url.startswith((address, "data:", "blob:")) for url in page.requested)


def refused_in_one_line(page, tmp_path):
    page = fresh(page)
    (tmp_path / "text.jpg").write_text("no picture")
    upload(page, tmp_path / "text.jpg")
    line = "text.jpg: not an image of a known format"
    assert said(page, line) == line
    Image.new("1", (10_000, 10_000)).save(tmp_path / "large.png")
    fresh(page)
    good = [file(tmp_path / f"{name}.png", squared()) for name in "ab"]
    upload(page, tmp_path / "large.png", *good)
    line = "large.png: 10000 x 10000 pixels are more than --max_pixels=50000000"
    assert said(page, "by the network").splitlines() == [
        line,
        "a.png: by the network, at 43x32 pixels",
    ]
    page.locator("#chooser button img").nth(1).click()
    assert said(page, "b.png").startswith("b.png: by the network")
    with zipfile.ZipFile(downloaded(page, "#zip").path()) as archive:
        assert archive.namelist() == ["a_color.png", "b_color.png"]


def a_film_is_shown_and_downloaded(page, tmp_path):
    from films import decoded
    from films import write_film

    film = write_film(tmp_path / "clip.mp4", 8)
    page.locator("#films button").first.click()
    page.locator("#film input[type=file]").set_input_files(str(film))
    line = "clip.mp4: 128x96 pixels; its first frames are shown"
    assert said(page, line) == line
    page.locator("#frames button img").first.wait_for()
    download = downloaded(page, "#whole")
    assert download.suggested_filename == "clip_color.mp4"
    found = tmp_path / "downloaded.mp4"
    download.save_as(found)
    assert len(decoded(found)) == 8
    (tmp_path / "text.mp4").write_text("no film")
    page.locator("#film button[aria-label='Clear']").click()
    page.locator("#film input[type=file]").set_input_files(str(tmp_path / "text.mp4"))
    assert said(page, "text.mp4").startswith("text.mp4: no film that can be read")


def nothing_stays_when_they_leave(pages):
    root = pathlib.Path(os.environ["GRADIO_TEMP_DIR"])
    assert len(list(root.glob("visit-*/*/picture.png"))) == 3
    for page in pages:
        page.close()
    end = time.monotonic() + 20
    while list(root.glob("visit-*/*/picture.png")) and time.monotonic() < end:
        time.sleep(0.1)
    assert not list(root.glob("visit-*/*/picture.png"))


def test_the_page_in_a_browser(visitor, address, tmp_path):
    # One test, so that there is one server, and two pages, which take long to load.
    pages = [visitor(700), visitor(400)]
    two_visitors_at_once(pages, tmp_path)
    coloured_painted_on_and_downloaded(pages[0], address, tmp_path)
    refused_in_one_line(pages[1], tmp_path)
    if films.available():
        a_film_is_shown_and_downloaded(pages[1], tmp_path)
    nothing_stays_when_they_leave(pages)


@pytest.mark.skipif(not SHOTS, reason="TFCOLOR_SCREENSHOTS names no folder")
@pytest.mark.parametrize("width", [1200, 400])
def test_screenshots(width, visitor, tmp_path):
    page = visitor(width, 900)
    page.set_default_timeout(120_000)
    choose(page, "#model", "photo")
    page.locator("#model", has_text="256 pixels").wait_for()
    name = file(tmp_path / "portrait.png", coloring.grey(data.astronaut()))
    upload(page, name)
    said(page, "at 256x256 pixels")
    page.wait_for_timeout(3000)  # until all is drawn
    drag(page, -width // 10)
    path = pathlib.Path(SHOTS) / ("demo.jpg" if width == 1200 else "demo_narrow.jpg")
    page.screenshot(path=path, type="jpeg", quality=85, full_page=True)
