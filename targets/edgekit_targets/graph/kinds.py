"""What kind of work operators do, by name: TensorFlow Lite's, and ONNX's from `kinds_onnx`."""

from __future__ import annotations

from edgekit_targets.graph import kinds_onnx

LAYOUT = kinds_onnx.LAYOUT | frozenset(
    {
        "BATCH_TO_SPACE_ND",
        "BROADCAST_TO",
        "CONCATENATION",
        "DEPTH_TO_SPACE",
        "DYNAMIC_UPDATE_SLICE",
        "EXPAND_DIMS",
        "MIRROR_PAD",
        "PACK",
        "PAD",
        "PADV2",
        "RESHAPE",
        "REVERSE_SEQUENCE",
        "REVERSE_V2",
        "SLICE",
        "SPACE_TO_BATCH_ND",
        "SPACE_TO_DEPTH",
        "SPLIT",
        "SPLIT_V",
        "SQUEEZE",
        "STRIDED_SLICE",
        "TILE",
        "TRANSPOSE",
        "UNPACK",
    }
)
"""Operators that move values and change none."""

SHAPE = kinds_onnx.SHAPE | frozenset({"BROADCAST_ARGS", "RANK", "SHAPE"})
"""Operators that look at shapes alone."""

CONVERSION = kinds_onnx.CONVERSION | frozenset({"BITCAST", "CAST", "DEQUANTIZE", "FAKE_QUANT", "QUANTIZE"})
"""Operators that change a type or a scale."""

LOOKUP = kinds_onnx.LOOKUP | frozenset(
    {
        "ASSIGN_VARIABLE",
        "EMBEDDING_LOOKUP",
        "GATHER",
        "GATHER_ND",
        "HASHTABLE",
        "HASHTABLE_FIND",
        "HASHTABLE_IMPORT",
        "HASHTABLE_LOOKUP",
        "HASHTABLE_SIZE",
        "ONE_HOT",
        "READ_VARIABLE",
        "SCATTER_ND",
        "SPARSE_TO_DENSE",
        "UNIQUE",
        "VAR_HANDLE",
        "WHERE",
    }
)
"""Operators that pick, place or keep values."""

CREATION = kinds_onnx.CREATION | frozenset(
    {"FILL", "MULTINOMIAL", "RANDOM_STANDARD_NORMAL", "RANDOM_UNIFORM", "RANGE", "ZEROS_LIKE"}
)
"""Operators that make values from none."""

ELEMENTWISE = kinds_onnx.ELEMENTWISE | frozenset(
    {
        "ABS",
        "ADD",
        "ADD_N",
        "ATAN2",
        "BITWISE_XOR",
        "BUCKETIZE",
        "CEIL",
        "COMPLEX_ABS",
        "COS",
        "DIV",
        "ELU",
        "EQUAL",
        "EXP",
        "FLOOR",
        "FLOOR_DIV",
        "FLOOR_MOD",
        "GELU",
        "GREATER",
        "GREATER_EQUAL",
        "HARD_SWISH",
        "IMAG",
        "LEAKY_RELU",
        "LESS",
        "LESS_EQUAL",
        "LOG",
        "LOGICAL_AND",
        "LOGICAL_NOT",
        "LOGICAL_OR",
        "LOGISTIC",
        "MAXIMUM",
        "MINIMUM",
        "MUL",
        "NEG",
        "NOT_EQUAL",
        "POW",
        "PRELU",
        "REAL",
        "RELU",
        "RELU6",
        "RELU_0_TO_1",
        "RELU_N1_TO_1",
        "RIGHT_SHIFT",
        "ROUND",
        "RSQRT",
        "SELECT",
        "SELECT_V2",
        "SIGN",
        "SIN",
        "SQRT",
        "SQUARE",
        "SQUARED_DIFFERENCE",
        "SUB",
        "TANH",
    }
)
"""Operators that treat each value by itself."""

REDUCTION = kinds_onnx.REDUCTION | frozenset(
    {
        "ARG_MAX",
        "ARG_MIN",
        "AVERAGE_POOL_2D",
        "CUMSUM",
        "L2_NORMALIZATION",
        "L2_POOL_2D",
        "LOCAL_RESPONSE_NORMALIZATION",
        "LOG_SOFTMAX",
        "MAX_POOL_2D",
        "MEAN",
        "NON_MAX_SUPPRESSION_V4",
        "NON_MAX_SUPPRESSION_V5",
        "REDUCE_ALL",
        "REDUCE_ANY",
        "REDUCE_MAX",
        "REDUCE_MIN",
        "REDUCE_PROD",
        "RESIZE_BILINEAR",
        "RESIZE_NEAREST_NEIGHBOR",
        "SEGMENT_SUM",
        "SOFTMAX",
        "SUM",
        "TOPK_V2",
        "UNSORTED_SEGMENT_MAX",
        "UNSORTED_SEGMENT_MIN",
        "UNSORTED_SEGMENT_PROD",
        "UNSORTED_SEGMENT_SUM",
    }
)
"""Operators that bring neighbouring or all values together: pooling, sums, normalization, resizing."""

NO_MACS = LAYOUT | SHAPE | CONVERSION | LOOKUP | CREATION | ELEMENTWISE | REDUCTION
"""Operators without multiply-accumulates, as the field counts them: those of weights, and of matrices."""
