# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The units of a host, held in memory in place of systemd's."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Callable

import pytest
from ansible_collections.blyan.ops.plugins.module_utils import legacy_unit, traffic
from ansible_collections.blyan.ops.plugins.module_utils.migrator import Report
from ansible_collections.blyan.ops.plugins.module_utils.shell import Completed, Shell
from ansible_collections.blyan.ops.plugins.module_utils.systemd import Systemd, Unit


class Units:
    """What ``Systemd`` is asked goes here.

    Attributes:
        states: the state of each unit that is not ``inactive``.
        enabled: the units that are started at boot.
        calls: what was asked for, in order; reading is not noted.
        restarts: how often each unit restarted by itself.
        began: when each unit was started, in seconds since the boot.
        stale: whether their files are newer than what systemd has loaded.
        ran: command and properties of each transient unit.
        fails: what a transient unit says when it fails; None where it succeeds.
        report: what a migration leaves.
        journal: the last log lines of any unit.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.states: dict[str, str] = {}
        self.enabled: set[str] = set()
        self.calls: list[str] = []
        self.restarts: dict[str, int] = {}
        self.began: dict[str, float] = {}
        self.stale = False
        self.ran: list[tuple[list[str], list[str]]] = []
        self.fails: list[str] | None = None
        self.report = Report()
        self.journal: list[str] = []
        names = "show reload start stop restart carry_out kill reset enable disable prepare run piped later cancel log"
        for name in names.split():
            monkeypatch.setattr(Systemd, name, self._bound(name))
        # Nothing was deployed by hand.
        monkeypatch.setattr(legacy_unit, "show", lambda _shell: legacy_unit.parse(""))
        monkeypatch.setattr(traffic, "enabled_at_boot", lambda unit: unit in self.enabled)

    def _bound(self, name: str) -> Callable[..., object]:
        method = getattr(self, f"_{name}")
        return lambda _systemd, *arguments, **options: method(*arguments, **options)

    def _show(self, unit: str) -> Unit:
        state = self.states.get(unit, "inactive")
        sub = "running" if state == "active" else "dead"
        began, enabled = self.began.get(unit, 0.0), unit in self.enabled
        return Unit(state, sub, self.restarts.get(unit, 0), "i", "", self.stale, enabled, began=began)

    def _reload(self) -> None:
        self.calls.append("daemon-reload")
        self.stale = False

    def _start(self, unit: str) -> None:
        self.calls.append(f"start {unit}")
        self.states[unit] = "active"

    def _stop(self, unit: str, wait: bool = True) -> None:
        self.calls.append(f"stop {unit}")
        self.states.pop(unit, None)

    def _carry_out(self, verb: str, unit: str, timeout: float) -> None:
        self.calls.append(f"{verb} {unit}")
        self.states[unit] = "active"
        self.began[unit] = time.monotonic() + 1

    def _restart(self, unit: str) -> None:
        self.calls.append(f"restart {unit}")
        self.states[unit] = "active"

    def _kill(self, unit: str) -> None:
        self.calls.append(f"kill {unit}")
        self.states.pop(unit, None)

    def _reset(self, unit: str) -> None:
        self.calls.append(f"reset {unit}")

    def _enable(self, unit: str) -> None:
        self.calls.append(f"enable {unit}")
        self.enabled.add(unit)

    def _disable(self, unit: str) -> None:
        self.calls.append(f"disable {unit}")
        self.enabled.discard(unit)

    def _prepare(self, tmpfiles: Sequence[str]) -> None:
        self.calls += [f"tmpfiles {each}" for each in tmpfiles]

    def _run(
        self, unit: str, command: list[str], properties: list[str], timeout: float, progress: Callable[[str], None]
    ) -> list[str] | None:
        self.calls.append(f"run {unit}")
        self.ran.append((command, properties))
        Path(json.loads(command[-1])["report"]).write_text(json.dumps(asdict(self.report)))
        return self.fails

    def _piped(
        self,
        unit: str,
        command: list[str],
        properties: list[str],
        environment: Mapping[str, str],
        timeout: float,
        on_line: Callable[[str], None],
    ) -> Completed:
        """It really runs, as whoever runs the tests."""
        assert self.states.get(unit, "inactive") == "inactive"
        self.calls.append(f"run {unit}")
        return Shell(environment).run(command, timeout=timeout, on_line=on_line)

    def _cancel(self, timer: str) -> None:
        self.states.pop(timer, None)

    def _later(self, timer: str, seconds: float, command: list[str]) -> None:
        self.calls.append(f"in {seconds:.0f}s {' '.join(command[-2:])}")
        self.states[timer] = "active"

    def _log(self, unit: str, invocation: str = "", lines: int = 15) -> list[str]:
        return self.journal
