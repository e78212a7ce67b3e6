"""A SavedModel as seen from outside: by a C program, and by its graph."""

import dataclasses
import pathlib
import shutil
import struct
import subprocess

import numpy as np
import tensorflow as tf
from harness import ROOT
from tensorflow.core.protobuf import saved_model_pb2

# Operations that TensorFlow Serving cannot run.
FORBIDDEN = ("PyFunc", "PyFuncStateless", "EagerPyFunc", "NumpyFunction")


def compile_server(folder):
    """The C program of serve.c, compiled against the installed TensorFlow."""
    package = pathlib.Path(tf.__file__).parent
    program = folder / "serve"
    gold = ["-fuse-ld=gold"] if shutil.which("ld.gold") else []  # seconds less
    subprocess.run(
        [
            "gcc",
            str(ROOT / "tests" / "serve.c"),
            f"-I{package / 'include'}",
            f"-L{package}",
            "-l:libtensorflow_cc.so.2",
            "-l:libtensorflow_framework.so.2",
            f"-Wl,-rpath,{package}",
            "-Wl,--allow-shlib-undefined",
            *gold,
            "-w",
            "-pthread",
            "-o",
            str(program),
        ],
        check=True,
    )
    return program


def meta_graph(model):
    """The meta graph of a SavedModel with the tag serve."""
    saved = saved_model_pb2.SavedModel()
    saved.ParseFromString((model / "saved_model.pb").read_bytes())
    (found,) = [m for m in saved.meta_graphs if "serve" in m.meta_info_def.tags]
    return found


def serve(program, model, requests, folder):
    """Answers of the C program.

    Args:
      requests: [(signature, array or list of bytes, or of several inputs
        {input: such}), ...].

    Returns:
      [{output: array or list of bytes}, ...].
    """
    command, wanted = _command(model, requests, folder)
    done = subprocess.run(
        [str(program), str(model), *command], capture_output=True, text=True
    )
    if done.returncode:
        raise RuntimeError(done.stderr.strip().splitlines()[-1])
    return [{key: _read(path) for key, path in files} for files in wanted]


@dataclasses.dataclass
class Load:
    """What the C program said of requests under load.

    Attributes:
      firsts: of each request, run alone: its answer, or its error as a text.
      runs: [number of runs, 3]: the request, seconds, 1 if it was answered as first.
      memory: [number of periods, 3]: seconds, megabytes while no request is answered,
        and at most since the last period.
      cpu: seconds of all threads under load.
    """

    firsts: list
    runs: np.ndarray
    memory: np.ndarray
    cpu: float


def load(program, model, requests, weights, folder, threads, seconds, period, pool=0):
    """Requests, drawn with `weights`, from many threads at once.

    Args:
      program, model, requests, folder: as of `serve`.
      weights: of each request.
      threads: that ask, each for its next request when it has the answer.
      seconds, period: of load, and between two looks at the memory.
      pool: threads that run operations; 0: one a core.

    Returns:
      A Load.
    """
    command, wanted = _command(model, requests, folder)
    drawn = ",".join(f"{weight:g}" for weight in weights)
    settings = ["--load", *map(str, (threads, seconds, period, pool)), drawn]
    with open(folder / "said", "w+", errors="replace") as said:
        subprocess.run(
            [str(program), str(model), *settings, *command],
            check=True,
            stdout=said,
            stderr=subprocess.DEVNULL,  # decoders tell of each broken picture
        )
        said.seek(0)
        lines = [line.rstrip("\n").split(" ") for line in said]
    rows = {
        kind: [l[1:] for l in lines if l[0] == kind]
        for kind in ("run", "memory", "cpu")
    }
    firsts = []
    for (_, _, code, *words), files in zip(lines, wanted, strict=False):
        good = {key: _read(path) for key, path in files} if code == "0" else None
        firsts.append(good or " ".join(words))
    scale = {"run": [1, 1e6, 1], "memory": [1, 1024, 1024]}
    tables = (np.array(rows[k], float).reshape(-1, 3) / scale[k] for k in scale)
    return Load(firsts, *tables, cpu=float(rows["cpu"][0][0]))


def _command(model, requests, folder):
    """Words of the command line, and where the answers will lie: [[(output, path),
    ...], ...]."""
    signatures, command, wanted = meta_graph(model).signature_def, [], []
    for i, (name, value) in enumerate(requests):
        given = signatures[name].inputs
        value = value if isinstance(value, dict) else {next(iter(given)): value}
        assert value.keys() == given.keys()
        for key, array in value.items():
            _write(folder / f"in{i}_{key}", array)
            command.append(f"{given[key].name}={folder / f'in{i}_{key}'}")
        command.append("/")
        outputs = sorted(signatures[name].outputs.items())
        wanted.append([(key, folder / f"out{i}_{key}") for key, _ in outputs])
        command += [f"{info.name}={folder / f'out{i}_{key}'}" for key, info in outputs]
        command.append("--")
    return command, wanted


def faults(model):
    """What in a SavedModel would fail in TensorFlow Serving, as texts."""
    graph = meta_graph(model)
    nodes = [*graph.graph_def.node]
    for function in graph.graph_def.library.function:
        nodes += function.node_def
        if function.attr["_XlaMustCompile"].b:
            yield f"{function.signature.name} must be compiled"
    for node in nodes:
        if node.op in FORBIDDEN:
            yield f"{node.name} is a {node.op}"
        if node.attr["_XlaMustCompile"].b:
            yield f"{node.name} must be compiled"
    for name, signature in graph.signature_def.items():
        if name.startswith("__"):
            continue
        for key, info in [*signature.inputs.items(), *signature.outputs.items()]:
            shape = info.tensor_shape
            if shape.unknown_rank or not shape.dim or shape.dim[0].size != -1:
                yield f"{name}: the batch dimension of {key} is not free"


def _write(path, value):
    is_bytes = isinstance(value, list)
    shape = (len(value),) if is_bytes else value.shape
    dtype = tf.string if is_bytes else tf.as_dtype(value.dtype)
    with open(path, "wb") as file:
        numbers = (dtype.as_datatype_enum, len(shape), *shape)
        file.write(struct.pack(f"={len(numbers)}q", *numbers))
        if not is_bytes:
            file.write(np.ascontiguousarray(value).tobytes())
        for text in value if is_bytes else ():
            file.write(struct.pack("=q", len(text)) + text)


def _read(path):
    data = path.read_bytes()
    kind, rank = struct.unpack_from("=2q", data)
    shape = struct.unpack_from(f"={rank}q", data, 16)
    at = 16 + 8 * rank
    if kind != tf.string.as_datatype_enum:
        dtype = tf.as_dtype(kind).as_numpy_dtype
        return np.frombuffer(data, dtype, offset=at).reshape(shape)
    found = []
    for _ in range(shape[0]):
        (length,) = struct.unpack_from("=q", data, at)
        found.append(data[at + 8 : at + 8 + length])
        at += 8 + length
    return found
