# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Folders of a checkout from which nginx serves files, made to follow the release that serves, in one rename.

nginx goes on reading the path that it always read; the folder itself stays beside it under another name.
"""

from __future__ import annotations

import ctypes
import os
from pathlib import Path

from . import atomic
from .errors import OpsError
from .steps import Change

_EXCHANGE = 2
_AT_FDCWD = -100
_BESIDE = ".by-hand"


def change(checkout: str, name: str) -> Change:
    """What is done to a folder, which is named relative to the checkout."""
    before = {"is": f"a folder of {checkout}"}
    after = {"is": "a link to the same folder of the release that serves", "folder": f"stays as {name}{_BESIDE}"}
    return Change("static", str(Path(checkout, name)), before, after)


def follow(checkout: str, path: str, current: Path) -> None:
    """Have a path lead to the same folder of the release that serves."""
    target = str(current / os.path.relpath(path, checkout))
    beside = path + _BESIDE
    if atomic.link_target(Path(path)) == target:
        return
    atomic.link(Path(beside), target)
    exchange(path, beside)


def put_back(checkout: str, path: str) -> None:
    """Have the folder itself at its path again."""
    beside = path + _BESIDE
    if os.path.islink(path) and os.path.isdir(beside) and not os.path.islink(beside):
        exchange(path, beside)
    if os.path.islink(beside):
        os.unlink(beside)


def exchange(one: str, other: str) -> None:
    """Exchange what two paths name, in one step.

    Raises:
        OpsError: the file system cannot do that.
    """
    library = ctypes.CDLL(None, use_errno=True)
    if library.renameat2(_AT_FDCWD, os.fsencode(one), _AT_FDCWD, os.fsencode(other), _EXCHANGE) != 0:
        raise OpsError(
            f"{one} and {other} cannot be exchanged: {os.strerror(ctypes.get_errno())}",
            next_step="see which file system it is on; ext4, xfs, btrfs and overlayfs can",
        )
