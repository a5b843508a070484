# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Directories and empty files with their owners and modes, and files that are not to be there."""

from __future__ import annotations

import grp
import os
import pwd
import shutil
import stat
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable

from .errors import OpsError
from .steps import Change, Operation


@dataclass(frozen=True)
class Entry:
    """What is wanted at a path, or what is there.

    Args:
        kind: ``directory``, ``file`` or ``absent``.
        owner: name of the owner; the number of one that has no name.
        group: name of the group, likewise.
        mode: its permission bits.
    """

    kind: str
    owner: str = ""
    group: str = ""
    mode: int = 0

    def shown(self) -> dict[str, str] | None:
        """The entry as a change holds it; None for nothing."""
        if self.kind == "absent":
            return None
        return {"kind": self.kind, "owner": self.owner, "group": self.group, "mode": f"{self.mode:04o}"}


def wanted_entry(given: Mapping[str, Any]) -> Entry:
    """What is wanted, from the module's option.

    Raises:
        OpsError: the mode is not octal.
    """
    if given["kind"] == "absent":
        return Entry("absent")
    try:
        mode = int(given["mode"], 8)
    except ValueError as error:
        raise OpsError(f"the mode of {given['path']} is {given['mode']!r}", next_step="write it as 0755") from error
    return Entry(given["kind"], given["owner"], given["group"] or given["owner"], mode)


def found_entry(path: Path) -> Entry:
    """What is at a path now; a link is what it leads to, unless it leads nowhere."""
    if not os.path.lexists(path):
        return Entry("absent")
    state = path.stat() if path.exists() else path.lstat()
    return Entry(
        "directory" if stat.S_ISDIR(state.st_mode) else "file",
        _name(lambda: pwd.getpwuid(state.st_uid).pw_name, state.st_uid),
        _name(lambda: grp.getgrgid(state.st_gid).gr_name, state.st_gid),
        stat.S_IMODE(state.st_mode),
    )


def plan(wanted: Mapping[str, Entry], found: Mapping[str, Entry]) -> list[Change]:
    """What has to be done to have each path as wanted, parents first where they are given first.

    Raises:
        OpsError: a directory is in the place of a file, or the other way round.
    """
    changes = []
    for path, entry in wanted.items():
        step = _step(path, entry, found[path])
        if step:
            changes.append(Change(step, path, found[path].shown(), entry.shown()))
        if step == "remove":
            changes.append(Change("clear", f"{path}, set aside", {"as": str(_aside(path))}, None))
    return changes


def _step(path: str, wanted: Entry, found: Entry) -> str:
    if wanted == found:
        return ""
    if wanted.kind == found.kind:
        return "correct"
    if found.kind == "absent":
        return "make"
    if (wanted.kind, found.kind) == ("absent", "file"):
        return "remove"
    raise OpsError(
        f"{path} is a {found.kind} where {wanted.kind} is wanted", next_step="see what it is, and move it away"
    )


class Paths(Operation):
    """Makes, corrects and removes; what is removed is set aside until nothing can fail any more."""

    name = "paths"
    steps = ("correct", "make", "remove", "clear")
    commit = "remove"

    @classmethod
    def again(cls, params: Mapping[str, Any]) -> Paths:
        return cls()

    def params(self) -> dict[str, Any]:
        return {}

    def do(self, change: Change) -> None:
        path = Path(change.target)
        if change.step == "correct":
            _give(path, change.after)
        elif change.step == "make":
            _make(path, change.after)
        elif change.step == "remove":
            os.replace(path, _aside(path))
        elif change.step == "clear":
            Path(change.before["as"]).unlink(missing_ok=True)

    def undo(self, change: Change) -> None:
        path = Path(change.target)
        if change.step == "correct":
            _give(path, change.before)
        elif change.step == "make":
            _unmake(path)
        elif change.step == "remove" and os.path.lexists(_aside(path)):
            os.replace(_aside(path), path)


def _make(path: Path, wanted: Mapping[str, str]) -> None:
    """It is never open to more than its owner before it has its mode."""
    if wanted["kind"] == "directory":
        path.mkdir(mode=0o700, exist_ok=True)
    else:
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600))
    _give(path, wanted)


def _unmake(path: Path) -> None:
    """What others put there meanwhile stays."""
    if path.is_dir():
        with suppress(OSError):
            path.rmdir()
    elif path.exists() and path.stat().st_size == 0:
        path.unlink()


def _give(path: Path, wanted: Mapping[str, str]) -> None:
    owner, group = wanted["owner"], wanted["group"]
    try:
        shutil.chown(path, int(owner) if owner.isdigit() else owner, int(group) if group.isdigit() else group)
    except LookupError as error:
        raise OpsError(
            f"{path} cannot belong to {owner}:{group} ({error})", next_step="make user and group first, or correct it"
        ) from error
    path.chmod(int(wanted["mode"], 8))


def _aside(path: str | Path) -> Path:
    """Where a file waits to be removed: beside its place, with a name that programs which read all files leave."""
    return Path(path).with_name(f".{Path(path).name}.blyan-ops")


def _name(look_up: Callable[[], str], number: int) -> str:
    try:
        return look_up()
    except KeyError:
        return str(number)
