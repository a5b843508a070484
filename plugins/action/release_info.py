# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import ClassVar

from ansible_collections.blyan.ops.plugins.module_utils.git import check_url
from ansible_collections.blyan.ops.plugins.plugin_utils.host_action import HostAction


class ActionModule(HostAction):
    """Runs the module as part of a playbook's run."""

    checks: ClassVar = {"repo": check_url}
