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
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from pathlib import Path
from typing import Any, Callable, cast

from ansible.module_utils.basic import AnsibleModule

from . import leftovers
from .durations import seconds
from .errors import OpsError
from .journal import Journal, entry
from .lock import Lock
from .run import Run
from .steps import STATE, Change, Engine, Operation, diff, fault_from_environment

PROGRESS = Path("/run/blyan-ops")

#: Options of every module of this collection that runs on a host; the doc fragment ``blyan.ops.run`` documents them.
RUN_OPTIONS: dict[str, Any] = {
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
        self._last = False
        self.engine = Engine(STATE, progress=self.progress, fault=fault_from_environment)

    def duration(self, option: str) -> float:
        """Seconds in the duration that an option holds."""
        return seconds(str(self.params[option]), option)

    def settle(self, *, finish: bool = True) -> None:
        """Finish or take back what killed runs left, and note it for the result and the journal."""
        if not self.check:
            self.notes += leftovers.settle(self.engine, finish=finish)
            self.changes += [Change("settle", note, None, None) for note in self.notes]

    def apply(self, operation: Operation, changes: Sequence[Change]) -> None:
        """Make the changes, or only tell them in check mode."""
        self.changes.extend(changes)
        if not self.check:
            self.engine.run(operation, changes)

    def end_run(self) -> None:
        """Give the lock back when this module ends, as it is the last one of its run."""
        self._last = True

    def give_lock_back(self) -> None:
        """Give the lock back if this was the last module of its run."""
        if self._last and not self.check:
            self.lock.release(self.run)

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
        spec: the argument spec, without the shared ``run`` option.
        act: does the work and returns the values to report.
        reads_only: whether it never changes anything; it then takes no lock and writes no journal.
    """
    module = AnsibleModule(argument_spec={**spec, **RUN_OPTIONS}, supports_check_mode=True)
    context = Context(module)
    started = time.monotonic()
    try:
        with _prepared(context, reads_only):
            result = dict(act(context))
        context.give_lock_back()
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
    """The state directory, and the lock for as long as the module runs."""
    if os.geteuid() != 0:
        raise OpsError(
            f"{context.name} runs as uid {os.geteuid()}, and needs root on this host",
            next_step="connect as root, or set become: true (-b)",
        )
    if reads_only or context.check:
        return nullcontext()
    STATE.mkdir(mode=0o700, parents=True, exist_ok=True)
    return cast("AbstractContextManager[None]", context.lock.renewed(context.run))


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
