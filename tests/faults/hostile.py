"""Faults in what keeps hostile files, names and models from doing harm."""

from faults.fault import Fault

DECODE = "tests/images/test_decode.py"
OUTPUTS = "tests/inference/test_outputs.py"
TRUST = "tests/inference/test_trust.py"

FILES = [
    Fault(
        "hostile.pipes_are_read",
        "images/decode.py",
        "if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):",
        "if stat.S_ISDIR(os.fstat(file.fileno()).st_mode):",
        f"{DECODE} -k regular",
    ),
    Fault(
        "hostile.every_format_of_pillow",
        "images/decode.py",
        "Image.open(file, formats=FORMATS)",
        "Image.open(file)",
        f"{DECODE} -k 'no_other'",
    ),
    Fault(
        "hostile.jpeg_of_any_size",
        "images/decode.py",
        "        check_pixels(size[::-1])\n",
        "        check_pixels((1, 1))\n",
        f"{DECODE} -k bomb",
    ),
    Fault(
        "hostile.scans_of_what_follows",
        "images/decode.py",
        "if kind == 0xD9:",
        "if kind == 0x00:",
        f"{DECODE} -k scans",
    ),
    Fault(
        "hostile.lines_of_skipped_broken",
        "errors.py",
        "\\u2028-\\u202e",
        "\\u202a-\\u202e",
        "tests/data/test_sources.py -k line_of_its_own",
    ),
    Fault(
        "hostile.playlists_are_films",
        "film/source.py",
        "options=_OPTIONS)",
        'options={"format_whitelist": "ALL"[:0]})',
        "tests/film/test_film_command.py -k bad_input",
    ),
]

PLACES = [
    Fault(
        "batch.written_elsewhere",
        "inference/batch.py",
        "    with options.replacing(task.target) as file:\n",
        "    with replacing(task.target) as file:\n",
        "tests/inference/test_job.py",
    ),
    Fault(
        "batch.failures_not_told",
        "inference/batch.py",
        "self.told(task, getattr(error",
        "log.error(getattr(error",
        "tests/inference/test_job.py",
    ),
    Fault(
        "hostile.links_to_themselves_stop_all",
        "inference/planning.py",
        "known = {os.path.realpath(s): ",
        "known = {s.resolve(strict=True): ",
        f"{OUTPUTS} -k neighbours",
    ),
    Fault(
        "hostile.outputs_follow_links",
        "inference/planning.py",
        "    _check_inside(tasks, output)\n",
        "",
        f"{OUTPUTS} -k leads_out",
    ),
    Fault(
        "hostile.temporary_names_too_long",
        "atomic.py",
        "{path.name[:40]}",
        "{path.name}",
        f"{OUTPUTS} -k neighbours",
    ),
    Fault(
        "hostile.names_in_archives_as_they_are",
        "demo/coloring.py",
        '_NOT_IN_NAMES.sub("_", pathlib.PurePath(name).stem)',
        "pathlib.PurePath(name).stem",
        "tests/demo/test_coloring.py -k stay_in_their_folder",
    ),
]

MODELS = [
    Fault(
        "hostile.exports_are_not_looked_at",
        "inference/restore.py",
        "        operations.check(path)\n",
        "",
        f"{TRUST} -k more_than_to_color",
    ),
    Fault(
        "hostile.functions_of_functions_unseen",
        "inference/operations.py",
        "            left += _called(operation)\n",
        "",
        f"{TRUST} -k more_than_to_color",
    ),
    Fault(
        "hostile.settings_may_be_objects",
        "config/conversion.py",
        "if not isinstance(value, str | int | float):",
        "if isinstance(value, bytes):",
        f"{TRUST} -k registered",
    ),
]

ENCODED = "tests/images/test_encoded.py"

REQUESTS = [
    Fault(
        "hostile.requests_of_any_size",
        "images/encoded.py",
        "too_many = (size[0] * size[1] > max_pixels)",
        "too_many = (size[0] * size[1] > 2**62)",
        f"{ENCODED} -k pixels_are_counted",
    ),
    Fault(
        "hostile.what_fails_fails_all",
        "images/encoded.py",
        "found = of(data).map(function).ignore_errors()",
        "found = of(data).map(function)",
        f"{ENCODED} -k says_why",
    ),
    Fault(
        "hostile.frames_as_the_header_says",
        "images/encoded.py",
        "size = tf.maximum(size, sides)",
        "size = tf.zeros_like(sides)",
        f"{ENCODED} -k frames",
    ),
    Fault(
        "hostile.scans_to_the_end",
        "images/encoded.py",
        "marker(at) + 1) != 0xD9",
        "marker(at) + 1) != 0xD8",
        f"{ENCODED} -k scans",
    ),
]

FAULTS = REQUESTS + FILES + PLACES + MODELS
