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
from origin import Origin
from units import Units

from .cut import Died, Planned, Way, cut, left, points, ways


@pytest.fixture
def planned(site: Layout, tmp_path: Path) -> Callable[[], Planned]:
    """Plans a new release with a virtual environment of its own."""
    origin = Origin(tmp_path)
    commit = origin.commit({"requirements.txt": "uvicorn\n"})
    (tmp_path / "scratch").mkdir()
    source = Repository(str(origin.path), site.mirror, tmp_path / "scratch")
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
