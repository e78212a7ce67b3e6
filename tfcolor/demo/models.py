"""The models among which a visitor chooses."""

import threading
from collections.abc import Sequence

from tfcolor import presets
from tfcolor.errors import UsageError
from tfcolor.inference import restore
from tfcolor.inference import suggestions
from tfcolor.inference.predictor import Predictor
from tfcolor.registry import DRAWING


class Models:
    """Weights that ship, and runs and exports that are named; each is loaded once.

    Args:
      named: as of `restore.load`; they are loaded at once, the others when they are
        first used.

    Raises:
      UsageError: one of them cannot be loaded, or there is none at all.
    """

    def __init__(self, named: Sequence[str] = ()) -> None:
        self.names = list(dict.fromkeys([*named, *presets.names()]))
        self._lock = threading.Lock()
        self._loaded: dict[str, Predictor] = {}
        if not self.names:
            presets.default()  # which says what to do
        for name in named or [self.default]:
            self.get(name)

    @property
    def default(self) -> str:
        """The one that is chosen at first: the first that was named, or else the one
        that bin/colorize takes."""
        if self.names[0] in presets.names() and presets.DEFAULT in self.names:
            return presets.DEFAULT
        return self.names[0]

    def get(self, name: str) -> Predictor:
        """The Predictor of a name.

        Raises:
          UsageError: it is none of `names`: a page loads nothing that a visitor names.
        """
        if name not in self.names:
            raise UsageError(f"model: {name!r} is not one of {', '.join(self.names)}")
        with self._lock:
            if name not in self._loaded:
                self._loaded[name] = restore.load(name)
            return self._loaded[name]


def can_suggest(predictor: Predictor) -> bool:
    """Whether a model knows more than one answer."""
    try:
        suggestions.check(predictor, 2)
    except UsageError:
        return False
    return True


def said(predictor: Predictor) -> str:
    """What a visitor is told of a model."""
    info = predictor.info
    parts = [f"looks at {info['working_size']} pixels"]
    if info["head"] in DRAWING:
        parts.append("for line art: it shades too")
    if info.get("hints"):
        parts.append("takes what you paint as hints")
    else:
        parts.append("takes no hints: what you paint is spread by Levin's method alone")
    return "; ".join(parts)
