# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The unit of an app that was deployed by hand: what it runs, with which environment, and whether it is understood."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from . import envfile, pack
from .errors import OpsError
from .shell import Shell

UNIT = "aiblock.service"
FOLDER = Path("/etc/systemd/system")
PACKAGED = ("/lib/systemd/system", "/usr/lib/systemd/system")
_SHOWN = (
    "ActiveState",
    "MainPID",
    "FragmentPath",
    "DropInPaths",
    "UnitFileState",
    "NeedDaemonReload",
    "WorkingDirectory",
    "Environment",
    "EnvironmentFiles",
)
#: What belongs to the old process and its place, and not to the app.
MACHINERY = frozenset(
    (
        *("PATH", "PYTHONPATH", "PYTHONHOME", "PYTHONUNBUFFERED", "PYTHONDONTWRITEBYTECODE", "VIRTUAL_ENV"),
        *("HOME", "USER", "LOGNAME", "SHELL", "PWD"),
    )
)
_PYTHON = re.compile(r"python[0-9.]*")
_WORD = re.compile(r'"((?:\\.|[^"\\])*)"|(\S+)')
_MEANS = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
_FILE = re.compile(r"^(.*) \(ignore_errors=(?:yes|no)\)$")


@dataclass(frozen=True)
class LegacyUnit:
    """The unit as systemd has it loaded.

    Args:
        state: its ActiveState.
        pid: its main process; 0 where it does not run.
        file: the file that it comes from; empty for none.
        drop_ins: files that add to it.
        boots: whether it is started at boot.
        stale: whether a file of it is newer than what is loaded.
        directory: where it runs.
        declared: its ``Environment=`` lines, as variables.
        environment_files: its ``EnvironmentFile=`` lines in order.
    """

    state: str
    pid: int
    file: str
    drop_ins: tuple[str, ...]
    boots: bool
    stale: bool
    directory: str
    declared: Mapping[str, str]
    environment_files: tuple[str, ...]


def parse(shown: str) -> LegacyUnit:
    """A unit from the output of ``systemctl show``."""
    values: dict[str, str] = {}
    files = []
    for line in shown.splitlines():
        name, _equals, value = line.partition("=")
        file = _FILE.match(value)
        if name == "EnvironmentFiles" and file:
            files.append(file.group(1))
        values[name] = value
    return LegacyUnit(
        values.get("ActiveState", "inactive"),
        int(values.get("MainPID") or 0),
        values.get("FragmentPath", ""),
        tuple(values.get("DropInPaths", "").split()),
        values.get("UnitFileState") == "enabled",
        values.get("NeedDaemonReload") == "yes",
        values.get("WorkingDirectory", "").lstrip("!-"),
        _variables(values.get("Environment", "")),
        tuple(files),
    )


def show(shell: Shell) -> LegacyUnit:
    """Read the unit."""
    argv = ["systemctl", "show", UNIT, "--property=" + ",".join(_SHOWN)]
    return parse(shell.must(argv, next_step="see that the host runs systemd"))


def by_hand(unit: LegacyUnit) -> bool:
    """Whether the unit is there, in use, and not the one of this collection."""
    if not unit.file or not (unit.state not in ("inactive", "failed") or unit.boots):
        return False
    return str(pack.AGENT) not in _text(unit.file)


def require(unit: LegacyUnit) -> None:
    """Refuse a unit that cannot be taken over.

    Raises:
        OpsError: with the first reason.
    """
    if unit.state != "active" or not unit.pid:
        raise OpsError(
            f"{UNIT} was deployed by hand and is {unit.state}, and its environment is read from its process",
            next_step=f"start it and wait until it answers (systemctl start {UNIT}), then run this again",
        )
    if unit.stale:
        raise OpsError(
            f"{unit.file} or a file beside it was changed since systemd read it",
            next_step=f"systemctl daemon-reload && systemctl restart {UNIT}; or take the change back",
        )
    homes = [str(FOLDER), *PACKAGED]
    if str(PurePosixPath(unit.file).parent) not in homes:
        raise OpsError(f"{UNIT} comes from {unit.file}", next_step=f"move it to {FOLDER}, then run this again")
    own = {f"{home}/{UNIT}.d" for home in homes}
    for path in unit.drop_ins:
        folder = str(PurePosixPath(path).parent)
        if folder.endswith(f"/{UNIT}.d") and folder not in own:
            raise OpsError(
                f"{path} changes {UNIT} until the next boot only",
                next_step=f"move it to {FOLDER}/{UNIT}.d, or remove it, then run this again",
            )


def own_drop_ins(unit: LegacyUnit) -> list[str]:
    """The files that add to this unit alone and are the host's own."""
    return [path for path in unit.drop_ins if str(PurePosixPath(path).parent) == f"{FOLDER}/{UNIT}.d"]


def script(command: Sequence[str], directory: str) -> PurePosixPath:
    """The script that the main process runs, with its full path.

    Args:
        command: the command line of the process.
        directory: where it was started.

    Raises:
        OpsError: it is not ``python <script>``.
    """
    program = PurePosixPath(command[0] if command else "").name
    rest = [each for each in command[1:] if not re.fullmatch(r"-[uOBbEsISd]+", each)]
    if not _PYTHON.fullmatch(program) or not rest or rest[0].startswith("-") or not rest[0].endswith(".py"):
        raise OpsError(
            f"{UNIT} runs {' '.join(command[:4]) or 'nothing'}, and only python with a script of the app is understood",
            next_step="have ExecStart= say python api/server.py and restart it, then run this again",
        )
    return PurePosixPath(directory or "/") / rest[0]


def environment(
    unit: LegacyUnit, process: Mapping[str, str], files: Mapping[str, str], beside: Mapping[str, str]
) -> dict[str, str]:
    """The variables of the app, each with the value that the running process has.

    Args:
        unit: the unit.
        process: the environment of its main process.
        files: the texts of its environment files by path, in order; one that is missing is left out.
        beside: the variables of the file ``.env`` beside the code, which does not override others.

    Raises:
        OpsError: the process has another environment than the unit would give it now; no value is told.
    """
    now = dict(unit.declared)
    for text in files.values():
        now.update(envfile.parse(text))
    apart = sorted(name for name, value in now.items() if name in process and process[name] != value)
    apart += sorted(name for name in now if name not in process)
    if apart:
        raise OpsError(
            f"{UNIT} runs with other values of {', '.join(apart)} than its files now give it",
            next_step=f"see which are right, then systemctl restart {UNIT}, and run this again",
        )
    found = {**beside, **{name: process[name] for name in now}}
    return {name: value for name, value in found.items() if name not in MACHINERY}


def left_out(unit: LegacyUnit) -> list[str]:
    """The names of variables that a release has no use for."""
    return sorted(MACHINERY & set(unit.declared))


def _variables(shown: str) -> dict[str, str]:
    """Variables as systemctl shows them: words, in double quotes where need be."""
    found = {}
    for quoted, plain in _WORD.findall(shown):
        word = re.sub(r"\\(.)", lambda match: _MEANS.get(match.group(1), match.group(1)), quoted) if quoted else plain
        name, equals, value = word.partition("=")
        if equals:
            found[name] = value
    return found


def _text(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
