# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Wiring that every module shares: errors to ``fail_json``, check mode, diff, lock, steps, journal. Once.

A module gives its argument spec and one function from :class:`Context` to its result; nothing else in the
collection calls ``exit_json`` or ``fail_json``.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Any, Callable

from ansible.module_utils.basic import AnsibleModule

from . import leftovers
from .diff import diff
from .durations import seconds
from .errors import OpsError
from .journal import Journal, entry
from .lock import Lock
from .run import Run
from .steps import STATE, Change, Engine, Operation, fault_from_environment

PROGRESS = Path("/run/blyan-ops")

#: Options of every module of this collection that runs on a host; the doc fragment ``blyan.ops.run`` documents them.
RUN_OPTIONS: dict[str, Any] = {
    "keep_lock": {"type": "str", "choices": ["never", "on_failure", "always"], "default": "never"},
    "continue_lock": {"type": "bool", "default": False},
    "lock_wait": {"type": "str", "default": "0s"},
    "break_lock": {"type": "bool", "default": False},
    "run": {
        "type": "dict",
        "options": {
            "id": {"type": "str", "required": True},
            "who": {"type": "str", "required": True},
            "what": {"type": "str", "required": True},
        },
    },
}

Act = Callable[["Context"], Mapping[str, Any]]


class Context:
    """What a module's function works with.

    Attributes:
        params: the module's options.
        check: whether nothing may be written.
        run: the run of the playbook that called the module.
        lock: the lock of this host.
        changes: the changes made so far, or that would be made.
    """

    def __init__(self, module: AnsibleModule) -> None:
        self.params: dict[str, Any] = module.params
        self.check: bool = module.check_mode
        self.name = str(module._name).rsplit(".", 1)[-1]
        self.run = Run.of(self.params.get("run"), self.name)
        self.lock = Lock(STATE)
        self.changes: list[Change] = []
        self.notes: list[str] = []
        self.engine = Engine(STATE, progress=self.progress, fault=fault_from_environment, fence=self._fence)

    def duration(self, option: str) -> float:
        """Seconds in the duration that an option holds."""
        return seconds(str(self.params[option]), option)

    def settle(self, *, finish: bool = True) -> None:
        """Finish or take back what killed runs left, and note it for the result and the journal."""
        if self.check:
            self.notes += [
                f"would first settle the {each} that an earlier run left" for each in self.engine.leftovers()
            ]
        else:
            for stale in PROGRESS.glob("*.progress"):
                if stale.stem != self.run.id:
                    stale.unlink(missing_ok=True)
            self.notes += leftovers.settle(self.engine, finish=finish)
            self.changes += [Change("settle", note, None, None) for note in self.notes]

    def apply(self, operation: Operation, changes: Sequence[Change]) -> None:
        """Make the changes, or only tell them in check mode."""
        self.changes.extend(changes)
        if not self.check:
            self.engine.run(operation, changes)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the lock of this host for the length of a block, and after it as long as ``keep_lock`` says."""
        wait, keep = self.duration("lock_wait"), self.params["keep_lock"]
        if self.params["break_lock"]:
            self._break_lock()
        if self.params["continue_lock"]:
            self.lock.require(self.run)
        with self.lock.renewed(self.run, wait=wait, progress=self.progress):
            try:
                yield
            except BaseException:
                if keep == "never":
                    self.lock.release(self.run)
                raise
        if keep != "always":
            self.lock.release(self.run)

    def refuse_locked(self) -> None:
        """Refuse to go on while another run holds the lock, for a module that only reads."""
        if not self.params["break_lock"]:
            self.lock.refuse_other(self.run, wait=self.duration("lock_wait"), progress=self.progress)

    def _break_lock(self) -> None:
        broken = self.lock.take_away(self.run)
        if broken is not None:
            self.changes.append(
                Change("lock", "lock of this host", {"holder": broken.label}, {"broken by": self.run.who})
            )

    def _fence(self) -> None:
        self.lock.require(self.run)

    def progress(self, text: str) -> None:
        """Tell people who wait what is being done now; never a secret, as every user of the host can read it."""
        if self.check:
            return
        # A courtesy, which must not fail what it tells of.
        with suppress(OSError):
            PROGRESS.mkdir(mode=0o755, exist_ok=True)
            with open(PROGRESS / f"{self.run.id}.progress", "a", encoding="utf-8") as stream:
                stream.write(text + "\n")


def run_module(spec: Mapping[str, Any], act: Act, *, reads_only: bool = False) -> None:
    """Run a module to its end: exits the process with one JSON result.

    Args:
        spec: the argument spec, without the options that all share.
        act: does the work and returns the values to report.
        reads_only: whether it never changes anything; it then takes no lock and writes no journal.
    """
    module = AnsibleModule(argument_spec={**spec, **RUN_OPTIONS}, supports_check_mode=True)
    context = Context(module)
    started = time.monotonic()
    try:
        with _prepared(context, reads_only):
            result = dict(act(context))
        _record(module, context, reads_only, started, "done")
    except Exception as raised:
        error = _told(context.name, raised)
        _record(module, context, reads_only, started, f"failed: {error.reason}")
        module.fail_json(
            msg=error.message(),
            reason=error.reason,
            next_step=error.next_step,
            details=error.details,
            notes=context.notes,
            seconds=context.engine.timings,
        )
    finally:
        with suppress(OSError):
            (PROGRESS / f"{context.run.id}.progress").unlink()
    module.exit_json(
        changed=bool(context.changes),
        diff=diff(context.changes),
        notes=context.notes,
        seconds=context.engine.timings,
        **result,
    )


def _prepared(context: Context, reads_only: bool) -> AbstractContextManager[None]:
    """The state directory, and the lock for as long as the module needs it."""
    if os.geteuid() != 0:
        raise OpsError(
            f"{context.name} runs as uid {os.geteuid()}, and needs root on this host",
            next_step="connect as root, or set become: true (-b)",
        )
    if reads_only or context.check:
        return nullcontext()
    STATE.mkdir(mode=0o700, parents=True, exist_ok=True)
    return context.locked()


def _told(name: str, raised: Exception) -> OpsError:
    """Any failure as people are told of it; for those that nobody foresaw, Ansible keeps the traceback."""
    if isinstance(raised, OpsError):
        return raised
    if isinstance(raised, OSError):
        return OpsError(f"{name}: {raised}", next_step="mend that on the host, then run this again")
    return OpsError(
        f"{name} met what it was not written for: {raised!r}",
        next_step="run this again with ANSIBLE_DISPLAY_TRACEBACK=error, and report what it shows",
    )


def _record(module: AnsibleModule, context: Context, reads_only: bool, started: float, outcome: str) -> None:
    """One line in the journal for a module that changed something, or tried to."""
    if reads_only or context.check or not context.changes:
        return
    spent = time.monotonic() - started
    try:
        Journal(STATE).append(entry(context.run, context.name, context.changes, outcome, spent))
    except OSError as error:
        # What was changed is changed; to fail for the journal's sake would take back a deploy that serves.
        module.warn(f"{context.name} is missing in the journal of this host, which cannot be written: {error}")
