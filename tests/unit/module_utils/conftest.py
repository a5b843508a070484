# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host on which a release serves, and the engine that changes it."""

from __future__ import annotations

import pytest
from ansible_collections.blyan.ops.plugins.module_utils import layout, traffic
from ansible_collections.blyan.ops.plugins.module_utils.layout import Layout
from ansible_collections.blyan.ops.plugins.module_utils.releases import Records
from ansible_collections.blyan.ops.plugins.module_utils.steps import Engine
from host import Host
from units import Units

from .samples import BLUE, OLD


@pytest.fixture
def engine(host: Host) -> Engine:
    """The engine of the host."""
    host.state.mkdir()
    return Engine(host.state)


@pytest.fixture
def site(host: Host, units: Units) -> Layout:
    """The old release serves from blue."""
    found = Layout(host.root)
    for directory in (found.records, found.release(OLD.id), found.slot("blue").parent, host.etc / "slots"):
        directory.mkdir(parents=True)
    Records(found).save(OLD)
    found.slot("blue").symlink_to(found.release(OLD.id))
    found.current.symlink_to(found.release(OLD.id))
    found.live.symlink_to(layout.socket("blue"))
    units.states[BLUE] = "active"
    units.enabled |= {BLUE, traffic.WATCH}
    return found
