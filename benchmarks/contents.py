"""What commands leave in a folder, as digests that do not depend on when, where and
how often they were started."""

import hashlib
import json
import pathlib
import re

# Written while a command goes on: right at its end alone.
CHANGING = {"metrics.jsonl", "checkpoint", "sweep.json", "ranking.txt", "sweep.html"}
CHANGING |= {"images.csv", "metrics.json", "report.html"}

# Of a start, not of what it made.
LEFT_OUT = re.compile(r"\..*|events\.out\..*|sweep\.log|.*\.data-\d+-of-\d+")


def of(folder):
    """{name: digest} of all that is in a folder, hidden files and events left out."""
    folder = pathlib.Path(folder)
    found = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder)
        hidden = any(part.startswith(".") for part in name.parts)
        in_checkpoints = "checkpoints" in name.parts
        left_out = LEFT_OUT.fullmatch(path.name) and (
            in_checkpoints or ".data-" not in path.name
        )
        if path.is_file() and not hidden and not left_out:
            content = _content(path, folder)
            found[str(name)] = hashlib.sha256(content).hexdigest()
    return found


def final(digests):
    """Those that are right as soon as they are there."""
    names = (name for name in digests if name.rpartition("/")[2] not in CHANGING)
    growing = (".jsonl", ".unfinished")
    return {name: digests[name] for name in names if not name.endswith(growing)}


def litter(folder):
    """Temporary names that kills have left."""
    paths = pathlib.Path(folder).rglob("*")
    known = (".lock", ".pid", ".claim")
    return [
        path
        for path in paths
        if (path.name.startswith(".") and not path.name.endswith(known))
        or path.name.endswith(".unfinished")
    ]


def different(first, second):
    """Names of which two have not the same digest."""
    names = sorted(first.keys() | second.keys())
    return [name for name in names if first.get(name) != second.get(name)]


def _content(path, folder):
    if path.name == "config.json":
        return json.dumps(json.loads(path.read_text())["config"]).encode()
    if path.name == "metrics.jsonl":
        return _without_times(path)
    if path.name == "checkpoint":
        found = re.findall(r'_checkpoint_paths?: "(?:.*/)?(.*)"', path.read_text())
        return "\n".join(found).encode()
    if path.suffix == ".index" and path.parent.name == "checkpoints":
        return _tensors(path)
    if path.suffix == ".npz":
        return _arrays(path)
    if path.name == "fingerprint.pb":
        return _fingerprint(path)
    return path.read_bytes().replace(str(folder).encode(), b"FOLDER")


def _without_times(path):
    return re.sub(r', "time/[^,}]*', "", path.read_text()).encode()


def _tensors(index):
    import tensorflow as tf

    reader = tf.train.load_checkpoint(str(index.with_suffix("")))
    skip = ("_CHECKPOINTABLE_OBJECT_GRAPH", "save_counter/.ATTRIBUTES/VARIABLE_VALUE")
    names = sorted(set(reader.get_variable_to_dtype_map()) - set(skip))
    digest = hashlib.sha256()
    for name in names:
        value = reader.get_tensor(name)
        data = value if isinstance(value, bytes) else value.tobytes()
        digest.update(name.encode() + data)
    return digest.digest()


def _arrays(path):
    """Without the times that a zip file has."""
    import numpy as np

    with np.load(path) as arrays:
        parts = [
            f"{name} {arrays[name].dtype} {arrays[name].shape}".encode()
            + arrays[name].tobytes()
            for name in sorted(arrays)
        ]
    return b"\n".join(parts)


def _fingerprint(path):
    """Without the number that each export draws."""
    from tensorflow.core.protobuf import fingerprint_pb2

    found = fingerprint_pb2.FingerprintDef.FromString(path.read_bytes())
    found.ClearField("uuid")
    return found.SerializeToString(deterministic=True)
