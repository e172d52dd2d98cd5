"""Questions about a model that each take a process of their own: its arena, and its load time with a weight cache."""

from __future__ import annotations

from edgekit_runtime.arena import arena_bytes
from edgekit_runtime.child import Payload, serve
from edgekit_runtime.codec import decode
from edgekit_runtime.errors import ModelError
from edgekit_runtime.handover import ProbeRequest


def answer() -> None:
    """Answer one question of the parent that started this process."""
    serve({"arena": lambda payload, _: _arena(payload), "load": lambda payload, _: _load(payload)})


def _arena(payload: Payload) -> Payload:
    from edgekit_runtime.litert import tensor_places

    request = decode(ProbeRequest, payload)
    size = arena_bytes(tensor_places(request.model, request.batch))
    if size is None:
        raise ModelError(f"{request.model}: its tensors do not lie in one block.")
    return {"bytes": size}


def _load(payload: Payload) -> Payload:
    from edgekit_runtime.litert import compiled_load_ns

    request = decode(ProbeRequest, payload)
    return {"ns": compiled_load_ns(request.model, request.threads, request.weight_cache)}
