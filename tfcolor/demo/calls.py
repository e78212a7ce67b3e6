"""What happens when something on the page is used: each takes a visit, what the event
says and the values of the settings, and returns {component: update}."""

from __future__ import annotations

import html
from types import SimpleNamespace
from typing import Any

import gradio as gr

from tfcolor.demo import coloring
from tfcolor.demo import models as models_of
from tfcolor.demo.coloring import Settings
from tfcolor.demo.models import Models
from tfcolor.demo.visits import Visit
from tfcolor.errors import UsageError

# {component of the page: its update}
Updates = dict[Any, Any]


class Calls:
    """The page's answers.

    Args:
      ui: its components, by name.
    """

    def __init__(self, ui: SimpleNamespace, models: Models) -> None:
        self.ui = ui
        self.models = models

    def upload(self, visit: Visit, _: Any, paths: Any, *settings: Any) -> Updates:
        """Files were uploaded, or taken away."""
        lines = visit.take(paths or [])
        return {**self._photo(visit), **self._colored(visit, settings, lines)}

    def choose(self, visit: Visit, event: Any, *settings: Any) -> Updates:
        """Another of several pictures was chosen."""
        visit.choose(int(event["index"]))
        return {**self._photo(visit), **self._colored(visit, settings)}

    def model(self, visit: Visit, _: Any, name: str, *settings: Any) -> Updates:
        """Another model was chosen."""
        predictor, ui = self.models.get(name), self.ui
        for photo in visit.photos:
            photo.suggestion = None
        size = predictor.info["working_size"]
        return {
            ui.model: gr.update(info=models_of.said(predictor)),
            ui.size: size,
            ui.suggest: gr.update(visible=models_of.can_suggest(predictor)),
            ui.suggestions: gr.update(value=None, visible=False),
            **self._colored(visit, (name, settings[0], size)),
        }

    def color(self, visit: Visit, _: Any, *settings: Any) -> Updates:
        """A setting was changed."""
        return self._colored(visit, settings)

    def refer(self, visit: Visit, _: Any, path: Any, *settings: Any) -> Updates:
        """A reference was uploaded, or taken away."""
        visit.refer(path)
        hidden = gr.update(value=None, visible=False)
        return {self.ui.suggestions: hidden, **self._colored(visit, settings)}

    def paint(self, visit: Visit, _: Any, drawn: Any, *settings: Any) -> Updates:
        """Something was painted."""
        if not visit.photos or not drawn or not visit.paint(drawn["layers"]):
            return {self.ui.status: gr.skip()}
        return self._colored(visit, settings)

    def suggest(self, visit: Visit, _: Any, *settings: Any) -> Updates:
        """Suggestions are asked for."""
        found = visit.suggestions(*self._asked(settings))
        shown = gr.update(value=found, visible=True, selected_index=None)
        return {self.ui.suggestions: shown}

    def pick(self, visit: Visit, event: Any, *settings: Any) -> Updates:
        """One of the suggestions was chosen."""
        visit.photo.suggestion = int(event["index"])
        return self._colored(visit, settings)

    def png(self, visit: Visit, _: Any, *settings: Any) -> Updates:
        """The chosen picture is to be downloaded."""
        return {self.ui.ready: str(visit.png(*self._asked(settings)))}

    def zip(self, visit: Visit, _: Any, *settings: Any) -> Updates:
        """All pictures are to be downloaded."""
        return {self.ui.ready: str(visit.zip(*self._asked(settings)))}

    def take_film(self, visit: Visit, _: Any, path: Any, *settings: Any) -> Updates:
        """A film was uploaded, or taken away."""
        try:
            visit.films.take(path)
        except UsageError as error:
            return self._no_frames(str(error))
        return self._frames(visit, settings) or self._no_frames()

    def film(self, visit: Visit, _: Any, *settings: Any) -> Updates:
        """The film is to be downloaded."""
        return {self.ui.ready: str(visit.films.color(*self._asked(settings)))}

    def _frames(self, visit, settings):
        """What changes with the colors of the film."""
        clip = visit.films.clip
        if clip is None:
            return {}
        try:
            found = visit.films.first(*self._asked(settings))
        except UsageError as error:
            return self._no_frames(str(error))
        height, width = clip.film.shown
        told = f"{clip.name}: {width}x{height} pixels; its first frames are shown"
        return {
            self.ui.frames: gr.update(value=found, visible=True),
            self.ui.film_button: gr.update(visible=True),
            self.ui.status: said(told, kind="said"),
        }

    def _no_frames(self, *lines):
        return {
            self.ui.frames: gr.update(value=None, visible=False),
            self.ui.film_button: gr.update(visible=False),
            self.ui.status: said(*lines),
        }

    def _asked(self, settings):
        name, intensity, size = settings
        return self.models.get(name), Settings(float(intensity), int(size))

    def _photo(self, visit):
        """What changes with the picture that is worked on."""
        ui, several = self.ui, len(visit.photos) > 1
        updates = {
            ui.chooser: gr.update(
                value=[photo.shown for photo in visit.photos] if several else None,
                selected_index=visit.chosen if several else None,
                visible=several,
            ),
            ui.zip: gr.update(visible=several),
            ui.suggestions: gr.update(value=None, visible=False),
            ui.editor: gr.update(value=None, visible=False),
        }
        if visit.photos:
            updates[ui.editor] = gr.update(value=self._canvas(visit), visible=True)
        return updates

    def _canvas(self, visit):
        ground, layer = coloring.grey(visit.photo.shown), visit.photo.layer
        layers = [] if layer is None else [layer]
        return {"background": ground, "layers": layers, "composite": None}

    def _colored(self, visit, settings, lines=()):
        frames = self._frames(visit, settings)
        if not visit.photos:
            told = said(*lines) + frames.get(self.ui.status, "")
            return {**frames, self.ui.slider: None, self.ui.status: told}
        before, after, told = visit.shown(*self._asked(settings))
        return {
            **frames,
            self.ui.slider: (before, after),
            self.ui.status: said(*lines) + said(told, kind="said"),
        }


def said(*lines: str, kind: str = "error") -> str:
    """Lines as HTML."""
    each = [f'<div class="{kind}">{html.escape(line)}</div>' for line in lines]
    return "".join(each)
