"""Sessions of onnxruntime on models in memory."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import onnxruntime

from edgekit_runtime.errors import ModelError
from edgekit_runtime.onnx import reason
from edgekit_runtime.onnx_exact import ERRORS_ONLY, PROVIDERS, exact_session

ONE_THREAD = 1
LEVELS = {
    "none": onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL,
    "basic": onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC,
    "all": onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL,
}


def open_session(
    path: Path,
    model: Any,
    *,
    level: Literal["none", "basic", "all"] = "all",
    written_to: Path | None = None,
    disabled: Sequence[str] = (),
) -> Any:
    """Load a model with onnxruntime.

    Args:
        path: The file that it comes from, for messages.
        model: A `ModelProto`.
        level: How far onnxruntime may fuse and fold operators; `basic` keeps to standard operators.
        written_to: Where to write the graph as onnxruntime runs it.
        disabled: Names of rewritings that are left out.

    Raises:
        ModelError: onnxruntime refuses it.
    """
    content, left_out = model.SerializeToString(), list(disabled)

    def options_at(severity: int) -> Any:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = ONE_THREAD
        options.log_severity_level = severity
        options.graph_optimization_level = LEVELS[level]
        if written_to is not None:
            options.optimized_model_filepath = str(written_to)
        return options

    try:
        if level == "all" and written_to is None:
            return exact_session(content, options_at, disabled_optimizers=left_out)
        return onnxruntime.InferenceSession(content, options_at(ERRORS_ONLY), PROVIDERS, disabled_optimizers=left_out)
    except Exception as error:  # onnxruntime's own kinds have no common base
        raise ModelError(
            f"{path}: onnxruntime refuses it: {reason(error)}",
            hint="It may be damaged, or need operators that onnxruntime lacks.",
        ) from error
