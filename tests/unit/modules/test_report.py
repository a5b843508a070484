# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The report as a playbook gives it: what it prints, the file it writes, and that a failure is told as well."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[3]
PLAY = """
- name: deploy
  hosts: all
  gather_facts: false
  tasks:
    - block:
        - ansible.builtin.set_fact:
            deploy_result: {release: r2, summary: [serves r2, since noon]}
          when: inventory_hostname != 'api3'
        - ansible.builtin.fail:
            msg: "it never was healthy. Next: read the log."
          when: inventory_hostname == 'api2'
        - ansible.builtin.meta: end_host
          when: inventory_hostname == 'api3'
      rescue:
        - ansible.builtin.fail:
            msg: "{{ ansible_failed_result.msg }}"
      always:
        - blyan.ops.report:
            playbook: deploy
            result: deploy_result
            file: "{{ blyan_result_file }}"
"""


def play(tmp_path: Path, hosts: str, *options: str, file: str = "result.json") -> subprocess.CompletedProcess[str]:
    (tmp_path / "play.yml").write_text(PLAY)
    argv = [sys.executable, "-m", "ansible", "playbook", str(tmp_path / "play.yml"), "-i", hosts, "-c", "local"]
    extra = json.dumps({"blyan_result_file": str(tmp_path / file)})
    environment = {"PATH": os.defpath, "HOME": str(tmp_path), "SUDO_USER": "anna", "ANSIBLE_NOCOLOR": "1"}
    return subprocess.run(
        [*argv, "-e", extra, *options],
        cwd=CHECKOUT,
        env=environment,
        check=False,
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_two_hosts_of_which_one_failed(tmp_path: Path) -> None:
    done = play(tmp_path, "api1,api2,api3,")
    assert done.returncode == 2
    told = json.loads((tmp_path / "result.json").read_text())
    assert (told["playbook"], told["ok"]) == ("deploy", False)
    assert told["hosts"]["api1"] == {"ok": True, "release": "r2", "summary": ["serves r2", "since noon"]}
    assert told["hosts"]["api2"]["message"] == "it never was healthy. Next: read the log."
    assert told["hosts"]["api3"] == {"ok": False, "message": "not reached: the playbook ended before this host"}
    shown = done.stdout + done.stderr
    assert "api1: serves r2\n    since noon\n" in shown
    assert "api2: FAILED\n    it never was healthy. Next: read the log.\n" in shown
    assert shown.count("api1: serves r2") == 1


def test_check_mode_says_so(tmp_path: Path) -> None:
    done = play(tmp_path, "api1,", "--check")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Check mode: nothing was changed." in done.stdout
    assert json.loads((tmp_path / "result.json").read_text())["ok"]


def test_a_file_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    done = play(tmp_path, "api1,", file="none/result.json")
    assert done.returncode == 2
    assert "blyan_result_file is" in done.stdout + done.stderr
    assert "api1: serves r2" in done.stdout
