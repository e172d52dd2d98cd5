"""Write a Keras model as ONNX: the only importer of tf2onnx."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from edgekit_converters.keras.program import Program
from edgekit_converters.onnx.names import name_borders
from edgekit_converters.source import signature_names
from edgekit_runtime.errors import ConversionError, MissingExtraError, first_line

OPSET = 18  # the newest that tf2onnx 1.17 writes


def export_onnx(program: Program, source: Path, path: Path) -> None:
    """Write a model as a float32 `.onnx` file with a static batch of 1.

    Args:
        program: The model.
        source: Where it came from, for errors.
        path: Where to write.

    Raises:
        MissingExtraError: tf2onnx is not installed.
        ConversionError: It refuses.
    """
    try:
        import tf2onnx
    except ImportError as missing:
        raise MissingExtraError(
            "tf2onnx is not installed, so no Keras model becomes ONNX here.",
            hint="Run: pip install 'edgekit[keras-onnx]'",
        ) from missing
    names = signature_names(program.inputs), signature_names(program.outputs)
    specs = [
        tf.TensorSpec((1, *spec.sample_shape), spec.dtype, name=name)
        for spec, name in zip(program.inputs, names[0], strict=True)
    ]

    def run(*inputs: Any) -> list[Any]:
        results = program.run_for_export(inputs)
        return [tf.identity(result, name=name) for result, name in zip(results, names[1], strict=True)]

    try:
        graph = tf.function(run, input_signature=specs, autograph=False)
        proto = tf2onnx.convert.from_function(
            graph, input_signature=specs, opset=OPSET, custom_op_handlers={"Erfc": (_write_erfc, [])}
        )[0]
    except Exception as error:  # TensorFlow and tf2onnx raise many kinds; the user gets one line
        raise ConversionError(
            f"{source}: tf2onnx cannot convert it to ONNX: {first_line(error)}", hint="See the whole log with -v."
        ) from error
    _refuse_unknown(proto, source)
    name_borders(proto, [spec.name for spec in program.inputs], [spec.name for spec in program.outputs])
    path.write_bytes(proto.SerializeToString())


def _write_erfc(graph: Any, node: Any, *_: object) -> None:
    """The complement of the error function, which GELU is made of: erfc(x) = 1 - erf(x); ONNX has only the latter."""
    given, name = node.input[0], node.output[0]
    shape, dtype = graph.get_shape(name), graph.get_dtype(name)
    graph.remove_node(node.name)
    erf = graph.make_node("Erf", [given], shapes=[shape], dtypes=[dtype])
    one = graph.make_const(f"{node.name}_one", np.ones((), np.float32))
    graph.make_node("Sub", [one.output[0], erf.output[0]], outputs=[name], shapes=[shape], dtypes=[dtype])


def _refuse_unknown(model: Any, source: Path) -> None:
    """Refuse a graph with operators that are not ONNX's.

    tf2onnx writes operators that it does not know under their TensorFlow names; no runtime takes them.
    """
    from onnx import defs

    unknown = sorted({node.op_type for node in model.graph.node if not node.domain and not defs.has(node.op_type)})
    if unknown:
        raise ConversionError(
            f"{source}: ONNX has no operator for TensorFlow's {', '.join(unknown)}.",
            hint="Replace the layers that need it, or convert to --format tflite.",
        )
