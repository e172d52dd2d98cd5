"""What vendors' compilers print when they refuse a model, in short: where each log comes from stands beside it."""

from __future__ import annotations

import re

RED, PLAIN = "\x1b[1;31m", "\x1b[0m"


def toolkit(message: str, kind: str = "ValueError", step: str = "build") -> str:
    """The frame that rknn-toolkit2 2.3.2 puts around an error of its own: as printed by it for models made for that."""
    caught = (
        "Traceback (most recent call last):\n"
        '  File "rknn/api/rknn_log.py", line 344, in rknn.api.rknn_log.error_catch_decorator.error_catch_wrapper\n'
        f'  File "rknn/api/rknn_base.py", line 1990, in rknn.api.rknn_base.RKNNBase.{step}\n'
        "    return self._sess.run(output_names, input_feed, run_options)\n"
        "           ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^\n"
        f"{kind}: {message}\n"
    )
    own = f"{RED}E{PLAIN} {RED}{step}: {message}\n{PLAIN}\n" if kind == "ValueError" else ""
    return (
        "I rknn-toolkit2 version: 2.3.2\n"
        "\rI Loading :   0%|          | 0/2 [00:00<?, ?it/s]\rI Loading : 100%|████| 2/2 [00:00<00:00, 10356.31it/s]\n"
        f"\x1b[1;33mW{PLAIN} \x1b[1;33mload_onnx: The config.mean_values is None, zeros will be set!{PLAIN}\n"
        f"{own}"
        f"\x1b[1;33mW{PLAIN} \x1b[1;33mbuild: ===================== WARN(2) ====================={PLAIN}\n"
        f"{RED}E{PLAIN} {RED}rknn-toolkit2 version: 2.3.2{PLAIN}\n"
        f"{RED}E{PLAIN} {RED}{step}: {caught}\n{PLAIN}\n"
        "I ===================== WARN(0) =====================\n"
        f"{caught}\n"
        "During handling of the above exception, another exception occurred:\n\n"
        f"{caught}"
    )


ONNXRUNTIME = "onnxruntime.capi.onnxruntime_pybind11_state"
LOOP = toolkit(
    "The Loop('/head/op/Loop') will cause the graph to be a dynamic graph! Remove it manually and try again!"
)
RESHAPE = toolkit(
    "[ONNXRuntimeError] : 6 : RUNTIME_EXCEPTION : Non-zero status code returned while running Reshape node. "
    "Name:'/head/op/Reshape' Status Message: "
    "/onnxruntime_src/onnxruntime/core/providers/cpu/tensor/reshape_helper.h:45 "
    "onnxruntime::ReshapeHelper::ReshapeHelper(const onnxruntime::TensorShape&, onnxruntime::TensorShapeVector&, bool) "
    "input_shape_size == size was false. The input tensor cannot be reshaped to the requested shape. "
    "Input shape:{1,8,16,16}, requested shape:{1,7,16,16}",
    kind=f"{ONNXRUNTIME}.RuntimeException",
)
UNKNOWN = toolkit(
    '[ONNXRuntimeError] : 10 : INVALID_GRAPH : This is an invalid model. In Node, ("/head/op/MyOp", MyOp, "", -1) : '
    '("/features/conv/Conv_output_0": tensor(float),) -> ("/head/op_output_0": tensor(float),) , '
    "Error No Op registered for MyOp with domain_version of 17",
    kind=f"{ONNXRUNTIME}.InvalidGraph",
)
MISMATCH = toolkit(
    "[ONNXRuntimeError] : 1 : FAIL : Node (/head/op/Add) Op (Add) [ShapeInferenceError] Incompatible dimensions",
    kind=f"{ONNXRUNTIME}.Fail",
)
OPSET = toolkit("Unsupport onnx opset 21, need <= 19!", step="load_onnx")
OPEN_SHAPE = toolkit("The input shape ['n', 3, 16, 16] of 'input' is not support!", step="load_onnx")
NO_TENSORFLOW = """\
I rknn-toolkit2 version: 2.3.2
W load_tflite: 'import tensorflow' failed! Please use the following command to reinstall it:
W load_tflite:   pip3 install 'tensorflow>=1.12.0,<=2.14.0'
"""  # 2.3.2, for any .tflite file without TensorFlow
BATCH_MATMUL = toolkit(
    "tensorflow/lite/kernels/batch_matmul.cc:353 (lhs_data->type == kTfLiteFloat32 && rhs_data->type == kTfLiteInt8) "
    "|| lhs_data->type == rhs_data->type was not true.Node number 1 (BATCH_MATMUL) failed to prepare."
    "Failed to apply the default TensorFlow Lite delegate indexed at 0.",
    kind="RuntimeError",
    step="load_tflite",
)
LEFT = """\
I rknn building ...
E RKNN: [19:41:15.000] Unkown op target: 0
I rknn building done.
No lowering found for: /head/op/Det, node type = Det, use CustomOperatorLower instead.
"""  # 2.3.2, which ends with status 0 and leaves a file

# Lines out of issues of airockchip/rknn-toolkit2, rockchip-linux/rknn-toolkit2, airockchip/rknn_model_zoo and others.
SQRT = 'I RKNN: librknnc version: 1.3.0\nFatal: Meet unsupported operator: Sqrt(name="Sqrt_51").\n'  # rockchip-linux 10
TOO_WIDE = """\
W RKNN: [09:58:32.173] Failed to config layer: 'Conv:/decoder/out_conv/Conv' using 3Core fallback to single core mode,
W RKNN: [09:58:32.173] Please help report this bug!
E RKNN: [10:29:09.353] X tile buffer overflow! Failed to config layer: 'Conv:/ReduceSum_2conv', Fatal Error
E RKNN: [10:29:09.353] core_num 1 ori_Ih 1 ori_Iw 1 ori_Ic 147456 ori_Ib 1
E RKNN: [10:29:09.353] ori_Kh 1 ori_Kw 1 ori_Kk 147456 ori_Kc 1 ori_Ksx 1 ori_Ksy 1
E RKNN: [10:29:09.353] Please help report this bug!
"""  # airockchip 86 and 377
CUMSUM = (
    "E RKNN: [00:39:42.701] Unsupport CPU op: CumSum in this librknnrt.so, please try to register custom op by calling "
    "rknn_register_custom_ops or If using rknn, update to the latest toolkit2 and runtime from: https://console.zbox.filez.com\n"
)  # immich-app/immich 17098
MINIMUM = """\
E RKNN: unsupport cpu Min op, op name: Min:functional_1/bb00/Minimum in current, please try updating to the latest
E RKNN: rknn fallback cpu failed
"""  # airockchip 482
NOT = """\
E RKNN: [17:36:20.569] Meet unsupported not, dtype = 3
E RKNN: [17:36:20.569] Op type:Not, name: Not:/Not, fallback cpu failed. please try updating to the latest version
"""  # rknn_model_zoo 288
COMPARED = """\
--> Building model
Build model failed!
E build: Catch exception when building RKNN model!
E build: Traceback (most recent call last):
E build:   File "rknn/api/graph_optimizer.py", line 1365, in rknn.api.graph_optimizer.GraphOptimizer.correct_ops
E build: TypeError: '>' not supported between instances of 'numpy.ndarray' and 'str'
"""  # airockchip 43
OLD_TOOLKIT = """\
E load_onnx: Unsupport onnx opset 19, need <= 12!
W load_onnx: ===================== WARN(1) =====================
E rknn-toolkit2 version: 1.5.2+b642f30c
E load_onnx: Catch exception when loading onnx model: arcface.onnx!
E load_onnx: Traceback (most recent call last):
E load_onnx:   File "rknn/api/rknn_log.py", line 112, in rknn.api.rknn_log.RKNNLog.e
E load_onnx: ValueError: Unsupport onnx opset 19, need <= 12!
W If you can't handle this error, please try updating to the latest version of the toolkit2 and runtime from:
  https://eyun.baidu.com/s/3eTDMk6Y (Pwd: rknn)  Path: RK_NPU_SDK / RK_NPU_SDK_1.X.0 / develop /
  If the error still exists in the latest version, please collect the corresponding error logs and the model,
Load ONNX model failed!
"""  # tiwater/arcface 1

VERSION = "Edge TPU Compiler version 16.0.384591198\n"
EXP = f"""\
{VERSION}ERROR: Didn't find op for builtin opcode 'EXP' version '2'. An older version of this might be supported.

ERROR: Registration failed.

Invalid model: model_2.tflite
Model could not be parsed
"""  # google-coral/libedgetpu 71
PREPARE = f"""\
{VERSION}Started a compilation timeout timer of 180 seconds.
ERROR: :317 scale_diff / output_scale <= 0.02 was not true.
ERROR: Node number 3 (CONV_2D) failed to prepare.

Compilation failed: Model failed in Tflite interpreter. Please ensure model can be loaded/run in Tflite interpreter.
Compilation child process completed within timeout period.
Compilation failed!
"""  # Namburger/edgetpu-ssdlite-mobiledet-retrain 11
LARGE = f"""\
{VERSION}Started a compilation timeout timer of 180 seconds.
ERROR: Restored original execution plan after delegate application failure.
Compilation failed: Compilation failed due to large activation tensors in model.
Compilation child process completed within timeout period.
Compilation failed!
"""  # google-coral/edgetpu 601
DYNAMIC = f"""\
{VERSION}Started a compilation timeout timer of 180 seconds.
ERROR: Attempting to use a delegate that only supports static-sized tensors with a graph that has dynamic-sized tensors.
Compilation failed: Model failed in Tflite interpreter. Please ensure model can be loaded/run in Tflite interpreter.
Compilation child process completed within timeout period.
Compilation failed!
"""  # google-coral/edgetpu 829
NOT_QUANTIZED = "Edge TPU Compiler version 14.1.317412892\nInvalid model: mnist.tflite\nModel not quantized\n"  # 168
ABORTING = (
    "Edge TPU Compiler version 14.1.317412892\n\nInternal compiler error. Aborting! \n"  # google-coral/edgetpu 189
)
THROWN = """\
Edge TPU Compiler version 2.0.267685300
terminating with uncaught exception of type std::out_of_range: vector

Internal compiler error. Aborting!
"""  # google-coral/edgetpu 4
ONLY_VERSION = "Edge TPU Compiler version 15.0.340273435\n"  # google-coral/edgetpu 411
OTHERWISE = "Operation is otherwise supported, but not mapped due to some unspecified limitation"
TABLE = f"""\
Number of operations that will run on Edge TPU: 2
Number of operations that will run on CPU: 153

Operator                       Count      Status


TRANSPOSE                      70         Operation not supported
FULLY_CONNECTED                1          More than one subgraph is not supported
PAD                            1          Mapped to Edge TPU
PAD                            17         More than one subgraph is not supported
ADD                            10         More than one subgraph is not supported
MEAN                           2          More than one subgraph is not supported
CONV_2D                        35         More than one subgraph is not supported
QUANTIZE                       1          Mapped to Edge TPU
QUANTIZE                       1          {OTHERWISE}
DEPTHWISE_CONV_2D              17         More than one subgraph is not supported
"""  # google-coral/edgetpu 342
EVERY = tuple(log for name, log in sorted(globals().items()) if re.fullmatch(r"[A-Z_]{3,}", name) and "\n" in log)
