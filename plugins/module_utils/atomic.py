# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Files and links that are either the old or the new one, never half of each."""

from __future__ import annotations

import fcntl
import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from .errors import OpsError


def write(path: Path, content: str | bytes, *, mode: int = 0o600, uid: int = 0, gid: int = 0) -> None:
    """Replace a file in one rename; it never exists with other contents, a wider mode or another owner.

    Raises:
        OSError: the file cannot be written (a full disk leaves the old one in place).
    """
    data = content.encode() if isinstance(content, str) else content
    handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as stream:
            os.fchmod(stream.fileno(), mode)
            if os.geteuid() == 0:
                os.fchown(stream.fileno(), uid, gid)
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        os.rename(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise
    _sync_directory(path.parent)


def write_json(path: Path, value: Any, *, mode: int = 0o600) -> None:
    """Replace a file by a JSON value, in one rename."""
    write(path, json.dumps(value, indent=1, sort_keys=True) + "\n", mode=mode)


def read_json(path: Path) -> Any:
    """The JSON value in a file, or None where there is no such file.

    Raises:
        OpsError: the file is not JSON.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise OpsError(f"{path} is damaged ({error})", next_step="look into it, and move it away") from error


def read_text(path: Path) -> str | None:
    """The text of a file as it is, or None where there is no such file."""
    try:
        # Not read_text(), which makes one kind of line end of all.
        return path.read_bytes().decode()
    except FileNotFoundError:
        return None


def link(path: Path, target: str | None) -> None:
    """Make ``path`` a symbolic link to ``target`` by one rename, or take the link away for None."""
    if target is None:
        path.unlink(missing_ok=True)
        return
    with tempfile.TemporaryDirectory(prefix=f".{path.name}.", dir=path.parent) as scratch:
        fresh = Path(scratch) / path.name
        fresh.symlink_to(target)
        os.rename(fresh, path)
    _sync_directory(path.parent)


def link_target(path: Path) -> str | None:
    """What a symbolic link points at, or None where there is no link."""
    try:
        return os.readlink(path)
    except (FileNotFoundError, OSError):
        return None


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold an exclusive ``flock`` on a file for the length of a block; the kernel drops it with the process."""
    with open(path, "a", encoding="utf-8") as stream:
        os.fchmod(stream.fileno(), 0o600)
        fcntl.flock(stream, fcntl.LOCK_EX)
        yield


def _sync_directory(directory: Path) -> None:
    """Make a rename survive a power cut."""
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
