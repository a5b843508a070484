# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The record of each release: what it is, how it fared, and what may be rolled back to or removed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

from . import atomic
from .errors import OpsError
from .layout import Layout


@dataclass(frozen=True)
class Release:
    """One release.

    Args:
        id: ``<UTC time>-<short commit>``, the name of its directory.
        commit: the full commit.
        version: the branch, tag or commit that was asked for.
        venv: the name of its virtual environment.
        state: ``building``, ``good`` (it served) or ``bad``.
        created: when it was made, UTC.
        created_by: who made it.
        live_since: when it last began to serve, UTC; empty if never.
        live_by: who put it into service last.
        replaced: the release that served before it; empty for the first.
        error: why it is bad.
        pruned: whether its files are gone.
        schema_before: the schema of the database before its migrations; empty where that is not known.
        schema_after: the one after them, with which it served.
        schema_compatible: older schemas whose code works with the one of this release, one space between two.
    """

    id: str
    commit: str
    version: str
    venv: str
    state: str
    created: str
    created_by: str
    live_since: str = ""
    live_by: str = ""
    replaced: str = ""
    error: str = ""
    pruned: bool = False
    schema_before: str = ""
    schema_after: str = ""
    schema_compatible: str = ""

    @property
    def usable(self) -> bool:
        """Whether it served well and is still on disk."""
        return self.state == "good" and not self.pruned

    @property
    def label(self) -> str:
        """What a person calls it; the same before and after it is made."""
        return f"{self.commit[:7]} ({self.version})"


class Records:
    """The records under a layout."""

    def __init__(self, layout: Layout) -> None:
        self._directory = layout.records

    def all(self) -> list[Release]:
        """All releases, oldest first; unknown fields of a newer version are left out."""
        known = {field.name for field in fields(Release)}
        found = []
        for path in sorted(self._directory.glob("*.json")):
            values = atomic.read_json(path) or {}
            found.append(Release(**{name: value for name, value in values.items() if name in known}))
        return found

    def get(self, release: str) -> Release | None:
        """One release by its id, or None."""
        return next((found for found in self.all() if found.id == release), None)

    def save(self, release: Release) -> None:
        """Write a record."""
        atomic.write_json(self._file(release.id), asdict(release), mode=0o644)

    def drop(self, release: str) -> None:
        """Forget a release that never was whole."""
        self._file(release).unlink(missing_ok=True)

    def change(self, release: str, **values: Any) -> None:
        """Change some fields of a record, which exists."""
        found = self.get(release)
        if found is not None:
            self.save(replace(found, **values))

    def _file(self, release: str) -> Path:
        return self._directory / f"{release}.json"


def serving(layout: Layout) -> dict[str, Any] | None:
    """The record of the release that serves, with its ``slot``; None where none does."""
    slot = layout.live_slot()
    record = Records(layout).get(layout.current_release())
    return None if slot is None or record is None else {**asdict(record), "slot": slot}


def reusable(releases: Sequence[Release], live: str, commit: str, venv: str) -> Release | None:
    """The live release, if it is this commit with this virtual environment; a start with other variables needs no new.

    One that served before is not used again: its record says what it replaced then, and under which name.
    """
    return next((r for r in releases if r.id == live and r.usable and (r.commit, r.venv) == (commit, venv)), None)


def rollback_target(releases: Sequence[Release], live: str | None, wanted: str) -> Release:
    """The release to go back to.

    Args:
        releases: all records.
        live: the id of the release that serves.
        wanted: a release id, a commit (at least 7 digits) or a version; empty for the one that served before.

    Returns:
        The release; the live one where that alone is what was named.

    Raises:
        OpsError: there is none; nothing was changed.
    """
    usable = [r for r in releases if r.usable and r.id != live]
    ids = ", ".join(r.id for r in reversed(usable)) or "none"
    if wanted:
        named = [r for r in releases if r.id == wanted or r.version == wanted or _same_commit(r.commit, wanted)]
        fit = [r for r in named if r in usable] or [r for r in named if r.id == live]
        if fit:
            return fit[-1]
        raise OpsError(
            f"deploy_rollback_to is {wanted!r}, and no good release is called so{_why_not(releases, live, wanted)}",
            next_step=f"choose one of: {ids}; or deploy that version",
        )
    at = next((r for r in releases if r.id == live), None)
    seen = {live}  # so that records mended by hand cannot make a ring
    while at is not None and at.replaced and at.replaced not in seen:
        seen.add(at.replaced)
        at = next((r for r in releases if r.id == at.replaced), None)
        if at is not None and at.usable:
            return at
    raise OpsError(
        "there is no release to roll back to: none that served before the live one is still on disk",
        next_step=f"name a good one as deploy_rollback_to (on disk: {ids}), or deploy a version",
    )


def prunable(releases: Sequence[Release], used: Sequence[str | None], keep: int) -> list[Release]:
    """The releases whose files may go: all that never served, and good ones past the newest ``keep``.

    Args:
        releases: all records, oldest first.
        used: releases that slots run or the live link names; never removed, and neither is what the
            live one replaced.
        keep: how many good ones stay besides those, at least 1.
    """
    held = {release for release in used if release}
    held |= {r.replaced for r in releases if r.id in held and r.replaced}
    good = sorted((r for r in releases if r.usable), key=lambda r: r.live_since)
    stay = held | {r.id for r in good[-max(1, keep) :]}
    return [r for r in releases if not r.pruned and r.id not in stay]


def unused_venvs(names: Sequence[str], releases: Sequence[Release]) -> list[str]:
    """The virtual environments that no release on disk needs."""
    needed = {r.venv for r in releases if not r.pruned}
    return [name for name in names if name not in needed]


def _same_commit(commit: str, wanted: str) -> bool:
    return len(wanted) >= 7 and commit.startswith(wanted)


def _why_not(releases: Sequence[Release], live: str | None, wanted: str) -> str:
    for release in reversed(releases):
        if wanted in (release.id, release.version) or _same_commit(release.commit, wanted):
            return f": {release.id} is {'gone from disk' if release.pruned else release.state}"
    return ""
