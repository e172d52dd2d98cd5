"""What kind of work ONNX's operators do, by name; those of other domains than ONNX's own carry the domain."""

from __future__ import annotations


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


LAYOUT = _names(
    "CenterCropPad Concat DepthToSpace Expand Flatten Identity Pad Reshape ReverseSequence Slice SpaceToDepth Split "
    "Squeeze Tile Transpose Unsqueeze com.microsoft.QLinearConcat"
)
"""Operators that move values and change none."""

SHAPE = _names("Shape Size")
"""Operators that look at shapes alone."""

CONVERSION = _names(
    "BitCast Cast CastLike DequantizeLinear DynamicQuantizeLinear QuantizeLinear "
    "com.microsoft.DequantizeLinear com.microsoft.QuantizeLinear"
)
"""Operators that change a type or a scale."""

LOOKUP = _names(
    "ArrayFeatureExtractor Compress ConcatFromSequence Gather GatherElements GatherND NonZero OneHot Optional "
    "OptionalGetElement OptionalHasElement Scatter ScatterElements ScatterND SequenceAt SequenceConstruct "
    "SequenceEmpty SequenceErase SequenceInsert SequenceLength SplitToSequence TensorScatter Trilu Unique Where "
    "RegexFullMatch StringConcat StringNormalizer StringSplit TfIdfVectorizer ai.onnx.ml.ArrayFeatureExtractor "
    "ai.onnx.ml.CategoryMapper ai.onnx.ml.LabelEncoder ai.onnx.ml.OneHotEncoder ai.onnx.ml.ZipMap "
    "com.microsoft.GatherBlockQuantized"
)
"""Operators that pick, place or keep values."""

CREATION = _names(
    "Bernoulli BlackmanWindow ConstantOfShape EyeLike HammingWindow HannWindow Multinomial RandomNormal "
    "RandomNormalLike RandomUniform RandomUniformLike Range"
)
"""Operators that make values from none."""

ELEMENTWISE = _names(
    "Abs Acos Acosh Add And Asin Asinh Atan Atanh BitShift BitwiseAnd BitwiseNot BitwiseOr BitwiseXor Ceil Celu Clip "
    "Cos Cosh Div Dropout Elu Equal Erf Exp Floor Gelu Greater GreaterOrEqual HardSigmoid HardSwish IsInf IsNaN "
    "LeakyRelu Less LessOrEqual Log Max Mean Min Mish Mod Mul Neg Not Or PRelu Pow Reciprocal Relu RotaryEmbedding "
    "Round Selu Shrink Sigmoid Sign Sin Sinh Softplus Softsign Sqrt Sub Sum Swish SwiGLU Tan Tanh ThresholdedRelu Xor "
    "com.microsoft.BiasGelu com.microsoft.FastGelu com.microsoft.Gelu com.microsoft.QLinearAdd "
    "com.microsoft.QLinearLeakyRelu com.microsoft.QLinearMul com.microsoft.QLinearSigmoid com.microsoft.QuickGelu "
    "com.microsoft.RotaryEmbedding"
)
"""Operators that treat each value by itself."""

REDUCTION = _names(
    "ArgMax ArgMin AveragePool BatchNormalization CumProd CumSum GlobalAveragePool GlobalLpPool GlobalMaxPool "
    "GridSample GroupNormalization Hardmax InstanceNormalization LRN LayerNormalization LogSoftmax LpNormalization "
    "LpPool MaxPool MaxRoiPool MaxUnpool MeanVarianceNormalization NonMaxSuppression RMSNormalization ReduceL1 "
    "ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax ReduceMean ReduceMin ReduceProd ReduceSum ReduceSumSquare Resize "
    "RoiAlign Softmax TopK Upsample SimplifiedLayerNormalization com.microsoft.EmbedLayerNormalization "
    "com.microsoft.NhwcMaxPool com.microsoft.QLinearAveragePool com.microsoft.QLinearGlobalAveragePool "
    "com.microsoft.QLinearReduceMean com.microsoft.QLinearSoftmax com.microsoft.SkipLayerNormalization "
    "com.microsoft.SkipSimplifiedLayerNormalization"
)
"""Operators that bring neighbouring or all values together: pooling, sums, normalization, resizing."""
