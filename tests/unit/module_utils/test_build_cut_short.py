# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from pathlib import Path
from typing import Callable

import pytest
from ansible_collections.blyan.ops.plugins.module_utils import build, leftovers
from ansible_collections.blyan.ops.plugins.module_utils.git import Repository
from ansible_collections.blyan.ops.plugins.module_utils.layout import Layout
from ansible_collections.blyan.ops.plugins.module_utils.steps import Engine
from origin import Origin, tree
from units import Units

from .cut import Died, Planned, Way, cut, left, points, ways


@pytest.fixture
def origin(tmp_path: Path) -> Origin:
    return Origin(tmp_path)


@pytest.fixture
def source(site: Layout, origin: Origin, tmp_path: Path) -> Repository:
    (tmp_path / "scratch").mkdir()
    return Repository(str(origin.path), site.mirror, tmp_path / "scratch")


@pytest.fixture
def planned(site: Layout, origin: Origin, source: Repository) -> Callable[[], Planned]:
    """Plans a new release with a virtual environment of its own."""
    commit = origin.commit({"requirements.txt": "uvicorn\n"})
    source.fetch(commit)
    wanted = build.Wanted(commit, "v2", "venv-b", 2, "anna@desk")

    def make_venv(path: Path) -> None:
        path.mkdir(parents=True)
        (path / ".complete").touch()

    def plan() -> Planned:
        made, changes = build.plan(wanted, build.find(site))
        return build.Build(site, made, source, make_venv, "/usr/bin/python3"), changes

    return plan


def disk(site: Layout) -> set[str]:
    """The releases and records on disk, and the virtual environments that are not whole."""
    made = {str(path) for name in ("releases", "records") for path in (site.root / name).iterdir()}
    return made | {str(path) for path in site.venvs.glob("*") if not (path / ".complete").exists()}


@ways
@pytest.mark.parametrize("point", points(build.Build, "prune"))
def test_a_release_is_whole_or_not_there(
    engine: Engine, site: Layout, planned: Callable[[], Planned], point: str, way: Way
) -> None:
    before = disk(site)
    cut(engine, planned(), point, way)
    assert (leftovers.settle(engine) != []) == (way is Died)
    assert disk(site) == before
    assert left(engine) == []
    engine.run(*planned())
    assert len(disk(site)) == len(before) + 2


@pytest.mark.parametrize("half", ["venv", "release"])
def test_what_a_kill_left_in_the_middle_of_a_step_goes(
    engine: Engine, site: Layout, planned: Callable[[], Planned], units: Units, half: str
) -> None:
    operation, changes = planned()
    before = disk(site)
    cut(engine, (operation, changes), f"release.{'venv' if half == 'venv' else 'files'}:before", Died)
    made = site.venvs / "venv-b" if half == "venv" else site.release(f".{operation.params()['release']['id']}")
    (made / "deep").mkdir(parents=True)
    units.states["aiblock-venv-venv-b.service"] = "active"
    leftovers.settle(engine)
    assert disk(site) == before
    # pip is ended, where it may run.
    assert units.calls == (["kill aiblock-venv-venv-b.service"] if half == "venv" else [])


def test_links_that_the_repository_has_are_not_followed(
    engine: Engine, site: Layout, origin: Origin, source: Repository, tmp_path: Path
) -> None:
    """Where root writes into the files of a release, a version may have put links that lead out of it."""
    outside = tmp_path / "outside"
    (outside / "cache").mkdir(parents=True)
    (outside / "file").write_text("kept")
    before = tree(outside)
    links = {
        "REVISION": outside / "file",
        ".venv": outside / "cache",
        "pkg/__pycache__": outside / "cache",
        "deep/REVISION": outside / "file",
    }
    commit = origin.commit({"requirements.txt": "uvicorn\n", "pkg/mod.py": "x = 1\n"}, links=links)
    source.fetch(commit)
    wanted = build.Wanted(commit, "v2", "venv-b", 2, "anna@desk")
    made, changes = build.plan(wanted, build.find(site))
    engine.run(build.Build(site, made, source, lambda path: path.mkdir(parents=True), "/usr/bin/python3"), changes)
    release = site.release(made.id)
    assert tree(outside) == before
    assert (release / "REVISION").read_text() == f"{commit}\n"
    assert not (release / "REVISION").is_symlink()
    assert (release / ".venv").readlink() == site.venvs / "venv-b"
    assert len(list((release / "pkg/__pycache__").iterdir())) == 1
    assert (release / "deep/REVISION").is_symlink(), "what the app may need for itself stays"


def test_directories_in_the_way_give_way(engine: Engine, site: Layout, origin: Origin, source: Repository) -> None:
    commit = origin.commit({"requirements.txt": "", "REVISION/a": "1", ".venv/b": "2"})
    source.fetch(commit)
    made, changes = build.plan(build.Wanted(commit, "v2", "venv-b", 2, "anna@desk"), build.find(site))
    engine.run(build.Build(site, made, source, lambda path: path.mkdir(parents=True), "/usr/bin/python3"), changes)
    assert (site.release(made.id) / "REVISION").read_text() == f"{commit}\n"
