# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
from typing import Any

import pytest
from ansible_collections.blyan.ops.plugins.module_utils import leftovers, runner
from ansible_collections.blyan.ops.plugins.module_utils.errors import OpsError
from ansible_collections.blyan.ops.plugins.module_utils.lock import Lock
from ansible_collections.blyan.ops.plugins.module_utils.run import Run
from ansible_collections.blyan.ops.plugins.module_utils.runner import Act, Context, run_module
from host import RUN, Host

from .toy import Toy, plan

SPEC: dict[str, Any] = {"wait": {"type": "str", "default": "30s"}}


@pytest.fixture
def act(host: Host) -> Act:
    """Makes the toy's changes on the host."""

    def make(context: Context) -> dict[str, Any]:
        context.apply(Toy(host.root), plan())
        return {"slot": "blue"}

    return make


def call(host: Host, act: Act, *, check: bool = False, reads_only: bool = False, **arguments: Any) -> dict[str, Any]:
    return host.call(lambda: run_module(SPEC, act, reads_only=reads_only), check, **arguments)


def refuse(context: Context) -> dict[str, Any]:
    raise OpsError("the disk is full", next_step="delete something", details=["df says so"])


def stumble(context: Context) -> dict[str, Any]:
    return {"x": {}["a name that is not there"]}


def test_a_change(host: Host, act: Act) -> None:
    result = call(host, act)
    assert (result["changed"], result["slot"], result["notes"]) == (True, "blue", [])
    assert [each["after_header"] for each in result["diff"]] == [f"file {step}" for step in Toy.steps]
    assert set(result["seconds"]) == {f"toy.{step}" for step in Toy.steps}
    assert (host.root / "four").read_text() == "new"


def test_a_change_is_one_line_in_the_journal(host: Host, act: Act) -> None:
    call(host, act)
    (line,) = host.journal()
    assert (line["who"], line["run"], line["what"]) == ("anna@desk", "run-1", "deploy")
    assert (line["module"], line["outcome"]) == ("toy", "done")
    assert [each["step"] for each in line["changes"]] == list(Toy.steps)


def test_nothing_to_change(host: Host) -> None:
    result = call(host, lambda context: {"live": None})
    assert (result["changed"], result["diff"], result["live"]) == (False, [], None)
    assert host.journal() == []


def test_check_mode_tells_the_same_and_writes_nothing(host: Host, act: Act) -> None:
    before = host.files()
    told = call(host, act, check=True)
    assert host.files() == before
    done = call(host, act)
    assert {name: told[name] for name in ("changed", "diff", "slot")} == {
        name: done[name] for name in ("changed", "diff", "slot")
    }


def test_check_mode_goes_on_where_another_run_holds_the_lock(host: Host, act: Act) -> None:
    host.state.mkdir()
    Lock(host.state).acquire(Run("other", "ben@desk", "rollback"))
    assert call(host, act, check=True)["changed"]


def test_a_module_that_reads_takes_no_lock(host: Host) -> None:
    before = host.files()
    result = call(host, lambda context: {"found": 1}, reads_only=True)
    assert (result["changed"], result["found"]) == (False, 1)
    assert host.files() == before


@pytest.mark.parametrize(
    ("keep", "after_success", "after_failure"),
    [(None, "", ""), ("never", "", ""), ("on_failure", "", "run-1"), ("always", "run-1", "run-1")],
)
def test_the_lock_stays_as_long_as_it_is_kept(
    host: Host, keep: str | None, after_success: str, after_failure: str
) -> None:
    def held(context: Context) -> dict[str, Any]:
        assert host.holder() == "run-1"
        return {}

    call(host, held, keep_lock=keep)
    assert host.holder() == after_success
    call(host, refuse, keep_lock=keep)
    assert host.holder() == after_failure


BEN = {**RUN, "id": "run-2", "who": "ben@desk"}


def test_another_run_is_refused(host: Host, act: Act) -> None:
    call(host, act, keep_lock="always")
    result = call(host, act, run=BEN)
    assert result["failed"]
    assert "the lock of this host is held: deploy by anna@desk" in result["msg"]
    assert len(host.journal()) == 1
    assert host.holder() == "run-1"


def test_a_broken_lock_is_in_the_journal_and_stops_its_holder(host: Host, act: Act) -> None:
    def broken(context: Context) -> dict[str, Any]:
        """Another run breaks the lock between two steps of this one."""
        context.engine.fault = lambda point, side: None if (point, side) != ("toy.two", "after") else breaks()
        return act(context)

    def breaks() -> None:
        Lock(host.state).take_away(Run("run-2", "ben@desk", "deploy"))

    result = call(host, broken)
    assert "this run lost the lock of this host" in result["reason"]
    # It neither goes on nor takes back: that is for the one that broke it.
    assert (host.root / "two").read_text() == "new"
    assert not (host.root / "three").exists()
    (host.state / "steps" / "toy.json").unlink()

    call(host, lambda context: {}, keep_lock="always")
    done = call(host, lambda context: {}, run=BEN, break_lock=True)
    assert done["changed"]
    line = host.journal()[-1]["changes"][0]
    assert (line["target"], line["after"]) == ("lock of this host", {"broken by": "ben@desk"})
    assert line["before"]["holder"].startswith("deploy by anna@desk since ")


def test_a_refusal_is_one_message_with_reason_and_next_step(host: Host) -> None:
    result = call(host, refuse)
    assert result["msg"] == "the disk is full. Next: delete something.\n  | df says so"
    assert (result["reason"], result["next_step"]) == ("the disk is full", "delete something")
    assert result["details"] == ["df says so"]
    assert host.journal() == []


def test_a_failed_change_is_in_the_journal_and_taken_back(host: Host, act: Act) -> None:
    (host.root / "fail-two").write_text("OpsError")
    result = call(host, act)
    assert result["reason"] == "it does not work"
    assert "taken back" in result["details"][-1]
    assert host.journal()[0]["outcome"] == "failed: it does not work"
    assert not (host.root / "one").exists()


def test_a_bug_is_told_in_a_sentence(host: Host) -> None:
    result = call(host, stumble)
    assert result["reason"] == "toy met what it was not written for: KeyError('a name that is not there')"
    assert "ANSIBLE_DISPLAY_TRACEBACK" in result["next_step"]
    assert "Traceback" not in json.dumps(result)


def test_an_error_of_the_system_is_no_bug(host: Host) -> None:
    host.state.write_text("a file where the directory should be")
    result = call(host, lambda context: {})
    assert "File exists" in result["reason"]
    assert result["next_step"] == "mend that on the host, then run this again"


def test_a_journal_that_cannot_be_written_warns_and_fails_nothing(
    host: Host, act: Act, monkeypatch: pytest.MonkeyPatch
) -> None:
    warned: list[str] = []
    monkeypatch.setattr(runner.AnsibleModule, "warn", lambda module, text: warned.append(text))
    (host.state / "journal.jsonl").mkdir(parents=True)
    assert call(host, act)["changed"]
    assert "toy is missing in the journal of this host" in warned[0]
    (host.root / "fail-two").write_text("OpsError")
    assert call(host, act)["reason"] == "it does not work"


def test_progress_is_told_while_it_runs_and_gone_after(host: Host) -> None:
    def work(context: Context) -> dict[str, Any]:
        context.progress("half way")
        return {"seen": (host.progress / "run-1.progress").read_text()}

    assert call(host, work)["seen"] == "half way\n"
    assert list(host.progress.iterdir()) == []
    call(host, refuse)
    assert list(host.progress.iterdir()) == []


def test_progress_that_cannot_be_told_fails_nothing(host: Host, act: Act) -> None:
    host.progress.write_text("a file where the directory should be")
    assert call(host, act)["changed"]


def test_what_a_killed_run_left_is_settled_noted_and_journalled(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leftovers, "settle", lambda engine, finish: [f"finish is {finish}"])

    def settle(context: Context) -> dict[str, Any]:
        context.settle(finish=False)
        return {}

    result = call(host, settle)
    assert (result["changed"], result["notes"]) == (True, ["finish is False"])
    assert host.journal()[0]["changes"][0]["target"] == "finish is False"
    assert call(host, settle, check=True)["notes"] == []


def test_only_root_changes_a_host(host: Host, act: Act, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner.os, "geteuid", lambda: 1000)
    result = call(host, act)
    assert "uid 1000" in result["reason"]
    assert "become" in result["next_step"]


def test_durations_are_read_by_their_names(host: Host) -> None:
    assert call(host, lambda context: {"s": context.duration("wait")}, wait="2m")["s"] == 120
    assert "wait is 'soon'" in call(host, lambda context: {"s": context.duration("wait")}, wait="soon")["msg"]


def test_a_module_used_by_itself_is_a_run_of_its_own(host: Host, act: Act) -> None:
    call(host, act, run=None)
    (line,) = host.journal()
    assert line["what"] == "toy"
    assert line["run"].startswith("pid-")
