# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is measured: deploys and rollbacks while the site is under load, and the round trips of a playbook."""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from reference_app.generator import Result
from reference_app.load import Load
from testhosts import Host

from . import ROOT, origin
from .ansible import BenchError, play
from .origin import Version
from .ways import Ours, Way, expect

RATE = 100.0
AFTER_SECONDS = 1.0
"""The load goes on for so long, so that what breaks just after the end is seen too."""
DRAIN_SECONDS = 60.0
MOST_RUNS = {"deploy": 8, "rollback": 5, "same": 3}
"""Remote module runs that a playbook may take."""


@dataclass(frozen=True)
class Sample:
    """One deploy or rollback, by whom, and what became of the load. Latencies in milliseconds."""

    way: str
    action: str
    seconds: float
    requests: int
    failed: int
    latency_ms: dict[str, float]
    streams_ended: int
    streams_cut: int
    streams_failed: int
    failures: dict[str, int]

    @classmethod
    def of(cls, way: str, action: str, seconds: float, seen: Result) -> Sample:
        return cls(
            way,
            action,
            round(seconds, 3),
            seen.requests,
            seen.failed,
            seen.latency_ms,
            seen.streams_ended,
            seen.streams_cut,
            seen.streams_failed,
            {**seen.failures, **seen.stream_failures},
        )


@dataclass
class Runs:
    """One run of a playbook: its round trips to the host and where its time went, in seconds."""

    action: str
    total: float
    start: float
    """Until the first round trip began."""
    remote: list[float]
    """Each round trip that ran a module, as ssh saw it."""
    end: float
    """From the end of the last one."""
    steps: dict[str, float] = field(default_factory=dict)
    """What the modules themselves report."""

    @property
    def between(self) -> float:
        """What the controller needs from one module to the next."""
        return self.total - self.start - self.end - sum(self.remote)


def load(host: Host, streams: int = 0, stream_seconds: float = 0.0) -> Load:
    """100 requests a second to nginx and to port 8000, on new connections and on kept ones, and streams to both."""
    bases = (f"http://{host.address}/api", f"http://{host.address}:8000")
    stream_urls = [f"{base}/stream?seconds={stream_seconds:g}&interval=0.5" for base in bases]
    return Load(
        [f"{base}/health" for base in bases], rate=RATE, streams=streams, stream_urls=stream_urls if streams else []
    )


def timed(do: Callable[[Version], None], version: Version) -> float:
    began = time.monotonic()
    do(version)
    return time.monotonic() - began


def switches(ours: Ours, base: Version, pairs: int, say: Callable[[str], None]) -> tuple[Sample, list[float]]:
    """Deploy a new version and go back, again and again, under one load with 20 streams of 12 s."""
    taken = []
    with load(ours.host, streams=20, stream_seconds=12) as made:
        for number in range(pairs):
            taken.append(timed(ours.deploy, origin.advance()))
            taken.append(timed(ours.rollback, base))
            say(f"  {number + 1} of {pairs}: deploy {taken[-2]:.1f} s, rollback {taken[-1]:.1f} s")
        time.sleep(AFTER_SECONDS)
    return Sample.of(ours.key, "switches", sum(taken), made.result), taken


def compared(way: Way, base: Version, new: Version) -> list[Sample]:
    """One deploy and one rollback, each under its own load."""
    way.ready(base)
    samples = []
    for action, do, version in (("deploy", way.deploy, new), ("rollback", way.rollback, base)):
        with load(way.host) as made:
            seconds = timed(do, version)
            time.sleep(AFTER_SECONDS)
        samples.append(Sample.of(way.key, action, seconds, made.result))
    return samples


def with_long_streams(way: Way, base: Version, new: Version) -> Sample:
    """One deploy with five streams open that last longer than anyone waits for them."""
    way.ready(base)
    with load(way.host, streams=5, stream_seconds=600) as made:
        seconds = timed(way.deploy, new)
        deadline = time.monotonic() + DRAIN_SECONDS
        while not way.drained():
            if time.monotonic() > deadline:
                raise BenchError(f"{way.title}: the old version still runs {DRAIN_SECONDS:g} s after the deploy")
            time.sleep(0.2)
        time.sleep(AFTER_SECONDS)
    way.rollback(base)
    return Sample.of(way.key, "deploy with streams", seconds, made.result)


def many_hosts(inventory: Path, hosts: Sequence[Host]) -> tuple[float, float]:
    """The seconds of a deploy onto one host, and of another one onto all of them at a time, without load."""
    playbook = ROOT / "playbooks" / "deploy.yml"
    taken = []
    for group in (hosts[:1], hosts):
        new = origin.advance()
        began = time.monotonic()
        play(inventory, playbook, {}, {"ANSIBLE_FORKS": str(len(hosts))}, limit=[host.name for host in group])
        taken.append(time.monotonic() - began)
        for host in group:
            expect(host, new)
    return taken[0], taken[1]


def round_trips(ours: Ours, base: Version) -> list[Runs]:
    """Count what a deploy, a rollback and a deploy of the same version send to the host."""
    new = origin.advance()
    wanted = {"deploy": new, "same": new, "rollback": base}
    return [_noted(ours, action, version) for action, version in wanted.items()]


def _noted(ours: Ours, action: str, version: Version) -> Runs:
    with tempfile.NamedTemporaryFile(prefix="bench-ssh-") as notes:
        settings = {
            "ANSIBLE_SSH_EXECUTABLE": str(ROOT / "benchmarks" / "noted-ssh"),
            "ANSIBLE_STDOUT_CALLBACK": "ansible.posix.json",
            "BENCH_SSH_LOG": notes.name,
        }
        noted = Ours(ours.host, ours.inventory, settings)
        do = noted.rollback if action == "rollback" else noted.deploy
        began = time.time()
        do(version)
        ended = time.time()
        lines = Path(notes.name).read_text().splitlines()
    # A long module's progress is read beside it; that runs no module.
    trips = [line.split(" ", 2) for line in lines if ".progress" not in line]
    calls = [(float(begin), float(end)) for begin, end, _command in trips]
    return Runs(
        action,
        ended - began,
        calls[0][0] - began,
        [end - begin for begin, end in calls],
        ended - calls[-1][1],
        _steps(noted.printed),
    )


def _steps(printed: str) -> dict[str, float]:
    """The `seconds` of each step that the modules returned, from what Ansible printed as JSON."""
    # The summary for people comes before it.
    document: Any = json.loads(printed[printed.index("\n{\n") :])
    tasks: Sequence[Any] = [task for each in document["plays"] for task in each["tasks"]]
    return {
        step: seconds
        for task in tasks
        for host in task["hosts"].values()
        for step, seconds in host.get("seconds", {}).items()
    }
