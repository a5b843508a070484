# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The host that the scenario provisioned, and its playbook."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import testhosts
import testinfra

CHECKOUT = Path(__file__).parents[3]
SITE = "provision-site"
GROUPS = ("blyan_api", "blyan_postgres", "blyan_redis")


@dataclass(frozen=True)
class Play:
    """What a run of the playbook left: its exit code, what it printed, and its result file."""

    code: int
    output: str
    result: Mapping[str, Any]

    @property
    def changed(self) -> int:
        """The number of changed tasks, on all hosts together."""
        return sum(int(number) for number in re.findall(r"\bchanged=(\d+)", self.output))

    def message(self, host: str = SITE) -> str:
        """Why a host failed, as people are told."""
        return str(self.result["hosts"][host]["message"])


def reach(name: str) -> Any:
    """A host as testinfra sees it."""
    return testinfra.get_host(f"podman://{testhosts.get(name).container}")


@pytest.fixture(scope="session")
def host() -> Any:
    """The one host of the scenario."""
    return reach(SITE)


@pytest.fixture(scope="session")
def provision(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Play]:
    """Runs the playbook against the one host, or against an inventory."""
    place = tmp_path_factory.mktemp("play")

    def run(*options: str, inventory: Path | None = None, **variables: object) -> Play:
        hosts = inventory or testhosts.write_inventory(place / "site.json", {group: [SITE] for group in GROUPS})
        told = place / "result.json"
        told.unlink(missing_ok=True)
        extra = json.dumps({**variables, "blyan_result_file": str(told)})
        done = subprocess.run(
            ["ansible-playbook", f"--inventory={hosts}", f"--extra-vars={extra}", *options, "playbooks/provision.yml"],
            cwd=CHECKOUT,
            env={**os.environ, "ANSIBLE_CONFIG": str(CHECKOUT / "ansible.cfg"), "ANSIBLE_FORCE_COLOR": "0"},
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
        output = done.stdout + done.stderr
        return Play(done.returncode, output, json.loads(told.read_text()) if told.exists() else {})

    return run
