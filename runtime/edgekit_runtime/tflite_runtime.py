"""The only importer of tflite-runtime, which runs `.tflite` files where there is no LiteRT: 32-bit and older boards."""

from __future__ import annotations

from edgekit_runtime.arena import TensorPlace
from edgekit_runtime.errors import MissingExtraError
from edgekit_runtime.tflite_interpreter import TfliteInterpreter, open_tflite, places_of

try:
    from tflite_runtime.interpreter import Interpreter as _Interpreter
    from tflite_runtime.interpreter import OpResolverType
except ImportError as missing:
    raise MissingExtraError(
        "Neither LiteRT nor tflite-runtime is installed, so no .tflite file can be run here.",
        hint="Run: pip install ai-edge-litert",
    ) from missing

PACKAGE = "tflite-runtime"


class TfliteRuntimeInterpreter(TfliteInterpreter):
    """A `.tflite` model under tflite-runtime: float models by XNNPACK, quantized ones by its builtin kernels.

    Args:
        path: The file.
        threads: Threads of the kernels.
        batch: Samples in one inference; above 1 only where every input has a free batch axis.

    Raises:
        ModelError: tflite-runtime refuses the file or the batch.
    """

    def __init__(self, path: str, threads: int = 1, batch: int = 1) -> None:
        super().__init__(path, PACKAGE, open_tflite(_Interpreter, PACKAGE, path, batch, num_threads=threads), PACKAGE)


def tensor_places(path: str, batch: int = 1) -> tuple[TensorPlace, ...]:
    """Where tflite-runtime puts a model's tensors, with its builtin kernels.

    Args:
        path: The file.
        batch: Samples in one inference.

    Raises:
        ModelError: tflite-runtime refuses the file or the batch, or a tensor's shape is known only in a run.
    """
    resolver = OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
    options = {"num_threads": 1, "experimental_op_resolver_type": resolver}
    return places_of(path, open_tflite(_Interpreter, PACKAGE, path, batch, **options))
