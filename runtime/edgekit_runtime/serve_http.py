"""HTTP/1.1 requests and answers as bytes; strict, as what is read two ways is an attack (RFC 9110, RFC 9112)."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from http import HTTPStatus
from typing import Optional, Union

MAX_HEAD_BYTES = 16 * 1024
MAX_HEADERS = 100
KEPT = 64  # heads that were read or written last: clients send the same ones again and again
JSON_TYPE = "application/json"
Body = Union[bytes, bytearray]
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"

_REQUEST_LINE = re.compile(rb"([A-Z]{1,16}) ([!-~]{1,4096}) HTTP/1\.([01])")
_HEADER = re.compile(rb"([!#$%&'*+\-.^_`|~0-9A-Za-z]+):[ \t]*([^\x00-\x08\x0a-\x1f\x7f]*)")
_LENGTH = re.compile(r"[0-9]{1,15}")


@dataclass(frozen=True)
class Response:
    """What is answered.

    Attributes:
        status: The HTTP status.
        body: The content.
        content_type: What it is.
        headers: Further headers.
    """

    status: int
    body: bytes = b""
    content_type: str = JSON_TYPE
    headers: tuple[tuple[str, str], ...] = ()


class HttpError(Exception):
    """A request that cannot be answered as it stands; it carries the answer.

    Args:
        status: The HTTP status.
        message: What is wrong, and what is allowed.
        hint: What to do next.
        code: A stable name for machines.
        headers: Further headers.
    """

    def __init__(
        self,
        status: int,
        message: str,
        *,
        hint: str = "",
        code: str = "http",
        headers: tuple[tuple[str, str], ...] = (),
    ) -> None:
        super().__init__(message)
        error = {"code": code, "message": message, "hint": hint}
        self.response = json_response(status, {"error": error}, headers)


@dataclass(frozen=True)
class Head:
    """A request without its body.

    Attributes:
        method: Such as `POST`.
        path: Without what follows a question mark.
        headers: By their names in small letters.
        length: How many bytes of body follow.
        keep_alive: Whether the client wants to send further requests.
    """

    method: str
    path: str
    headers: Mapping[str, str] = field(default_factory=dict)
    length: int = 0
    keep_alive: bool = True

    @property
    def expects_continue(self) -> bool:
        """Whether the client waits for leave to send the body."""
        return self.length > 0 and self.headers.get("expect", "").lower() == "100-continue"


class RequestBuffer:
    """What a connection sent and nobody took yet."""

    def __init__(self) -> None:
        self._data = bytearray()
        self._searched = 0
        self._body: Optional[bytearray] = None
        self._filled = 0

    def __len__(self) -> int:
        return len(self._data)

    @property
    def room(self) -> Optional[memoryview]:
        """Where the rest of a body goes that was begun, without a copy in between; `None` where none was."""
        return None if self._body is None else memoryview(self._body)[self._filled :]

    @property
    def missing(self) -> int:
        """How many bytes of a body that was begun are not here yet; 0 where none was."""
        return 0 if self._body is None else len(self._body) - self._filled

    def fill(self, count: int) -> None:
        """Tell how many bytes were received into that room."""
        self._filled += count

    def add(self, data: bytes | memoryview) -> None:
        """Add what was received elsewhere; what belongs to a body that was begun goes there first."""
        if self._body is not None:
            taken = min(len(data), len(self._body) - self._filled)
            self._body[self._filled : self._filled + taken] = data[:taken]
            self._filled += taken
            data = data[taken:]
        self._data += data

    def take_head(self) -> Optional[Head]:
        """The head of the next request; `None` until it is whole.

        Raises:
            HttpError: It is too long, or no request.
        """
        if self._data.startswith(b"\r\n") and not self._searched:
            del self._data[:2]  # RFC 9112, 2.2: an empty line before a request is passed over
        end = self._data.find(b"\r\n\r\n", max(0, self._searched - 3))
        if end > MAX_HEAD_BYTES or (end < 0 and len(self._data) > MAX_HEAD_BYTES):
            raise HttpError(431, f"the request's head is too long; allowed: {MAX_HEAD_BYTES} bytes.")
        if end < 0:
            self._searched = len(self._data)
            return None
        raw = bytes(self._data[:end])
        del self._data[: end + 4]
        self._searched = 0
        return parse_head(raw)

    def take_body(self, length: int) -> Optional[Body]:
        """A body of a length; `None` until it is whole."""
        if self._body is None:
            if len(self._data) == length:  # as a rule for a small one: it is handed over, not copied
                body, self._data = self._data, bytearray()
                return body
            self._begin_body(length)
        if self._body is None or self._filled < length:
            return None
        body, self._body = self._body, None
        return body

    def _begin_body(self, length: int) -> None:
        self._body = bytearray(length)
        self._filled = min(length, len(self._data))
        self._body[: self._filled] = self._data[: self._filled]
        del self._data[: self._filled]


@lru_cache(maxsize=KEPT)
def parse_head(raw: bytes) -> Head:
    """Read a request's head.

    Args:
        raw: Its lines, without the empty one that ends them.

    Raises:
        HttpError: It is no request that can be read in one way only.
    """
    first, *lines = raw.split(b"\r\n")
    found = _REQUEST_LINE.fullmatch(first)
    if found is None:
        raise HttpError(400, "the request's first line is no METHOD /path HTTP/1.1.")
    if len(lines) > MAX_HEADERS:
        raise HttpError(431, f"there are {len(lines)} headers; allowed: {MAX_HEADERS}.")
    headers = _headers(lines)
    newer = found[3] == b"1"
    if newer and "host" not in headers:
        raise HttpError(400, "the header Host is missing.")
    if "transfer-encoding" in headers:
        raise HttpError(501, "a Transfer-Encoding is not read here; allowed: a body with its Content-Length.")
    length = headers.get("content-length", "0")
    if not _LENGTH.fullmatch(length):
        raise HttpError(400, "Content-Length is no whole number.")
    wishes = {wish.strip() for wish in headers.get("connection", "").lower().split(",")}
    keep_alive = "close" not in wishes if newer else "keep-alive" in wishes
    path = found[2].decode("ascii").partition("?")[0]
    return Head(found[1].decode("ascii"), path, headers, int(length), keep_alive)


def json_response(status: int, content: object, headers: tuple[tuple[str, str], ...] = ()) -> Response:
    """An answer in JSON."""
    return Response(status, json.dumps(content).encode() + b"\n", JSON_TYPE, headers)


def response_bytes(response: Response, *, keep_alive: bool, head_only: bool = False) -> bytes:
    """An answer as it goes over the connection.

    Args:
        response: The answer.
        keep_alive: Whether the connection stays open.
        head_only: Whether the body is left out, as for HEAD.
    """
    connection = "keep-alive" if keep_alive else "close"
    head = _head_bytes(response.status, response.content_type, len(response.body), connection, response.headers)
    return head if head_only else head + response.body


@lru_cache(maxsize=KEPT)
def _head_bytes(
    status: int, content_type: str, length: int, connection: str, headers: tuple[tuple[str, str], ...]
) -> bytes:
    lines = [
        f"HTTP/1.1 {status} {HTTPStatus(status).phrase}",
        f"Content-Type: {content_type}",
        f"Content-Length: {length}",
        f"Connection: {connection}",
        *(f"{name}: {value}" for name, value in headers),
    ]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def _headers(lines: list[bytes]) -> dict[str, str]:
    headers: dict[str, str] = {}
    for line in lines:
        found = _HEADER.fullmatch(line)
        if found is None:
            raise HttpError(400, "a header is no `name: value`.")
        name, value = found[1].decode("ascii").lower(), found[2].decode("latin-1").strip(" \t")
        if name in headers and name in ("content-length", "host", "authorization"):
            raise HttpError(400, f"the header {name} stands twice.")
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return headers
