# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import subprocess
import sys
from types import ModuleType, SimpleNamespace

import pytest
from ansible_collections.blyan.ops.plugins.action import release, release_info
from ansible_collections.blyan.ops.plugins.plugin_utils import host_action

PROGRAM = """
import os, sys
from ansible_collections.blyan.ops.plugins.plugin_utils.host_action import run_of
for _task in range(2):
    read, write = os.pipe()
    if os.fork() == 0:
        os.write(write, run_of({})["id"].encode())
        os._exit(0)
    os.wait()
    print(os.read(read, 100).decode())
"""


@pytest.fixture(autouse=True)
def _at_a_desk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUDO_USER", "anna")
    monkeypatch.setattr(host_action.socket, "gethostname", lambda: "desk")


def test_a_person_at_a_terminal() -> None:
    run = host_action.run_of({"ansible_play_name": "deploy"})
    assert (run["who"], run["what"]) == ("anna@desk", "deploy")
    assert len(run["id"]) == 12


@pytest.mark.parametrize("prefix", ["awx", "tower"])
def test_a_job_of_awx(prefix: str) -> None:
    run = host_action.run_of({f"{prefix}_job_id": 7, f"{prefix}_user_name": "ben", "ansible_play_name": "deploy"})
    assert run == {"id": "awx-7", "who": "ben", "what": "deploy"}


def test_a_play_without_a_name() -> None:
    assert host_action.run_of({})["what"] == "playbook"


def test_all_tasks_of_a_process_are_one_run_and_two_processes_are_two() -> None:
    """Ansible runs each task in a child of its own process."""
    argv = [sys.executable, "-c", PROGRAM]
    said = [subprocess.run(argv, check=True, capture_output=True, text=True, env=_path()).stdout for _run in range(2)]
    ids = [each.split() for each in said]
    assert [len(set(each)) for each in ids] == [1, 1]
    assert ids[0] != ids[1]


def _path() -> dict[str, str]:
    return {"PYTHONPATH": ":".join(sys.path), "PATH": "/usr/bin:/bin"}


@pytest.mark.parametrize(
    ("action", "argument", "value"),
    [
        (release, "repo", "https://ghp_canary@github.com/x.git"),
        (release, "pip_extra_args", "--index-url https://ghp_canary@host/simple"),
        (release_info, "repo", "https://ghp_canary@github.com/x.git"),
    ],
)
def test_a_token_in_a_url_never_gets_to_the_host(
    monkeypatch: pytest.MonkeyPatch, action: ModuleType, argument: str, value: str
) -> None:
    """A module's arguments are in the log of the host before the module can refuse them."""

    def execute(*_arguments: object, **_named: object) -> None:
        pytest.fail("the module was sent to the host")

    monkeypatch.setattr(action.ActionModule, "_execute_module", execute)
    task = SimpleNamespace(args={argument: value}, async_val=0, check_mode=False, diff=False, environment=None)
    plugin = action.ActionModule(task, SimpleNamespace(_shell=SimpleNamespace(tmpdir="tmp")), None, None, None, None)
    result = plugin.run(task_vars={})
    assert result["failed"]
    assert result["msg"] == f"{result['reason']}. Next: {result['next_step']}."
    assert f"deploy_{argument} carries a password or token" in result["msg"]
    assert "canary" not in str(result)
