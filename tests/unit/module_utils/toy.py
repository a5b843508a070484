# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A toy operation on a directory, in this process or, as a program, in one that may be killed.

Each step makes one file. Files of other names tell it to fail: ``fail-<step>`` names the error of its ``do``, and
``fail-undo-<step>`` makes its ``undo`` fail. TOY_KILL_UNDO kills it before it undoes that step.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Callable

from ansible_collections.blyan.ops.plugins.module_utils.errors import OpsError
from ansible_collections.blyan.ops.plugins.module_utils.steps import Change, Engine, Operation, fault_from_environment

ERRORS: dict[str, Callable[[], Exception]] = {
    "OpsError": lambda: OpsError("it does not work", next_step="mend it"),
    "OSError": lambda: OSError(28, "No space left on device"),
    "ValueError": lambda: ValueError("nobody thought of this"),
}


class Toy(Operation):
    """Taken back when it was killed before its commit step."""

    name = "toy"
    steps = ("one", "two", "three", "four")
    commit = "three"

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    @classmethod
    def again(cls, params: Mapping[str, Any]) -> Toy:
        return cls(Path(params["directory"]))

    def params(self) -> dict[str, Any]:
        return {"directory": str(self.directory)}

    def do(self, change: Change) -> None:
        self._note(f"do {change.step}")
        fails = self.directory / f"fail-{change.step}"
        (self.directory / change.step).write_text(change.after)
        if fails.exists():
            raise ERRORS[fails.read_text()]()

    def undo(self, change: Change) -> None:
        if os.environ.get("TOY_KILL_UNDO") == change.step:
            os.kill(os.getpid(), 9)
        self._note(f"undo {change.step}")
        if (self.directory / f"fail-undo-{change.step}").exists():
            raise OSError(5, "Input/output error")
        if change.before is None:
            (self.directory / change.step).unlink(missing_ok=True)
        else:
            (self.directory / change.step).write_text(change.before)

    def _note(self, text: str) -> None:
        with open(self.directory / "log", "a") as log:
            log.write(text + "\n")


class Finisher(Toy):
    """Finished when it was killed."""

    leftover = "finish"


class NeverCommits(Toy):
    """Taken back whenever it was killed."""

    commit = ""


KINDS = {kind.__name__: kind for kind in (Toy, Finisher, NeverCommits)}


def plan(*steps: str) -> list[Change]:
    """What is wanted: each file with ``new`` in it; the second one is there already, with ``old``."""
    return [Change(step, f"file {step}", "old" if step == "two" else None, "new") for step in steps or Toy.steps]


def main(action: str, state: Path, directory: Path, kind: type[Toy]) -> None:
    """Run it, or recover what an earlier process left."""
    engine = Engine(state, fault=fault_from_environment)
    if action == "run":
        engine.run(kind(directory), plan())
    else:
        print(engine.recover(kind))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]), KINDS[sys.argv[4]])
