"""Which operators the counted kernels stand for, by name: TensorFlow Lite's, and ONNX's beside them."""

from __future__ import annotations


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


DENSE = _names(
    "CONV_2D FULLY_CONNECTED TRANSPOSE_CONV "
    "Conv ConvTranspose Gemm MatMul QLinearConv QLinearMatMul com.microsoft.QGemm"
)
"""Operators whose multiply-accumulates are those of matrices of weights."""

MATRIX = _names("FULLY_CONNECTED Gemm MatMul QLinearMatMul com.microsoft.QGemm")
"""Those among them that are no convolutions."""

WEIGHTS = {
    "QLinearConv": (3,),
    "QLinearMatMul": (0, 3),
    "com.microsoft.QGemm": (0, 3),
    "Gemm": (0, 1),
    "MatMul": (0, 1),
}
"""Where the weights may stand among the inputs of such an operator; of the others they are the second."""

DEPTHWISE = _names("DEPTHWISE_CONV_2D")
"""Convolutions of each channel by itself; ONNX says so by the number of groups."""

PLAIN = _names(
    "ABS ADD AVERAGE_POOL_2D CEIL CONCATENATION DEPTH_TO_SPACE DEQUANTIZE DIV ELU EXP EXPAND_DIMS FLOOR GELU "
    "HARD_SWISH LEAKY_RELU LOG LOGISTIC MAXIMUM MAX_POOL_2D MEAN MINIMUM MUL NEG PAD PRELU QUANTIZE RELU RELU6 "
    "RELU_0_TO_1 RELU_N1_TO_1 RESHAPE RESIZE_BILINEAR ROUND RSQRT SLICE SOFTMAX SPACE_TO_DEPTH SPLIT SQRT SQUARE "
    "SQUARED_DIFFERENCE SQUEEZE STRIDED_SLICE SUB SUM TANH TRANSPOSE Abs Add AveragePool Ceil Clip Concat "
    "DepthToSpace DequantizeLinear Div Elu Exp Flatten Floor Gelu GlobalAveragePool GlobalMaxPool HardSigmoid "
    "HardSwish Identity LeakyRelu Log Max MaxPool Min Mul Neg PRelu Pad QuantizeLinear ReduceMean ReduceSum Relu "
    "Reshape Resize Round Sigmoid Slice Softmax SpaceToDepth Split Sqrt Squeeze Sub Sum Tanh Transpose Unsqueeze "
    "com.microsoft.QLinearAdd com.microsoft.QLinearAveragePool com.microsoft.QLinearConcat "
    "com.microsoft.QLinearGlobalAveragePool com.microsoft.QLinearLeakyRelu com.microsoft.QLinearMul "
    "com.microsoft.QLinearSigmoid com.microsoft.QLinearSoftmax"
)
"""Operators without multiply-accumulates that XNNPACK runs, or whose like in ONNX moves as many bytes."""

_DYNAMIC = "float values by integer weights (int8-dynamic)"
UNTESTED = {
    "BATCH_MATMUL": "attention",
    "Attention": "attention",
    "MultiHeadAttention": "attention",
    "com.microsoft.Attention": "attention",
    "com.microsoft.MultiHeadAttention": "attention",
    "ConvInteger": _DYNAMIC,
    "DynamicQuantizeLinear": _DYNAMIC,
    "MatMulInteger": _DYNAMIC,
    "com.microsoft.DynamicQuantizeMatMul": _DYNAMIC,
    "com.microsoft.MatMulIntegerToFloat": _DYNAMIC,
    "com.microsoft.MatMulNBits": _DYNAMIC,
    "LSTM": "recurrent layers",
    "GRU": "recurrent layers",
    "RNN": "recurrent layers",
    "SVDF": "recurrent layers",
    "UNIDIRECTIONAL_SEQUENCE_LSTM": "recurrent layers",
    "UNIDIRECTIONAL_SEQUENCE_RNN": "recurrent layers",
}
"""Operators for which no published figure was there to check anything, and what they are."""
