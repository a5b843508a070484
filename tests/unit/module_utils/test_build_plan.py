# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from dataclasses import replace

import pytest
from ansible_collections.blyan.ops.plugins.module_utils import build
from ansible_collections.blyan.ops.plugins.module_utils.errors import OpsError

from .samples import release

NEW = "abcdef0123456789abcdef0123456789abcdef01"
NOW = "20261123T204501Z"
LIVE = release(2)
WANTED = build.Wanted(commit=NEW, version="main", venv="venv-a", keep=5, by="anna@desk")
FOUND = build.Found([LIVE], LIVE.id, [LIVE.id, None], ["venv-a"], NOW)


def steps(wanted: build.Wanted, found: build.Found) -> list[str]:
    return [change.step for change in build.plan(wanted, found)[1]]


def pruned(found: build.Found, **wanted: object) -> list[dict[str, str]]:
    return [change.before for change in build.plan(replace(WANTED, **wanted), found)[1] if change.step == "prune"]


def test_a_new_release() -> None:
    made, changes = build.plan(WANTED, FOUND)
    assert (made.id, made.commit, made.version, made.state) == (f"{NOW}-abcdef0", NEW, "main", "building")
    assert (made.created, made.created_by, made.replaced) == (NOW, "anna@desk", LIVE.id)
    assert [change.step for change in changes] == ["record", "files", "compile"]


def test_other_requirements_need_another_virtual_environment() -> None:
    assert steps(replace(WANTED, venv="venv-b"), FOUND) == ["record", "files", "venv", "compile"]


def test_the_live_one_is_used_again() -> None:
    assert build.plan(replace(WANTED, commit=LIVE.commit), FOUND) == (LIVE, [])


def test_a_good_release_without_its_virtual_environment_is_made_anew() -> None:
    made, changes = build.plan(replace(WANTED, commit=LIVE.commit), replace(FOUND, venvs=[]))
    assert made.id != LIVE.id
    assert "venv" in [change.step for change in changes]


def test_two_releases_in_one_second_have_two_names() -> None:
    twins = [replace(release(3), id=f"{NOW}-abcdef0{end}", commit=NEW, state="bad") for end in ("", ".2")]
    made, _changes = build.plan(WANTED, replace(FOUND, releases=[LIVE, *twins]))
    assert made.id == f"{NOW}-abcdef0.3"


def test_the_new_one_takes_one_of_the_places() -> None:
    history = [release(number) for number in range(1, 6)]
    found = replace(FOUND, releases=history, current=history[4].id, used=[history[4].id, history[3].id])
    assert pruned(found, keep=5) == [{"release": history[0].id, "state": "good"}]


def test_a_virtual_environment_goes_with_its_last_release() -> None:
    history = [replace(release(1), venv="venv-old"), replace(release(2), venv="venv-old"), release(3), release(4)]
    found = replace(FOUND, releases=history, used=[history[3].id], venvs=["venv-old", "venv-a"])
    assert {"venv": "venv-old"} in pruned(found, keep=3)
    assert {"venv": "venv-old"} not in pruned(found, keep=4)


def test_the_virtual_environment_that_is_wanted_stays() -> None:
    found = replace(FOUND, releases=[], used=[], venvs=["venv-a", "venv-stray"])
    assert pruned(found) == [{"venv": "venv-stray"}]


def test_planning_twice_gives_the_same() -> None:
    assert build.plan(WANTED, FOUND) == build.plan(WANTED, FOUND)


def test_every_change_belongs_to_a_step() -> None:
    history = [release(number) for number in range(1, 9)]
    wanted = replace(WANTED, venv="venv-b", keep=2)
    assert set(steps(wanted, replace(FOUND, releases=history, venvs=["venv-a"]))) == set(build.Build.steps)


@pytest.mark.parametrize("keep", [1, 0, -3])
def test_too_few_kept(keep: int) -> None:
    with pytest.raises(OpsError, match=f"deploy_keep_releases is {keep}"):
        build.check_keep(keep)
    build.check_keep(2)
