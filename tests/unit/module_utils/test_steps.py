# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest
from ansible_collections.blyan.ops.plugins.module_utils import steps
from ansible_collections.blyan.ops.plugins.module_utils.errors import OpsError
from ansible_collections.blyan.ops.plugins.module_utils.steps import Change, Engine

from .toy import Finisher, NeverCommits, Toy, plan
from .world import AFTER, BEFORE, World


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def test_all_is_made_in_the_order_of_the_steps_and_nothing_is_left(world: World) -> None:
    world.engine.run(world.toy(), list(reversed(plan())))
    assert world.log() == ["do one", "do two", "do three", "do four"]
    assert world.files() == AFTER
    assert not world.record.exists()
    assert world.engine.leftovers() == []


def test_without_changes_nothing_is_written(world: World) -> None:
    world.engine.run(world.toy(), [])
    assert world.log() == []
    assert list(world.state.iterdir()) == []


def test_nothing_to_recover(world: World) -> None:
    assert world.engine.recover(Toy) == ""
    assert world.engine.leftovers() == []


def test_each_step_is_on_disk_before_it_is_made(world: World) -> None:
    seen: dict[str, list[str]] = {}

    def look(point: str, side: str) -> None:
        seen[f"{point}:{side}"] = json.loads(world.record.read_text())["states"]

    Engine(world.state, fault=look).run(world.toy(), plan("one", "two"))
    assert seen == {
        "toy.one:before": ["doing", "planned"],
        "toy.one:after": ["doing", "planned"],
        "toy.two:before": ["done", "doing"],
        "toy.two:after": ["done", "doing"],
    }


def test_only_root_reads_the_record(world: World) -> None:
    world.break_at("four")
    with pytest.raises(OpsError):
        world.engine.run(world.toy(), plan())
    assert stat.S_IMODE(world.record.stat().st_mode) == 0o600
    assert stat.S_IMODE(world.record.parent.stat().st_mode) == 0o700
    assert world.engine.leftovers() == ["toy"]


def test_time_and_progress_of_each_step(world: World) -> None:
    told: list[str] = []
    engine = Engine(world.state, progress=told.append)
    engine.run(world.toy(), plan("one", "four"))
    assert told == ["toy: one (file one)", "toy: four (file four)"]
    assert set(engine.timings) == {"toy.one", "toy.four"}
    assert all(value >= 0 for value in engine.timings.values())


@pytest.mark.parametrize("number", range(3))
def test_a_failure_takes_back_what_was_made_in_reverse(world: World, number: int) -> None:
    made = list(Toy.steps[: number + 1])
    world.break_at(made[-1])
    with pytest.raises(OpsError, match="it does not work") as caught:
        world.engine.run(world.toy(), plan())
    assert world.log() == [f"do {step}" for step in made] + [f"undo {step}" for step in reversed(made)]
    assert world.files() == BEFORE
    assert not world.record.exists()
    assert caught.value.details[-1] == "what was made so far has been taken back"


def test_people_are_told_what_is_taken_back(world: World) -> None:
    world.break_at("two")
    told: list[str] = []
    with pytest.raises(OpsError):
        Engine(world.state, progress=told.append).run(world.toy(), plan())
    assert told[2:] == ["toy: taking back two", "toy: taking back one"]


def test_without_a_commit_the_last_step_is_taken_back_too(world: World) -> None:
    world.break_at("four")
    with pytest.raises(OpsError):
        world.engine.run(NeverCommits(world.directory), plan())
    assert world.files() == BEFORE
    assert not world.record.exists()


def test_an_error_of_the_system_names_the_thing(world: World) -> None:
    world.break_at("two", "OSError")
    with pytest.raises(OpsError, match=r"file two: .*No space left on device"):
        world.engine.run(world.toy(), plan())
    assert world.files() == BEFORE


def test_what_nobody_foresaw_is_taken_back_as_well(world: World) -> None:
    world.break_at("two", "ValueError")
    with pytest.raises(ValueError, match="nobody thought of this"):
        world.engine.run(world.toy(), plan())
    assert world.files() == BEFORE
    assert not world.record.exists()


def test_after_the_commit_it_only_goes_on(world: World) -> None:
    cause = world.break_at("four")
    with pytest.raises(OpsError) as caught:
        world.engine.run(world.toy(), plan())
    assert caught.value.details == ["the step four is left to do; running this again finishes it"]
    assert world.files() == AFTER
    assert world.log() == ["do one", "do two", "do three", "do four"]
    with pytest.raises(OpsError):
        world.engine.recover(Toy)
    cause.unlink()
    assert world.engine.recover(Toy) == "finished the toy that an earlier run left at step four"
    assert world.log() == ["do four", "do four"]
    assert not world.record.exists()


def test_a_commit_that_is_not_needed_is_passed_when_all_before_it_is_made(world: World) -> None:
    world.break_at("four")
    with pytest.raises(OpsError, match="it does not work"):
        world.engine.run(world.toy(), plan("one", "four"))
    assert world.files() == {**BEFORE, "one": "new", "four": "new"}
    assert world.record.exists()


def test_with_nothing_before_the_commit_it_only_goes_on(world: World) -> None:
    cause = world.break_at("four")
    with pytest.raises(OpsError) as caught:
        world.engine.run(world.toy(), plan("four"))
    assert caught.value.details == ["the step four is left to do; running this again finishes it"]
    cause.unlink()
    assert world.engine.recover(Toy) == "finished the toy that an earlier run left at step four"


def test_what_is_not_settled_is_not_lost_under_something_new(world: World) -> None:
    world.break_at("four")
    with pytest.raises(OpsError):
        world.engine.run(world.toy(), plan())
    before = world.record.read_text()
    with pytest.raises(OpsError, match="is not settled"):
        world.engine.run(world.toy(), plan())
    assert world.record.read_text() == before


@pytest.mark.parametrize("at", ["one", "two", "three"])
def test_one_that_lost_its_lock_touches_nothing_more(world: World, at: str) -> None:
    """Neither what it makes nor its record, which whoever has the lock now may have settled."""
    lost: list[str] = []

    def fence() -> None:
        if lost:
            raise OpsError("lost", next_step="look")

    engine = Engine(world.state, fault=lambda point, side: lost.append(point) if point == f"toy.{at}" else None)
    engine.fence = fence
    made = list(Toy.steps[: Toy.steps.index(at) + 1])
    with pytest.raises(OpsError, match="lost"):
        engine.run(world.toy(), plan())
    assert world.log() == [f"do {step}" for step in made]
    assert world.record.exists()


@pytest.mark.parametrize("missing", ["params", "changes", "states", "directory"])
def test_what_another_version_left_is_named(world: World, missing: str) -> None:
    world.break_at("four")
    with pytest.raises(OpsError):
        world.engine.run(world.toy(), plan())
    world.record.write_text(world.record.read_text().replace(f'"{missing}"', '"renamed"'))
    with pytest.raises(OpsError, match=f"{world.record} is of another version"):
        world.engine.recover(Toy)
    assert world.record.exists()


def test_a_failing_undo_keeps_the_first_error_and_the_record(world: World) -> None:
    world.break_at("three")
    stuck = world.directory / "fail-undo-two"
    stuck.touch()
    with pytest.raises(OpsError, match="it does not work") as caught:
        world.engine.run(world.toy(), plan())
    assert "taking it back failed as well" in caught.value.details[-1]
    # The others are taken back all the same.
    assert world.files() == {"two": "new"}
    assert world.engine.leftovers() == ["toy"]
    stuck.unlink()
    world.log()
    assert world.engine.recover(Toy) == "took back the toy that an earlier run left at step one"
    assert world.log() == ["undo two"]
    assert world.files() == BEFORE
    assert not world.record.exists()


def test_what_failed_is_not_finished_later(world: World) -> None:
    """A killed run would be finished; a failed one, whose undo could not end, must not be."""
    world.break_at("three")
    (world.directory / "fail-undo-one").touch()
    with pytest.raises(OpsError):
        world.engine.run(Finisher(world.directory), plan())
    for name in ("fail-three", "fail-undo-one"):
        (world.directory / name).unlink()
    assert world.engine.recover(Finisher).startswith("took back")
    assert world.files() == BEFORE


@pytest.mark.parametrize("step", ["two", "three"])
def test_a_disk_that_fills_up_does_not_keep_anything_from_being_undone(
    world: World, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """It is full from that step on, which cannot even be marked as done; so the commit was not made either."""

    def full(*arguments: object) -> None:
        raise OSError(28, "No space left on device")

    class Filling(Toy):
        def do(self, change: Change) -> None:
            super().do(change)
            if change.step == step:
                monkeypatch.setattr(steps.atomic, "write_json", full)

    with pytest.raises(OpsError, match="No space left"):
        world.engine.run(Filling(world.directory), plan())
    assert world.files() == BEFORE
    assert not world.record.exists()
