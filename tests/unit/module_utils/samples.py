# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Values of the planners' types that tests change in the one place that matters."""

from __future__ import annotations

from dataclasses import replace

from ansible_collections.blyan.ops.plugins.module_utils.health import Health
from ansible_collections.blyan.ops.plugins.module_utils.releases import Release
from ansible_collections.blyan.ops.plugins.module_utils.systemd import Unit

HEALTHY = Health(True, "HTTP 200 with status healthy")
SILENT = Health(False, "not running")
RUNNING = Unit("active", "running", 0, "0123456789abcdef", "Mon 2026-11-23 20:45:01 UTC", False)
STOPPED = Unit("inactive", "dead", 0, "", "", False)

_GOOD = Release(
    id="",
    commit="",
    version="main",
    venv="venv-a",
    state="good",
    created="20261123T204501Z",
    created_by="anna@desk",
    live_since="2026-11-23T20:45:09Z",
    live_by="anna@desk",
)


def release(number: int, **values: object) -> Release:
    """A good release; a higher number is a younger one, with a commit of its own."""
    commit = f"{number:07d}".ljust(40, "0")
    day = f"2026-11-{number:02d}T00:00:00Z"
    return replace(_GOOD, id=f"202611{number:02d}T000000Z-{commit[:7]}", commit=commit, live_since=day, **values)


#: The release that serves, and the one that is to.
OLD, NEW = release(1, version="v1"), release(2, version="v2", state="building")
BLUE, GREEN = "aiblock@blue.service", "aiblock@green.service"
