# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A host as the runbook leaves it: read, and refused where it is not understood. Nothing is changed here."""

from __future__ import annotations

import glob
import os
import shutil
import signal
import time
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from . import dotenv, legacy_unit, pack, ports
from .errors import OpsError
from .legacy_unit import LegacyUnit
from .port8000 import PORT
from .shell import Shell

PROC = Path("/proc")
_POLL_SECONDS = 0.05


@dataclass(frozen=True)
class ByHand:
    """What was deployed by hand.

    Args:
        unit: its unit.
        script: what it runs.
        checkout: the Git checkout that the script is in.
        commit: the commit that is checked out there, short; empty where that cannot be told.
        addresses: where it listens on port 8000.
    """

    unit: LegacyUnit
    script: str
    checkout: str
    commit: str
    addresses: list[str]


def look(shell: Shell) -> ByHand:
    """Read the host.

    Raises:
        OpsError: it is not as the runbook leaves one.
    """
    unit = legacy_unit.show(shell)
    legacy_unit.require(unit)
    # Where it runs is asked of the process, as the unit need not say it.
    directory = unit.directory or os.path.realpath(PROC / str(unit.pid) / "cwd")
    script = legacy_unit.script(command_line(unit.pid), directory)
    others = [pid for pid in running(script) if pid != unit.pid]
    if others:
        raise OpsError(
            f"{script} runs more than once: {legacy_unit.UNIT} has pid {unit.pid}, and there is pid "
            + ", ".join(map(str, others)),
            next_step="end those that are not the unit's, then run this again",
        )
    sockets = ports.listeners(PORT)
    holders = ports.owners(sockets)
    if set(holders) != {unit.pid}:
        had = ", ".join(f"{name} (pid {pid})" for pid, name in sorted(holders.items())) or "nobody"
        raise OpsError(
            f"port {PORT} is held by {had}, and not by {legacy_unit.UNIT} (pid {unit.pid})",
            next_step=f"have {legacy_unit.UNIT} alone listen there, then run this again",
        )
    checkout = _checkout(script)
    git = shell.run(["git", "-c", "safe.directory=*", "-C", checkout, "rev-parse", "--short", "HEAD"])
    return ByHand(unit, str(script), checkout, git.stdout.strip(), [each.address for each in sockets])


def environment(found: ByHand) -> dict[str, str]:
    """The variables of the app, from the unit's process and the file ``.env`` beside the code.

    Raises:
        OpsError: they are not understood; no value is told.
    """
    files = {}
    for pattern in found.unit.environment_files:
        for path in sorted(glob.glob(pattern)):
            files[path] = Path(path).read_text(encoding="utf-8", errors="replace")
    raw = (PROC / str(found.unit.pid) / "environ").read_bytes().decode("utf-8", "surrogateescape")
    process = dict(each.split("=", 1) for each in raw.split("\0") if "=" in each)
    beside = {}
    # As python-dotenv looks for it: from the code upwards; here no further than the checkout.
    for folder in PurePosixPath(found.script).parents:
        file = Path(folder) / ".env"
        if file.is_file():
            beside = dotenv.parse(file.read_text(encoding="utf-8", errors="replace"), str(file))
        if file.is_file() or str(folder) == found.checkout:
            break
    return legacy_unit.environment(found.unit, process, files, beside)


def folders_that_follow(found: ByHand, served: list[str], shell: Shell) -> tuple[list[str], list[str]]:
    """The folders of the checkout from which nginx serves files, and which releases have too.

    Args:
        served: the folders that nginx names.

    Returns:
        Them, relative to the checkout, and what people are to be told of those that stay as they are.
    """
    inside = sorted({os.path.normpath(each) for each in served if _within(each, found.checkout)})
    follow: list[str] = []
    told = []
    for path in inside:
        name = os.path.relpath(path, found.checkout)
        if any(_within(path, os.path.join(found.checkout, each)) for each in follow):
            continue
        git = ["git", "-c", "safe.directory=*", "-C", found.checkout, "ls-files"]
        tracked = name != "." and shell.run([*git, "--", name]).stdout
        others = shell.run([*git, "--others", "--", name]).stdout.splitlines() if tracked else []
        if os.path.islink(path) or not os.path.isdir(path) or not tracked:
            told.append(f"nginx goes on serving {path} as it is: releases have no such folder")
        elif others:
            told.append(f"nginx goes on serving {path} as it is: {others[0]} in it is in no commit")
        else:
            follow.append(name)
    return follow, told


def require_packages(python: str, shell: Shell) -> None:
    """Refuse a host that lacks what a deploy needs; nothing is installed unasked.

    Raises:
        OpsError: with what to type.
    """
    missing = [] if shutil.which("git", path="/usr/bin:/bin:/usr/local/bin") else ["git"]
    if not shell.run([python, "-c", "import ensurepip, venv"]).ok:
        missing.append("python3-venv")
    if missing:
        raise OpsError(
            f"this host lacks {' and '.join(missing)}, which a deploy needs",
            next_step=f"on the host: apt-get install --no-install-recommends {' '.join(missing)}; then run this again",
        )


def command_line(pid: int) -> list[str]:
    """The command line of a process; empty where there is none."""
    try:
        text = (PROC / str(pid) / "cmdline").read_bytes().decode(errors="replace").rstrip("\0")
    except OSError:
        return []
    return text.split("\0") if text else []


def running(script: PurePosixPath) -> list[int]:
    """The processes that run a script with Python."""
    found = []
    for process in PROC.glob("[0-9]*"):
        command = command_line(int(process.name))
        if not command or not PurePosixPath(command[0]).name.startswith("python"):
            continue
        try:
            home = PurePosixPath(os.readlink(process / "cwd"))
        except OSError:
            continue
        if any(home / each == script for each in command[1:3]):
            found.append(int(process.name))
    return sorted(found)


def is_app(pid: int) -> bool:
    """Whether the main process of the unit is an app that was deployed by hand, and not the agent."""
    command = command_line(pid)
    return bool(command) and str(pack.AGENT) not in command


def end(pid: int, timeout: float) -> None:
    """Have a process end when its last request and stream do, and after ``timeout`` seconds at once."""
    try:
        os.kill(pid, signal.SIGTERM)
        deadline = time.monotonic() + timeout
        while command_line(pid) and time.monotonic() < deadline:
            time.sleep(_POLL_SECONDS)
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def _checkout(script: PurePosixPath) -> str:
    for folder in script.parents:
        if (Path(folder) / ".git").exists():
            return str(folder)
    raise OpsError(
        f"{script} is in no Git checkout", next_step="clone the app's repository there, or deploy to a fresh host"
    )


def _within(path: str, folder: str) -> bool:
    path = os.path.normpath(path)
    return path == folder or path.startswith(folder.rstrip("/") + "/")
