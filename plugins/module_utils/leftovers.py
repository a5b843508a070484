# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What killed runs left half done on a host, dealt with before anything else changes."""

from __future__ import annotations

from .abandon import Abandon
from .adoption import Adopt
from .build import Build
from .migration import Migrate
from .paths import Paths
from .prepare import Prepare
from .start import StartSlot
from .steps import Engine
from .traffic import Switch
from .unadopt import Unadopt


def settle(engine: Engine, *, finish: bool = True) -> list[str]:
    """Finish or take back each operation that a killed run left; a switch first, as it says what is live.

    Args:
        finish: whether a switch may be finished that was not committed yet; else it is taken back.

    Returns:
        What was done, in sentences for people.
    """
    done = [
        engine.recover(Adopt),
        engine.recover(Unadopt),
        engine.recover(Switch, finish=finish),
        engine.recover(StartSlot),
        engine.recover(Migrate),
        engine.recover(Build),
        engine.recover(Abandon),
        engine.recover(Paths),
        engine.recover(Prepare),
    ]
    return [each for each in done if each]
