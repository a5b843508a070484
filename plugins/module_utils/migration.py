# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Running the app's migrations, as the app's user with the app's environment, and never cut in half."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from . import envfile
from . import layout as site
from .errors import OpsError
from .layout import Layout
from .steps import Change, Operation
from .systemd import Systemd


def split_command(text: str) -> list[str]:
    """The command as a list.

    Raises:
        OpsError: a quote is not closed.
    """
    try:
        return shlex.split(text)
    except ValueError as error:
        raise OpsError(
            f"deploy_migrate_command is {text!r} ({error})", next_step="write it as you would type it in a shell"
        ) from error


def plan(command: list[str], label: str) -> list[Change]:
    """What has to be done: the command is run once for each release, and knows itself what is new."""
    return [Change("migrate", f"database, for {label}", None, {"runs": shlex.join(command)})] if command else []


@dataclass
class Migrate(Operation):
    """Runs the migrations of a release from a slot that is made ready for it.

    Args:
        layout: where.
        release: the id of the release.
        slot: the slot whose environment is used.
        command: what to run, in the directory of the release, with its virtual environment first on PATH.
        user: who runs it.
        timeout: seconds that it may take.
    """

    name = "migration"
    steps = ("migrate",)
    commit = "migrate"

    layout: Layout
    release: str
    slot: str
    command: list[str]
    user: str
    timeout: float
    systemd: Systemd = field(default_factory=Systemd)

    @classmethod
    def again(cls, params: Mapping[str, Any]) -> Migrate:
        return cls(
            Layout(Path(params["root"])), *(params[n] for n in ("release", "slot", "command", "user", "timeout"))
        )

    def params(self) -> dict[str, Any]:
        return {
            "root": str(self.layout.root),
            "release": self.release,
            "slot": self.slot,
            "command": self.command,
            "user": self.user,
            "timeout": self.timeout,
        }

    def do(self, change: Change) -> None:
        directory = self.layout.release(self.release)
        files = [site.SITE_ENVIRONMENT, site.environment_file(self.slot), site.MASTER_KEY]
        path = f"{directory}/.venv/bin:/usr/local/bin:/usr/bin:/bin"
        properties = [
            f"User={self.user}",
            f"WorkingDirectory={directory}",
            f"Environment=PATH={path}",
            "NoNewPrivileges=yes",
            "PrivateTmp=yes",
            *(f"EnvironmentFile=-{file}" for file in files),
        ]
        # env(1) finds the program on the unit's PATH; systemd itself would look only in its own.
        command = ["/usr/bin/env", *self.command]
        self.systemd.await_end(self._unit(), self.timeout)
        said = self.systemd.run(self._unit(), command, properties, self.timeout)
        if said is not None:
            raise OpsError(
                f"the migrations of {self.release} failed",
                next_step="read their last lines below; what served before serves on, with the schema as they left it",
                details=envfile.redact(said, envfile.secrets_in(files)),
            )

    def undo(self, change: Change) -> None:
        """A migration cannot be taken back, but one that a killed run started must have ended before anything else."""
        self.systemd.await_end(self._unit(), self.timeout)

    def _unit(self) -> str:
        return f"aiblock-migrate-{self.release}.service"
