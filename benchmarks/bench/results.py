# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From samples to medians, ratios and verdicts."""

from __future__ import annotations

import json
import os
import platform
import re
import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path

from . import RESULTS, ROOT
from .measure import MOST_RUNS, Runs, Sample
from .site import Site

AIMS = (("deploy", "typed", 1.5), ("rollback", "typed", 1.0), ("deploy", "tasks", 0.4), ("rollback", "tasks", 0.4))
"""The action, whom to compare with, and the most that ours may take as a part of their time."""


@dataclass(frozen=True)
class Aim:
    action: str
    against: str
    most: float
    ratio: float

    @property
    def met(self) -> bool:
        return self.ratio <= self.most


@dataclass(frozen=True)
class Results:
    """All that one run measured."""

    date: str
    machine: str
    versions: dict[str, str]
    rounds: int
    titles: dict[str, str]
    switches: Sample
    deploy_seconds: list[float]
    rollback_seconds: list[float]
    runs: list[Runs]
    compared: list[Sample]
    long_streams: list[Sample]
    many_hosts: tuple[int, float, float]
    """How many, the seconds for one of them, and for all."""

    def of(self, way: str, action: str) -> list[Sample]:
        return [sample for sample in self.compared if (sample.way, sample.action) == (way, action)]

    def median(self, way: str, action: str) -> float:
        return statistics.median(sample.seconds for sample in self.of(way, action))

    def fastest(self, way: str, action: str) -> float:
        """What noise has spoilt least."""
        return min(sample.seconds for sample in self.of(way, action))

    def failed(self, way: str, action: str) -> int:
        """The median of the failed requests, as a whole number."""
        return round(statistics.median(sample.failed for sample in self.of(way, action)))

    def aims(self) -> list[Aim]:
        return [
            Aim(action, way, most, self.median("ours", action) / self.median(way, action)) for action, way, most in AIMS
        ]

    def broken(self) -> list[str]:
        """What must hold and does not: a failed request, a cut stream, too many round trips."""
        seen = self.switches
        found = [
            f"{count} {what} while switching: {seen.failures}"
            for count, what in (
                (seen.failed, "requests failed"),
                (seen.streams_cut, "streams were cut"),
                (seen.streams_failed, "streams did not begin"),
            )
            if count
        ]
        ours = [sample for sample in [*self.compared, *self.long_streams] if sample.way == "ours"]
        found += [f"{each.failed} requests failed in a {each.action}: {each.failures}" for each in ours if each.failed]
        found += [
            f"{len(run.remote)} remote module runs for {run.action}, and at most {MOST_RUNS[run.action]} are allowed"
            for run in self.runs
            if len(run.remote) > MOST_RUNS[run.action]
        ]
        return found

    def save(self) -> Path:
        file = RESULTS / "deploy.json"
        summary = {
            "medians": {
                action: {way: self.median(way, action) for way in self.titles} for action in ("deploy", "rollback")
            },
            "aims": [{**asdict(aim), "met": aim.met} for aim in self.aims()],
            "broken": self.broken(),
        }
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps({**asdict(self), **summary}, indent=2) + "\n")
        return file


def gather(
    ours: Site,
    titles: Mapping[str, str],
    switched: tuple[Sample, Sequence[float]],
    runs: Sequence[Runs],
    compared: Sequence[Sample],
    long_streams: Sequence[Sample],
    many_hosts: tuple[int, float, float],
) -> Results:
    sample, taken = switched
    return Results(
        time.strftime("%Y-%m-%d"),
        _machine(),
        _versions(ours),
        len(compared) // (2 * len(titles)),
        dict(titles),
        sample,
        list(taken[0::2]),
        list(taken[1::2]),
        list(runs),
        list(compared),
        list(long_streams),
        many_hosts,
    )


def _machine() -> str:
    text = Path("/proc/cpuinfo").read_text()
    model = re.search(r"^model name\s*:\s*(.*)$", text, re.MULTILINE)
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    named = f" ({model[1]})" if model else ""
    return f"{os.cpu_count()} cores{named}, {memory:.0f} GiB of memory; controller, hosts and load share them"


def _versions(site: Site) -> dict[str, str]:
    collection = re.search(r"^version: (.*)$", (ROOT / "galaxy.yml").read_text(), re.MULTILINE)
    said = site.host.run("cat /etc/debian_version; nginx -v 2>&1; systemctl --version | head -1; python3 -V")
    debian, nginx, systemd, python = said.stdout.splitlines()
    return {
        "blyan.ops": collection[1] if collection else "",
        "ansible-core": version("ansible-core"),
        "Python of the controller": platform.python_version(),
        "Debian of the hosts": debian,
        "Python of the hosts": python.split()[-1],
        "nginx": nginx.rpartition("/")[2],
        "systemd": systemd.split()[1],
    }
