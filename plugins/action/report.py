# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ansible import constants as C
from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible_collections.blyan.ops.plugins.module_utils import atomic
from ansible_collections.blyan.ops.plugins.plugin_utils import reporting
from ansible_collections.blyan.ops.plugins.plugin_utils.host_action import run_of


class ActionModule(ActionBase):
    """Tells people and machines what a playbook did; runs on the controller, once for all hosts of a batch."""

    BYPASS_HOST_LOOP = True
    TRANSFERS_FILES = False
    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Print the summary, write the result file where one is asked for, and set the stats."""
        variables = task_vars or {}
        result: dict[str, Any] = super().run(tmp, variables)
        _validation, options = self.validate_argument_spec(
            {
                "playbook": {"type": "str", "required": True},
                "result": {"type": "str", "required": True},
                "file": {"type": "str", "default": ""},
            }
        )
        hosts = {
            name: reporting.host_result(variables["hostvars"][name], options["result"])
            for name in variables["ansible_play_hosts_all"]
        }
        told = reporting.collect(options["playbook"], run_of(variables)["id"], hosts, self._task.check_mode)
        for line in ["", *reporting.lines(told, self._task.check_mode), ""]:
            self._display.display(line, color=None if told["ok"] else C.COLOR_ERROR)
        if options["file"]:
            self._write(Path(options["file"]), told)
        result.update(changed=False, ansible_stats={"data": {"blyan": told}, "per_host": False, "aggregate": True})
        return result

    def _write(self, path: Path, told: dict[str, Any]) -> None:
        try:
            atomic.write_json(path, json.loads(json.dumps(told, default=str)), mode=0o644)
        except OSError as error:
            raise AnsibleActionFail(
                f"blyan_result_file is {str(path)!r}, which cannot be written ({error.strerror}). "
                "Next: name a file in a directory of the controller that exists."
            ) from error
