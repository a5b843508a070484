# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The load itself: what it is to be, the sending of it, and what became of it."""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from reference_app.http1 import Clients, RequestError, Target

STREAM = "stream?seconds=12&interval=0.5"
KEPT = 100
"""Failures that are described one by one; all are counted."""


@dataclass
class Config:
    urls: Sequence[str]
    """`http://...` to GET, or `POST http://...`."""
    rate: float = 100.0
    streams: int = 0
    stream_urls: Sequence[str] = ()
    """None given: `stream` beside each of the urls."""
    timeout: float = 10.0
    max_seconds: float = 900.0

    def __post_init__(self) -> None:
        for url in (*self.urls, *self.stream_urls):
            Target.parse(url)
        if not self.urls or self.rate <= 0:
            raise ValueError(f"no load: {len(self.urls)} URLs at {self.rate:g} requests a second; give more than 0")


@dataclass
class Span:
    """Answers in a row that named the same release. A few old answers come in after the first new one."""

    release: str
    first_s: float
    last_s: float
    answers: int = 1


@dataclass
class Result:
    """Times are seconds from `started_at`."""

    started_at: float = 0.0
    seconds: float = 0.0
    requests: int = 0
    ok: int = 0
    failed: int = 0
    failures: dict[str, int] = field(default_factory=dict)
    """Kind (`status 502`, `connection`, `timeout`) to how many."""
    first_failed: list[str] = field(default_factory=list)
    first_failed_s: float | None = None
    last_failed_s: float | None = None
    retries: int = 0
    """Sent again because the server had closed an idle connection. No failures."""
    latency_ms: dict[str, float] = field(default_factory=dict)
    """p50, p99 and max of what succeeded, from when each request was due."""
    late_ms: float = 0.0
    """How late the load itself was at most in sending: large, and the latencies are its own."""
    streams_ended: int = 0
    streams_cut: int = 0
    streams_failed: int = 0
    """Streams that did not begin."""
    streams_open: int = 0
    """Streams that were in the middle when the load was stopped."""
    stream_events: int = 0
    stream_failures: dict[str, int] = field(default_factory=dict)
    spans: list[Span] = field(default_factory=list)

    @property
    def releases(self) -> list[str]:
        """Every release that answered, by its first answer."""
        return list(dict.fromkeys(span.release for span in self.spans))

    @classmethod
    def from_json(cls, text: str) -> Result:
        values = json.loads(text)
        return cls(**{**values, "spans": [Span(**span) for span in values["spans"]]})


class Generator:
    """The load itself, in the process that makes it."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self.targets = [Target.parse(url) for url in config.urls]
        streams = config.stream_urls or [target.beside(STREAM) for target in self.targets]
        self.stream_targets = [Target.parse(url) for url in streams]
        self.clients = Clients()
        self.result = Result(started_at=time.time())
        self.latencies: list[float] = []
        self.failures: Counter[str] = Counter()
        self.stream_failures: Counter[str] = Counter()
        self.start = time.monotonic()

    def now(self) -> float:
        return time.monotonic() - self.start

    async def run(self, stop: asyncio.Event, ready: Callable[[], None]) -> Result:
        """Make the load until `stop`, calling `ready` once all of it is under way."""
        asyncio.get_running_loop().call_later(self.config.max_seconds, stop.set)
        opened = [asyncio.Event() for _stream in range(self.config.streams)]
        streams = [
            asyncio.create_task(self._hold(self.stream_targets[number % len(self.stream_targets)], event))
            for number, event in enumerate(opened)
        ]
        async with asyncio.TaskGroup() as requests:
            waiting = requests.create_task(self._under_way(opened, ready))
            await self._schedule(stop, requests)
            waiting.cancel()
        self.result.seconds = self.now()
        for task in streams:
            task.cancel()
        await asyncio.gather(*streams, return_exceptions=True)
        self.clients.close()
        return self._finished()

    async def _under_way(self, opened: list[asyncio.Event], ready: Callable[[], None]) -> None:
        """Wait until each stream has begun and each URL was asked on both kinds of connection, well or not."""
        for event in opened:
            await event.wait()
        while self.result.ok + sum(self.failures.values()) < 2 * len(self.targets):
            await asyncio.sleep(0.01)
        ready()

    async def _schedule(self, stop: asyncio.Event, requests: asyncio.TaskGroup) -> None:
        """Send on time, whatever became of those before: a slow service must not lighten its own load."""
        while not stop.is_set():
            due = self.result.requests / self.config.rate
            if (wait := due - self.now()) > 0:
                await asyncio.sleep(min(wait, 0.1))
                continue
            self.result.late_ms = max(self.result.late_ms, -wait * 1000)
            number = self.result.requests
            # Each URL in turn, once on a kept connection and once on a new one.
            target = self.targets[number // 2 % len(self.targets)]
            requests.create_task(self._request(target, due, new=bool(number % 2)))
            self.result.requests += 1

    async def _request(self, target: Target, due: float, *, new: bool) -> None:
        try:
            async with asyncio.timeout(self.config.timeout):
                answer = await self.clients.request(target, new=new)
        except (RequestError, TimeoutError) as error:
            self._failed(target, due, error)
            return
        self.result.ok += 1
        self.latencies.append(self.now() - due)
        self._answered_by(answer.headers.get("x-blyan-release", ""))

    def _failed(self, target: Target, due: float, error: RequestError | TimeoutError) -> None:
        kind = error.kind if isinstance(error, RequestError) else "timeout"
        self.failures[kind] += 1
        now = self.now()
        if self.result.first_failed_s is None or due < self.result.first_failed_s:
            self.result.first_failed_s = due
        self.result.last_failed_s = now
        if len(self.result.first_failed) < KEPT:
            text = str(error) or f"no answer in {self.config.timeout:g} s"
            self.result.first_failed.append(f"{due:.3f}-{now:.3f} s {target.method} {target.url}: {text}")

    def _answered_by(self, release: str) -> None:
        now, spans = self.now(), self.result.spans
        if spans and spans[-1].release == release:
            spans[-1].last_s = now
            spans[-1].answers += 1
        else:
            spans.append(Span(release, now, now))

    async def _hold(self, target: Target, opened: asyncio.Event) -> None:
        """Hold one stream open: a new one whenever the last is over, however it ended."""

        def event() -> None:
            self.result.stream_events += 1
            opened.set()

        while True:
            if not await self._stream(target, event):
                opened.set()
                # A service that is down is not to be asked in a tight loop.
                await asyncio.sleep(0.2)

    async def _stream(self, target: Target, event: Callable[[], None]) -> bool:
        """Read one stream; says whether it came to its end."""
        try:
            await self.clients.stream(target, event, self.config.timeout)
        except asyncio.CancelledError:
            self.result.streams_open += 1
            raise
        except RequestError as error:
            self.stream_failures[str(error)] += 1
            if error.begun:
                self.result.streams_cut += 1
            else:
                self.result.streams_failed += 1
            return False
        self.result.streams_ended += 1
        return True

    def _finished(self) -> Result:
        result = self.result
        result.failed = sum(self.failures.values())
        result.failures = dict(self.failures)
        result.stream_failures = dict(self.stream_failures)
        result.retries = self.clients.retries
        if ordered := sorted(self.latencies):
            for name, share in (("p50", 0.5), ("p99", 0.99), ("max", 1.0)):
                result.latency_ms[name] = round(1000 * ordered[min(len(ordered) - 1, int(share * len(ordered)))], 2)
        return result
