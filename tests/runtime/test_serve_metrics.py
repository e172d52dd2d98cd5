"""What a server tells Prometheus, and that its dashboard and its page name nothing else."""

from __future__ import annotations

import json
import re
import subprocess
import threading
import time
import urllib.request
from collections.abc import Iterator

import pytest

from edgekit_runtime.conditions import SINCE_BOOT, Conditions, Fact, Throttling
from edgekit_runtime.figure import measured, unavailable
from edgekit_runtime.metrics import Metric, exposition
from edgekit_runtime.serve import Service
from edgekit_runtime.serve_http import HttpError, json_response
from edgekit_runtime.serve_loop import ServerLoop
from edgekit_runtime.serve_metrics import Gauges, ServeMetrics
from edgekit_runtime.serve_predict import Answered
from edgekit_runtime.serve_settings import MIB, ServeSettings, listen

GAUGES = Gauges(True, 3, 2, 64, 5, 600)
UNKNOWN = Conditions(
    Fact(reason="no governor"), unavailable("MHz", "no clock"), unavailable("°C", "no zone"), Throttling(reason="no Pi")
)
OK = json_response(200, {})


def conditions_of(bits: int) -> Conditions:
    clock, temperature = measured(1500, "MHz", "sysfs"), measured(61.5, "°C", "zone")
    return Conditions(Fact("ondemand"), clock, temperature, Throttling(bits))


def lines_of(metrics: ServeMetrics, conditions: Conditions) -> list[str]:
    return exposition(metrics.metrics(GAUGES, conditions)).splitlines()


def test_requests_are_counted_by_what_came_of_them():
    metrics = ServeMetrics((("name", "small"),))
    metrics.predicted(Answered(OK, 4, 0.002, cached=False), 0.003)
    metrics.predicted(Answered(OK, 4, 0.0, cached=True), 0.0001)
    metrics.predicted(Answered(HttpError(400, "wrong").response), 0.0001)
    for status in (200, 200, 400):
        metrics.responded(status)
    lines = lines_of(metrics, UNKNOWN)
    for line in (
        'edgekit_model_info{name="small"} 1',
        'edgekit_responses_total{status="200"} 2',
        'edgekit_responses_total{status="400"} 1',
        "edgekit_samples_total 8",
        "edgekit_request_duration_seconds_count 3",
        "edgekit_inference_duration_seconds_count 1",
        "edgekit_cache_hits_total 1",
        "edgekit_cache_misses_total 1",
        "edgekit_queue_length 2",
        "edgekit_cache_bytes 600",
    ):
        assert line in lines
    assert metrics.answered == 3


def test_what_the_device_tells_is_in_base_units():
    lines = lines_of(ServeMetrics(()), conditions_of(0b0101 | 0b0001 << SINCE_BOOT))
    assert "edgekit_temperature_celsius 61.5" in lines
    assert "edgekit_clock_hertz 1500000000" in lines
    throttled = [line for line in lines if line.startswith("edgekit_throttled{") and line.endswith(" 1")]
    assert throttled == [
        'edgekit_throttled{cause="under-voltage",when="now"} 1',
        'edgekit_throttled{cause="throttled",when="now"} 1',
        'edgekit_throttled{cause="under-voltage",when="since boot"} 1',
    ]


def test_what_the_device_does_not_tell_has_a_reason_and_no_value():
    lines = lines_of(ServeMetrics(()), UNKNOWN)
    assert "# edgekit_temperature_celsius is unavailable: no zone" in lines
    assert not [
        line for line in lines if line.startswith(("edgekit_temperature", "edgekit_clock", "edgekit_throttled"))
    ]


def names_of(metrics: Iterator[Metric]) -> set[str]:
    return {metric.name + sample.suffix for metric in metrics for sample in metric.samples} | {
        metric.name for metric in ServeMetrics(()).metrics(GAUGES, UNKNOWN)
    }


def known_names() -> set[str]:
    return names_of(ServeMetrics(()).metrics(GAUGES, conditions_of(0)))


def test_every_query_of_the_dashboard_names_a_metric_that_exists(repository):
    board = json.loads((repository / "docs/grafana.json").read_text(encoding="utf-8"))
    queries = [target["expr"] for panel in board["panels"] for target in panel["targets"]]
    queries += [variable["query"]["query"] for variable in board["templating"]["list"] if variable["type"] == "query"]
    assert len(queries) > 15
    for query in queries:
        named = set(re.findall(r"\b(?:edgekit|process)_\w+", query))
        assert named, query
        assert named <= known_names()


def test_the_dashboard_shows_every_metric(repository):
    text = (repository / "docs/grafana.json").read_text(encoding="utf-8")
    missing = [metric.name for metric in ServeMetrics(()).metrics(GAUGES, UNKNOWN) if metric.name not in text]
    assert missing == []


def test_the_page_names_every_metric(repository):
    text = (repository / "docs/how-to/serve.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`((?:edgekit|process)_\w+)(?:\{[^`]*\})?`", text))
    assert named <= known_names()
    wanted = {metric.name for metric in ServeMetrics(()).metrics(GAUGES, UNKNOWN)}
    assert wanted - named <= {"edgekit_cache_misses_total", "edgekit_cache_bytes"}  # told by their ends


class Quick:
    """Stands for the model."""

    cache = None

    def answer(self, head, body):
        return Answered(OK, 1, 0.001)


@pytest.mark.slow
@pytest.mark.usefixtures("prometheus")
def test_prometheus_scrapes_it(tmp_path):
    token = "0123456789abcdef"
    listener = listen(ServeSettings(port=0), token.encode())
    port = listener.getsockname()[1]
    service = Service(Quick(), ServeSettings(), token.encode(), (("name", "small"),))
    loop = ServerLoop(listener, service.admit, service.handle, service.metrics.responded, MIB)
    thread = threading.Thread(target=service.run, args=(loop,))
    thread.start()
    (tmp_path / "token").write_text(token)
    (tmp_path / "prometheus.yml").write_text(
        "global: {scrape_interval: 1s}\nscrape_configs:\n- job_name: edgekit\n"
        f"  authorization: {{credentials_file: {tmp_path}/token}}\n"
        f"  static_configs: [{{targets: ['127.0.0.1:{port}']}}]\n"
    )
    with listen(ServeSettings(port=0), b"") as free:
        web = free.getsockname()[1]
    argv = ["prometheus", f"--config.file={tmp_path}/prometheus.yml", f"--storage.tsdb.path={tmp_path}/data"]
    log = tmp_path / "log"
    with open(log, "w") as file:
        scraper = subprocess.Popen([*argv, f"--web.listen-address=127.0.0.1:{web}"], stderr=file, stdout=file)
    try:
        url = f"http://127.0.0.1:{web}/api/v1/query?query=edgekit_ready"
        deadline, found = time.monotonic() + 60, []
        while not found and time.monotonic() < deadline and scraper.poll() is None:
            time.sleep(0.2)
            try:
                found = json.loads(urllib.request.urlopen(url, timeout=5).read())["data"]["result"]
            except OSError:
                continue  # it does not listen yet
        assert found, log.read_text()
        assert found[0]["value"][1] == "1"
    finally:
        scraper.terminate()
        scraper.wait(30)
        loop.stop()
        thread.join(30)
