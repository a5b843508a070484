# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""As much of an HTTP/1.1 client as the load needs. It knows why a request failed, and what it has sent twice."""

from __future__ import annotations

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from urllib.parse import urljoin, urlsplit


class RequestError(Exception):
    """A request that was not answered as it should be. `begun`: the head of a good answer had arrived."""

    def __init__(self, kind: str, detail: str = "", *, begun: bool = False) -> None:
        super().__init__(f"{kind}: {detail}" if detail else kind)
        self.kind = kind
        self.begun = begun


class _ClosedIdleError(Exception):
    """A kept connection was closed before any byte of an answer came."""


@dataclass(frozen=True)
class Target:
    method: str
    url: str
    host: str
    port: int
    head: bytes
    """The request, less what says whether the connection is kept."""

    @classmethod
    def parse(cls, text: str) -> Target:
        method, _space, url = text.rpartition(" ")
        parts = urlsplit(url)
        if method not in ("", "GET", "POST") or parts.scheme != "http" or not parts.hostname:
            raise ValueError(f"{text!r} is no URL to load: give http://HOST[:PORT]/PATH, or that after 'POST '")
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        head = f"{method or 'GET'} {path} HTTP/1.1\r\nHost: {parts.netloc}\r\nContent-Length: 0\r\n"
        return cls(method or "GET", url, parts.hostname, parts.port or 80, head.encode())

    def beside(self, path: str) -> str:
        return urljoin(self.url, path)


@dataclass
class Answer:
    status: int
    headers: dict[str, str]


class _Connection:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._answered = False

    @property
    def closed(self) -> bool:
        return self._reader.at_eof() or self._writer.is_closing()

    def close(self) -> None:
        # At once, with what is unsent: nobody waits for it any more.
        self._writer.transport.abort()

    async def head(self, target: Target, *, keep: bool) -> Answer:
        """Send the request and read the answer down to its body."""
        self._writer.write(target.head + (b"\r\n" if keep else b"Connection: close\r\n\r\n"))
        try:
            line = await self._reader.readline()
        except ConnectionError:
            if self._answered:
                raise _ClosedIdleError from None
            raise
        if not line and self._answered:
            raise _ClosedIdleError
        headers = {}
        version, _space, rest = line.decode("latin-1").partition(" ")
        if not line.endswith(b"\n"):
            raise RequestError("connection", "closed before the answer")
        if not version.startswith("HTTP/1.") or not rest[:3].isdigit():
            raise RequestError("protocol", f"no HTTP answer: {line[:80]!r}")
        while (line := await self._reader.readline()) not in (b"\r\n", b"\n"):
            if not line:
                raise RequestError("connection", "closed in the head of the answer")
            name, _colon, value = line.decode("latin-1").partition(":")
            headers[name.strip().lower()] = value.strip()
        self._answered = True
        return Answer(int(rest[:3]), headers)

    async def body(self, answer: Answer) -> AsyncIterator[bytes]:
        """The body in pieces as they arrive; a body that is not whole is an error."""
        if answer.status in (204, 304):
            return
        if answer.headers.get("transfer-encoding", "").lower() == "chunked":
            while size := int((await self._reader.readuntil(b"\r\n")).split(b";")[0], 16):
                yield (await self._reader.readexactly(size + 2))[:-2]
            await self._reader.readuntil(b"\r\n")
        elif "content-length" in answer.headers:
            yield await self._reader.readexactly(int(answer.headers["content-length"]))
        else:
            while piece := await self._reader.read(65536):
                yield piece


class Clients:
    """Connections to several servers, kept as a browser keeps them."""

    def __init__(self) -> None:
        self.retries = 0
        self._idle: defaultdict[tuple[str, int], list[_Connection]] = defaultdict(list)

    def close(self) -> None:
        for connections in self._idle.values():
            for connection in connections:
                connection.close()
        self._idle.clear()

    async def request(self, target: Target, *, new: bool) -> Answer:
        """The answer to one request, on a new connection that is closed after it, or on a kept one."""
        if not new and (kept := self._kept(target)):
            try:
                return await self._exchange(kept, target, keep=True)
            except _ClosedIdleError:
                # A server may close a connection that is idle just as a request is sent. What is
                # safe to repeat is sent again, once; anything else has failed.
                if target.method != "GET":
                    raise RequestError("connection", "a kept connection was closed before the answer") from None
                self.retries += 1
        return await self._exchange(await _connect(target), target, keep=not new)

    def _kept(self, target: Target) -> _Connection | None:
        idle = self._idle[target.host, target.port]
        while idle:
            connection = idle.pop()
            if not connection.closed:
                return connection
            connection.close()
        return None

    async def _exchange(self, connection: _Connection, target: Target, *, keep: bool) -> Answer:
        keeping = False
        try:
            with _as_failures():
                answer = await connection.head(target, keep=keep)
                async for _piece in connection.body(answer):
                    pass
            keeping = keep and answer.headers.get("connection", "").lower() != "close"
        finally:
            if keeping:
                self._idle[target.host, target.port].append(connection)
            else:
                connection.close()
        if not 200 <= answer.status <= 299:
            raise RequestError(f"status {answer.status}")
        return answer

    async def stream(self, target: Target, event: Callable[[], None], timeout: float) -> None:
        """Read server-sent events to their end, calling `event` for each. Ended is only what said `done`."""
        begun = False
        connection = None
        try:
            with _as_failures():
                async with asyncio.timeout(timeout) as patience:
                    connection = await _connect(target)
                    answer = await connection.head(target, keep=False)
                    if answer.status != 200:
                        raise RequestError(f"status {answer.status}")
                    begun = True
                    events = _Events()
                    async for piece in connection.body(answer):
                        patience.reschedule(asyncio.get_running_loop().time() + timeout)
                        for _event in range(events.feed(piece)):
                            event()
            if not events.done:
                raise RequestError("ended without 'done'", f"after event {events.last}")
        except TimeoutError:
            raise RequestError("silent", f"for {timeout:g} s", begun=begun) from None
        except RequestError as error:
            error.begun = begun
            raise
        finally:
            if connection is not None:
                connection.close()


class _Events:
    """Server-sent events, out of pieces that may end anywhere. They are numbered from 1 without a gap."""

    def __init__(self) -> None:
        self.last = 0
        self.done = False
        self._rest = b""

    def feed(self, piece: bytes) -> int:
        """Take in a piece; says how many numbered events it completed."""
        *blocks, self._rest = (self._rest + piece).split(b"\n\n")
        before = self.last
        for block in blocks:
            fields = dict(line.split(b": ", 1) for line in block.split(b"\n") if b": " in line)
            if fields.get(b"event") == b"done":
                self.done = True
            elif fields.get(b"id") == b"%d" % (self.last + 1):
                self.last += 1
            else:
                raise RequestError("events out of order", f"{block[:80]!r} after event {self.last}")
        return self.last - before


async def _connect(target: Target) -> _Connection:
    with _as_failures():
        return _Connection(*await asyncio.open_connection(target.host, target.port))


@contextlib.contextmanager
def _as_failures() -> Iterator[None]:
    try:
        yield
    except TimeoutError:
        raise
    except asyncio.IncompleteReadError as error:
        raise RequestError("connection", "closed in the middle of the answer") from error
    except (OSError, ValueError) as error:
        raise RequestError("connection" if isinstance(error, OSError) else "protocol", str(error)) from error
