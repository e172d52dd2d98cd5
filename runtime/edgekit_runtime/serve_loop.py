"""One thread that reads and writes all connections of a server; what takes long is answered by others."""

from __future__ import annotations

import contextlib
import selectors
import socket
import time
from collections import deque
from typing import Callable

from edgekit_runtime.serve_http import (
    CONTINUE,
    MAX_HEAD_BYTES,
    Body,
    Head,
    HttpError,
    RequestBuffer,
    Response,
    response_bytes,
)
from edgekit_runtime.serve_wait import Event, Wait

MAX_CONNECTIONS = 256
IDLE_S = 75.0  # between requests of a connection
REQUEST_S = 120.0  # for a whole request, or to take an answer
LINGER_S = 2.0  # to read what a refused client still sends: else it may lose the answer
STOP_S = 5.0  # for a request that was not whole when the server was told to stop
TICK_S = 1.0
RECEIVE_BYTES = 4096  # at first, where a head comes; what follows of a body goes where it is to lie
AT_ONCE_BYTES = 1024 * 1024  # of a body that is waited for before it is read
AT_WORK = float("inf")

Reply = Callable[[Response], None]
READ, WRITE = selectors.EVENT_READ, selectors.EVENT_WRITE


class Connection:
    """One client."""

    def __init__(self, client: socket.socket, deadline_s: float) -> None:
        self.client = client
        self.buffer = RequestBuffer()
        self.head: Head | None = None
        self.reserved = 0
        self.at_work = False
        self.unsent = memoryview(b"")
        self.last = False
        self.ended = False
        self.lingers = False
        self.closed = False
        self.events = 0
        self.least_bytes = 1
        self.deadline_s = deadline_s

    @property
    def idle(self) -> bool:
        """Whether nothing of a request is here, and nothing is to be sent."""
        return not (self.head or self.at_work or self.unsent or self.lingers or len(self.buffer))


class ServerLoop:
    """Serves until it is told to stop, and then finishes what is under way.

    Args:
        listener: Listens already.
        admit: Judges a request by its head; raises `HttpError` to refuse it before its body is read.
        handle: Takes a whole request and a function to answer it with, once, from any thread.
        told: Told the status of each answer, in this thread.
        body_bytes: Bytes of bodies that may be under way at one time, over all connections.
    """

    def __init__(
        self,
        listener: socket.socket,
        admit: Callable[[Head], None],
        handle: Callable[[Head, Body, Reply], None],
        told: Callable[[int], None],
        body_bytes: int,
    ) -> None:
        self._listener, self._admit, self._handle, self._told = listener, admit, handle, told
        self._free_bytes = body_bytes
        self._selector = selectors.DefaultSelector()
        self._wait = Wait(self._selector)
        self._connections: set[Connection] = set()
        self._answers: deque[tuple[Connection, int, memoryview]] = deque()
        self._received = memoryview(bytearray(RECEIVE_BYTES))
        self._wake_reader, self._wake_writer = socket.socketpair()
        self._stopping = self._closing = False
        self._check_s = 0.0
        for part in (listener, self._wake_reader, self._wake_writer):
            part.setblocking(False)
        self._selector.register(listener, READ, lambda _: self._accept())
        self._selector.register(self._wake_reader, READ, lambda _: self._drain_wakes())

    @property
    def connections(self) -> int:
        """How many clients are connected."""
        return len(self._connections)

    @property
    def stopping(self) -> bool:
        """Whether it was told to stop."""
        return self._stopping

    def stop(self) -> None:
        """Take no new requests, and end when those under way are answered; may be called by a signal's handler."""
        self._stopping = True
        self._wake()

    def run(self, leave: Callable[[], bool] = lambda: False) -> bool:
        """Serve until stopped, or until told to leave to another thread, which goes on by calling this.

        Args:
            leave: Asked after all that has happened was seen to.

        Returns:
            Whether it left; else it has ended.
        """
        left = False
        try:
            self._take_answers()  # now, while the clients read them, and not when they ask again
            left = leave()  # one that sends ahead may have asked already
            while not left and (not self._stopping or self._connections):
                self._see_to(self._wait.select(TICK_S))
                left = leave()
        finally:
            if not left:
                self._end()
        return left

    def _see_to(self, events: list[Event]) -> None:
        self._take_answers()
        for key, mask in events:
            key.data(mask)
        self._take_answers()
        if self._stopping and not self._closing:
            self._closing = True
            self._begin_to_stop()
        if self._closing or time.monotonic() > self._check_s:
            self._check_s = time.monotonic() + TICK_S
            self._expire()

    def _take_answers(self) -> None:
        while self._answers:
            self._answer(*self._answers.popleft())

    def _end(self) -> None:
        for connection in tuple(self._connections):
            self._close(connection)
        for part in (self._listener, self._wake_reader, self._wake_writer):
            part.close()
        self._selector.close()

    def _begin_to_stop(self) -> None:
        self._selector.unregister(self._listener)
        self._listener.close()
        latest_s = time.monotonic() + STOP_S
        for connection in self._connections:
            if not connection.at_work:
                connection.deadline_s = min(connection.deadline_s, latest_s)

    def _wake(self) -> None:
        with contextlib.suppress(OSError):  # full: it wakes anyway; closed: it has ended
            self._wake_writer.send(b"\0")

    def _drain_wakes(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while self._wake_reader.recv(4096):
                pass

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:  # nobody waits any more; or out of descriptors: those here go on
                return
            client.setblocking(False)
            with contextlib.suppress(OSError):
                client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection = Connection(client, time.monotonic() + IDLE_S)
            self._connections.add(connection)
            self._watch(connection, READ)
            if len(self._connections) > MAX_CONNECTIONS:
                self._refuse(connection, busy(f"{MAX_CONNECTIONS} clients are connected, the most there may be."))

    def _watch(self, connection: Connection, events: int) -> None:
        if events == connection.events:
            return
        if not events:
            self._selector.unregister(connection.client)
        elif connection.events:
            self._selector.modify(connection.client, events, lambda mask: self._happened(connection, mask))
        else:
            self._selector.register(connection.client, events, lambda mask: self._happened(connection, mask))
        connection.events = events

    def _happened(self, connection: Connection, mask: int) -> None:
        if mask & WRITE:
            self._send(connection)
        if mask & READ and not connection.closed:
            self._receive(connection)

    def _receive(self, connection: Connection) -> None:
        while self._receive_once(connection):
            continue  # more of a body is likely to be here already
        self._await_rest(connection)

    def _receive_once(self, connection: Connection) -> bool:
        """Whether all the room there was is full, and a body is not whole yet."""
        room = connection.buffer.room
        place = self._received if room is None else room
        try:
            count = connection.client.recv_into(place)
        except BlockingIOError:
            return False
        except OSError:
            count = 0
        if not count:
            self._ended(connection)
            return False
        if connection.lingers:
            return False
        if room is None:
            connection.buffer.add(place[:count])
        else:
            connection.buffer.fill(count)
        if connection.at_work and len(connection.buffer) > MAX_HEAD_BYTES:
            self._watch(connection, 0)  # it sends ahead: the rest waits in the network
        self._advance(connection)
        return count == len(place) and connection.buffer.missing > 0

    def _await_rest(self, connection: Connection) -> None:
        """Be woken only when the rest of a body is here: it comes in pieces, and each would cost a turn."""
        count = max(1, min(connection.buffer.missing, AT_ONCE_BYTES))
        if count != connection.least_bytes:
            connection.least_bytes = count
            with contextlib.suppress(OSError):
                connection.client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, count)

    def _ended(self, connection: Connection) -> None:
        """The client sends no more; it may still wait for an answer."""
        if connection.at_work or connection.unsent:
            connection.ended = True
            self._watch(connection, connection.events & WRITE)
        else:
            self._close(connection)

    def _advance(self, connection: Connection) -> None:
        """Take the next request out of what was received, if it is whole and the one before is answered."""
        if connection.at_work or connection.unsent or connection.closed:
            return
        try:
            if connection.head is None and not self._take_head(connection):
                return
            assert connection.head is not None
            body = connection.buffer.take_body(connection.head.length)
        except HttpError as error:
            self._refuse(connection, error)
            return
        if body is not None:
            connection.at_work = True
            connection.deadline_s = AT_WORK
            self._handle(connection.head, body, lambda response: self._reply(connection, response))

    def _take_head(self, connection: Connection) -> bool:
        head = connection.buffer.take_head()
        if head is None:
            if len(connection.buffer) and connection.deadline_s < AT_WORK:
                connection.deadline_s = min(connection.deadline_s, time.monotonic() + REQUEST_S)
            return False
        connection.head = head
        connection.deadline_s = time.monotonic() + REQUEST_S
        if self._stopping:
            raise HttpError(503, "the server is stopping.", headers=RETRY)
        self._admit(head)
        if head.length > self._free_bytes:
            raise busy("too many bytes of other requests are under way.")
        self._free_bytes -= head.length
        connection.reserved = head.length
        if head.expects_continue and len(connection.buffer) < head.length:
            with contextlib.suppress(OSError):  # a client that has gone shows when it is read
                connection.client.send(CONTINUE)
        return True

    def _refuse(self, connection: Connection, error: HttpError) -> None:
        """Answer, and close where what follows of this request could not be told from the next one."""
        connection.last = connection.last or connection.head is None or connection.head.length > 0
        connection.at_work = True
        self._answers.append((connection, error.response.status, self._message(connection, error.response)))

    def _reply(self, connection: Connection, response: Response) -> None:
        """Answer from the thread that made the answer: while it is at work, no other sends on this connection.

        The loop is woken only where it has something to do; else what comes next, or its tick, does it. What it adds to
        the connection after this has looked, it does before it looks at the answers itself.
        """
        unsent = _send_part(connection.client, self._message(connection, response))
        self._answers.append((connection, response.status, unsent))
        if unsent or connection.last or connection.ended or len(connection.buffer) or self._stopping:
            self._wake()

    def _message(self, connection: Connection, response: Response) -> memoryview:
        head = connection.head
        connection.last = connection.last or self._stopping or (head is not None and not head.keep_alive)
        head_only = head is not None and head.method == "HEAD"
        return memoryview(response_bytes(response, keep_alive=not connection.last, head_only=head_only))

    def _answer(self, connection: Connection, status: int, unsent: memoryview) -> None:
        self._told(status)
        if connection.closed:
            return
        connection.unsent = unsent
        connection.deadline_s = time.monotonic() + REQUEST_S
        self._send(connection)

    def _send(self, connection: Connection) -> None:
        try:
            while connection.unsent:
                connection.unsent = connection.unsent[connection.client.send(connection.unsent) :]
        except BlockingIOError:
            self._watch(connection, WRITE)
            return
        except OSError:
            self._close(connection)
            return
        self._answered(connection)

    def _answered(self, connection: Connection) -> None:
        unread = connection.head is None or connection.reserved < connection.head.length
        self._forget_request(connection)
        now_s = time.monotonic()
        if not connection.last:
            connection.deadline_s = now_s + IDLE_S
            self._watch(connection, 0 if connection.ended else READ)
            self._advance(connection)
            self._await_rest(connection)
            if connection.ended and not connection.at_work:
                self._close(connection)
        elif unread:
            connection.lingers = True
            connection.deadline_s = now_s + LINGER_S
            self._watch(connection, READ)
            with contextlib.suppress(OSError):
                connection.client.shutdown(socket.SHUT_WR)
        else:
            self._close(connection)

    def _forget_request(self, connection: Connection) -> None:
        self._free_bytes += connection.reserved
        connection.reserved = 0
        connection.head = None
        connection.at_work = False

    def _expire(self) -> None:
        now_s = time.monotonic()
        for connection in tuple(self._connections):
            if now_s > connection.deadline_s or (self._stopping and connection.idle):
                self._close(connection)

    def _close(self, connection: Connection) -> None:
        if connection.closed:
            return
        connection.closed = True
        self._watch(connection, 0)
        self._connections.discard(connection)
        self._forget_request(connection)
        connection.client.close()


RETRY = (("Retry-After", "1"),)


def busy(message: str, retry_s: int = 1) -> HttpError:
    """The refusal of a server that has too much to do, with when to come back."""
    return HttpError(503, message, hint="Try again later.", code="busy", headers=(("Retry-After", str(retry_s)),))


def _send_part(client: socket.socket, message: memoryview) -> memoryview:
    """Send what the client takes at once; gives the rest."""
    try:
        return message[client.send(message) :]
    except OSError:  # full, or gone: the loop sees to it
        return message
