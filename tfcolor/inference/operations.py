"""What the graph of a SavedModel may do when it is loaded to color.

A SavedModel is a program: some operations of TensorFlow read and write any file. An
export of tfcolor computes, and decodes and encodes pictures; what does more is refused.
"""

import pathlib
from collections.abc import Iterator
from typing import Any

from tensorflow.core.protobuf import saved_model_pb2

from tfcolor.errors import UsageError

_NAMES = """
    Abs Acos Acosh Add AddN AddV2 All Any ArgMax ArgMin AsString Asin Asinh Assert Atan
    Atan2 Atanh AvgPool BatchMatMul BatchMatMulV2 BatchMatMulV3 BatchToSpaceND BiasAdd
    Bitcast BitwiseAnd BitwiseOr BitwiseXor BroadcastArgs BroadcastTo Bucketize Cast
    Ceil CheckNumerics ClipByValue Complex Concat ConcatV2 Const Conv2D
    Conv2DBackpropInput Cos Cosh CropAndResize Cumprod Cumsum DecodeBmp DecodeGif
    DecodeImage DecodeJpeg DecodePng DecodeRaw DecodeWebP DepthToSpace
    DepthwiseConv2dNative DivNoNan Einsum Elu Empty EncodeJpeg EncodePng EnsureShape
    Equal Erf Erfc Exp ExpandDims Expm1 ExtractImagePatches ExtractJpegShape Fill Floor
    FloorDiv FloorMod FusedBatchNorm FusedBatchNormV2 FusedBatchNormV3 Gather GatherNd
    GatherV2 Greater GreaterEqual Identity IdentityN If Imag Inv InvertPermutation
    IsFinite IsInf IsNan L2Loss LRN LeakyRelu Less LessEqual LinSpace Log Log1p
    LogSoftmax LogicalAnd LogicalNot LogicalOr MatMul MatrixBandPart MatrixDiag
    MatrixDiagPart Max MaxPool MaxPoolV2 Maximum Mean Min Minimum MirrorPad Mul MulNoNan
    Neg NoOp NotEqual OneHot OnesLike Pack Pad PadV2 PartitionedCall Placeholder
    PlaceholderWithDefault Pow PreventGradient Prod Range Rank ReadVariableOp Real
    RealDiv Reciprocal Relu Relu6 Reshape ResizeArea ResizeBicubic ResizeBilinear
    ResizeNearestNeighbor ResourceGather ReverseV2 RightShift LeftShift Rint Roll Round
    Rsqrt ScatterNd Select SelectV2 Selu Shape ShapeN Sigmoid Sign Sin Sinh Size Slice
    Softmax Softplus Softsign SpaceToBatchND SpaceToDepth Split SplitV Sqrt Square
    SquaredDifference Squeeze StatefulPartitionedCall StatelessIf
    StatelessRandomNormalV2 StatelessRandomUniformV2 StatelessWhile StopGradient
    StridedSlice StringFormat StringJoin StringLength Sub Substr Sum Tan Tanh
    TensorListFromTensor TensorListGetItem TensorListReserve TensorListSetItem
    TensorListStack TensorScatterAdd TensorScatterUpdate Tile TopKV2 Transpose
    TruncateDiv UnicodeDecode Unpack UnsortedSegmentMax UnsortedSegmentSum Where While
    Xdivy Xlogy ZerosLike Bincount Conv3D Cross Diag Div EmptyTensorList LowerBound Mod
    DatasetToSingleElement ConcatenateDataset IgnoreErrorsDataset MapDataset
    TakeDataset TensorDataset ReduceJoin RandomStandardNormal RandomUniform
    RandomUniformInt SegmentMax SegmentSum TensorListConcatV2 TensorListElementShape
    TensorListGather TensorListLength
    TensorListPopBack TensorListPushBack TensorListResize TensorScatterMax
    TensorScatterMin TensorScatterSub Unique UniqueV2 UpperBound
    """

# Names of operations; a generator of one's own may need more of them.
ALLOWED = set(_NAMES.split())

# What becomes of a node in Python: no classes but TensorFlow's own containers.
_OBJECTS = {
    "_generic_user_object",
    "signature_map",
    "trackable_dict_wrapper",
    "trackable_list_wrapper",
    "trackable_tuple_wrapper",
}

# TensorFlow reads these too.
_OTHER_FORMS = ("saved_model.cpb", "saved_model.pbtxt")


def check(folder: pathlib.Path) -> None:
    """Raise UsageError if a SavedModel does more than `ALLOWED`, in what
    `tf.saved_model.load` makes callable or calls. Nothing of it is executed."""
    for name in _OTHER_FORMS:
        if (folder / name).exists():
            raise UsageError(f"--model={folder}: has {name}, which no export has")
    saved = saved_model_pb2.SavedModel()
    saved.ParseFromString((folder / "saved_model.pb").read_bytes())
    for graph in saved.meta_graphs:
        found = sorted({*_operations(graph)} - ALLOWED)
        found += sorted({*_objects(graph)} - _OBJECTS)
        if found:
            raise UsageError(
                f"--model={folder}: does what no export of tfcolor does "
                f"({', '.join(found)}); it is not loaded"
            )


def _operations(graph: Any) -> Iterator[str]:
    """The operations of all functions that its objects lead to; of a graph without
    objects, which TensorFlow executes otherwise, of its own."""
    functions = {each.signature.name: each for each in graph.graph_def.library.function}
    saved = graph.object_graph_def
    if not len(saved.nodes):
        yield "no objects"
    left, known = list(saved.concrete_functions), set()
    for node in saved.nodes:
        left += node.function.concrete_functions
        left.append(node.bare_concrete_function.concrete_function_name)
    while left:
        name = left.pop()
        if name in known or name not in functions:
            continue
        known.add(name)
        for operation in functions[name].node_def:
            if operation.op in functions:
                left.append(operation.op)
            else:
                yield operation.op
            left += _called(operation)


def _called(operation):
    for value in operation.attr.values():
        yield value.func.name
        yield from (each.name for each in value.list.func)


def _objects(graph):
    for node in graph.object_graph_def.nodes:
        if node.HasField("user_object"):
            yield node.user_object.identifier
