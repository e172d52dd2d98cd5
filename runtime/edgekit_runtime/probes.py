"""Questions about a model that each take a process of their own: its arena, and its load time with a weight cache."""

from __future__ import annotations

from edgekit_runtime.arena import TensorPlace, arena_bytes
from edgekit_runtime.child import Payload, serve
from edgekit_runtime.codec import decode
from edgekit_runtime.errors import MissingExtraError, ModelError
from edgekit_runtime.handover import ProbeRequest
from edgekit_runtime.interpreter import detect_format


def answer() -> None:
    """Answer one question of the parent that started this process."""
    serve({"arena": lambda payload, _: _arena(payload), "load": lambda payload, _: _load(payload)})


def _arena(payload: Payload) -> Payload:
    request = decode(ProbeRequest, payload)
    size = arena_bytes(_tensor_places(request.model, request.batch))
    if size is None:
        raise ModelError(f"{request.model}: its tensors do not lie in one block.")
    return {"bytes": size}


def _tensor_places(model: str, batch: int) -> tuple[TensorPlace, ...]:
    try:
        from edgekit_runtime.litert import tensor_places
    except MissingExtraError:
        from edgekit_runtime.tflite_runtime import tensor_places
    return tensor_places(model, batch)


def _load(payload: Payload) -> Payload:
    request = decode(ProbeRequest, payload)
    if detect_format(request.model) != "tflite":
        raise ModelError("only XNNPACK has a weight cache, which .tflite files are run with.")
    from edgekit_runtime.litert import compiled_load_ns

    return {"ns": compiled_load_ns(request.model, request.threads, request.weight_cache)}
