# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Running the app's migrations, as the app's user with the app's environment, and never cut in half."""

from __future__ import annotations

import json
import os
import shlex
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Callable

from . import envfile, migrator, pack
from . import layout as site
from .errors import OpsError
from .layout import Layout
from .migrator import Job, Report
from .releases import Records, Release
from .steps import Change, Operation
from .systemd import Systemd

#: Where units leave what came out; every user may look into it, and only root makes files there.
REPORTS = Path("/run/blyan-ops")
#: Beside waiting for another migration and migrating: two looks at the schema, and the end of what ran too long.
_MORE_SECONDS = 150.0


def split_command(text: str, option: str) -> list[str]:
    """The command as a list.

    Raises:
        OpsError: a quote is not closed.
    """
    try:
        return shlex.split(text)
    except ValueError as error:
        raise OpsError(
            f"{option} is {text!r} ({error})", next_step="write it as you would type it in a shell"
        ) from error


def plan(command: list[str], label: str) -> list[Change]:
    """What has to be done: the command is run once for each release, and knows itself what is new."""
    return [Change("migrate", f"database, for {label}", None, {"runs": shlex.join(command)})] if command else []


def judge(report: Report, said: list[str] | None, release: Release) -> None:
    """Refuse to go on with a release whose migrations were not run to their end.

    Args:
        report: what the unit left.
        said: its last lines where it failed, else None.

    Raises:
        OpsError: it failed, or there may be no migrations.
    """
    if said is not None:
        raise OpsError(
            f"the migrations of {release.id} failed",
            next_step="read their last lines below; the schema is as they left it",
            details=said,
        )
    if report.outcome == migrator.NOT_ALLOWED:
        if report.needs:
            why = f"{release.label} needs schema {report.needs}, and the database has {report.before}"
        else:
            why = f"deploy_schema_command does not tell which schema {release.label} needs"
        raise OpsError(
            f"{why}; deploy_allow_migrations is false, so that nothing was done to the database",
            next_step="deploy a version without migrations, or set deploy_allow_migrations: true",
        )


@dataclass
class Migrate(Operation):
    """Runs the migrations of a release from a slot that is made ready for it.

    Args:
        layout: where.
        release: the id of the release.
        slot: the slot whose environment is used.
        command: what to run, in the directory of the release, with its virtual environment first on PATH.
        schema_command: what prints the schema, likewise; empty for none.
        allowed: whether there may be migrations.
        user: who runs it.
        timeout: seconds that it may take, and before that another migration of the database.
        systemd: the service manager.
        progress: told what is waited for.
    """

    name = "migration"
    steps = ("migrate",)
    commit = "migrate"

    layout: Layout
    release: str
    slot: str
    command: list[str]
    schema_command: list[str]
    allowed: bool
    user: str
    timeout: float
    systemd: Systemd = field(default_factory=Systemd)
    progress: Callable[[str], None] = lambda text: None
    report: Report = field(default_factory=Report)
    said: list[str] | None = None

    @classmethod
    def again(cls, params: Mapping[str, Any]) -> Migrate:
        names = ("release", "slot", "command", "schema_command", "allowed", "user", "timeout")
        return cls(Layout(Path(params["root"])), *(params[name] for name in names))

    def params(self) -> dict[str, Any]:
        return {
            "root": str(self.layout.root),
            "release": self.release,
            "slot": self.slot,
            "command": self.command,
            "schema_command": self.schema_command,
            "allowed": self.allowed,
            "user": self.user,
            "timeout": self.timeout,
        }

    def do(self, change: Change) -> None:
        """Run the unit to its end. A migration that fails is no reason to undo anything: see :func:`judge`."""
        directory = self.layout.release(self.release)
        files = [site.SITE_ENVIRONMENT, site.environment_file(self.slot), site.MASTER_KEY]
        path = f"{directory}/.venv/bin:/usr/local/bin:/usr/bin:/bin"
        properties = [
            f"Description=Migrations of {self.release}",
            f"User={self.user}",
            f"WorkingDirectory={directory}",
            f"Environment=PATH={path}",
            "NoNewPrivileges=yes",
            "PrivateTmp=yes",
            "NotifyAccess=main",
            *(f"EnvironmentFile=-{file}" for file in files),
        ]
        self._await_end()
        job = Job(self.command, self.schema_command, self.allowed, self.timeout, str(self._file()))
        self._make_file()
        command = ["/usr/bin/python3", "-I", str(pack.AGENT), "migrate", json.dumps(asdict(job))]
        said = self.systemd.run(self._unit(), command, properties, self._longest(), self.progress)
        self.said = None if said is None else envfile.redact(said, envfile.secrets_in(files))
        self._note()

    def undo(self, change: Change) -> None:
        """A migration cannot be taken back, but one that a killed run started must have ended before anything else."""
        self._await_end()
        self._note()

    def _await_end(self) -> None:
        self.systemd.await_end(self._unit(), self._longest(), self.progress)

    def _note(self) -> None:
        """Have the record of the release say what became of the schema."""
        if not self._file().exists():
            return
        self.report = Report.read(self._file())
        Records(self.layout).change(self.release, **self.schema)
        self._file().unlink()

    @property
    def schema(self) -> dict[str, str]:
        """What is known for the record of the release."""
        known = {"schema_before": self.report.before, "schema_after": self.report.after}
        return {name: value for name, value in known.items() if value}

    def _make_file(self) -> None:
        REPORTS.mkdir(mode=0o755, exist_ok=True)
        self._file().unlink(missing_ok=True)
        os.close(os.open(self._file(), os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        shutil.chown(self._file(), self.user)

    def _file(self) -> Path:
        return REPORTS / f"{self._unit()}.json"

    def _longest(self) -> float:
        return 2 * self.timeout + _MORE_SECONDS

    def _unit(self) -> str:
        return f"aiblock-migrate-{self.release}.service"
