# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Services that run with the configuration on the disk: started, reloaded or restarted only where they do not.

What has to be done is told from units and files, and not from what this run changed. So a run that was killed after it
wrote a file is finished by the next one without any record of it, and there is nothing to go back to: the former
configuration is not on the disk any more.
"""

from __future__ import annotations

import glob
import os
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Callable

from .durations import human
from .errors import OpsError
from .steps import Change
from .systemd import Systemd, Unit

NEVER, NOW = float("-inf"), float("inf")

#: Seconds to wait for a file without which a service may not be touched.
PATIENCE = 600.0
# systemd bounds how long a service may take, but not a program that ends by itself, such as a large backup.
_LONGEST = 6 * 3600.0


@dataclass(frozen=True)
class Wanted:
    """A service as it is wanted: running with what its files say.

    Args:
        unit: its unit.
        enable: whether it is to be started at boot.
        restart: whether a file that it reads at its start changes in this run, which in check mode no file shows.
        reload: the same of a file that it reads again when it is reloaded.
        restart_for: the files that it reads at its start alone.
        reload_for: the files that it reads again when it is reloaded.
        makes: pattern of the paths that a unit makes which ends by itself; where there is one, it is not started again.
        only_with: a file without which it would lose data; it is left as it is until that is there.
    """

    unit: str
    enable: bool = False
    restart: bool = False
    reload: bool = False
    restart_for: Sequence[str] = ()
    reload_for: Sequence[str] = ()
    makes: str = ""
    only_with: str = ""


@dataclass(frozen=True)
class Found:
    """A service as it is.

    Args:
        unit: the state of its unit.
        restart_for: when the newest of those files came to its place, in seconds since the boot.
        reload_for: likewise.
        made: whether there is what it makes.
    """

    unit: Unit
    restart_for: float = NEVER
    reload_for: float = NEVER
    made: bool = False


def find(wanted: Wanted, systemd: Systemd) -> Found:
    """Read a service and the files that it reads."""
    return Found(
        systemd.show(wanted.unit),
        written(wanted.restart_for),
        written(wanted.reload_for),
        bool(wanted.makes and glob.glob(wanted.makes)),
    )


def written(paths: Iterable[str]) -> float:
    """When the newest of some files came to its place, in seconds since the boot; NEVER where there is none.

    Of a directory: when a file last came to it, or went.
    """
    boot = time.time() - time.monotonic()
    # ctime, which a rename sets and nobody can set back.
    return max((os.stat(path).st_ctime - boot for path in paths if os.path.exists(path)), default=NEVER)


def plan(wanted: Wanted, found: Found) -> list[Change]:
    """What a service needs."""
    changes = []
    if wanted.enable and not found.unit.enabled:
        changes.append(Change("enable", wanted.unit, {"at boot": "not started"}, {"at boot": "started"}))
    verb = _verb(wanted, found)
    if verb == "start":
        changes.append(Change(verb, wanted.unit, {"state": found.unit.state}, {"state": "started"}))
    elif verb:
        before, after = {"configuration": "former"}, {"configuration": f"the one on disk, by a {verb}"}
        changes.append(Change(verb, wanted.unit, before, after))
    return changes


def _verb(wanted: Wanted, found: Found) -> str:
    """Start, restart, reload or nothing."""
    unit = found.unit
    if unit.state not in ("active", "reloading") and not unit.condition_failed:
        return "" if found.made else "start"
    if (NOW if wanted.restart else found.restart_for) > unit.began:
        return "restart"
    # A reload passes through the state "reloading", so that its end is the unit's last change of state.
    return "reload" if (NOW if wanted.reload else found.reload_for) > max(unit.began, unit.changed) else ""


def carry_out(
    wanted: Wanted, found: Found, changes: Sequence[Change], systemd: Systemd, progress: Callable[[str], None]
) -> None:
    """Do what a service needs.

    Raises:
        OpsError: it failed; the error carries the last lines of its log.
    """
    if found.unit.stale:
        systemd.reload()
    for change in changes:
        if change.step == "enable":
            systemd.enable(wanted.unit)
            continue
        _await(wanted.only_with, progress)
        progress(f"{change.step} {wanted.unit}")
        systemd.carry_out(change.step, wanted.unit, timeout=_LONGEST)


def _await(path: str, progress: Callable[[str], None]) -> None:
    deadline = time.monotonic() + PATIENCE
    while path and not Path(path).exists():
        left = deadline - time.monotonic()
        if left < 0:
            raise OpsError(
                f"{path} did not come within {human(PATIENCE)}, and without it nothing is restarted",
                next_step="see in the log of the service why it does not write that file, then run this again",
            )
        progress(f"waiting up to {human(left)} for {path}")
        time.sleep(0.25)
