# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import threading
from typing import Any

import pytest
from ansible.errors import AnsibleConnectionFailure
from ansible_collections.blyan.ops.plugins.plugin_utils import progress


@pytest.mark.parametrize(
    ("seen", "now", "shown"),
    [
        ("", "", []),
        ("", "one\n", ["... one"]),
        ("one\n", "one\ntwo\n  three \n", ["... three"]),
        ("one\n", "one\n", []),
        ("one\ntwo\n", "other\n", ["... other"]),
        ("", "x" * 500 + "\n", ["... " + "x" * 160]),
    ],
    ids=["nothing", "first", "only the last", "nothing new", "the next module", "cut"],
)
def test_new_lines(seen: str, now: str, shown: list[str]) -> None:
    assert progress.new_lines(seen, now) == shown


class Connection:
    """A connection whose answers are given, one a call; then it breaks."""

    def __init__(self, *answers: tuple[int, bytes]) -> None:
        self.answers = list(answers)
        self.commands: list[str] = []
        self.broken = threading.Event()

    def set_become_plugin(self, plugin: Any) -> None:
        self.become = plugin

    def exec_command(self, command: str, sudoable: bool) -> tuple[int, bytes, bytes]:
        self.commands.append(command)
        if not self.answers:
            self.broken.set()
            raise AnsibleConnectionFailure("gone")
        code, out = self.answers.pop(0)
        return code, out, b""


@pytest.fixture(autouse=True)
def _quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "_FIRST_SECONDS", 0.0)
    monkeypatch.setattr(progress, "_EVERY_SECONDS", 0.001)


def test_lines_are_shown_while_the_module_runs_and_a_broken_connection_ends_it() -> None:
    connection = Connection((1, b"no such file"), (0, b"one\n"), (0, b"one\n"), (0, b"one\ntwo\n"))
    told: list[str] = []
    with progress.shown(connection, "run 1", "api1", told.append):
        assert connection.broken.wait(10)
    assert told == ["api1: ... one", "api1: ... two"]
    assert set(connection.commands) == {"cat '/run/blyan-ops/run 1.progress'"}


def test_a_module_that_fails_ends_it_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "_FIRST_SECONDS", 600.0)
    monkeypatch.setattr(progress, "_EVERY_SECONDS", 10.0)
    before = threading.active_count()

    def fail() -> None:
        with progress.shown(Connection(), "r", "api1", print):
            assert threading.active_count() == before + 1
            raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        fail()
    assert threading.active_count() == before
