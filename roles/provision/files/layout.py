# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Have folders and empty files with their owners and modes, and others not, in one call.

Takes one JSON argument, prints each thing that it changed (in check mode: would change), a line a path.
"""

from __future__ import annotations

import grp
import json
import os
import pwd
import shutil
import stat
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Callable


@dataclass(frozen=True)
class Entry:
    """What is wanted at a path, or what is there: a ``directory``, a ``file`` or nothing (``absent``)."""

    kind: str
    owner: str = ""
    group: str = ""
    mode: int = 0


def wanted_entry(item: Mapping[str, str]) -> Entry:
    """What is wanted, from the role's data."""
    kind = item.get("kind", "directory")
    if kind == "absent":
        return Entry(kind)
    owner = item.get("owner", "root")
    return Entry(kind, owner, item.get("group", owner), int(item.get("mode", "0755"), 8))


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


def _name(look_up: Callable[[], str], number: int) -> str:
    try:
        return look_up()
    except KeyError:
        return str(number)


def needed(wanted: Entry, found: Entry) -> str:
    """What has to be done, in a word or two; empty for nothing.

    Raises:
        ValueError: a directory is in the place of a file, or the other way round.
    """
    if wanted == found:
        return ""
    if wanted.kind == found.kind:
        return "correct owner and mode of"
    if found.kind == "absent":
        return f"make {wanted.kind}"
    if (wanted.kind, found.kind) == ("absent", "file"):
        return "remove"
    raise ValueError(f"is a {found.kind} where {wanted.kind} is wanted. Next: see what it is, and move it away.")


def apply(path: Path, wanted: Entry) -> None:
    """Make it so. It is never open to more than its owner before it has its mode."""
    if wanted.kind == "absent":
        path.unlink()
        return
    if wanted.kind == "directory":
        path.mkdir(mode=0o700, exist_ok=True)
    else:
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600))
    shutil.chown(path, wanted.owner, wanted.group)
    path.chmod(wanted.mode)


def main() -> None:
    """Change what differs, in the order given."""
    order = json.loads(sys.argv[1])
    for item in order["entries"]:
        path, wanted = Path(item["path"]), wanted_entry(item)
        try:
            verb = needed(wanted, found_entry(path))
        except ValueError as error:
            sys.exit(f"{path} {error}")
        if verb:
            print(f"{verb} {path}")
            if not order["check"]:
                apply(path, wanted)


if __name__ == "__main__":
    main()
