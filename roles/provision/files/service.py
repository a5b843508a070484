# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Have services run with the configuration that lies on the disk; start, reload or restart only those that do not.

What has to be done is told from the services and the files, and not from what this run changed: a run that was killed
after it wrote a file is finished by the next one. Takes one JSON argument, prints what it did, a line a service.
"""

from __future__ import annotations

import glob
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping
from typing import Any

PATIENCE = 600
NOW = float("inf")
PROPERTIES = (
    "ActiveState,ConditionResult,NeedDaemonReload,UnitFileState,"
    "InactiveExitTimestampMonotonic,StateChangeTimestampMonotonic,ConditionTimestampMonotonic"
)


def needed(state: Mapping[str, str], restart_for: float, reload_for: float) -> str:
    """What a service needs: start, restart, reload or nothing.

    Args:
        state: the properties of its unit.
        restart_for: when the newest of the files that it reads at its start alone was written; in seconds since boot.
        reload_for: the same of the files that it reads again when it is reloaded.
    """
    # systemd says "no" of a unit whose condition it never looked at, too.
    condition_failed = state["ConditionResult"] == "no" and state["ConditionTimestampMonotonic"] != "0"
    if state["ActiveState"] not in ("active", "reloading") and not condition_failed:
        return "start"
    started = int(state["ConditionTimestampMonotonic" if condition_failed else "InactiveExitTimestampMonotonic"]) / 1e6
    if restart_for > started:
        return "restart"
    # A reload passes through the state "reloading", so that its end is the unit's last change of state.
    loaded = int(state["StateChangeTimestampMonotonic"]) / 1e6
    return "reload" if reload_for > max(started, loaded) else ""


def written(paths: Iterable[str]) -> float:
    """When the newest of some files came to its place, in seconds since the boot; the beginning where there is none."""
    boot = time.time() - time.monotonic()
    return max((os.stat(path).st_ctime - boot for path in paths if os.path.exists(path)), default=float("-inf"))


def properties(unit: str) -> dict[str, str]:
    """The state of a unit, as systemd knows it."""
    shown = systemctl("show", f"--property={PROPERTIES}", unit)
    return dict(line.split("=", 1) for line in shown.splitlines() if "=" in line)


def systemctl(*arguments: str) -> str:
    """Run systemctl; its complaint, with the unit's last log lines, ends this program."""
    done = subprocess.run(["systemctl", *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        journal = ["journalctl", "--unit", arguments[-1], "--output=cat", "--lines=5", "--no-pager"]
        log = subprocess.run(journal, capture_output=True, text=True, check=False).stdout
        sys.exit(f"systemctl {' '.join(arguments)} failed: {done.stderr.strip()}\n{log.strip()}")
    return done.stdout


def has_run(service: Mapping[str, str]) -> bool:
    """Whether a unit that ends by itself left what it makes (a pattern of paths)."""
    return bool(service.get("makes") and glob.glob(service["makes"]))


def await_file(path: str) -> None:
    """Wait for a file without which a restart would lose data."""
    deadline = time.monotonic() + PATIENCE
    while path and not os.path.exists(path):
        if time.monotonic() > deadline:
            sys.exit(f"{path} did not come within {PATIENCE} s, and without it nothing is restarted.")
        time.sleep(0.1)


def main() -> None:
    """Do what each service needs, in the order given; in check mode only say it."""
    wanted: dict[str, Any] = json.loads(sys.argv[1])
    for service in wanted["services"]:
        unit = service["unit"]
        state = properties(unit)
        if state["NeedDaemonReload"] == "yes" and not wanted["check"]:
            systemctl("daemon-reload")
        restart_for, reload_for = (written(service.get(key, [])) for key in ("restart_for", "reload_for"))
        # In check mode the files are as they were; what this run changes in them is told by its tasks.
        restart_for = NOW if service.get("restart") else restart_for
        reload_for = NOW if service.get("reload") else reload_for
        verb = needed(state, restart_for, reload_for)
        if service.get("enable") and state["UnitFileState"] != "enabled":
            print(f"enable {unit}")
            if not wanted["check"]:
                systemctl("enable", unit)
        if verb and not (verb == "start" and has_run(service)):
            print(f"{verb} {unit}")
            if not wanted["check"]:
                await_file(service.get("only_with", ""))
                systemctl(verb, unit)


if __name__ == "__main__":
    main()
