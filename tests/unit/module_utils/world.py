# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The directory that a toy operation changes, and the state directory of its engine."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from ansible_collections.blyan.ops.plugins.module_utils.steps import Engine

from . import toy

BEFORE = {"two": "old"}
AFTER = dict.fromkeys(toy.Toy.steps, "new")


class World:
    """Both directories under one."""

    def __init__(self, root: Path) -> None:
        self.state, self.directory = root / "state", root / "directory"
        for each in (self.state, self.directory):
            each.mkdir()
        (self.directory / "two").write_text("old")
        self.engine = Engine(self.state)

    @property
    def record(self) -> Path:
        """The file in which the engine keeps what it does."""
        return self.state / "steps" / "toy.json"

    def toy(self) -> toy.Toy:
        """The operation on this directory."""
        return toy.Toy(self.directory)

    def files(self) -> dict[str, str]:
        """What the steps made, by step."""
        made = [self.directory / step for step in toy.Toy.steps]
        return {path.name: path.read_text() for path in made if path.exists()}

    def log(self) -> list[str]:
        """What was called since the last look, in order."""
        log = self.directory / "log"
        lines = log.read_text().splitlines() if log.exists() else []
        log.unlink(missing_ok=True)
        return lines

    def break_at(self, step: str, error: str = "OpsError") -> Path:
        """Have a step fail until the file that is returned is removed."""
        cause = self.directory / f"fail-{step}"
        cause.write_text(error)
        return cause

    def process(self, action: str, kind: type[toy.Toy], **environment: str) -> int:
        """Run or recover in a process of its own; returns its exit status, negative for a signal."""
        argv = [sys.executable, "-m", toy.__name__, action, str(self.state), str(self.directory), kind.__name__]
        path = {"PYTHONPATH": ":".join(sys.path), "PATH": os.defpath}
        return subprocess.run(
            argv, check=False, env={**path, **environment}, capture_output=True, timeout=60
        ).returncode
