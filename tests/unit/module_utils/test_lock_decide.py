# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from dataclasses import replace

import pytest
from ansible_collections.blyan.ops.plugins.module_utils.lock import LEASE_SECONDS, Holder, decide
from ansible_collections.blyan.ops.plugins.module_utils.run import Run

ANNA = Run("anna-1", "anna@desk", "deploy")
BEN = Run("ben-1", "ben@desk", "rollback")
HELD = Holder(ANNA.id, ANNA.who, ANNA.what, "2026-11-23T20:45:01Z", boot="boot-1", taken=900.0, renewed=1000.0)


@pytest.mark.parametrize(
    ("holder", "run", "boot", "now"),
    [
        (None, BEN, "boot-1", 1000.0),
        (HELD, ANNA, "boot-1", 1000.0),
        (HELD, ANNA, "boot-1", 5000.0),
        (HELD, BEN, "boot-1", 1000.0 + LEASE_SECONDS + 0.1),
        (HELD, BEN, "boot-2", 1001.0),
        (HELD, BEN, "boot-2", 5.0),
    ],
    ids=["free", "own", "own and late", "expired", "other boot", "other boot, clock from 0"],
)
def test_may_be_taken(holder: Holder | None, run: Run, boot: str, now: float) -> None:
    assert decide(holder, run, boot, now) is None


@pytest.mark.parametrize(
    ("now", "age"),
    [(1000.0, "1m 40s now and last renewed 0s"), (1000.0 + LEASE_SECONDS, "2m 40s now and last renewed 1m")],
)
def test_is_held(now: float, age: str) -> None:
    assert decide(HELD, BEN, "boot-1", now) == (
        f"the lock of this host is held: deploy by anna@desk since 2026-11-23T20:45:01Z, for {age} ago"
    )


def test_the_same_person_in_another_run_is_another() -> None:
    assert decide(HELD, replace(ANNA, id="anna-2"), "boot-1", 1001.0) is not None


def test_the_lease_counts_from_its_renewal() -> None:
    renewed = replace(HELD, renewed=1000.0 + LEASE_SECONDS)
    assert decide(renewed, BEN, "boot-1", 1001.0 + LEASE_SECONDS) is not None
