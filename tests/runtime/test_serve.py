"""The server over real connections: in a thread with a model that waits when told to, and as a process of its own."""

from __future__ import annotations

import http.client
import io
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import contextmanager

import numpy as np
import pytest

from edgekit_runtime.serve import Service
from edgekit_runtime.serve_body import NPY_TYPE
from edgekit_runtime.serve_http import JSON_TYPE, json_response
from edgekit_runtime.serve_loop import MAX_CONNECTIONS, ServerLoop
from edgekit_runtime.serve_predict import Answered
from edgekit_runtime.serve_settings import MIB, ServeSettings, listen
from tests.bundle_files import dense_bundle

TOKEN = "0123456789abcdef"
BODY = json.dumps({"inputs": [0.5] * 8})
HEADERS = {"Content-Type": JSON_TYPE}


class Patient:
    """Stands for the model: answers how long the body is, and waits where it is told to."""

    cache = None

    def __init__(self):
        self.may_go_on = threading.Event()
        self.may_go_on.set()
        self.begun = threading.Semaphore(0)

    def answer(self, head, body):
        self.begun.release()
        if body == b"break":
            raise ZeroDivisionError("planted")
        assert self.may_go_on.wait(30)
        return Answered(json_response(200, {"length": len(body)}), 1, 0.001)


class Running:
    """A server in a thread."""

    def __init__(self, **settings):
        self.token = settings.pop("token", "")
        self.settings = ServeSettings(port=0, **settings)
        self.model = Patient()
        listener = listen(self.settings, self.token.encode())
        self.port = listener.getsockname()[1]
        self.service = Service(self.model, self.settings, self.token.encode(), (("name", "small"),))
        self.loop = ServerLoop(
            listener, self.service.admit, self.service.handle, self.service.metrics.responded, 4 * MIB
        )
        self.thread = threading.Thread(target=self.service.run, args=(self.loop,))
        self.thread.start()

    def connect(self):
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)

    def ask(self, method, path, body=None, headers=HEADERS):
        connection = self.connect()
        connection.request(method, path, body, headers)
        response = connection.getresponse()
        text = response.read()
        connection.close()
        return response, text

    def send(self, data, *, end=True):
        """The answer to some bytes as they are."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=30) as client:
            client.sendall(data)
            if end:
                client.shutdown(socket.SHUT_WR)
            return read_all(client)

    def end(self):
        self.model.may_go_on.set()
        self.loop.stop()
        self.thread.join(30)
        assert not self.thread.is_alive()


def read_all(client):
    parts = []
    while part := client.recv(65536):
        parts.append(part)
    return b"".join(parts)


@contextmanager
def running(**settings):
    server = Running(**settings)
    try:
        yield server
    finally:
        server.end()


@pytest.fixture(scope="module")
def server():
    with running(queue=2, max_body_mib=1) as started:
        yield started


def test_a_request_is_answered(server):
    response, text = server.ask("POST", "/v1/predict", "abc")
    assert (response.status, json.loads(text)) == (200, {"length": 3})


def test_one_connection_serves_many_requests(server):
    connection = server.connect()
    for length in range(20):
        connection.request("POST", "/v1/predict", "x" * length, HEADERS)
        assert json.loads(connection.getresponse().read()) == {"length": length}
    connection.close()


def test_requests_sent_ahead_are_answered_in_order(server):
    one = "POST /v1/predict HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n{}"
    sent = "".join(one.format(n, "x" * n) for n in range(1, 6)) + "GET /none HTTP/1.1\r\nHost: a\r\n\r\n" * 500
    answers = server.send(sent.encode())
    assert [f'{{"length": {n}}}'.encode() in answers for n in range(1, 6)] == [True] * 5
    assert answers.index(b'"length": 2') < answers.index(b'"length": 5') < answers.index(b"404")
    assert answers.count(b"HTTP/1.1 404") == 500


def test_health_and_readiness_are_told(server):
    for path, state in (("/health", "alive"), ("/ready", "ready")):
        response, text = server.ask("GET", path)
        assert (response.status, json.loads(text)["state"]) == (200, state)


def test_head_has_the_length_and_no_body(server):
    response, text = server.ask("HEAD", "/health")
    assert int(response.headers["Content-Length"]) > 0
    assert text == b""


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/", None, 404),
        ("GET", "/v1/predict", None, 405),
        ("PUT", "/health", None, 405),
        ("POST", "/v1/predict", "x" * (MIB + 1), 413),
        ("GET", "/health", "body", 413),
    ],
)
def test_what_is_not_taken_is_refused(server, method, path, body, status):
    response, text = server.ask(method, path, body)
    assert response.status == status
    assert json.loads(text)["error"]["message"]


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"nonsense\r\n\r\n", b"400"),
        (b"POST /v1/predict HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", b"411"),
        (b"POST /v1/predict HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", b"501"),
        (b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"y" * 20_000, b"431"),
    ],
)
def test_what_is_no_request_is_refused_and_the_connection_closed(server, data, status):
    answer = server.send(data, end=False)
    assert answer.startswith(b"HTTP/1.1 " + status)
    assert b"Connection: close" in answer
    assert b"Traceback" not in answer


def test_a_large_body_that_is_refused_does_not_cost_the_answer(server):
    head = f"POST /none HTTP/1.1\r\nHost: a\r\nContent-Length: {8 * MIB}\r\n\r\n".encode()
    assert server.send(head + b"x" * (8 * MIB), end=False).startswith(b"HTTP/1.1 404")


def test_a_client_that_asks_gets_leave_to_send(server):
    head = b"POST /v1/predict HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n"
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as client:
        client.sendall(head)
        assert client.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        client.sendall(b"abc")
        client.shutdown(socket.SHUT_WR)
        assert b'"length": 3' in read_all(client)


def test_an_old_client_is_answered_and_the_connection_closed(server):
    answer = server.send(b"GET /health HTTP/1.0\r\n\r\n", end=False)
    assert answer.startswith(b"HTTP/1.1 200")
    assert b"Connection: close" in answer


def test_a_bug_is_told_without_its_traceback(server, capsys):
    response, text = server.ask("POST", "/v1/predict", "break")
    assert (response.status, json.loads(text)["error"]["code"]) == (500, "bug")
    assert b"planted" not in text
    assert "ZeroDivisionError: planted" in capsys.readouterr().err
    assert server.ask("POST", "/v1/predict", "x")[0].status == 200


def test_what_finds_the_queue_full_is_told_when_to_come_back():
    with running(queue=2) as server:
        server.model.may_go_on.clear()
        clients = [server.connect() for _ in range(3)]
        for place, client in enumerate(clients):
            client.request("POST", "/v1/predict", "x", HEADERS)
            if place == 0:
                assert server.model.begun.acquire(timeout=30)
        while server.service._requests.waiting < 2:  # there is no other sign that a request waits
            time.sleep(0.001)
        response, text = server.ask("POST", "/v1/predict", "x")
        assert response.status == 503
        assert int(response.headers["Retry-After"]) >= 1
        assert json.loads(text)["error"]["code"] == "busy"
        assert server.ask("GET", "/health")[0].status == 200
        server.model.may_go_on.set()
        assert [client.getresponse().status for client in clients] == [200, 200, 200]
        for client in clients:
            client.close()
        lines = server.ask("GET", "/metrics")[1].decode().splitlines()
        assert "edgekit_rejected_total 1" in lines
        assert 'edgekit_responses_total{status="503"} 1' in lines


def test_an_inference_that_does_not_end_shows():
    with running(timeout_s=0.05) as server:
        server.model.may_go_on.clear()
        client = server.connect()
        client.request("POST", "/v1/predict", "x", HEADERS)
        deadline = time.monotonic() + 30
        while server.ask("GET", "/health")[0].status == 200 and time.monotonic() < deadline:
            time.sleep(0.01)
        assert json.loads(server.ask("GET", "/health")[1])["state"] == "stuck"
        assert server.ask("GET", "/ready")[0].status == 503
        server.model.may_go_on.set()
        assert client.getresponse().status == 200
        client.close()


def test_what_is_under_way_is_finished_before_it_ends():
    with running(queue=8) as server:
        server.model.may_go_on.clear()
        clients = [server.connect() for _ in range(4)]
        idle = server.connect()
        idle.connect()
        for client in clients:
            client.request("POST", "/v1/predict", "x", HEADERS)
        assert server.model.begun.acquire(timeout=30)
        while server.service._requests.waiting < 3:  # there is no other sign that a request waits
            time.sleep(0.001)
        server.loop.stop()
        assert idle.sock.recv(1) == b""  # whoever asks nothing is let go
        server.model.may_go_on.set()
        answers = [client.getresponse() for client in clients]
        assert [answer.status for answer in answers] == [200] * 4
        assert {answer.headers["Connection"] for answer in answers} == {"close"}
        server.thread.join(30)
        assert not server.thread.is_alive()
        with pytest.raises(OSError, match="refused"):
            server.ask("GET", "/health")


def test_more_clients_than_may_be_connected_are_refused():
    with running() as server:
        clients = [socket.create_connection(("127.0.0.1", server.port), timeout=30) for _ in range(MAX_CONNECTIONS)]
        deadline = time.monotonic() + 30
        while server.loop.connections < MAX_CONNECTIONS and time.monotonic() < deadline:
            time.sleep(0.01)
        assert server.send(b"", end=False).startswith(b"HTTP/1.1 503")
        for client in clients:
            client.close()


def test_too_many_bytes_under_way_are_refused():
    with running(max_body_mib=3) as server:
        head = f"POST /v1/predict HTTP/1.1\r\nHost: a\r\nContent-Length: {3 * MIB}\r\n\r\n".encode()
        with socket.create_connection(("127.0.0.1", server.port), timeout=30) as first:
            first.sendall(head + b"x")
            assert server.ask("GET", "/health")[0].status == 200
            assert server.send(head, end=False).startswith(b"HTTP/1.1 503")
            first.sendall(b"x" * (3 * MIB - 1))
            first.shutdown(socket.SHUT_WR)
            assert b'"length": 3145728' in read_all(first)
        assert server.ask("POST", "/v1/predict", b"x" * (3 * MIB))[0].status == 200


@pytest.fixture(scope="module")
def guarded():
    with running(token=TOKEN) as started:
        yield started


@pytest.mark.parametrize("path", ["/metrics", "/v1/predict"])
@pytest.mark.parametrize("shown", [None, "", "Bearer", f"Bearer {TOKEN}x", f"Bearer {TOKEN[:-1]}", TOKEN])
def test_without_the_token_nothing_is_answered(guarded, path, shown):
    headers = HEADERS if shown is None else {**HEADERS, "Authorization": shown}
    response, text = guarded.ask("POST" if path == "/v1/predict" else "GET", path, "x", headers)
    assert response.status == 401
    assert response.headers["WWW-Authenticate"] == "Bearer"
    assert TOKEN.encode() not in text


def test_with_the_token_requests_are_answered(guarded):
    headers = {**HEADERS, "Authorization": f"Bearer {TOKEN}"}
    assert guarded.ask("POST", "/v1/predict", "x", headers)[0].status == 200
    assert guarded.ask("GET", "/metrics", None, headers)[0].status == 200


def test_whoever_watches_the_service_needs_no_token(guarded):
    assert guarded.ask("GET", "/health", None, {})[0].status == 200
    assert guarded.ask("GET", "/ready", None, {})[0].status == 200


COMMAND = [sys.executable, "-m", "edgekit_runtime", "serve"]


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    return str(dense_bundle(tmp_path_factory.mktemp("served")))


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals")
def test_a_bundle_is_served_until_the_process_is_told_to_end(bundle, tmp_path):
    token = tmp_path / "token"
    token.write_text(TOKEN)
    token.chmod(0o600)
    argv = [*COMMAND, "--port=0", "--cache=2", f"--token-file={token}", bundle]
    process = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    log = []
    for line in process.stderr:
        log.append(line)
        if line.startswith("serving small at http://127.0.0.1:"):
            break
    assert "golden outputs: 4 samples" in log[0]
    connection = http.client.HTTPConnection("127.0.0.1", int(log[-1].rpartition(":")[2]), timeout=30)
    headers = {**HEADERS, "Authorization": f"Bearer {TOKEN}"}
    connection.request("POST", "/v1/predict", BODY, headers)
    assert len(json.loads(connection.getresponse().read())["outputs"]["scores"]) == 3
    file = io.BytesIO()
    np.save(file, np.zeros((2, 8), np.float32))
    connection.request("POST", "/v1/predict", file.getvalue(), {**headers, "Content-Type": NPY_TYPE})
    assert np.shape(json.loads(connection.getresponse().read())["outputs"]["scores"]) == (2, 3)
    connection.request("GET", "/metrics", None, headers)
    lines = connection.getresponse().read().decode().splitlines()
    assert "edgekit_samples_total 3" in lines
    assert "edgekit_cache_misses_total 2" in lines
    process.send_signal(signal.SIGTERM)
    out, rest = process.communicate(timeout=30)
    connection.close()
    assert (process.returncode, out) == (0, "stopped after 3 answers\n")
    assert TOKEN not in "".join(log) + rest


@pytest.mark.parametrize(
    ("options", "part"),
    [
        (["--host=0.0.0.0"], "others can reach it"),
        (["--queue=0"], "queue is 0; allowed: 1 or more"),
        (["--port=70000"], "port is 70000; allowed: 0 to 65535"),
        (["--token-file=/none"], "/none: the token cannot be read"),
    ],
)
def test_what_cannot_be_served_is_told(bundle, options, part):
    environment = {name: value for name, value in os.environ.items() if name != "EDGEKIT_TOKEN"}
    done = subprocess.run([*COMMAND, *options, bundle], capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 2
    assert done.stderr.startswith("error: ")  # before anything is run
    assert part in done.stderr
    assert "Traceback" not in done.stderr


def test_a_bare_model_is_not_served(dense):
    done = subprocess.run([*COMMAND, str(dense)], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "dense.tflite: no bundle; allowed: what `edgekit convert` wrote." in done.stderr
