# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from ansible_collections.blyan.ops.plugins.module_utils.errors import OpsError
from ansible_collections.blyan.ops.plugins.module_utils.shell import Completed, Shell
from ansible_collections.blyan.ops.plugins.module_utils.systemd import Systemd


class Says(Shell):
    """A shell in which every systemctl fails."""

    def run(self, argv: Sequence[str], **options: Any) -> Completed:
        if argv[0] == "journalctl":
            return Completed(0, "its last words\n")
        return Completed(1, "", "Job for broken.service failed.\n")


def test_a_service_that_cannot_be_reloaded_shows_its_log() -> None:
    with pytest.raises(OpsError, match=r"systemctl reload broken\.service failed") as caught:
        Systemd(Says()).carry_out("reload", "broken.service", timeout=1)
    assert caught.value.details == ["Job for broken.service failed.", "its last words"]
