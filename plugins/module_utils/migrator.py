# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What runs in the unit of a migration, as the app's user with the app's environment: the command, under a lock.

The lock is held here and not by the module that starts the unit: it has to live as long as the command does, and the
unit outlives a module that is killed. From the same place, and under the same lock, the schema is looked at before and
after. What came out is left in a file.
"""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Callable

from . import database, schema
from .durations import human
from .errors import OpsError

_LOOK_SECONDS = 60.0
_END_SECONDS = 10.0

#: The two ways in which nothing was run although nothing failed.
NOT_ALLOWED = "not allowed"
NOTHING_TO_DO = "nothing to do"


@dataclass(frozen=True)
class Job:
    """What is to be done.

    Args:
        command: the migrations.
        schema: prints the schema; empty where there is no such command.
        allowed: whether there may be migrations; where not, the command is not run.
        timeout: seconds that another migration of the database may take, and then this one.
        report: the file that gets what came out.
    """

    command: list[str]
    schema: list[str]
    allowed: bool
    timeout: float
    report: str


@dataclass
class Report:
    """What came out.

    Args:
        before: the schema that the database had; empty where that is not known.
        after: the one that it has; ``unknown`` from the start of the command until it was looked at.
        needs: the one that the app needs.
        outcome: why the command was not run; empty where it was.
        note: what people should know besides.
    """

    before: str = ""
    after: str = ""
    needs: str = ""
    outcome: str = ""
    note: str = ""

    @classmethod
    def read(cls, file: Path) -> Report:
        """The report in a file that the app's user could write to, so that anything may be in it."""
        try:
            with open(file, "rb") as stream:
                found: Any = json.loads(stream.read(10_000))
            return cls(**{name: str(found[name])[:200] for name in asdict(cls())})
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            return cls()


def main(text: str, say: Callable[[str], None]) -> int:
    """Do the job that is given as JSON, and return an exit status.

    Args:
        say: tells people, in the log of the unit and in its status.
    """
    job = Job(**json.loads(text))
    report = Report()
    try:
        with _lock(job, report, say):
            return _migrate(job, report, say)
    except OpsError as error:
        say(error.message())
        return 1
    finally:
        _write(job, report)


def _lock(job: Job, report: Report, say: Callable[[str], None]) -> AbstractContextManager[None]:
    url = database.postgresql(os.environ.get("DATABASE_URL", ""))
    if url:
        _have_driver()
        return database.locked(url, job.timeout, say)
    report.note = "DATABASE_URL names no PostgreSQL database, so that there was nothing to lock"
    return nullcontext()


def _have_driver() -> None:
    """Start anew with the app's own Python where the host's has no psycopg2: nothing was provisioned there."""
    own = Path(".venv/bin/python").absolute()
    if importlib.util.find_spec("psycopg2") is None and sys.prefix == sys.base_prefix and own.exists():
        os.execv(own, [str(own), "-I", *sys.argv])


def _migrate(job: Job, report: Report, say: Callable[[str], None]) -> int:
    found = _look(job)
    report.before, report.needs, report.after = found.has, found.needs, found.has
    if not job.allowed:
        report.outcome = NOTHING_TO_DO if found.has and found.has == found.needs else NOT_ALLOWED
        return 0
    # Written before anything changes, in case that this process does not see the end.
    report.after = schema.UNKNOWN if job.schema else ""
    _write(job, report)
    say("migrating")
    code = _run(job)
    report.after = _look(job).has
    return code


def _look(job: Job) -> schema.Schema:
    if not job.schema:
        return schema.Schema("", "")
    try:
        done = subprocess.run(
            job.schema, check=False, stdout=subprocess.PIPE, text=True, timeout=_LOOK_SECONDS, env=_environment()
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise _no_look(str(error)) from error
    if done.returncode:
        raise _no_look(f"it ended with status {done.returncode}")
    return schema.parse(done.stdout)


def _no_look(why: str) -> OpsError:
    return OpsError(
        f"deploy_schema_command failed ({why})", next_step="run it in the release to see why, and correct it"
    )


def _run(job: Job) -> int:
    try:
        with subprocess.Popen(job.command, env=_environment()) as process:
            try:
                return process.wait(job.timeout)
            except subprocess.TimeoutExpired as error:
                process.terminate()
                try:
                    process.wait(_END_SECONDS)
                except subprocess.TimeoutExpired:
                    process.kill()
                raise OpsError(
                    f"the migrations did not end within {human(job.timeout)}, and were ended",
                    next_step="see in the database what they waited for, or raise deploy_migrate_timeout",
                ) from error
    except OSError as error:
        raise OpsError(
            f"{job.command[0]} cannot be run ({error.strerror})", next_step="correct deploy_migrate_command"
        ) from error


def _environment() -> Mapping[str, str]:
    """The environment of the app, without what systemd gave this process alone."""
    return {name: value for name, value in os.environ.items() if name != "NOTIFY_SOCKET"}


def _write(job: Job, report: Report) -> None:
    Path(job.report).write_text(json.dumps(asdict(report)), encoding="utf-8")
