"""Requests as bytes: whatever comes is a request, not whole yet, or refused."""

from __future__ import annotations

import json
import tracemalloc
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from edgekit_runtime.serve_http import (
    MAX_HEAD_BYTES,
    HttpError,
    RequestBuffer,
    Response,
    json_response,
    parse_head,
    response_bytes,
)

GET = b"GET /health?x=1 HTTP/1.1\r\nHost: a\r\n\r\n"
POST = b"POST /v1/predict HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nX-Y:  z \r\n\r\nabc"


def buffer_of(data: bytes) -> RequestBuffer:
    buffer = RequestBuffer()
    buffer.add(data)
    return buffer


def read_or_refused(read, *arguments):
    """What a function gives, or the error with which it refuses."""
    try:
        return read(*arguments)
    except HttpError as error:
        return error


def status_of(error: HttpError) -> int:
    return error.response.status


def test_a_request_is_its_head_and_its_body():
    buffer = buffer_of(POST + GET)
    head = buffer.take_head()
    assert (head.method, head.path, head.length, head.keep_alive) == ("POST", "/v1/predict", 3, True)
    assert head.headers["x-y"] == "z"
    assert buffer.take_body(head.length) == b"abc"
    assert buffer.take_head().path == "/health"
    assert len(buffer) == 0


@given(st.lists(st.integers(1, len(POST) * 2), max_size=8))
def test_how_a_request_is_cut_does_not_matter(cuts):
    data, buffer, found = POST + POST, RequestBuffer(), []
    edges = sorted({0, len(data), *(cut for cut in cuts if cut < len(data))})
    head = None
    for begin, end in pairwise(edges):
        buffer.add(data[begin:end])
        while True:
            head = head or buffer.take_head()
            body = buffer.take_body(head.length) if head else None
            if body is None:
                break
            found.append((head.path, body))
            head = None
    assert found == [("/v1/predict", b"abc")] * 2


def test_a_body_that_nothing_follows_is_handed_over_without_a_copy():
    buffer, body = RequestBuffer(), bytes(range(256)) * 4096
    buffer.add(body)
    tracemalloc.start()
    try:
        taken = buffer.take_body(len(body))
        peak_bytes = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert taken == body
    assert peak_bytes < len(body) / 4
    buffer.add(GET)  # what comes next is apart from it
    assert buffer.take_head().path == "/health"
    assert taken == body


def test_an_empty_line_before_a_request_is_passed_over():
    assert buffer_of(b"\r\n" + GET).take_head().path == "/health"


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        (b"", 400),
        (b"GET", 400),
        (b"GET /", 400),
        (b"get / HTTP/1.1\r\nHost: a", 400),
        (b"GET / HTTP/2.0\r\nHost: a", 400),
        (b"GET  / HTTP/1.1\r\nHost: a", 400),
        (b"GET / HTTP/1.1", 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\nHost: b", 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\nBad Header: b", 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\n folded", 400),
        (b"GET / HTTP/1.1\r\nHost: a\nX: b", 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2", 400),
        (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -1", 400),
        (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1, 1", 400),
        (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: \xb2", 400),
        (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: " + b"9" * 16, 400),
        (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked", 501),
        (b"GET / HTTP/1.1\r\nHost: a" + b"\r\nX: y" * 100, 431),
    ],
)
def test_a_head_that_could_be_read_two_ways_is_refused(raw, status):
    with pytest.raises(HttpError) as raised:
        parse_head(raw)
    assert status_of(raised.value) == status


@pytest.mark.parametrize("end", [b"", b"\r\n\r\n"])
def test_a_head_that_never_ends_is_refused(end):
    with pytest.raises(HttpError) as raised:
        buffer_of(b"GET / HTTP/1.1\r\nX: " + b"y" * MAX_HEAD_BYTES + end).take_head()
    assert status_of(raised.value) == 431


@given(st.binary(max_size=200))
@example(b"\r\n\r\n\r\n")
@example(b"GET / HTTP/1.1\r\nHost: a\r\n: b\r\n\r\n")
def test_any_bytes_are_a_head_not_whole_or_refused(data):
    head = read_or_refused(buffer_of(data).take_head)
    if isinstance(head, HttpError):
        assert 400 <= status_of(head) <= 501
        assert "\n" not in json.loads(head.response.body)["error"]["message"]
    else:
        assert head is None or head.path


@given(st.lists(st.tuples(st.text(max_size=12), st.text(max_size=20)), max_size=5), st.text(max_size=12))
def test_any_headers_are_read_or_refused(headers, path):
    lines = [f"GET /{path} HTTP/1.1", "Host: a", *(f"{name}: {value}" for name, value in headers)]
    head = read_or_refused(parse_head, "\r\n".join(lines).encode("utf-8", "surrogatepass"))
    if isinstance(head, HttpError):
        assert 400 <= status_of(head) <= 501
    else:
        assert all(name == name.lower() for name in head.headers)


@pytest.mark.parametrize(
    ("version", "connection", "kept"),
    [("1.1", "", True), ("1.1", "close", False), ("1.0", "", False), ("1.0", "Keep-Alive", True)],
)
def test_how_long_a_connection_lives_is_the_clients_wish(version, connection, kept):
    raw = f"GET / HTTP/{version}\r\nHost: a" + (f"\r\nConnection: {connection}" if connection else "")
    assert parse_head(raw.encode()).keep_alive is kept


def test_a_client_may_ask_for_leave_to_send():
    head = "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: {}"
    assert parse_head(head.format(5).encode()).expects_continue
    assert not parse_head(head.format(0).encode()).expects_continue


def test_an_answer_tells_its_length_and_whether_the_connection_stays():
    text = response_bytes(json_response(200, {"a": 1}, (("X", "y"),)), keep_alive=False)
    assert text == (
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 9\r\nConnection: close\r\n"
        b'X: y\r\n\r\n{"a": 1}\n'
    )


def test_an_answer_to_head_has_no_body():
    text = response_bytes(Response(200, b"abc", "text/plain"), keep_alive=True, head_only=True)
    assert text.endswith(b"Content-Length: 3\r\nConnection: keep-alive\r\n\r\n")
