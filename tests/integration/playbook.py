# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Playbooks run as users run them: ansible-playbook in a process of its own, over SSH."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from testhosts.engine import ROOT

SECONDS = 300
DIFF = re.compile(r"^--- .*?(?=^(?:changed|ok): \[)", re.M | re.S)
MODULE_RUN = re.compile(r"^<[^>]+> SSH: EXEC .*/usr/bin/python3.*", re.M)


@dataclass(frozen=True)
class PlayResult:
    """What a playbook left behind.

    Args:
        code: its exit code.
        output: what it printed.
        told: what it wrote to the result file.
    """

    code: int
    output: str
    told: dict[str, Any]

    @property
    def host(self) -> dict[str, Any]:
        """What the result file says of the one host."""
        (host,) = self.told["hosts"].values()
        return dict(host)

    @property
    def message(self) -> str:
        """Why it failed, as the result file tells it."""
        return str(self.host["message"])

    @property
    def changed(self) -> int:
        """The number of changed tasks in the recap."""
        return int(re.findall(r"\bchanged=(\d+)", self.output)[-1])

    @property
    def diffs(self) -> list[str]:
        """What `--diff` showed, a text for each task that showed something."""
        return DIFF.findall(self.output)

    @property
    def module_runs(self) -> int:
        """How often something was run on the host; it needs `-vvv`."""
        return len(MODULE_RUN.findall(self.output))


class Running:
    """A playbook that was started."""

    def __init__(self, argv: list[str], directory: Path, environment: dict[str, str], output: Path, told: Path) -> None:
        self._output, self._told = output, told
        with output.open("w") as stream:
            self.process = subprocess.Popen(
                argv,
                cwd=directory,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=subprocess.STDOUT,
                # A group of its own, so that a test can kill it with all its processes.
                process_group=0,
            )

    def said(self) -> str:
        """What it printed so far."""
        return self._output.read_text()

    def finish(self, code: int = 0) -> PlayResult:
        """Wait for its end, which has to be with this exit code and with a result file."""
        try:
            got = self.process.wait(timeout=SECONDS)
        finally:
            self.process.kill()
        output = self._output.read_text()
        assert got == code, f"exit code {got} and not {code}:\n{output[-6000:]}"
        assert self._told.exists(), f"no result file:\n{output[-6000:]}"
        return PlayResult(got, output, json.loads(self._told.read_text()))


class Playbooks:
    """Runs playbooks against an inventory, from the checkout unless told otherwise.

    Args:
        inventory: an inventory file.
        scratch: a directory for variables and results.
    """

    def __init__(self, inventory: Path, scratch: Path) -> None:
        self.inventory = inventory
        self.scratch = scratch
        self._runs = 0

    def __call__(self, playbook: str, *options: str, code: int = 0, **variables: Any) -> PlayResult:
        """Run a playbook of the checkout to its end, which has to be with this exit code."""
        return self.start(f"playbooks/{playbook}.yml", *options, **variables).finish(code)

    def start(
        self,
        playbook: str,
        *options: str,
        directory: Path = ROOT,
        settings: dict[str, str] | None = None,
        **variables: Any,
    ) -> Running:
        """Start a playbook.

        Args:
            playbook: as ansible-playbook takes it.
            options: more of its command line.
            directory: where it is run.
            settings: variables of its environment, none of which is otherwise Ansible's.
            variables: extra variables; in a file, as a secret is not to be typed into a command line.
        """
        self._runs += 1
        output, told, extra = (self.scratch / f"{self._runs}.{kind}" for kind in ("output", "result", "vars"))
        extra.touch(mode=0o600)
        extra.write_text(json.dumps({"blyan_result_file": str(told), **variables}))
        program = Path(sys.executable).with_name("ansible-playbook")
        argv = [str(program), f"--inventory={self.inventory}", f"--extra-vars=@{extra}", *options, playbook]
        environment = {name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")}
        return Running(argv, directory, {**environment, **(settings or {})}, output, told)
