# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the controller adds to every module of the collection that runs on a host."""

from __future__ import annotations

import getpass
import hashlib
import os
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Callable, ClassVar

from ansible.errors import AnsibleActionFail, AnsibleConnectionFailure
from ansible.plugins.action import ActionBase
from ansible_collections.blyan.ops.plugins.module_utils.errors import OpsError
from ansible_collections.blyan.ops.plugins.plugin_utils import progress


class HostAction(ActionBase):
    """Runs the module of the same name, telling it which run it belongs to.

    A host that cannot be reached is reported as failed: ``rescue`` sees failed hosts but not unreachable ones,
    and a deploy has to take back on the others what it did.

    Attributes:
        checks: by argument, what refuses a value that must not get to the host: its log has the arguments of a module
            before the module can look at them.
    """

    checks: ClassVar[Mapping[str, Callable[[str], object]]] = {}

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Run the module in one round trip and return its result."""
        variables = task_vars or {}
        result: dict[str, Any] = super().run(tmp, variables)
        # An empty string means unset, as that is what a survey sends for a question left open.
        _require_result_file(str(variables.get("blyan_result_file") or ""))
        given = {name: value for name, value in self._task.args.items() if value != ""}
        try:
            for name in self.checks.keys() & given.keys():
                self.checks[name](str(given[name]))
        except OpsError as error:
            result.update(failed=True, reason=error.reason, next_step=error.next_step, msg=error.message())
            return result
        run = run_of(variables)
        host = str(variables.get("inventory_hostname", "the host"))
        try:
            with progress.shown(self._connection, run["id"], host, self._display.display):
                result.update(self._execute_module(module_args={**given, "run": run}, task_vars=variables))
        except AnsibleConnectionFailure as error:
            result.update(
                failed=True,
                reason=f"{host} cannot be reached",
                msg=f"{host} cannot be reached: {error.message.rstrip('. ')}. "
                "Next: see that `ssh` to it works (host, network, key of the host), then run this again.",
            )
        return result


def _require_result_file(path: str) -> None:
    """Refuse before anything changes what the report could not write at the end."""
    if path and not os.access(Path(path).absolute().parent, os.W_OK):
        raise AnsibleActionFail(
            f"blyan_result_file is {path!r}, which cannot be written. "
            "Next: name a file in a directory of the controller that exists."
        )


def run_of(variables: Mapping[str, Any]) -> dict[str, str]:
    """The identity of this run of the playbook: the same for all its hosts and tasks.

    Args:
        variables: the variables of the task; AWX sets its job and user among them.
    """
    controller = socket.gethostname()
    job = variables.get("awx_job_id") or variables.get("tower_job_id")
    user = variables.get("awx_user_name") or variables.get("tower_user_name")
    playbook = variables.get("ansible_play_name") or "playbook"
    return {
        "id": f"awx-{job}" if job else _process_id(controller),
        "who": str(user) if user else f"{os.environ.get('SUDO_USER') or getpass.getuser()}@{controller}",
        "what": str(playbook),
    }


def _process_id(controller: str) -> str:
    """Tells this ansible-playbook process from all others; tasks run in children of it."""
    parent = os.getppid()
    started = Path(f"/proc/{parent}/stat")
    # Field 22 is the start time; the name before it may hold spaces. Without /proc, the pid has to do.
    moment = started.read_text(encoding="utf-8").rpartition(")")[2].split()[19] if started.exists() else ""
    return hashlib.sha256(f"{controller} {parent} {moment}".encode()).hexdigest()[:12]
