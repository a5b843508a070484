# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from ansible_collections.blyan.ops.plugins.module_utils.errors import OpsError

FULL = OpsError("the disk is full", next_step="free some", details=["df says so"])
HELD = OpsError("port 80 is held", next_step="stop it")


def test_one_problem_is_told_as_it_is() -> None:
    assert OpsError.of([FULL], "no") is FULL


def test_several_are_told_at_once() -> None:
    assert OpsError.of([FULL, HELD], "it cannot be").message().splitlines() == [
        "it cannot be, for 2 reasons. Next: mend each of them.",
        "  | the disk is full. Next: free some.",
        "  |   | df says so",
        "  | port 80 is held. Next: stop it.",
    ]
