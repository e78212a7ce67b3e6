"""Faults of the page in the browser."""

from faults.fault import Fault

COLORING = "tests/demo/test_coloring.py"
VISITS = "tests/demo/test_visits.py"

FAULTS = [
    Fault(
        "demo.soft_edges_count",
        "demo/coloring.py",
        "painted = layer[..., 3] >= _OPAQUE",
        "painted = layer[..., 3] > 0",
        f"{COLORING} -k layers",
    ),
    Fault(
        "demo.strokes_by_upper_left_corners",
        "demo/coloring.py",
        "(2 * np.arange(full) + 1) * small // (2 * full)",
        "np.arange(full) * small // full",
        f"{COLORING} -k brought",
    ),
    Fault(
        "demo.hints_lost_in_suggestions",
        "demo/coloring.py",
        "return dataclasses.replace(found, hints=hints)",
        "return dataclasses.replace(found, hints=None)",
        f"{COLORING} -k suggestions",
    ),
    Fault(
        "demo.intensity_of_the_lightness_too",
        "demo/coloring.py",
        "predictor.predict_ab([pixels], size, None, settings.intensity, [hints])",
        "predictor.predict_ab([pixels], size, None, 1.0, [hints]) "
        "* np.float32(settings.intensity)",
        f"{COLORING} -k 'intensity or given'",
    ),
    Fault(
        "demo.levin_at_full_size",
        "demo/coloring.py",
        "levin.Painting(pixels, working_size=size)",
        "levin.Painting(pixels)",
        f"{COLORING} -k levin",
    ),
    Fault(
        "demo.names_collide",
        "demo/coloring.py",
        "while found in taken:",
        "if found in taken:",
        f"{COLORING} -k named",
    ),
    Fault(
        "demo.results_of_the_preview",
        "demo/visits.py",
        "picture = _read(photo.path, self.limits)",
        "picture = pictures.Picture(photo.shown)",
        f"{VISITS} -k 'command or large'",
    ),
    Fault(
        "demo.suggestion_of_another_picture",
        "demo/visits.py",
        "suggestion=photo.suggestion)",
        "suggestion=self.photo.suggestion)",
        f"{VISITS} -k zip",
    ),
    Fault(
        "demo.what_was_uploaded_stays",
        "demo/visits.py",
        "self._visits.pop(key)[0].close()",
        "self._visits.pop(key)",
        f"{VISITS} -k leave_nothing",
    ),
    Fault(
        "demo.old_reference_stays",
        "demo/visits.py",
        "        self.reference = None\n        for photo",
        "        for photo",
        f"{VISITS} -k reference",
    ),
    Fault(
        "demo.films_of_any_length",
        "demo/films.py",
        "if seconds > limits.film_seconds:",
        "if seconds < 0:",
        "tests/demo/test_demo_films.py -k too_much",
    ),
    Fault(
        "demo.refused_films_stay",
        "demo/films.py",
        "            if self.clip is None:\n                shutil",
        "            if self.clip is not None:\n                shutil",
        "tests/demo/test_demo_films.py -k too_much",
    ),
    Fault(
        "demo.films_without_their_deadline",
        "demo/films.py",
        "        self.check()\n",
        "",
        "tests/demo/test_demo_films.py -k too_much",
    ),
    Fault(
        "demo.deadline_never",
        "demo/limits.py",
        "end = clock() + self.max_seconds",
        "end = clock() + 60.0 * self.max_seconds",
        f"{VISITS} -k limits",
    ),
    Fault(
        "demo.loads_what_a_visitor_names",
        "demo/models.py",
        "if name not in self.names:",
        "if not name:",
        f"{VISITS} -k ship",
    ),
]
