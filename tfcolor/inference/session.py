"""A graph that was traced before, run by TensorFlow's C library.

The wheel of TensorFlow has the library beside its Python modules, whose import takes
longer than everything else that colors one picture. Only functions of c_api.h are
called, which TensorFlow keeps as they are from version to version:
https://www.tensorflow.org/install/lang_c
"""

import ctypes
import functools
import importlib.util
import pathlib
import weakref
from collections.abc import Mapping
from typing import Any

import numpy as np

_LIBRARIES = ("libtensorflow_cc.so.2", "libtensorflow_cc.2.dylib")
_FLOAT, _OUT_OF_MEMORY = 1, 8  # TF_FLOAT, TF_RESOURCE_EXHAUSTED

# ConfigProto(graph_options.rewrite_options.disable_meta_optimizer=True), serialized,
# and ConfigProto(intra_op_parallelism_threads=1, inter_op_parallelism_threads=-1): all
# of it in the thread that calls.
_AS_IT_IS = bytes.fromhex("52055203980101")
_ONE_THREAD = bytes.fromhex("100128ffffffffffffffffff01")


class _Output(ctypes.Structure):
    """TF_Output: a result of an operation."""

    _fields_ = (("operation", ctypes.c_void_p), ("index", ctypes.c_int))


_POINTER, _TEXT, _INT = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int
_OUTPUTS, _TENSORS = ctypes.POINTER(_Output), ctypes.POINTER(ctypes.c_void_p)
_SOME = (_OUTPUTS, _TENSORS, _INT)
_SIZES = ctypes.POINTER(ctypes.c_int64)

# {function: (what it returns, what it takes)}
_FUNCTIONS: dict[str, tuple[Any, list]] = {
    "TF_NewStatus": (_POINTER, []),
    "TF_DeleteStatus": (None, [_POINTER]),
    "TF_GetCode": (_INT, [_POINTER]),
    "TF_Message": (_TEXT, [_POINTER]),
    "TF_NewBufferFromString": (_POINTER, [_TEXT, ctypes.c_size_t]),
    "TF_DeleteBuffer": (None, [_POINTER]),
    "TF_AllocateTensor": (_POINTER, [_INT, _SIZES, _INT, ctypes.c_size_t]),
    "TF_DeleteTensor": (None, [_POINTER]),
    "TF_TensorData": (_POINTER, [_POINTER]),
    "TF_NumDims": (_INT, [_POINTER]),
    "TF_Dim": (ctypes.c_int64, [_POINTER, _INT]),
    "TF_NewGraph": (_POINTER, []),
    "TF_DeleteGraph": (None, [_POINTER]),
    "TF_NewOperation": (_POINTER, [_POINTER, _TEXT, _TEXT]),
    "TF_SetAttrType": (None, [_POINTER, _TEXT, _INT]),
    "TF_SetAttrTensor": (None, [_POINTER, _TEXT, _POINTER, _POINTER]),
    "TF_FinishOperation": (_POINTER, [_POINTER, _POINTER]),
    "TF_GraphOperationByName": (_POINTER, [_POINTER, _TEXT]),
    "TF_NewImportGraphDefOptions": (_POINTER, []),
    "TF_DeleteImportGraphDefOptions": (None, [_POINTER]),
    "TF_ImportGraphDefOptionsAddInputMapping": (
        None,
        [_POINTER, _TEXT, _INT, _Output],
    ),
    "TF_GraphImportGraphDef": (None, [_POINTER, _POINTER, _POINTER, _POINTER]),
    "TF_NewSessionOptions": (_POINTER, []),
    "TF_DeleteSessionOptions": (None, [_POINTER]),
    "TF_SetConfig": (None, [_POINTER, _TEXT, ctypes.c_size_t, _POINTER]),
    "TF_NewSession": (_POINTER, [_POINTER, _POINTER, _POINTER]),
    "TF_DeleteSession": (None, [_POINTER, _POINTER]),
    "TF_SessionRun": (
        None,
        [_POINTER, _POINTER, *_SOME, *_SOME, _POINTER, _INT, _POINTER, _POINTER],
    ),
}


def library() -> pathlib.Path | None:
    """The path of TensorFlow's C library, or None where its wheel has none."""
    spec = importlib.util.find_spec("tensorflow")
    folders = (spec and spec.submodule_search_locations) or []
    paths = [pathlib.Path(folder) / name for folder in folders for name in _LIBRARIES]
    return next((path for path in paths if path.is_file()), None)


@functools.cache
def load() -> Any:
    """Load the library, with its functions declared; it says things on stderr."""
    found = ctypes.CDLL(str(library()))
    for name, (result, arguments) in _FUNCTIONS.items():
        function = getattr(found, name)
        function.restype, function.argtypes = result, arguments
    return found


class Session:
    """A function of one float32 array to another. Calls from several threads at a time
    are safe.

    Args:
      graph: a serialized GraphDef.
      constants: {name of a placeholder of it: its value, float32}.
      source, target: names of the operations of the input and the output.
      optimized: TensorFlow rewrites the graph before it first runs: that takes as long
        as dozens of pictures together gain by it. A call then keeps to one core, for
        threads that share the cores.

    Raises:
      RuntimeError: TensorFlow does not take the graph. OSError: there is no library.
    """

    def __init__(
        self,
        graph: bytes,
        constants: Mapping[str, np.ndarray],
        source: str,
        target: str,
        optimized: bool = False,
    ) -> None:
        api = load()
        self.graph = api.TF_NewGraph()
        options = api.TF_NewImportGraphDefOptions()
        for name, value in constants.items():
            api.TF_ImportGraphDefOptionsAddInputMapping(
                options, name.encode(), 0, _Output(self._constant(name, value), 0)
            )
        buffer = api.TF_NewBufferFromString(graph, len(graph))
        _checked(api.TF_GraphImportGraphDef, self.graph, buffer, options)
        api.TF_DeleteBuffer(buffer)
        api.TF_DeleteImportGraphDefOptions(options)
        self.places = [self._place(name) for name in (source, target)]
        settings = api.TF_NewSessionOptions()
        config = _ONE_THREAD if optimized else _AS_IT_IS
        _checked(api.TF_SetConfig, settings, config, len(config))
        self.session = _checked(api.TF_NewSession, self.graph, settings)
        api.TF_DeleteSessionOptions(settings)
        # At the end of a process the system is faster.
        weakref.finalize(self, _free, self.session, self.graph).atexit = False

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """The output for an input: float32 [N, h, w, 2] for [N, h, w, 1], of a network
        to colors; MemoryError where there is too little memory."""
        api, given, result = load(), _tensor(x), ctypes.c_void_p()
        source, target = self.places
        try:
            _checked(
                api.TF_SessionRun,
                self.session,
                None,
                *(ctypes.byref(source), ctypes.byref(ctypes.c_void_p(given)), 1),
                *(ctypes.byref(target), ctypes.byref(result), 1),
                *(None, 0, None),
            )
            return _array(result)
        finally:
            api.TF_DeleteTensor(given)
            if result:
                api.TF_DeleteTensor(result)

    def _constant(self, name, value):
        api, tensor = load(), _tensor(value)
        operation = api.TF_NewOperation(self.graph, b"Const", f"value/{name}".encode())
        api.TF_SetAttrType(operation, b"dtype", _FLOAT)
        _checked(api.TF_SetAttrTensor, operation, b"value", tensor)
        api.TF_DeleteTensor(tensor)
        return _checked(api.TF_FinishOperation, operation)

    def _place(self, name):
        operation = load().TF_GraphOperationByName(self.graph, name.encode())
        if not operation:
            raise RuntimeError(f"the graph has no operation {name}")
        return _Output(operation, 0)


def _free(session, graph):
    _checked(load().TF_DeleteSession, session)
    load().TF_DeleteGraph(graph)


def _checked(function, *arguments):
    """What a function returns whose last argument is a status, which must be good."""
    api = load()
    status = api.TF_NewStatus()
    try:
        result = function(*arguments, status)
        code = api.TF_GetCode(status)
        if code:
            said = api.TF_Message(status).decode(errors="replace")
            raise (MemoryError if code == _OUT_OF_MEMORY else RuntimeError)(said)
        return result
    finally:
        api.TF_DeleteStatus(status)


def _tensor(value):
    value = np.ascontiguousarray(value, np.float32)
    sizes = (ctypes.c_int64 * value.ndim)(*value.shape)
    tensor = load().TF_AllocateTensor(_FLOAT, sizes, value.ndim, value.nbytes)
    ctypes.memmove(load().TF_TensorData(tensor), value.ctypes.data, value.nbytes)
    return tensor


def _array(tensor):
    api = load()
    shape = [api.TF_Dim(tensor, axis) for axis in range(api.TF_NumDims(tensor))]
    result = np.empty(shape, np.float32)
    ctypes.memmove(result.ctypes.data, api.TF_TensorData(tensor), result.nbytes)
    return result
