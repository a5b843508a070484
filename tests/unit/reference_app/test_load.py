# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The load against a server whose every answer is scripted: each thing that can go wrong is counted as itself."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from reference_app import load as load_module
from reference_app.generator import Config, Generator, Result
from reference_app.load import Load

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-Blyan-Release: r%d\r\n\r\nok"
STREAM = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


EVENTS = chunk(b"id: 1\ndata: a\n\nid: 2\n") + chunk(b"data: b\n\n")
DONE = chunk(b"event: done\ndata: x\n\n")
END = chunk(b"")

ANSWERS = {
    "/ok": OK % 1,
    "/bad": b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 3\r\n\r\nbad",
    "/short": b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\nConnection: close\r\n\r\nshort",
    "/garbage": b"220 mail.example ESMTP\r\n",
    "/drop": b"",
    "/stream/good": STREAM + EVENTS + DONE + END,
    "/stream/cut-politely": STREAM + EVENTS + END,
    "/stream/cut": STREAM + EVENTS,
    "/stream/gap": STREAM + chunk(b"id: 1\ndata: a\n\nid: 3\ndata: b\n\n") + DONE + END,
    "/stream/refused": b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n",
    "/stream/silent": STREAM + EVENTS,
}


class Server:
    """Answers by path, and counts how often each was asked for."""

    def __init__(self) -> None:
        self.seen: Counter[str] = Counter()
        self.writers: list[asyncio.StreamWriter] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writers.append(writer)
        try:
            served, going_on = 0, True
            while going_on:
                head = await reader.readuntil(b"\r\n\r\n")
                path = head.split()[1].decode()
                self.seen[path] += 1
                served += 1
                answer = self.answer(path, served)
                writer.write(answer)
                await writer.drain()
                if path.endswith("/silent"):
                    # Until the client has had enough.
                    await reader.read()
                going_on = bool(answer) and not path.startswith("/stream") and b"Connection: close" not in head + answer
        except (asyncio.IncompleteReadError, ConnectionError):
            # The client has gone.
            pass
        finally:
            writer.close()

    def answer(self, path: str, served: int) -> bytes:
        if path == "/once":
            # As a server that closes an idle connection just as the next request comes in.
            return OK % 1 if served == 1 else b""
        if path == "/upgraded":
            return OK % (1 if self.seen[path] <= 10 else 2)
        return ANSWERS.get(path, b"")


@contextmanager
def serving() -> Iterator[tuple[Server, str]]:
    """The server in a thread of its own, as the load runs in a process of its own."""
    server = Server()
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    listening = asyncio.run_coroutine_threadsafe(asyncio.start_server(server.serve, "127.0.0.1", 0), loop).result(10)
    host, port = listening.sockets[0].getsockname()
    try:
        yield server, f"http://{host}:{port}"
    finally:

        async def end() -> None:
            # Connections are taken in turn: when this one is, none waits any more, which a closing server would leak.
            _reader, last = await asyncio.open_connection(host, port)
            name = last.get_extra_info("sockname")
            while not any(writer.get_extra_info("peername") == name for writer in server.writers):
                await asyncio.sleep(0.001)
            last.close()
            listening.close()
            while tasks := asyncio.all_tasks() - {asyncio.current_task()}:
                for writer in server.writers:
                    writer.transport.abort()
                await asyncio.wait(tasks, timeout=0.1)
            # An aborted transport closes its socket in the next turn of the loop.
            await asyncio.sleep(0)

        asyncio.run_coroutine_threadsafe(end(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()


def run_until(config: Config, enough: Callable[[Generator], bool]) -> Result:
    """The load in this process, until it has seen enough."""

    async def run() -> Result:
        stop = asyncio.Event()
        generator = Generator(config)
        task = asyncio.create_task(generator.run(stop, lambda: None))
        async with asyncio.timeout(20):
            while not enough(generator):
                await asyncio.sleep(0.005)
            stop.set()
            return await task

    return asyncio.run(run())


def after(requests: int) -> Callable[[Generator], bool]:
    return lambda generator: generator.result.requests >= requests


def test_good_answers_on_new_and_kept_connections() -> None:
    with serving() as (server, url):
        result = run_until(Config([f"{url}/ok"], rate=500), after(100))
    assert result.failed == 0
    assert result.requests == result.ok == server.seen["/ok"] >= 100
    # Half of them on connections of their own, the other half on fewer that are kept.
    assert result.requests // 2 < len(server.writers) < result.requests
    assert result.retries == 0
    assert 0 < result.latency_ms["p50"] <= result.latency_ms["p99"] <= result.latency_ms["max"]
    assert result.releases == ["r1"]


def test_the_rate_is_kept_while_answers_hang() -> None:
    with serving() as (server, url):
        result = run_until(Config([f"{url}/silent"], rate=200, timeout=1), after(60))
    assert server.seen["/silent"] == result.requests
    assert result.failures == {"timeout": result.requests}
    assert result.seconds < 5


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/bad", "status 502"),
        ("/short", "connection"),
        ("/drop", "connection"),
        ("/garbage", "protocol"),
    ],
)
def test_failures_are_counted_by_kind(path: str, kind: str) -> None:
    with serving() as (_server, url):
        result = run_until(Config([f"{url}{path}", f"{url}/ok"], rate=500), after(40))
    assert result.failures == {kind: result.failed}
    assert result.ok + result.failed == result.requests
    assert abs(result.ok - result.failed) <= 3
    assert f"GET {url}{path}: {kind}" in result.first_failed[0]
    assert result.first_failed_s is not None
    assert result.last_failed_s is not None
    assert 0 <= result.first_failed_s < result.last_failed_s <= result.seconds


def test_nobody_listening_is_a_failure() -> None:
    with serving() as (_server, url):
        pass
    result = run_until(Config([f"{url}/ok"], rate=500, streams=1), after(20))
    assert result.failures == {"connection": result.requests}
    assert result.streams_failed >= 1
    assert result.streams_cut == 0


def test_a_kept_connection_that_was_closed_is_no_failure_of_a_get() -> None:
    with serving() as (server, url):
        result = run_until(Config([f"{url}/once"], rate=500), after(60))
    assert result.failed == 0
    assert result.ok == result.requests
    assert result.retries > 0
    assert server.seen["/once"] == result.requests + result.retries


def test_a_post_is_never_sent_twice() -> None:
    with serving() as (server, url):
        result = run_until(Config([f"POST {url}/once"], rate=500), after(60))
    assert result.failures.keys() == {"connection"}
    assert result.retries == 0
    assert server.seen["/once"] == result.requests


def test_a_new_connection_that_is_closed_is_a_failure() -> None:
    with serving() as (server, url):
        result = run_until(Config([f"{url}/drop"], rate=500), after(20))
    assert result.failed == result.requests == server.seen["/drop"]
    assert result.retries == 0


def test_which_release_answered_when() -> None:
    with serving() as (_server, url):
        result = run_until(Config([f"{url}/upgraded"], rate=200), after(40))
    assert result.releases == ["r1", "r2"]
    assert result.spans[0].release == "r1"
    assert result.spans[-1].release == "r2"
    assert sum(span.answers for span in result.spans) == result.ok


@pytest.mark.parametrize(
    ("path", "ended", "cut", "failed", "reason"),
    [
        ("good", True, False, False, None),
        ("cut-politely", False, True, False, "ended without 'done': after event 2"),
        ("cut", False, True, False, "connection: closed in the middle of the answer"),
        ("gap", False, True, False, "events out of order"),
        ("refused", False, False, True, "status 503"),
    ],
)
def test_streams(path: str, ended: bool, cut: bool, failed: bool, reason: str | None) -> None:
    with serving() as (server, url):
        config = Config([f"{url}/ok"], streams=2, stream_urls=[f"{url}/stream/{path}"])
        result = run_until(config, lambda _: server.seen.get(f"/stream/{path}", 0) >= 4)
    assert (result.streams_ended > 0, result.streams_cut > 0, result.streams_failed > 0) == (ended, cut, failed)
    assert [key.startswith(reason or "") for key in result.stream_failures] == [True] * (reason is not None)
    assert result.failed == 0


def test_a_stream_that_falls_silent_is_cut() -> None:
    with serving() as (_server, url):
        config = Config([f"{url}/ok"], streams=1, stream_urls=[f"{url}/stream/silent"], timeout=0.1)
        result = run_until(config, lambda generator: generator.result.streams_cut > 0)
    assert result.streams_ended == 0


@pytest.mark.parametrize("url", ["https://blyan.com/api/health", "DELETE http://blyan.com/", "blyan.com", "http://"])
def test_urls_that_cannot_be_loaded_are_refused(url: str) -> None:
    with pytest.raises(ValueError, match="is no URL to load"):
        Load([url])


def test_streams_default_to_beside_the_urls() -> None:
    generator = Generator(Config(["http://a/api/health", "http://a:8000/health"], streams=2))
    assert [target.url.split("?")[0] for target in generator.stream_targets] == [
        "http://a/api/stream",
        "http://a:8000/stream",
    ]


def test_as_a_context_manager() -> None:
    with serving() as (server, url):
        with Load([f"{url}/ok"], rate=200, streams=2, stream_urls=[f"{url}/stream/good"]) as load:
            # It is under way when the block begins.
            assert server.seen["/ok"] >= 2
            assert server.seen["/stream/good"] >= 2
            with pytest.raises(RuntimeError, match="has not ended"):
                print(load.result)
        seen = server.seen["/ok"]
    assert load.result.failed == 0
    assert load.result.ok == seen
    assert load.result.streams_ended >= 2
    assert load.result.releases == ["r1"]


def test_as_a_command() -> None:
    with serving() as (_server, url):
        run = subprocess.run(
            [sys.executable, str(Path(load_module.__file__)), f"{url}/ok", "--rate=100", "--max-seconds=0.5"],
            check=True,
            capture_output=True,
            text=True,
        )
    printed = json.loads(run.stdout)
    assert printed["requests"] == printed["ok"] > 0
    assert printed["failed"] == 0
