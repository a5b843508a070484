# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The journal of a host: one JSON line a change, each bound to the one before it by a hash."""

from __future__ import annotations

import hashlib
import json
import os
import socket
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from . import atomic
from .run import Run
from .steps import Change

_START = "0" * 64
_TAIL = 65536  # bytes: longer than any line that is written here


def seal(entry: Mapping[str, Any], previous: str) -> str:
    """The line of an entry: canonical JSON with the hash of the line before it and its own.

    Args:
        entry: what is recorded, JSON values only.
        previous: the hash of the line before, 64 zeros for the first.
    """
    body = {**entry, "previous": previous}
    return _canonical({**body, "hash": _hash(body)})


def altered(lines: Iterable[str]) -> Iterator[int]:
    """The numbers (from 1) of the lines that are not as they were written, or do not follow the one before."""
    previous = _START
    for number, line in enumerate(lines, 1):
        text = line.rstrip("\n")
        if not _sound(text, previous):
            yield number
        previous = _claimed(text)


def _sound(line: str, previous: str) -> bool:
    try:
        entry = json.loads(line)
        del entry["hash"]
        # The text itself is compared: JSON has other ways to write the same, one of which names a thing twice.
        return bool(entry["previous"] == previous and line == _canonical({**entry, "hash": _hash(entry)}))
    except (ValueError, KeyError, TypeError):
        return False


def entry(run: Run, module: str, changes: Sequence[Change], outcome: str, seconds: float) -> dict[str, Any]:
    """What the journal records of changes that were made, or tried.

    Args:
        outcome: ``done``, or ``failed:`` and the reason.
        seconds: how long it took.
    """
    return {
        "when": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "host": socket.gethostname(),
        "run": run.id,
        "who": run.who,
        "what": run.what,
        "module": module,
        "outcome": outcome,
        "changes": [
            {"step": c.step, "target": c.target, "before": _brief(c.before), "after": _brief(c.after)} for c in changes
        ],
        "seconds": round(seconds, 3),
    }


class Journal:
    """The journal file under a state directory; only ever appended to."""

    def __init__(self, directory: Path) -> None:
        self._file = directory / "journal.jsonl"
        self._guard = directory / ".journal"

    def append(self, entry: Mapping[str, Any]) -> None:
        """Add one line; two writers never tear or fork the chain."""
        with atomic.locked(self._guard):
            torn, previous = self._end()
            line = ("\n" if torn else "") + seal(entry, previous)
            handle = os.open(self._file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
            try:
                os.write(handle, line.encode() + b"\n")
                os.fsync(handle)
            finally:
                os.close(handle)

    def _end(self) -> tuple[bool, str]:
        """Whether the last line was torn by a crash, and the hash that the next line follows."""
        try:
            with open(self._file, "rb") as stream:
                stream.seek(0, os.SEEK_END)
                stream.seek(max(0, stream.tell() - _TAIL))
                tail = stream.read()
        except FileNotFoundError:
            return False, _START
        if not tail:
            return False, _START
        last = tail.splitlines()[-1].decode(errors="replace")
        return not tail.endswith(b"\n"), _claimed(last)


def _claimed(line: str) -> str:
    """The hash that a line carries; for a line that carries none, one made of it, so that the chain goes on."""
    try:
        return str(json.loads(line)["hash"])
    except (ValueError, KeyError, TypeError):
        return _hash({"line": line})


def _brief(value: Any) -> Any:
    """A value as the journal keeps it: the contents of a file are kept as their digest."""
    if isinstance(value, str) and len(value) > 200:
        return "sha256:" + hashlib.sha256(value.encode()).hexdigest()
    return value


def _canonical(value: Mapping[str, Any]) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True)


def _hash(body: Mapping[str, Any]) -> str:
    return hashlib.sha256(_canonical(body).encode()).hexdigest()
