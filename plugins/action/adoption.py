# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import hashlib
from base64 import b64decode, b64encode
from collections.abc import Mapping
from typing import Any

from ansible_collections.blyan.ops.plugins.module_utils.errors import OpsError
from ansible_collections.blyan.ops.plugins.plugin_utils import nginx_edit
from ansible_collections.blyan.ops.plugins.plugin_utils.host_action import HostAction


class ActionModule(HostAction):
    """Reads the nginx configuration of the host on the controller, before the module works on the host."""

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Run the module, after what has to be read here was fetched."""
        wanted = dict(self._task.args)
        same = ("root", "continue_lock", "lock_wait", "break_lock")
        self._task.args = {name: wanted[name] for name in same if name in wanted} | {"state": "found"}
        # A lock that an earlier module took is kept. One taken here is given back, as what is read may be refused.
        self._task.args["keep_lock"] = "always" if wanted.get("continue_lock") else "never"
        try:
            found = super().run(tmp, task_vars)
        finally:
            self._task.args = wanted
        if found.get("failed"):
            return found
        if found["files"]:
            try:
                absent = wanted.get("state") == "absent"
                nginx = (_led_back if absent else _read)(found["files"], found["kept"], str(found["live_link"]))
                self._task.args = {**wanted, "nginx": nginx}
            except OpsError as error:
                return {"failed": True, "msg": error.message(), "reason": error.reason, "next_step": error.next_step}
        result = super().run(tmp, task_vars)
        # What a killed run had left was dealt with in the first of the two.
        for name in ("notes", "diff"):
            result[name] = [*found.get(name, []), *result.get(name, [])]
        # It repeats the texts of nginx, which are long and may be private.
        result.pop("invocation", None)
        result["changed"] = bool(found.get("changed") or result.get("changed"))
        return result


def _read(files: Mapping[str, str], _kept: Mapping[str, str], live: str) -> dict[str, Any]:
    """What nginx needs to lead to the socket."""
    contents = {path: b64decode(text) for path, text in files.items()}
    plan = nginx_edit.plan(contents, live)
    return {**_given(contents, plan.texts), "folders": list(plan.folders), "include": plan.include}


def _led_back(files: Mapping[str, str], kept: Mapping[str, str], live: str) -> dict[str, Any]:
    """What nginx needs to lead to the port again, in files that were changed since it was led to the socket."""
    contents = {path: b64decode(files[path]) for path in kept}
    texts = {path: nginx_edit.back(path, contents[path], b64decode(kept[path]), live) for path in kept}
    return _given(contents, texts)


def _given(contents: Mapping[str, bytes], texts: Mapping[str, bytes]) -> dict[str, Any]:
    """New contents of files, as the module takes them."""
    return {
        "texts": {path: b64encode(text).decode() for path, text in texts.items()},
        "hashes": {path: hashlib.sha256(contents[path]).hexdigest() for path in texts},
    }
