# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from ansible_collections.blyan.ops.plugins.plugin_utils import reporting

TASK = {"name": "Make the release"}
FAILURE = {"msg": "pip could not install requirements.txt. Next: mend it.\n  | no such package", "failed": True}


def test_a_host_that_did_it() -> None:
    assert reporting.host_result({"x_result": {"release": "r1"}}, "x_result") == {"ok": True, "release": "r1"}


def test_a_host_that_failed() -> None:
    told = reporting.host_result({"ansible_failed_result": FAILURE, "ansible_failed_task": TASK}, "x_result")
    assert told == {"ok": False, "phase": TASK["name"], "message": f"{TASK['name']}: {FAILURE['msg']}"}


def test_a_host_that_failed_after_its_result_was_noted() -> None:
    variables = {"x_result": {"release": "r1"}, "ansible_failed_result": FAILURE}
    told = reporting.host_result(variables, "x_result")
    assert told == {"ok": False, "phase": "", "message": FAILURE["msg"], "release": "r1"}


def test_what_the_role_said_of_a_failure_comes_first() -> None:
    said = {"ok": False, "phase": "Migrate", "message": "Migrate: failed"}
    assert reporting.host_result({"x_result": said, "ansible_failed_result": FAILURE}, "x_result") == said


def test_a_host_that_nobody_came_to() -> None:
    assert reporting.host_result({}, "x_result") == {"ok": False, "message": reporting.NOT_REACHED}


def test_a_failure_without_a_message() -> None:
    assert reporting.host_result({"ansible_failed_result": {}}, "x_result")["message"] == "failed"


def test_all_hosts_have_to_be_well() -> None:
    good, bad = {"ok": True}, {"ok": False, "message": "m"}
    assert reporting.collect("deploy", "id", {"a": good, "b": good})["ok"]
    told = reporting.collect("deploy", "id", {"a": good, "b": bad})
    assert told == {"playbook": "deploy", "run": "id", "check": False, "ok": False, "hosts": {"a": good, "b": bad}}


def test_lines() -> None:
    hosts = {
        "api1": {"ok": True, "summary": ["serves r2", "since noon"]},
        "api2": {"ok": False, "message": "no. Next: yes.\n  | log"},
        "api3": {"ok": True},
    }
    told = reporting.collect("deploy", "id", hosts)
    expected = ["api1: serves r2", "    since noon", "api2: FAILED", "    no. Next: yes.", "      | log", "api3: done"]
    assert reporting.lines(told, check=False) == expected
    assert reporting.lines(told, check=True) == [*expected, "Check mode: nothing was changed."]
