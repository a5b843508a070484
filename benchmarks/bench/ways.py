# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Those who deploy and roll back: the collection, and three ways to do what the runbook says."""

from __future__ import annotations

import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from testhosts import Host

from . import BASELINES, ROOT, origin
from .ansible import BenchError, play
from .origin import Version

# As everyone has it who has not looked for a quicker way.
AS_IT_COMES = {
    "ANSIBLE_PIPELINING": "false",
    "ANSIBLE_GATHERING": "implicit",
    "ANSIBLE_PYTHON_INTERPRETER": "auto",
}
NO_WAIT = "/run/systemd/system/aiblock.service.d/no-wait.conf"
TYPED_SECONDS = 120
"""What the typed commands may take: with streams open, systemd waits 90 s for the app to end."""


class Way(Protocol):
    """One way to deploy and to roll back; both end when the version that is wanted answers through nginx."""

    key: str
    title: str
    host: Host

    def deploy(self, version: Version) -> None: ...

    def rollback(self, version: Version) -> None: ...

    def ready(self, version: Version) -> None:
        """Have this version serve, and the host as it is before a deploy. Not measured."""

    def drained(self) -> bool:
        """Whether nothing is left of the version before."""


@dataclass
class Ours:
    """The collection's playbooks."""

    host: Host
    inventory: Path
    settings: Mapping[str, str] = field(default_factory=dict)
    key: str = "ours"
    title: str = "blyan.ops"
    printed: str = ""

    def deploy(self, version: Version) -> None:
        # Its default is the branch main, which is this version.
        self._play("deploy", version)

    def rollback(self, version: Version) -> None:
        self._play("rollback", version)

    def ready(self, version: Version) -> None:
        expect(self.host, version)

    def drained(self) -> bool:
        listed = self.host.run("systemctl list-units --no-legend --plain --state=active,deactivating 'aiblock@*'")
        return len(listed.stdout.splitlines()) == 1

    def _play(self, name: str, version: Version) -> None:
        self.printed = play(self.inventory, ROOT / "playbooks" / f"{name}.yml", {}, self.settings)
        expect(self.host, version)


@dataclass
class Typed:
    """The runbook's own commands, typed at a terminal: one SSH session.

    Args:
        waits: whether the unit waits 5 s after its start, as Blyan's own does.
    """

    host: Host
    key: str = "typed"
    title: str = "the runbook, typed over SSH"
    waits: bool = True

    def deploy(self, version: Version) -> None:
        self._type("deploy.sh", version.number)

    def rollback(self, version: Version) -> None:
        self._type("rollback.sh", version.number, version.commit)

    def ready(self, version: Version) -> None:
        back_on_main(self.host, version, self.waits)

    def drained(self) -> bool:
        return True

    def _type(self, script: str, *arguments: str) -> None:
        command = f"timeout {TYPED_SECONDS} bash -s -- {' '.join(arguments)}"
        done = self.host.ssh(command, stdin=(BASELINES / script).read_text(), check=False, timeout=TYPED_SECONDS + 30)
        if done.returncode != 0:
            raise BenchError(f"Exit code {done.returncode} from {script}:\n{(done.stdout + done.stderr).strip()}")


@dataclass
class Tasks:
    """The same commands, each as one Ansible task."""

    host: Host
    inventory: Path
    key: str
    title: str
    settings: Mapping[str, str]

    def deploy(self, version: Version) -> None:
        self._play("deploy", version)

    def rollback(self, version: Version) -> None:
        self._play("rollback", version)

    def ready(self, version: Version) -> None:
        back_on_main(self.host, version)

    def drained(self) -> bool:
        return True

    def _play(self, name: str, version: Version) -> None:
        values = {
            "baseline_repo": origin.ON_HOST,
            "baseline_version": version.number,
            "baseline_commit": version.commit,
        }
        play(self.inventory, BASELINES / f"{name}.yml", values, self.settings)


def back_on_main(host: Host, version: Version, waits: bool = True) -> None:
    """After the runbook's rollback the next `git pull` would do nothing: HEAD is on no branch."""
    host.ssh(f"cd /root/blyan && git checkout --quiet main && git reset --quiet --hard {version.commit}")
    drop_in = f"rm -f {NO_WAIT}" if waits else f"printf '[Service]\\nExecStartPost=\\n' > {NO_WAIT}"
    host.ssh(f"mkdir -p $(dirname {NO_WAIT}) && {drop_in} && systemctl daemon-reload")
    expect(host, version)


def expect(host: Host, version: Version) -> None:
    """See that a version answers through nginx, whatever the tool said."""
    with urllib.request.urlopen(f"http://{host.address}/api/health", timeout=10) as answer:
        body = answer.read().decode()
    if f'"version":"{version.number}"' not in body:
        raise BenchError(f"{host.name} should serve version {version.number}, and says {body}")
