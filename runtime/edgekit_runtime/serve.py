"""Serving a bundle over HTTP: who may ask what, and who answers."""

from __future__ import annotations

import gc
import hmac
import math
import signal
import sys
import time
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Callable

from edgekit_runtime.bundle import open_bundle
from edgekit_runtime.environment import read_conditions
from edgekit_runtime.interpreter import open_interpreter
from edgekit_runtime.metrics import CONTENT_TYPE, exposition
from edgekit_runtime.model import Model
from edgekit_runtime.serve_crew import Crew
from edgekit_runtime.serve_http import Body, Head, HttpError, Response, json_response
from edgekit_runtime.serve_loop import Reply, ServerLoop, busy
from edgekit_runtime.serve_metrics import Gauges, ServeMetrics
from edgekit_runtime.serve_predict import Answered, Predictor
from edgekit_runtime.serve_settings import MIB, ServeSettings, listen, read_token
from edgekit_runtime.serve_worker import Worker

HEALTH, READY, PREDICT, METRICS = "/health", "/ready", "/v1/predict", "/metrics"
METHODS: Mapping[str, tuple[str, ...]] = {
    HEALTH: ("GET", "HEAD"),
    READY: ("GET", "HEAD"),
    METRICS: ("GET", "HEAD"),
    PREDICT: ("POST",),
}
OPEN = (HEALTH, READY)  # to whoever watches the service, also without a token
SCRAPES = 4  # that may wait
BODIES = 4  # of the largest size that may be under way at one time

Announce = Callable[[str, int], None]


class Service:
    """Judges requests and has them answered.

    Args:
        predictor: Answers those to the model.
        settings: How to serve.
        token: What clients must show; empty for nothing.
        model: Labels of the model.
    """

    def __init__(
        self, predictor: Predictor, settings: ServeSettings, token: bytes, model: tuple[tuple[str, str], ...]
    ) -> None:
        self._predictor, self._settings, self._model = predictor, settings, model
        self._expected = b"Bearer " + token if token else b""
        self._requests = Crew(settings.queue)
        self._scrapes = Worker("metrics", SCRAPES)
        self.metrics = ServeMetrics(model)
        self.loop: ServerLoop | None = None

    def admit(self, head: Head) -> None:
        """Judge a request by its head.

        Raises:
            HttpError: It is refused.
        """
        if head.path not in METHODS:
            raise HttpError(404, f"there is no such path here; allowed: {', '.join(METHODS)}.")
        if self._expected and head.path not in OPEN:
            shown = head.headers.get("authorization", "").encode("latin-1")
            if not hmac.compare_digest(shown, self._expected):
                headers = (("WWW-Authenticate", "Bearer"),)
                raise HttpError(401, "the token is missing or wrong.", code="token", headers=headers)
        allowed = METHODS[head.path]
        if head.method not in allowed:
            text = f"{head.path} takes no {head.method}; allowed: {', '.join(allowed)}."
            raise HttpError(405, text, headers=(("Allow", ", ".join(allowed)),))
        if head.path == PREDICT and "content-length" not in head.headers:
            raise HttpError(411, "there is no Content-Length.")
        most = self._settings.max_body_mib * MIB if head.path == PREDICT else 0
        if head.length > most:
            raise HttpError(413, f"the body has {head.length} bytes; allowed: {most}.", hint="Send fewer samples.")

    def handle(self, head: Head, body: Body, reply: Reply) -> None:
        """Answer a request now, or have it answered by another thread."""
        if head.path == PREDICT:
            self._predict(head, body, reply)
        elif head.path == METRICS:
            if not self._scrapes.offer(lambda: reply(self._scrape())):
                reply(busy("too many wait for the metrics.").response)
        else:
            reply(self._state(head.path))

    def run(self, loop: ServerLoop) -> None:
        """Serve until the loop is stopped.

        Args:
            loop: Reads and writes the connections.
        """
        self.loop = loop
        try:
            self._requests.run(loop.run)
        finally:
            self._scrapes.close()

    def _predict(self, head: Head, body: Body, reply: Reply) -> None:
        arrived_s = time.perf_counter()

        def job() -> None:
            answered = self._answer(head, body)
            self.metrics.predicted(answered, time.perf_counter() - arrived_s)  # who has an answer finds it counted
            reply(answered.response)

        if not self._requests.offer(job):
            self.metrics.rejected()
            wait_s = math.ceil(self._requests.limit * self.metrics.inferences.mean)
            reply(busy("as many requests wait as may.", max(1, wait_s)).response)

    def _answer(self, head: Head, body: Body) -> Answered:
        try:
            return self._predictor.answer(head, body)
        except Exception:  # noqa: BLE001  # one request must not end the service; the log has the traceback
            print(traceback.format_exc(), end="", file=sys.stderr, flush=True)  # noqa: T201  # the log
            return Answered(
                HttpError(500, "this is a bug in edgekit; the server's log tells more.", code="bug").response
            )

    def _state(self, path: str) -> Response:
        stopping = self.loop is not None and self.loop.stopping
        stuck_s = self._requests.busy_s
        if stuck_s > self._settings.timeout_s:
            return json_response(503, {"state": "stuck", "reason": f"one inference has taken {stuck_s:.0f} s so far"})
        if stopping and path == READY:
            return json_response(503, {"state": "stopping"})
        return json_response(200, {"state": "ready" if path == READY else "alive", "model": dict(self._model)})

    def _scrape(self) -> Response:
        cache = self._predictor.cache
        gauges = Gauges(
            ready=self._state(READY).status == 200,
            connections=self.loop.connections if self.loop else 0,
            waiting=self._requests.waiting,
            queue_limit=self._requests.limit,
            cache_entries=len(cache) if cache else 0,
            cache_bytes=cache.held_bytes if cache else 0,
        )
        text = exposition(self.metrics.metrics(gauges, read_conditions()))
        return Response(200, text.encode(), CONTENT_TYPE)


def serve(bundle: str, settings: ServeSettings, announce: Announce) -> int:
    """Serve a bundle until SIGTERM or SIGINT, then finish what is under way; a second signal ends it at once.

    Args:
        bundle: The bundle, whose golden outputs were checked.
        settings: How to serve.
        announce: Told the model's name and the port, once requests are taken.

    Returns:
        How many requests were answered.

    Raises:
        BundleError: The bundle is damaged.
        ModelError: The interpreter refuses the model.
        UserError: The address cannot be listened at, or a token is wanted.
    """
    token = read_token(settings)
    with listen(settings, token) as listener:
        predictor, labels = _load(bundle, settings)
        service = Service(predictor, settings, token, labels)
        budget = BODIES * settings.max_body_mib * MIB
        loop = ServerLoop(listener, service.admit, service.handle, service.metrics.responded, budget)
        _stop_on_signals(loop)
        gc.collect()
        gc.freeze()  # what is here stays: looking through it for cycles took longer than one request in a hundred
        announce(dict(labels)["name"], listener.getsockname()[1])
        service.run(loop)
    return service.metrics.answered


def _load(path: str, settings: ServeSettings) -> tuple[Predictor, tuple[tuple[str, str], ...]]:
    with open_bundle(Path(path)) as bundle:
        manifest = bundle.manifest
        interpreter = open_interpreter(bundle.model_path, manifest.format, settings.threads)
        labels = (
            ("name", manifest.name),
            ("format", manifest.format),
            ("scheme", manifest.scheme),
            ("digest", bundle.digest[:16]),
            ("interpreter", interpreter.library),
        )
        predictor = Predictor(Model(interpreter, manifest), settings.batch, settings.cache)
        predictor.warm_up()
        return predictor, labels


def _stop_on_signals(loop: ServerLoop) -> None:
    def stop(number: int, _: object) -> None:
        signal.signal(number, signal.default_int_handler)
        loop.stop()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
