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
def test_its_play_has_its_name_and_the_groups_of_a_site(playbook: Path) -> None:
    (play,) = load(playbook)
    assert play["name"].lower().replace(" ", "_") == playbook.stem
    assert set(play["hosts"].split(":")) <= GROUPS
    assert play["gather_facts"] is False


@every
def test_a_role_stands_behind_it(playbook: Path) -> None:
    (play,) = load(playbook)
    imported = [task[key] for task in tasks(play["tasks"]) for key in IMPORTS if key in task]
    assert imported
    for role in imported:
        collection, _dot, role_name = role["name"].rpartition(".")
        assert collection == "blyan.ops"
        entries = load(ROOT / "roles" / role_name / "meta" / "argument_specs.yml")["argument_specs"]
        assert role.get("tasks_from", "main") in entries


@every
def test_it_reports_under_its_name_on_failure_too(playbook: Path) -> None:
    (play,) = load(playbook)
    (block,) = play["tasks"]
    (report,) = (task["blyan.ops.report"] for task in block["always"])
    assert report["playbook"] == playbook.stem
    assert "blyan_result_file" in report["file"]
    # Without a rescue, a failed host leaves nothing that the report could tell.
    assert block["rescue"]
