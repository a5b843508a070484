# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host in a directory, on which modules run as Ansible runs them, with their arguments and their JSON result."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Callable

import pytest
from ansible.module_utils.testing import patch_module_args
from ansible_collections.blyan.ops.plugins.module_utils import layout as site
from ansible_collections.blyan.ops.plugins.module_utils import runner
from ansible_collections.blyan.ops.plugins.module_utils.lock import Lock

RUN = {"id": "run-1", "who": "anna@desk", "what": "deploy"}


class Host:
    """The directories that modules use, all under one of the test's.

    Attributes:
        root: ``deploy_root``.
        state: where steps, lock and journal are.
        etc: where environment files are.
        sockets: where slots listen.
    """

    def __init__(self, base: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self._base, self._capsys = base, capsys
        self.root, self.state = base / "srv", base / "state"
        self.etc, self.sockets, self.progress = base / "etc", base / "run", base / "progress"
        for each in (self.root, self.etc, self.sockets):
            each.mkdir()
        monkeypatch.setattr(runner, "STATE", self.state)
        monkeypatch.setattr(runner, "PROGRESS", self.progress)
        # Whoever runs the tests: the runner asks for nothing else of os.
        monkeypatch.setattr(runner, "os", SimpleNamespace(geteuid=lambda: 0))
        monkeypatch.setattr(site, "SOCKETS", self.sockets)
        monkeypatch.setattr(site, "CONFIGURATION", self.etc)
        monkeypatch.setattr(site, "SITE_ENVIRONMENT", self.etc / "site.env")
        monkeypatch.setattr(site, "MASTER_KEY", self.etc / "master_key.env")

    def call(self, main: Callable[[], None], check: bool = False, **arguments: Any) -> dict[str, Any]:
        """Run a module's main to its end and return its result."""
        given = {"run": RUN, **arguments, "_ansible_check_mode": check, "_ansible_module_name": "blyan.ops.toy"}
        with patch_module_args(given), pytest.raises(SystemExit) as ended:
            main()
        result: dict[str, Any] = json.loads(self._capsys.readouterr().out)
        assert ended.value.code == (1 if result.get("failed") else 0)
        return result

    def journal(self) -> list[Mapping[str, Any]]:
        """The entries of the journal."""
        file = self.state / "journal.jsonl"
        return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []

    def holder(self) -> str:
        """The run that holds the lock; empty for none."""
        holder = Lock(self.state).holder()
        return holder.id if holder else ""

    def files(self) -> dict[str, tuple[int, int, str]]:
        """Everything on the host, to see whether anything was written."""
        found = {}
        for path in sorted(self._base.rglob("*")):
            status = path.lstat()
            text = path.read_text(errors="replace") if path.is_file() else ""
            found[str(path)] = (status.st_mode, status.st_mtime_ns, text)
        return found
