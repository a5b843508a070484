# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every playbook is one procedure: hosts, a role, and a report that failures reach too."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from .checkout import PLAYBOOKS, ROOT, load, name

every = pytest.mark.parametrize("playbook", PLAYBOOKS, ids=name)
GROUPS = {"blyan_api", "blyan_postgres", "blyan_redis", "blyan_gpu_nodes"}
IMPORTS = ("ansible.builtin.import_role", "ansible.builtin.include_role")


def tasks(found: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """All tasks, those in blocks too."""
    for task in found:
        yield task
        for part in ("block", "rescue", "always"):
            yield from tasks(task.get(part, []))


def test_there_are_playbooks() -> None:
    assert {"provision", "deploy", "rollback", "restart", "releases"} <= {path.stem for path in PLAYBOOKS}


@every
def test_its_plays_have_names_and_the_groups_of_a_site(playbook: Path) -> None:
    first, *more = load(playbook)
    assert first["name"].lower().replace(" ", "_") == playbook.stem
    # A procedure that goes over its hosts in batches ends with a play on all of them together.
    assert [play["name"] for play in more] == (["Settle the site"] if "serial" in first else [])
    for play in (first, *more):
        assert set(play["hosts"].split(":")) <= GROUPS
        assert play["gather_facts"] is False


@every
def test_roles_stand_behind_it(playbook: Path) -> None:
    for play in load(playbook):
        imported = [task[key] for task in tasks(play["tasks"]) for key in IMPORTS if key in task]
        assert imported
        for role in imported:
            collection, _dot, role_name = role["name"].rpartition(".")
            assert collection == "blyan.ops"
            entries = load(ROOT / "roles" / role_name / "meta" / "argument_specs.yml")["argument_specs"]
            assert role.get("tasks_from", "main") in entries


@every
def test_it_reports_under_its_name_on_failure_too(playbook: Path) -> None:
    plays = load(playbook)
    (block,) = plays[-1]["tasks"]
    (report,) = (task["blyan.ops.report"] for task in block["always"])
    assert report["playbook"] == playbook.stem
    assert "blyan_result_file" in report["file"]
    # Without a rescue, a failed host leaves nothing that the report could tell.
    assert all(task["rescue"] for task in plays[0]["tasks"])
