# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a playbook did on its hosts, as lines for people and as one value for machines. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

NOT_REACHED = "not reached: the playbook ended before this host"


def host_result(variables: Mapping[str, Any], name: str) -> dict[str, Any]:
    """What became of one host.

    Args:
        variables: the host's variables.
        name: the variable in which the role leaves its result for a host, a mapping.
    """
    failure, found = variables.get("ansible_failed_result"), variables.get(name)
    result = dict(found) if isinstance(found, Mapping) else {}
    if result.get("ok") is False:
        return result
    if isinstance(failure, Mapping):
        # The task is the phase that people know it by.
        phase = str(variables.get("ansible_failed_task", {}).get("name") or "")
        message = str(failure.get("msg") or "failed")
        return {**result, "ok": False, "phase": phase, "message": f"{phase}: {message}" if phase else message}
    if not isinstance(found, Mapping):
        return {"ok": False, "message": NOT_REACHED}
    return {"ok": True, **result}


def collect(playbook: str, run: str, hosts: Mapping[str, Mapping[str, Any]], check: bool = False) -> dict[str, Any]:
    """The value for machines: the content of the result file; in check mode, of what would be."""
    return {
        "playbook": playbook,
        "run": run,
        "check": check,
        "ok": all(host["ok"] for host in hosts.values()),
        "hosts": dict(hosts),
    }


def lines(result: Mapping[str, Any], check: bool) -> list[str]:
    """The summary for people: each host with what the role said of it, or why it failed."""
    text = []
    for name, host in result["hosts"].items():
        if host["ok"]:
            head, *rest = host.get("summary") or ["done"]
        else:
            head, *rest = ["FAILED", *str(host["message"]).splitlines()]
        text.append(f"{name}: {head}")
        text += [f"    {line}" for line in rest]
    if check:
        text.append("Check mode: nothing was changed.")
    return text
