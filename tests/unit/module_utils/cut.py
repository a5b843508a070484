# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Operations that are cut short: they fail, or die, at one of their steps."""

from __future__ import annotations

from pathlib import Path
from typing import Callable

import pytest
from ansible_collections.blyan.ops.plugins.module_utils.errors import OpsError
from ansible_collections.blyan.ops.plugins.module_utils.steps import Change, Engine, Operation

Planned = tuple[Operation, list[Change]]
Way = Callable[[], BaseException]


class Died(BaseException):
    """What a kill looks like from inside: no handler of the engine runs."""


def failed() -> BaseException:
    """A failure that the engine knows."""
    return OpsError("no", next_step="yes")


#: Both ways, for tests of each.
ways = pytest.mark.parametrize("way", [failed, Died], ids=["fails", "dies"])


def cut(engine: Engine, planned: Planned, point: str, way: Way) -> None:
    """Run an operation until it reaches a point, where it fails or dies."""
    error = way()

    def fault(at: str, side: str) -> None:
        if f"{at}:{side}" == point:
            raise error

    engine.fault = fault
    with pytest.raises(type(error)):
        engine.run(*planned)
    engine.fault = lambda at, side: None


def points(operation: type[Operation], *left_out: str) -> list[str]:
    """The places at which a fault test kills an operation."""
    made = [step for step in operation.steps if step not in left_out]
    return [f"{operation.name}.{step}:{side}" for step in made for side in ("before", "after")]


def left(engine: Engine) -> list[Path]:
    """The records that are left of operations."""
    return list((engine.directory / "steps").iterdir())
