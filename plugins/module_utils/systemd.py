# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The units of a host, through systemctl and journalctl."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Callable

from .durations import human
from .errors import OpsError
from .shell import Shell

_POLL_SECONDS = 0.25
_SHOWN = ("ActiveState", "SubState", "NRestarts", "InvocationID", "ActiveEnterTimestamp", "NeedDaemonReload")


@dataclass(frozen=True)
class Unit:
    """The state of a unit: ``active``, ``inactive``, ``failed``, ``activating`` or ``deactivating``.

    Args:
        state: systemd's ActiveState.
        sub: its SubState, such as ``running`` or ``auto-restart``.
        restarts: how often systemd restarted it by itself since it was started.
        invocation: the id of this start; its log lines carry it.
        since: when it became active, as systemd writes it; empty where it is not.
        stale: whether its file on disk is newer than what systemd has loaded.
    """

    state: str
    sub: str
    restarts: int
    invocation: str
    since: str
    stale: bool


def parse(shown: str) -> Unit:
    """A unit from the output of ``systemctl show``."""
    values = dict(line.split("=", 1) for line in shown.splitlines() if "=" in line)
    return Unit(
        values.get("ActiveState", "inactive"),
        values.get("SubState", ""),
        int(values.get("NRestarts") or 0),
        values.get("InvocationID", ""),
        values.get("ActiveEnterTimestamp", ""),
        values.get("NeedDaemonReload") == "yes",
    )


class Systemd:
    """The service manager of the host."""

    def __init__(self, shell: Shell | None = None) -> None:
        self._shell = shell or Shell()

    def show(self, unit: str) -> Unit:
        """The state of a unit; one that does not exist is ``inactive``."""
        done = self._shell.run(["systemctl", "show", unit, "--property=" + ",".join(_SHOWN)])
        if not done.ok:
            raise OpsError(
                "systemctl does not answer", next_step="see that the host runs systemd", details=done.tail(3)
            )
        return parse(done.stdout)

    def reload(self) -> None:
        """Have systemd read its unit files again."""
        self._ctl("daemon-reload")

    def start(self, unit: str) -> None:
        """Start a unit without waiting for it to be up."""
        self._ctl("start", "--no-block", unit)

    def stop(self, unit: str, *, wait: bool = True) -> None:
        """Stop a unit; systemd kills what is left of it after its own timeout."""
        self._ctl("stop", *([] if wait else ["--no-block"]), unit)

    def restart(self, unit: str) -> None:
        """Stop a unit, however long that takes, and then start it, without waiting for either."""
        self._ctl("restart", "--no-block", unit)

    def kill(self, unit: str) -> None:
        """End all processes of a unit at once; fine where there are none."""
        self._shell.run(["systemctl", "kill", "--signal=KILL", unit])

    def reset(self, unit: str) -> None:
        """Forget that a unit failed."""
        self._shell.run(["systemctl", "reset-failed", unit])

    def enable(self, unit: str) -> None:
        """Have a unit started at boot."""
        self._ctl("--no-reload", "enable", unit)

    def disable(self, unit: str) -> None:
        """Have a unit no longer started at boot."""
        self._ctl("--no-reload", "disable", unit)

    def prepare(self, tmpfiles: list[str]) -> None:
        """Make the directories and files that these tmpfiles.d files describe, as a boot does."""
        if tmpfiles:
            done = self._shell.run(["systemd-tmpfiles", "--create", *tmpfiles])
            if not done.ok:
                raise OpsError("systemd-tmpfiles failed", next_step="look at " + tmpfiles[0], details=done.tail())

    def run(self, unit: str, command: list[str], properties: list[str], timeout: float) -> list[str] | None:
        """Run a command as a unit of its own, which goes on if this process is killed, and wait for its end.

        Args:
            unit: name of the transient service.
            properties: of the unit, as ``Name=value``; ``EnvironmentFile=`` keeps secrets out of argv.
            timeout: seconds after which systemd ends it.

        Returns:
            None when it succeeded, else its last log lines.
        """
        argv = ["systemd-run", "--quiet", "--wait", "--collect", f"--unit={unit}"]
        argv += [f"--property={each}" for each in (*properties, f"RuntimeMaxSec={timeout:.0f}")]
        done = self._shell.run([*argv, "--", *command], timeout=timeout + 60)
        return None if done.ok else self.log(unit) or done.tail()

    def await_end(self, unit: str, timeout: float, progress: Callable[[str], None] = lambda text: None) -> None:
        """Wait until a unit does not run any more.

        Raises:
            OpsError: it still runs after the timeout, in seconds.
        """
        deadline = time.monotonic() + timeout
        while self.show(unit).state not in ("inactive", "failed"):
            left = deadline - time.monotonic()
            if left < 0:
                raise OpsError(f"{unit} still runs, longer than it may", next_step=f"look at: systemctl status {unit}")
            progress(f"waiting up to {human(left)} for {unit} to end")
            time.sleep(_POLL_SECONDS)

    def log(self, unit: str, invocation: str = "", lines: int = 15) -> list[str]:
        """The last log lines of a unit, of one start of it where that is given."""
        match = [f"_SYSTEMD_INVOCATION_ID={invocation}"] if invocation else [f"_SYSTEMD_UNIT={unit}"]
        argv = ["journalctl", "--no-pager", "--quiet", "--output=cat", f"--lines={lines}", *match]
        return self._shell.run(argv).tail(lines)

    def _ctl(self, *arguments: str) -> None:
        done = self._shell.run(["systemctl", *arguments], timeout=180)
        if not done.ok:
            raise OpsError(
                f"systemctl {' '.join(arguments)} failed",
                next_step="look at: systemctl status " + arguments[-1],
                details=done.tail(),
            )


def enabled_at_boot(unit: str) -> bool:
    """Whether a unit of this collection is started at boot."""
    return (Path("/etc/systemd/system/multi-user.target.wants") / unit).is_symlink()
