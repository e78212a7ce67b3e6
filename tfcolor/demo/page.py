"""The page: Gradio's components, and which of them calls what."""

from __future__ import annotations

import contextlib
import logging
import os
import pathlib
import tempfile
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

# Before Gradio is imported: it asks no server about its version.
os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")

import gradio as gr

from tfcolor.demo import coloring
from tfcolor.demo import films
from tfcolor.demo import models as models_of
from tfcolor.demo.calls import Calls
from tfcolor.demo.calls import said
from tfcolor.demo.limits import Limits
from tfcolor.demo.models import Models
from tfcolor.demo.visits import Visits
from tfcolor.images.decode import reason

log = logging.getLogger("tfcolor")

TITLE = "tfcolor: colour for grey pictures"

# Of the brush.
COLORS = (
    *("#a8503c", "#d9a066", "#e8c39e", "#c8b450", "#5f8a52", "#3f6b4f"),
    *("#4f8fa8", "#46649b", "#7a5a96", "#b05a7a", "#7b5a3c", "#808080"),
)

# Gradio looks for what is older than the second of these, seconds, every so often.
_CACHE = (60, 1800)

# No fonts from elsewhere.
_FONTS = ("system-ui", "sans-serif"), ("ui-monospace", "monospace")

_CSS = """
.gradio-container {max-width: 1200px !important; margin: auto}
#status {min-height: 1.5em; overflow-wrap: anywhere}
#status .error {color: var(--error-text-color, #b91c1c); font-weight: 600}
"""

# What a download button does, once there is something to download.
_PRESS = "() => setTimeout(() => document.querySelector('#ready').click(), 50)"


def build(models: Models, visits: Visits, limits: Limits) -> gr.Blocks:
    """The page, which is not yet served."""
    with gr.Blocks(title=TITLE, analytics_enabled=False, delete_cache=_CACHE) as page:
        ui = _components(models, limits)
        _connect(ui, models, visits)
        page.unload(_forgetting(visits))
    page.queue(
        max_size=limits.queue, default_concurrency_limit=os.cpu_count(), api_open=False
    )
    return page


@contextlib.contextmanager
def served(
    models: Models, limits: Limits, host: str, port: int | None, share: bool = False
) -> Iterator[str]:
    """Serve the page while the block runs; gives its address.

    Args:
      host: the address that it listens on.
      port: None: one that is free from 7860 on.
      share: through a tunnel of Gradio's too, from anywhere.

    Raises:
      OSError: the port is taken.
    """
    before = os.environ.get("GRADIO_TEMP_DIR")
    with tempfile.TemporaryDirectory(prefix="tfcolor-demo-") as folder:
        os.environ["GRADIO_TEMP_DIR"] = folder
        page = build(models, Visits(pathlib.Path(folder), limits), limits)
        try:
            _, local, shared = page.launch(
                server_name=host,
                server_port=port,
                share=share,
                quiet=True,
                prevent_thread_lock=True,
                max_file_size=f"{limits.megabytes}mb",
                footer_links=[],
                ssr_mode=False,
                theme=gr.themes.Default(
                    primary_hue="purple", font=_FONTS[0], font_mono=_FONTS[1]
                ),
                css=_CSS,
            )
            yield shared or local
        finally:
            page.close(verbose=False)
            os.environ.pop("GRADIO_TEMP_DIR")
            if before is not None:
                os.environ["GRADIO_TEMP_DIR"] = before


def _components(models, limits):
    """What is seen, from above."""
    ui = SimpleNamespace()
    gr.Markdown(f"## {TITLE}")
    with gr.Row():
        with gr.Column(scale=1, min_width=300):
            ui.files = gr.File(
                label=f"Photographs or scans, at most {limits.max_files}",
                file_count="multiple",
                height=140,
                elem_id="files",
            )
            ui.chooser = gr.Gallery(
                label="Choose one",
                columns=4,
                height=140,
                allow_preview=False,
                visible=False,
                format="jpeg",
                elem_id="chooser",
            )
            _settings(ui, models, limits)
            if films.available():
                _film(ui, limits)
        with gr.Column(scale=2, min_width=320):
            ui.slider = gr.ImageSlider(
                label="Before and after",
                format="jpeg",
                buttons=["fullscreen"],
                elem_id="slider",
            )
            ui.status = gr.HTML(elem_id="status")
            _suggestions_and_downloads(ui, models)
            _brush(ui)
    return ui


def _settings(ui, models, limits):
    default = models.get(models.default)
    ui.model = gr.Dropdown(
        models.names,
        value=models.default,
        label="Model",
        info=models_of.said(default),
        elem_id="model",
    )
    ui.intensity = gr.Slider(
        0,
        coloring.MAX_INTENSITY,
        1.0,
        step=0.05,
        label="Intensity",
        elem_id="intensity",
    )
    with gr.Accordion("More", open=False, elem_id="more"):
        ui.size = gr.Slider(
            16,
            limits.max_working_size,
            default.info["working_size"],
            step=16,
            label="Working size",
            info="pixels of the shorter side at which the colours are found",
            elem_id="size",
        )
        ui.reference = gr.File(
            label="Reference: a picture whose colours are taken",
            height=120,
            elem_id="reference",
        )


def _film(ui, limits):
    with gr.Accordion("A film", open=False, elem_id="films"):
        ui.film = gr.File(
            label=f"At most {limits.film_seconds} seconds, "
            f"{limits.film_pixels:,} pixels",
            height=120,
            elem_id="film",
        )
        ui.frames = gr.Gallery(
            label="Its first frames",
            columns=2,
            height=240,
            visible=False,
            format="jpeg",
            elem_id="frames",
        )
        ui.film_button = gr.Button(
            "Colour and download", variant="primary", visible=False, elem_id="whole"
        )


def _suggestions_and_downloads(ui, models):
    several = models_of.can_suggest(models.get(models.default))
    with gr.Row():
        ui.suggest = gr.Button("Suggest others", visible=several, elem_id="suggest")
        ui.png = gr.Button("Download PNG", variant="primary", elem_id="png")
        ui.zip = gr.Button("All as ZIP", visible=False, elem_id="zip")
    ui.ready = gr.DownloadButton("ready", visible="hidden", elem_id="ready")
    ui.suggestions = gr.Gallery(
        label="Suggestions: choose one",
        columns=4,
        height=160,
        allow_preview=False,
        visible=False,
        format="jpeg",
        elem_id="suggestions",
    )


def _brush(ui):
    ui.editor = gr.ImageEditor(
        label="Paint colours",
        type="numpy",
        image_mode="RGBA",
        sources=(),
        transforms=(),
        layers=False,
        height=400,
        brush=gr.Brush(default_size=12, colors=list(COLORS), default_color=COLORS[0]),
        buttons=[],
        format="png",
        visible=False,
        elem_id="editor",
    )


def _connect(ui, models, visits):
    """Which component calls what, of Calls."""
    calls = Calls(ui, models)
    settings = [ui.model, ui.intensity, ui.size]
    everything = [
        *(ui.chooser, ui.slider, ui.status, ui.editor, ui.suggest, ui.suggestions),
        *(ui.model, ui.size, ui.zip, ui.ready),
    ]

    if films.available():
        everything += [ui.frames, ui.film_button]

    def on(event, call, *inputs, **options):
        return event(
            _answering(call, visits, ui.status),
            [*inputs, *settings],
            everything,
            api_visibility="private",
            show_progress_on=ui.slider,
            **options,
        )

    last = {"trigger_mode": "always_last", "show_progress": "minimal"}
    on(ui.files.change, calls.upload, ui.files)
    on(ui.chooser.select, calls.choose)
    on(ui.model.input, calls.model)
    on(ui.intensity.input, calls.color, **last)
    on(ui.size.input, calls.color, **last)
    on(ui.reference.change, calls.refer, ui.reference)
    on(ui.editor.input, calls.paint, ui.editor, **last)
    on(ui.suggest.click, calls.suggest)
    on(ui.suggestions.select, calls.pick)
    on(ui.png.click, calls.png).success(None, js=_PRESS)
    on(ui.zip.click, calls.zip).success(None, js=_PRESS)
    if films.available():
        on(ui.film.change, calls.take_film, ui.film)
        whole = on(ui.film_button.click, calls.film, concurrency_limit=1)
        whole.success(None, js=_PRESS)


def _answering(call, visits, status):
    """A function as Gradio calls it; an error is one line on the page."""

    def answer(request: gr.Request, event: gr.EventData, *values: Any) -> dict:
        visit = visits.of(str(request.session_hash))
        try:
            with visit.lock:
                return call(visit, getattr(event, "_data", None), *values)
        except Exception as error:
            log.debug("on the page", exc_info=True)
            return {status: said(reason(error))}

    return answer


def _forgetting(visits):
    def forget(request: gr.Request) -> None:
        visits.forget(str(request.session_hash))

    return forget
