# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import socket
import sys
from pathlib import Path
from typing import Callable

import pytest
from ansible_collections.blyan.ops.plugins.module_utils import agent


def test_it_is_what_runs_in_the_unit_of_a_migration(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def migrate(job: str, say: Callable[[str], None]) -> int:
        say(f"did {job}\nand more")
        return 7

    monkeypatch.setattr(agent.migrator, "main", migrate)
    monkeypatch.setattr(sys, "argv", ["agent.pyz", "migrate", "{}"])
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(tmp_path / "notify"))
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        with pytest.raises(SystemExit) as ended:
            agent.main()
        listener.settimeout(10)
        assert listener.recv(1000) == b"STATUS=did {}"
    assert ended.value.code == 7
    assert capsys.readouterr().out == "did {}\nand more\n"


@pytest.mark.parametrize("arguments", [[], ["dance"], ["swap", "twice"], ["migrate"]])
def test_usage(monkeypatch: pytest.MonkeyPatch, arguments: list[str]) -> None:
    monkeypatch.setattr(sys, "argv", ["agent.pyz", *arguments])
    with pytest.raises(SystemExit, match=r"usage: agent.pyz serve\|swap\|stop"):
        agent.main()
