"""From a request's body to its answer by the model, and results kept for inputs that come again."""

from __future__ import annotations

import hashlib
import time
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Optional

import numpy as np

from edgekit_runtime.errors import DataError, EdgekitError, MissingExtraError
from edgekit_runtime.model import Model
from edgekit_runtime.serve_body import Given, read_body, result_response, samples_of
from edgekit_runtime.serve_http import Body, Head, HttpError, Response

CACHE_BYTES = 64 << 20
STATUSES: tuple[tuple[type[EdgekitError], int], ...] = ((DataError, 400), (MissingExtraError, 501))


@dataclass(frozen=True)
class Answered:
    """A request that was answered.

    Attributes:
        response: The answer.
        samples: How many samples were run or taken from the cache; 0 where the request was refused.
        inference_s: Seconds that the model took; 0 where it did not run.
        cached: Whether the result was kept from before; `None` where no cache was asked.
    """

    response: Response
    samples: int = 0
    inference_s: float = 0.0
    cached: Optional[bool] = None


class ResultCache:
    """Results by inputs, the one that was not asked for longest goes first.

    A model's result depends on its input alone: what recurrent kernels keep is cleared before each sample.

    Args:
        entries: Results kept at most.
        size_bytes: Bytes of them at most.
    """

    def __init__(self, entries: int, size_bytes: int = CACHE_BYTES) -> None:
        self._entries, self._size_bytes = entries, size_bytes
        self._results: OrderedDict[bytes, Mapping[str, np.ndarray]] = OrderedDict()
        self._held_bytes = 0

    def __len__(self) -> int:
        return len(self._results)

    @property
    def held_bytes(self) -> int:
        """Bytes of the results that are kept."""
        return self._held_bytes

    def find(self, key: bytes) -> Optional[Mapping[str, np.ndarray]]:
        """The result for a key, if it is kept."""
        found = self._results.get(key)
        if found is not None:
            self._results.move_to_end(key)
        return found

    def keep(self, key: bytes, result: Mapping[str, np.ndarray]) -> None:
        """Keep a result, unless it is larger than all that may be kept."""
        if key in self._results or _size(result) > self._size_bytes:
            return
        self._results[key] = result
        self._held_bytes += _size(result)
        while len(self._results) > self._entries or self._held_bytes > self._size_bytes:
            _, oldest = self._results.popitem(last=False)
            self._held_bytes -= _size(oldest)


class Predictor:
    """Answers requests by a model, one at a time.

    Args:
        model: The model.
        most_samples: Samples that one request may bring.
        cache_entries: Results kept for equal inputs; 0 for none.
    """

    def __init__(self, model: Model, most_samples: int, cache_entries: int) -> None:
        self._model = model
        self._most_samples = most_samples
        # What an integer stands for is finite; to look through them all takes as long as to read a small request.
        self._finite = all(np.dtype(binding.stored.dtype).kind in "iub" for binding in model.manifest.outputs)
        self.cache = ResultCache(cache_entries) if cache_entries else None

    def warm_up(self) -> None:
        """Run the model once: the first inference takes longer than those after it.

        Raises:
            ModelError: An operator failed.
        """
        shapes = {binding.source.name: binding.source.sample_shape for binding in self._model.manifest.inputs}
        self._model({name: np.zeros([max(1, size) for size in shape]) for name, shape in shapes.items()})

    def answer(self, head: Head, body: Body) -> Answered:
        """Answer a request; what is wrong with it is told in one line.

        Args:
            head: Tells the forms of body and answer.
            body: One sample or several.
        """
        try:
            return self._answer(head, body)
        except HttpError as error:
            return Answered(error.response)
        except EdgekitError as error:
            status = next((status for kind, status in STATUSES if isinstance(error, kind)), 500)
            return Answered(HttpError(status, error.message, hint=error.hint, code=error.code).response)
        except MemoryError:
            return Answered(HttpError(503, "there is too little memory for this request.", code="memory").response)

    def _answer(self, head: Head, body: Body) -> Answered:
        given = read_body(body, head.headers.get("content-type", ""), self._model.manifest)
        samples = samples_of(given, self._model.manifest)
        if samples > self._most_samples:
            raise HttpError(413, f"there are {samples} samples; allowed: {self._most_samples}.", code="data")
        key = b"" if self.cache is None else _key(given)
        found = None if self.cache is None else self.cache.find(key)
        started_s = time.perf_counter()
        outputs = self._run(given) if found is None else found
        inference_s = time.perf_counter() - started_s if found is None else 0.0
        response = result_response(outputs, head.headers.get("accept", ""), finite=self._finite)
        if self.cache is None:
            return Answered(response, samples, inference_s)
        self.cache.keep(key, outputs)
        return Answered(response, samples, inference_s, cached=found is not None)

    def _run(self, given: Given) -> Mapping[str, np.ndarray]:
        outputs = self._model(given)
        if isinstance(outputs, dict):
            return outputs
        return {self._model.manifest.outputs[0].source.name: outputs}


def _key(given: Given) -> bytes:
    digest = hashlib.blake2b(digest_size=32)
    named = given if isinstance(given, Mapping) else {"": given}
    for name, values in sorted(named.items()):
        digest.update(repr((name, values.shape, values.dtype.str)).encode("utf-8", "surrogatepass"))
        digest.update(np.ascontiguousarray(values).data)
    return digest.digest()


def _size(result: Mapping[str, np.ndarray]) -> int:
    return sum(values.nbytes for values in result.values())
