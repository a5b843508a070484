# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Making a release: files, virtual environment, record. Nothing here touches what serves."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Callable

from . import venvs
from .errors import OpsError
from .git import Repository
from .layout import SLOTS, Layout
from .releases import Records, Release, prunable, reusable, unused_venvs
from .shell import Shell, to_disk
from .steps import Change, Operation
from .systemd import Systemd


@dataclass(frozen=True)
class Wanted:
    """The release that is wanted.

    Args:
        commit: the full commit.
        version: what the operator called it.
        venv: the name of the virtual environment that it needs.
        keep: how many good releases stay on disk.
        by: who makes it.
        schema_compatible: older schemas whose code works with the one of this commit, as it says itself.
    """

    commit: str
    version: str
    venv: str
    keep: int
    by: str
    schema_compatible: str = ""


@dataclass(frozen=True)
class Found:
    """What is on the host: records, what serves, what slots run, and virtual environments that are whole."""

    releases: Sequence[Release]
    current: str
    used: Sequence[str | None]
    venvs: Sequence[str]
    now: str


def check_keep(keep: int) -> None:
    """Refuse to keep so few releases that there is none to go back to.

    Raises:
        OpsError: fewer than 2.
    """
    if keep < 2:
        raise OpsError(
            f"deploy_keep_releases is {keep}, which leaves nothing to roll back to", next_step="set it to 2 or more"
        )


def find(layout: Layout) -> Found:
    """Read what is on the host."""
    current, releases = layout.current_release(), Records(layout).all()
    # A release that was being made when its run ended never served, so that a slot which still names it needs it not.
    dead = {r.id for r in releases if r.state == "building"}
    used = [current, *(r for r in map(layout.release_of, SLOTS) if r not in dead)]
    whole = [path.name for path in layout.venvs.glob("*") if venvs.is_whole(path)]
    return Found(releases, current, used, whole, time.strftime("%Y%m%dT%H%M%SZ", time.gmtime()))


def plan(wanted: Wanted, found: Found) -> tuple[Release, list[Change]]:
    """The release to use and what has to be done to have it; nothing where it is the live one."""
    there = reusable(found.releases, found.current, wanted.commit, wanted.venv)
    if there is not None and wanted.venv in found.venvs:
        return there, []
    release = Release(
        id=_free_id(found, wanted.commit),
        commit=wanted.commit,
        version=wanted.version,
        venv=wanted.venv,
        state="building",
        created=found.now,
        created_by=wanted.by,
        replaced=found.current,
        schema_compatible=wanted.schema_compatible,
    )
    changes = [
        Change("record", f"release {release.label}", None, {"state": "building"}),
        Change("files", f"files of {release.label}", None, {"commit": wanted.commit}),
    ]
    if wanted.venv not in found.venvs:
        changes.append(Change("venv", f"virtual environment {wanted.venv}", None, {"state": "built with pip"}))
    changes.append(Change("compile", f"byte code of {release.label}", None, {"state": "compiled"}))
    changes += _prune(wanted, found)
    return release, changes


def _prune(wanted: Wanted, found: Found) -> list[Change]:
    """What goes: the new release takes one of the places that are kept."""
    gone = prunable(found.releases, found.used, wanted.keep - 1)
    stay = [r for r in found.releases if r not in gone]
    unused = [name for name in unused_venvs(found.venvs, stay) if name != wanted.venv]
    changes = [Change("prune", f"release {r.label}", {"release": r.id, "state": r.state}, None) for r in gone]
    return changes + [Change("prune", f"virtual environment {name}", {"venv": name}, None) for name in unused]


def _free_id(found: Found, commit: str) -> str:
    taken = {r.id for r in found.releases}
    base = f"{found.now}-{commit[:7]}"
    return next(name for name in [base, *(f"{base}.{n}" for n in range(2, 100))] if name not in taken)


@dataclass
class Build(Operation):
    """Makes one release on disk.

    Args:
        layout: where.
        release: what.
        repository: where its files come from; None when only undoing.
        make_venv: builds the virtual environment of the release.
        python: the interpreter of that environment.
        systemd: the service manager.
    """

    name = "release"
    steps = ("record", "files", "venv", "compile", "prune")

    layout: Layout
    release: Release
    repository: Repository | None = None
    make_venv: Callable[[Path], None] = lambda path: None
    python: str = ""
    systemd: Systemd = field(default_factory=Systemd)

    @classmethod
    def again(cls, params: Mapping[str, Any]) -> Build:
        return cls(Layout(Path(params["root"])), Release(**params["release"]))

    def params(self) -> dict[str, Any]:
        return {"root": str(self.layout.root), "release": vars(self.release)}

    def do(self, change: Change) -> None:
        if change.step == "record":
            self.layout.records.mkdir(exist_ok=True)
            Records(self.layout).save(self.release)
        elif change.step == "files":
            self._export()
        elif change.step == "venv":
            self.make_venv(self.layout.venvs / self.release.venv)
        elif change.step == "compile":
            _compile(self.layout.release(self.release.id), self.python)
        elif change.step == "prune":
            self._remove(change.before)

    def undo(self, change: Change) -> None:
        # What was pruned was of no use.
        if change.step == "record":
            Records(self.layout).drop(self.release.id)
        elif change.step == "files":
            shutil.rmtree(self.layout.release(self.release.id), ignore_errors=True)
            shutil.rmtree(self._unfinished(), ignore_errors=True)
        elif change.step == "venv" and not venvs.is_whole(self.layout.venvs / self.release.venv):
            # Else pip of a run that was killed would go on filling what is removed here.
            self.systemd.end(venvs.unit(self.layout.venvs / self.release.venv))
            shutil.rmtree(self.layout.venvs / self.release.venv, ignore_errors=True)

    def _repository(self) -> Repository:
        if self.repository is None:
            raise OpsError("a half-made release cannot be finished", next_step="run the deploy again")
        return self.repository

    def _unfinished(self) -> Path:
        return self.layout.release(f".{self.release.id}")

    def _export(self) -> None:
        """Write the files under a name that nothing uses, then give the directory its own in one rename."""
        directory = self._unfinished()
        shutil.rmtree(directory, ignore_errors=True)
        directory.mkdir(mode=0o755, parents=True)
        self._repository().export(self.release.commit, directory)
        _make_way(directory)
        (directory / "REVISION").write_text(self.release.commit + "\n", encoding="ascii")
        (directory / ".venv").symlink_to(self.layout.venvs / self.release.venv)
        to_disk(directory)
        os.rename(directory, self.layout.release(self.release.id))

    def _remove(self, what: Mapping[str, str]) -> None:
        if "venv" in what:
            shutil.rmtree(self.layout.venvs / what["venv"], ignore_errors=True)
            return
        shutil.rmtree(self.layout.release(what["release"]), ignore_errors=True)
        records = Records(self.layout)
        found = records.get(what["release"])
        if found is not None and found.state == "building" and found.schema_after:
            # Its deploy was killed after the migration, which is to be remembered.
            records.change(found.id, state="bad", error="its deploy was cut short", pruned=True)
        elif what["state"] == "building":
            records.drop(what["release"])
        else:
            records.change(what["release"], pruned=True)


def check_room(root: Path, least_mb: int) -> None:
    """Refuse when the disk is nearly full.

    Raises:
        OpsError: fewer than ``least_mb`` megabytes are free under ``root``.
    """
    place = root
    while not place.exists():
        place = place.parent
    free = shutil.disk_usage(place).free // 1_000_000
    if free < least_mb:
        raise OpsError(
            f"{root} has {free} MB free, and a release needs {least_mb} MB",
            next_step="free disk space on the host, or lower deploy_min_free_mb",
        )


def _make_way(directory: Path) -> None:
    """Remove what the repository has where root is to write: a link there would be followed, out of the release."""
    for made in (directory / "REVISION", directory / ".venv", *directory.rglob("__pycache__")):
        if made.is_dir() and not made.is_symlink():
            shutil.rmtree(made)
        else:
            made.unlink(missing_ok=True)


def _compile(release: Path, python: str) -> None:
    """Write the byte code of a release, as the app's user may not; what does not compile is left for the app to meet.

    Isolated and without site packages: nothing that pip brought runs as root.
    """
    Shell().run([python, "-I", "-S", "-m", "compileall", "-q", str(release)], timeout=300)
