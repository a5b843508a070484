# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A process that is really killed at each point, and what the next one makes of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from .toy import Finisher, NeverCommits, Toy, plan
from .world import AFTER, BEFORE, World

KILLED = -9
POINTS = [(step, side) for step in Toy.steps for side in ("before", "after")]


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def expected(kind: type[Toy], step: str) -> dict[str, str]:
    """What has to be there in the end: all, where the commit was marked or the operation is one to finish."""
    committed = bool(kind.commit) and kind.steps.index(step) > kind.steps.index(kind.commit)
    return AFTER if committed or kind is Finisher else BEFORE


@pytest.mark.parametrize("kind", [Toy, Finisher, NeverCommits])
@pytest.mark.parametrize(("step", "side"), POINTS)
def test_killed_at_a_step(world: World, kind: type[Toy], step: str, side: str) -> None:
    assert world.process("run", kind, BLYAN_OPS_FAULT=f"toy.{step}:{side}") == KILLED
    assert world.engine.leftovers() == ["toy"]
    done = "finished" if expected(kind, step) is AFTER else "took back"
    assert world.engine.recover(kind) == f"{done} the toy that an earlier run left at step {step}"
    assert world.files() == expected(kind, step)
    assert list(world.record.parent.iterdir()) == []
    assert world.engine.recover(kind) == ""
    world.engine.run(kind(world.directory), plan())
    assert world.files() == AFTER


@pytest.mark.parametrize(("kill", "recovered"), [("two", "two"), ("four", "four"), ("two", "four")])
def test_killed_again_while_it_is_finished(world: World, kill: str, recovered: str) -> None:
    assert world.process("run", Finisher, BLYAN_OPS_FAULT=f"toy.{kill}:before") == KILLED
    assert world.process("recover", Finisher, BLYAN_OPS_FAULT=f"toy.{recovered}:after") == KILLED
    assert world.engine.recover(Finisher).startswith("finished")
    assert world.files() == AFTER


@pytest.mark.parametrize("step", ["two", "one"])
def test_killed_again_while_it_is_taken_back(world: World, step: str) -> None:
    assert world.process("run", Toy, BLYAN_OPS_FAULT="toy.two:after") == KILLED
    assert world.process("recover", Toy, TOY_KILL_UNDO=step) == KILLED
    assert world.engine.recover(Toy).startswith("took back")
    assert world.files() == BEFORE


@pytest.mark.parametrize("step", ["three", "two", "one"])
def test_killed_while_a_failure_is_taken_back(world: World, step: str) -> None:
    """What failed is not finished, though the operation is one to finish after a kill."""
    world.break_at("three")
    assert world.process("run", Finisher, TOY_KILL_UNDO=step) == KILLED
    (world.directory / "fail-three").unlink()
    assert world.engine.recover(Finisher).startswith("took back")
    assert world.files() == BEFORE


def test_an_uncommitted_one_is_taken_back_where_that_is_asked_for(world: World) -> None:
    assert world.process("run", Finisher, BLYAN_OPS_FAULT="toy.two:after") == KILLED
    assert world.engine.recover(Finisher, finish=False).startswith("took back")
    assert world.files() == BEFORE


def test_a_committed_one_is_finished_whatever_is_asked_for(world: World) -> None:
    assert world.process("run", Toy, BLYAN_OPS_FAULT="toy.four:before") == KILLED
    assert world.engine.recover(Toy, finish=False).startswith("finished")
    assert world.files() == AFTER


@pytest.mark.parametrize("fault", ["", "toy.two", "toy.two:during", "other.two:before", "toy.two:before "])
def test_another_fault_kills_nothing(world: World, fault: str) -> None:
    assert world.process("run", Toy, BLYAN_OPS_FAULT=fault) == 0
    assert world.files() == AFTER
