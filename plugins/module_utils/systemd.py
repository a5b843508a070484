# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The units of a host, through systemctl and journalctl."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Callable

from .durations import human
from .errors import OpsError
from .shell import Completed, Shell

_POLL_SECONDS = 0.25
_KILL_SECONDS = 30.0
_SHOWN = (
    "ActiveState",
    "SubState",
    "NRestarts",
    "InvocationID",
    "ActiveEnterTimestamp",
    "NeedDaemonReload",
    "UnitFileState",
    "ConditionResult",
    "ConditionTimestampMonotonic",
    "InactiveExitTimestampMonotonic",
    "StateChangeTimestampMonotonic",
    "MainPID",
)


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
        enabled: whether it is started at boot.
        condition_failed: whether it was not started last time, as a condition in its file does not hold on this host.
        began: when it was last started, or tried, in seconds since the boot.
        changed: when its state last changed, likewise.
        pid: its main process; 0 where it has none.
    """

    state: str
    sub: str
    restarts: int
    invocation: str
    since: str
    stale: bool
    enabled: bool = False
    condition_failed: bool = False
    began: float = 0.0
    changed: float = 0.0
    pid: int = 0


def parse(shown: str) -> Unit:
    """A unit from the output of ``systemctl show``."""
    values = dict(line.split("=", 1) for line in shown.splitlines() if "=" in line)

    def moment(name: str) -> float:
        return int(values.get(f"{name}TimestampMonotonic") or 0) / 1e6

    # systemd says "no" of a unit whose condition it never looked at, too.
    condition_failed = values.get("ConditionResult") == "no" and moment("Condition") > 0
    return Unit(
        values.get("ActiveState", "inactive"),
        values.get("SubState", ""),
        int(values.get("NRestarts") or 0),
        values.get("InvocationID", ""),
        values.get("ActiveEnterTimestamp", ""),
        values.get("NeedDaemonReload") == "yes",
        values.get("UnitFileState") == "enabled",
        condition_failed,
        moment("Condition" if condition_failed else "InactiveExit"),
        moment("StateChange"),
        int(values.get("MainPID") or 0),
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

    def carry_out(self, verb: str, unit: str, *, timeout: float) -> None:
        """Start, reload or restart a unit, and wait for the end of that.

        Raises:
            OpsError: it failed, or took longer than the timeout, in seconds; the error carries its last log lines.
        """
        done = self._shell.run(["systemctl", verb, unit], timeout=timeout)
        if not done.ok:
            raise OpsError(
                f"systemctl {verb} {unit} failed",
                next_step=f"look at: systemctl status {unit}",
                details=[*done.tail(3), *self.log(unit, lines=5)],
            )

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

    def run(
        self,
        unit: str,
        command: list[str],
        properties: list[str],
        timeout: float,
        progress: Callable[[str], None] = lambda text: None,
    ) -> list[str] | None:
        """Run a command as a unit of its own, which goes on if this process is killed, and wait for its end.

        Args:
            unit: name of the transient service.
            properties: of the unit, as ``Name=value``; ``EnvironmentFile=`` keeps secrets out of argv.
            timeout: seconds after which systemd ends it.
            progress: told the status that the unit gives itself.

        Returns:
            None when it succeeded, else its last log lines.
        """
        with self._followed(unit, progress):
            done = self._shell.run(_transient(unit, command, properties, timeout), timeout=timeout + 60)
        return None if done.ok else self.log(unit) or done.tail()

    def piped(
        self,
        unit: str,
        command: list[str],
        properties: Sequence[str],
        environment: Mapping[str, str],
        timeout: float,
        on_line: Callable[[str], None],
    ) -> Completed:
        """Run a command as :meth:`run` does, with its output line by line as it comes.

        Unlike a child, with children of its own, it can be found and ended when this process is killed: :meth:`end`.

        Args:
            environment: added to systemd's; never a secret, as every user of the host can read it.

        Raises:
            OpsError: it ran longer than the timeout.
        """
        given = [f"--setenv={name}={value}" for name, value in environment.items()]
        argv = _transient(unit, command, properties, timeout, "--pipe", *given)
        began = time.monotonic()
        try:
            done = self._shell.run(argv, timeout=timeout + 60, on_line=on_line)
        except BaseException:
            self.kill(unit)
            raise
        if not done.ok and time.monotonic() - began >= timeout:
            raise OpsError(
                f"{unit} did not end within {human(timeout)}",
                next_step="look at what it waits for (network, disk, a lock), then run this again",
            )
        return done

    def end(self, unit: str) -> None:
        """End a unit at once, with all its processes, and see that they are gone; fine where it does not run."""
        if self.show(unit).state not in ("inactive", "failed"):
            self.kill(unit)
            self.await_end(unit, _KILL_SECONDS)

    def later(self, timer: str, seconds: float, command: list[str]) -> None:
        """Have a command run once, so many seconds from now; a reboot forgets it."""
        self.cancel(timer)
        name = timer.rpartition(".")[0]
        argv = ["systemd-run", "--quiet", "--collect", f"--unit={name}", f"--on-active={seconds:.0f}"]
        self._shell.must(
            [*argv, "--timer-property=AccuracySec=1s", "--", *command], next_step=f"look at: systemctl status {timer}"
        )

    def cancel(self, timer: str) -> None:
        """Forget what was to be done later; fine where there is nothing."""
        self._shell.run(["systemctl", "stop", timer])

    @contextmanager
    def _followed(self, unit: str, progress: Callable[[str], None]) -> Iterator[None]:
        """Tell the status of a unit whenever it changes, for the length of a block."""
        ended = threading.Event()

        def follow() -> None:
            told = ""
            while not ended.wait(1.0):
                done = self._shell.run(["systemctl", "show", "--value", "--property=StatusText", unit])
                text = done.stdout.strip()
                if text and text != told:
                    progress(text)
                told = text

        thread = threading.Thread(target=follow, daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()

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


def _transient(unit: str, command: list[str], properties: Sequence[str], timeout: float, *options: str) -> list[str]:
    """What runs a command as a unit and waits for its end."""
    argv = ["systemd-run", "--quiet", "--wait", "--collect", f"--unit={unit}", *options]
    argv += [f"--property={each}" for each in (*properties, f"RuntimeMaxSec={timeout:.0f}")]
    # systemd puts variables in where a word begins with a dollar, unless that is doubled.
    return [*argv, "--", *(word.replace("$", "$$") for word in command)]


def enabled_at_boot(unit: str) -> bool:
    """Whether a unit of this collection is started at boot."""
    return (Path("/etc/systemd/system/multi-user.target.wants") / unit).is_symlink()
