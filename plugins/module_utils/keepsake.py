# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Files of a host as they were before it was taken over, kept so that they can be put back byte for byte."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from . import atomic
from .errors import OpsError
from .steps import STATE

#: Root's alone, as a unit that was written by hand may hold secrets.
FOLDER = STATE / "adoption"


def keep(paths: Sequence[str], facts: Mapping[str, Any]) -> None:
    """Keep files as they are now, with what else has to be known to go back.

    Args:
        paths: where they are; one that is not there is kept as not there.
        facts: JSON, no secret.
    """
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(mode=0o700, parents=True)
    entries = [_kept(path, FOLDER / str(number)) for number, path in enumerate(paths)]
    atomic.write_json(FOLDER / "manifest.json", {"facts": dict(facts), "files": entries})


def facts() -> dict[str, Any] | None:
    """What was noted when files were kept, or None where nothing is kept."""
    manifest = atomic.read_json(FOLDER / "manifest.json")
    return None if manifest is None else dict(manifest["facts"])


def content(path: str) -> bytes:
    """What a file held that is kept.

    Raises:
        OpsError: it is not among them.
    """
    return (FOLDER / str(_entry(path)["copy"])).read_bytes()


def put_back(path: str) -> None:
    """Have a file as it was: content, mode, owner, a link, or not there.

    Raises:
        OpsError: it is not among what is kept.
    """
    entry, target = _entry(path), Path(path)
    if entry["kind"] == "absent":
        target.unlink(missing_ok=True)
    elif entry["kind"] == "link":
        atomic.link(target, entry["target"])
    else:
        target.parent.mkdir(parents=True, exist_ok=True)
        data = (FOLDER / entry["copy"]).read_bytes()
        atomic.write(target, data, mode=entry["mode"], uid=entry["uid"], gid=entry["gid"])


def forget() -> None:
    """Keep nothing any more."""
    # First what says that something is kept, so that a kill leaves nothing half.
    (FOLDER / "manifest.json").unlink(missing_ok=True)
    shutil.rmtree(FOLDER, ignore_errors=True)


def _kept(path: str, copy: Path) -> dict[str, Any]:
    target = atomic.link_target(Path(path))
    if target is not None:
        return {"path": path, "kind": "link", "target": target}
    if not Path(path).exists():
        return {"path": path, "kind": "absent"}
    status = os.stat(path)
    atomic.write(copy, Path(path).read_bytes())
    return {
        "path": path,
        "kind": "file",
        "copy": copy.name,
        "mode": status.st_mode & 0o7777,
        "uid": status.st_uid,
        "gid": status.st_gid,
    }


def _entry(path: str) -> Mapping[str, Any]:
    manifest = atomic.read_json(FOLDER / "manifest.json") or {"files": []}
    for entry in manifest["files"]:
        if entry["path"] == path:
            return dict(entry)
    raise OpsError(f"{FOLDER} holds no {path}", next_step="put that file back by hand")
