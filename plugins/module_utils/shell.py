# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Programs run on the host: bounded in time, with a clean environment, as the user that is asked for."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Callable

from .errors import OpsError

# What a program inherits: never the environment of the person who started the play.
_BASE_ENVIRONMENT = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8"}


@dataclass(frozen=True)
class Completed:
    """A program that ended: its exit status and what it printed."""

    code: int
    stdout: str
    stderr: str = ""

    @property
    def ok(self) -> bool:
        """Whether it ended with status 0."""
        return self.code == 0

    def tail(self, lines: int = 15) -> list[str]:
        """The last lines that it printed, errors last."""
        return [line for line in (self.stdout + "\n" + self.stderr).splitlines() if line.strip()][-lines:]


@dataclass(frozen=True)
class Shell:
    """Runs programs; everything that talks to the host through a program takes one of these.

    Args:
        environment: variables added to a minimal environment.
        user: the account to run as; empty for the account of this process.
    """

    environment: Mapping[str, str] = field(default_factory=dict)
    user: str = ""

    def run(
        self,
        argv: Sequence[str],
        *,
        cwd: Path | None = None,
        timeout: float = 60.0,
        on_line: Callable[[str], None] | None = None,
    ) -> Completed:
        """Run a program to its end and return what it printed, whatever its exit status.

        Args:
            argv: the program and its arguments; never a secret, as every user of the host can read them.
            timeout: seconds after which it is killed.
            on_line: called with each line of output as it comes; stderr is then part of stdout.

        Raises:
            OpsError: there is no such program, or it ran longer than the timeout.
        """
        try:
            process = subprocess.Popen(
                list(argv),
                cwd=cwd,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT if on_line else subprocess.PIPE,
                env={**_BASE_ENVIRONMENT, **self.environment},
                text=True,
                errors="replace",
                user=self.user or None,
                group=self.user or None,
                extra_groups=[] if self.user else None,
                start_new_session=True,
            )
        except FileNotFoundError as error:
            raise OpsError(
                f"{argv[0]} is not on this host ({error.strerror}: {error.filename})",
                next_step=f"install {argv[0]}; the playbook provision installs all that an API host needs",
            ) from error
        with process:
            try:
                return _collect(process, timeout, on_line)
            except subprocess.TimeoutExpired as error:
                _kill_group(process)
                raise OpsError(
                    f"{' '.join(argv[:2])} did not end within {timeout:.0f}s",
                    next_step="look at what it waits for (network, disk, a lock), then run this again",
                ) from error
            except BaseException:
                _kill_group(process)
                raise

    def must(self, argv: Sequence[str], *, next_step: str, cwd: Path | None = None, timeout: float = 60.0) -> str:
        """Run a program that has to succeed, and return its standard output.

        Raises:
            OpsError: it failed; the error carries its last lines and ``next_step``.
        """
        done = self.run(argv, cwd=cwd, timeout=timeout)
        if not done.ok:
            command = " ".join(argv[:3])
            raise OpsError(f"{command} failed with status {done.code}", next_step=next_step, details=done.tail())
        return done.stdout


def to_disk(directory: Path) -> None:
    """Have all that was written to a directory survive a power cut, before a record says that it is there.

    Raises:
        OpsError: the disk does not take it.
    """
    # One call for the file system, as sync(1) of coreutils makes it, and not one for each of thousands of files.
    Shell().must(["sync", "--file-system", str(directory)], next_step="look at the disk of the host", timeout=600)


def _collect(process: subprocess.Popen[str], timeout: float, on_line: Callable[[str], None] | None) -> Completed:
    if on_line is None:
        stdout, stderr = process.communicate(timeout=timeout)
        return Completed(process.returncode, stdout, stderr)
    # A reader thread, so that a silent program still meets the timeout.
    lines: list[str] = []

    def read() -> None:
        for line in process.stdout or ():
            lines.append(line)
            on_line(line.rstrip())

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    began = time.monotonic()
    # As with communicate(): the output ends with the last process that holds it, which may be a child left behind.
    reader.join(timeout)
    process.wait(timeout=max(0.0, timeout - (time.monotonic() - began)))
    if reader.is_alive():
        raise subprocess.TimeoutExpired(process.args, timeout)
    return Completed(process.returncode, "".join(lines))


def _kill_group(process: subprocess.Popen[str]) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
