# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The engine under every change: written down before it is made, taken back on failure, finished after a kill.

An *operation* is what one module does. It declares its steps by name, in order; a planner compares what is
wanted with what is found and gives the changes, each belonging to a step. From that one list follow the
diff, ``changed`` and the action itself, so that check mode cannot drift from the real run. The engine
writes the list to disk, makes the changes in turn and marks each one, so that a later process can undo or
finish what a killed one left, from the file alone.
"""

from __future__ import annotations

import os
import signal
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Callable, ClassVar

from . import atomic
from .errors import OpsError

#: The one directory in which the collection keeps state on a host: steps, lock, journal; root, 0700.
STATE = Path("/var/lib/blyan-ops")


@dataclass(frozen=True)
class Change:
    """One difference between what is found and what is wanted.

    Args:
        step: the step that makes it, one of the operation's.
        target: what a person calls the thing that changes.
        before: what is found; JSON, no secret, enough to undo the change.
        after: what is wanted; JSON, no secret, enough to make the change.
    """

    step: str
    target: str
    before: Any
    after: Any


class Operation(ABC):
    """Several changes that belong together.

    Making and undoing a change must be repeatable: a kill may fall between the act and its mark on disk.
    """

    name: ClassVar[str]
    #: All steps in the order in which they are made; fault tests take their kill points from here.
    steps: ClassVar[tuple[str, ...]]
    #: The step after which nothing is taken back any more; empty where all is.
    commit: ClassVar[str] = ""
    #: What a later process does with a leftover that was not committed: ``finish`` tries to go on first.
    leftover: ClassVar[str] = "undo"

    @classmethod
    @abstractmethod
    def again(cls, params: Mapping[str, Any]) -> Operation:
        """The operation from the parameters that a killed run recorded, fit for ``do`` and ``undo``."""

    @abstractmethod
    def params(self) -> dict[str, Any]:
        """What a later process needs to make this operation again; JSON, no secret."""

    @abstractmethod
    def do(self, change: Change) -> None:
        """Make one change.

        Raises:
            OpsError: it could not be made.
        """

    @abstractmethod
    def undo(self, change: Change) -> None:
        """Take one change back, whether it was made wholly, in part or not at all."""


@dataclass
class Engine:
    """Runs operations and cleans up after killed ones.

    Args:
        directory: the state directory of the host, which exists.
        progress: told what is being done, for people who wait.
        fault: called as ``fault("<operation>.<step>", "before" | "after")`` around each step; tests kill there.
        fence: called before and after each step; raises when this process may touch nothing more, its record included.
    """

    directory: Path
    progress: Callable[[str], None] = lambda text: None
    fault: Callable[[str, str], None] = lambda point, side: None
    fence: Callable[[], None] = lambda: None
    timings: dict[str, float] = field(default_factory=dict)

    def run(self, operation: Operation, changes: Sequence[Change]) -> None:
        """Make all changes, or none.

        Raises:
            OpsError: a step failed; what was made has been taken back, and the error says so.
        """
        if not changes:
            return
        file = self._file(operation.name)
        if file.exists():
            # It would be lost under this one's.
            raise OpsError(f"{file} of an earlier run is not settled", next_step="settle it before anything new")
        ordered = sorted(changes, key=lambda change: operation.steps.index(change.step))
        record = _Record(file, operation.params(), ordered)
        self.fence()
        record.save()
        self._go(operation, record)

    def recover(self, operation: type[Operation], *, finish: bool = True) -> str:
        """Deal with what a killed run of an operation left.

        Args:
            finish: whether an uncommitted leftover may be finished, where the operation prefers that.

        Returns:
            What was done, as a sentence for people; empty when there was nothing.
        """
        file = self._file(operation.name)
        try:
            record = _Record.load(file)
            if record is None:
                return ""
            again = operation.again(record.params)
        except (KeyError, TypeError) as error:
            raise OpsError(
                f"{file} is of another version of this collection ({error!r})",
                next_step="finish with that version, or put right by hand what the file names and remove it",
            ) from error
        at = record.at()
        if not record.back and (record.committed(again) or (finish and operation.leftover == "finish")):
            try:
                self._go(again, record)
            except OpsError as error:
                if file.exists():
                    raise
                return f"took back the {operation.name} that an earlier run left at step {at}, as {error.reason}"
            return f"finished the {operation.name} that an earlier run left at step {at}"
        self._undo(again, record)
        return f"took back the {operation.name} that an earlier run left at step {at}"

    def leftovers(self) -> list[str]:
        """The names of operations that a killed run left unfinished."""
        return sorted(path.stem for path in self._steps().glob("*.json"))

    def _go(self, operation: Operation, record: _Record) -> None:
        for number, change in enumerate(record.changes):
            if record.states[number] == "done":
                continue
            self.progress(f"{operation.name}: {change.step} ({change.target})")
            point = f"{operation.name}.{change.step}"
            self.fence()
            started = time.monotonic()
            try:
                record.mark(number, "doing")
                self.fault(point, "before")
                operation.do(change)
                self.fault(point, "after")
                # What was waited for may be the work of whoever has the lock now, and the record theirs.
                self.fence()
                record.mark(number, "done")
            except Exception as error:  # what nobody foresaw is taken back as well
                self._fail(operation, record, change, error)
            finally:
                self.timings[point] = self.timings.get(point, 0.0) + round(time.monotonic() - started, 3)
        record.drop()

    def _fail(self, operation: Operation, record: _Record, change: Change, error: Exception) -> None:
        self.fence()
        cause = error
        if isinstance(error, OSError):
            cause = OpsError(f"{change.target}: {error}", next_step="mend that on the host, then run this again")
        told = cause.details if isinstance(cause, OpsError) else []
        if record.committed(operation):
            told.append(f"the step {change.step} is left to do; running this again finishes it")
            raise cause from error
        try:
            self._undo(operation, record)
            told.append("what was made so far has been taken back")
        except Exception as second:  # it must not hide the first
            told.append(f"taking it back failed as well: {second}; running this again tries once more")
        raise cause from error

    def _undo(self, operation: Operation, record: _Record) -> None:
        """Take back all that can be; what cannot stays in the record, for the next run to try again."""
        record.turn_back()
        stuck: list[Exception] = []
        for number in reversed(range(len(record.changes))):
            if record.states[number] == "planned":
                continue
            self.fence()
            self.progress(f"{operation.name}: taking back {record.changes[number].step}")
            try:
                operation.undo(record.changes[number])
            except Exception as error:  # one that cannot be undone does not keep the others from it
                stuck.append(error)
                continue
            # Undoing is repeatable, so that a disk which is full now does not keep the rest from being undone.
            with suppress(OSError):
                record.mark(number, "planned")
        if stuck:
            raise stuck[0]
        record.drop()

    def _steps(self) -> Path:
        return self.directory / "steps"

    def _file(self, name: str) -> Path:
        self._steps().mkdir(mode=0o700, exist_ok=True)
        return self._steps() / f"{name}.json"


@dataclass
class _Record:
    """The changes of one operation on disk, each ``planned``, ``doing`` or ``done``; ``back`` while they are undone."""

    file: Path
    params: Mapping[str, Any]
    changes: Sequence[Change]
    states: list[str] = field(default_factory=list)
    back: bool = False

    def __post_init__(self) -> None:
        self.states = self.states or ["planned"] * len(self.changes)

    @classmethod
    def load(cls, file: Path) -> _Record | None:
        found = atomic.read_json(file)
        if found is None:
            return None
        changes = [Change(**change) for change in found["changes"]]
        return cls(file, found["params"], changes, found["states"], found["back"])

    def save(self) -> None:
        changes = [asdict(change) for change in self.changes]
        values = {"params": self.params, "changes": changes, "states": self.states, "back": self.back}
        atomic.write_json(self.file, values)

    def mark(self, number: int, state: str) -> None:
        before, self.states = self.states, [*self.states]
        self.states[number] = state
        try:
            self.save()
        except OSError:
            self.states = before  # what is not on disk is not so
            raise

    def turn_back(self) -> None:
        """Have a later process go on undoing, should this one be killed: what failed must not be finished."""
        self.back = True
        with suppress(OSError):
            self.save()

    def drop(self) -> None:
        self.file.unlink()

    def committed(self, operation: Operation) -> bool:
        """Whether the commit step was made, or was not needed and all before it that was needed is made."""
        if not operation.commit:
            return False
        place = operation.steps.index(operation.commit)
        upto = [s for c, s in zip(self.changes, self.states) if operation.steps.index(c.step) <= place]
        return all(state == "done" for state in upto)

    def at(self) -> str:
        """The step that was being made, or comes next."""
        for change, state in zip(self.changes, self.states):
            if state != "done":
                return change.step
        return self.changes[-1].step


def fault_from_environment(point: str, side: str) -> None:
    """Kill this process at the point that BLYAN_OPS_FAULT names, as ``<operation>.<step>:before|after``.

    With ``:stop`` after that it is stopped, until somebody has it go on. Fault tests set it; nothing else does.
    """
    fault = os.environ.get("BLYAN_OPS_FAULT")
    if fault == f"{point}:{side}":
        os.kill(os.getpid(), signal.SIGKILL)
    elif fault == f"{point}:{side}:stop":
        os.kill(os.getpid(), signal.SIGSTOP)
