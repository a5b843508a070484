# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import os
from pathlib import Path

import pytest
from ansible_collections.blyan.ops.plugins.module_utils import paths
from ansible_collections.blyan.ops.plugins.module_utils.paths import Entry, Paths
from ansible_collections.blyan.ops.plugins.module_utils.steps import Engine
from host import Host

from . import cut
from .cut import Died, failed


class Place:
    """A directory in which each step has something to do."""

    def __init__(self, base: Path) -> None:
        mine = paths.found_entry(base)
        self.base = base
        (base / "example").write_text("a site\n")
        (base / "link").symlink_to(base / "nowhere")
        (base / "log").write_text("a line\n")
        (base / "log").chmod(0o666)
        self.wanted = {
            f"{base}/etc": Entry("directory", mine.owner, mine.group, 0o700),
            f"{base}/etc/slots": Entry("directory", mine.owner, mine.group, 0o711),
            f"{base}/new": Entry("file", mine.owner, mine.group, 0o640),
            f"{base}/log": Entry("file", mine.owner, mine.group, 0o640),
            f"{base}/example": Entry("absent"),
            f"{base}/link": Entry("absent"),
        }

    def planned(self) -> cut.Planned:
        found = {path: paths.found_entry(Path(path)) for path in self.wanted}
        return Paths(), paths.plan(self.wanted, found)

    def state(self) -> dict[str, tuple[int, str]]:
        """Every name with its mode, and what it holds or leads to."""
        found = {}
        for path in self.base.rglob("*"):
            holds = os.readlink(path) if path.is_symlink() else path.read_text() if path.is_file() else ""
            found[str(path.relative_to(self.base))] = (path.lstat().st_mode & 0o777, holds)
        return found

    def done(self) -> bool:
        return not self.planned()[1] and set(self.state()) == {"etc", "etc/slots", "new", "log"}


@pytest.fixture
def place(tmp_path: Path, host: Host) -> Place:
    base = tmp_path / "place"
    base.mkdir()
    return Place(base)


def test_all_is_done(engine: Engine, place: Place) -> None:
    engine.run(*place.planned())
    assert place.done()
    assert place.state()["log"] == (0o640, "a line\n")
    assert place.state()["etc/slots"][0] == 0o711


@pytest.mark.parametrize("point", cut.points(Paths, "clear"))
@cut.ways
def test_before_the_commit_all_is_put_back(engine: Engine, place: Place, point: str, way: cut.Way) -> None:
    before = place.state()
    cut.cut(engine, place.planned(), point, way)
    engine.recover(Paths)
    assert place.state() == before
    assert cut.left(engine) == []
    engine.run(*place.planned())
    assert place.done()


@pytest.mark.parametrize("point", ["paths.clear:before", "paths.clear:after"])
@pytest.mark.parametrize("way", [failed, Died])
def test_after_it_the_rest_is_cleared(engine: Engine, place: Place, point: str, way: cut.Way) -> None:
    cut.cut(engine, place.planned(), point, way)
    assert engine.recover(Paths) == "finished the paths that an earlier run left at step clear"
    assert place.done()
    assert cut.left(engine) == []


def test_what_others_put_there_meanwhile_stays(engine: Engine, place: Place) -> None:
    cut.cut(engine, place.planned(), "paths.remove:before", Died)
    (place.base / "etc" / "theirs").write_text("x")
    (place.base / "new").write_text("a line\n")
    engine.recover(Paths)
    assert (place.base / "etc" / "theirs").read_text() == "x"
    assert (place.base / "new").read_text() == "a line\n"


def test_an_owner_that_is_not_there(engine: Engine, place: Place) -> None:
    place.wanted[f"{place.base}/new"] = Entry("file", "nosuch", "nosuch", 0o640)
    before = place.state()
    with pytest.raises(paths.OpsError, match=r"new cannot belong to nosuch:nosuch \(no such user: 'nosuch'\)"):
        engine.run(*place.planned())
    assert place.state() == before
