# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The lock of a host: one run at a time changes what serves, and a dead run strands nobody.

The lock is a file with its holder and a lease. Running steps renew the lease; when the holder is killed
it runs out. Age is counted on the boot clock, so that a wall clock set back strands nobody either.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Callable

from . import atomic
from .durations import human
from .errors import OpsError
from .run import Run

LEASE_SECONDS = 60.0
_RENEW_EVERY = 15.0


@dataclass(frozen=True)
class Holder:
    """Who holds the lock: the run, since when (UTC), and the boot and boot clock of the last renewal (seconds)."""

    id: str
    who: str
    what: str
    since: str
    boot: str
    renewed: float

    def expired(self, boot: str, now: float) -> bool:
        """Whether the lease ran out: not renewed for its length, or the host was started anew since."""
        return boot != self.boot or now - self.renewed > LEASE_SECONDS


def decide(holder: Holder | None, run: Run, boot: str, now: float) -> str | None:
    """Why the run may not take the lock, or None when it may."""
    if holder is None or holder.id == run.id or holder.expired(boot, now):
        return None
    return f"{holder.what} by {holder.who} holds the lock of this host since {holder.since}"


class Lock:
    """The lock file under a state directory.

    Args:
        directory: the state directory of the host, which exists.
    """

    def __init__(self, directory: Path) -> None:
        self._file = directory / "lock.json"
        self._guard = directory / ".lock"

    def holder(self) -> Holder | None:
        """Who holds the lock, or None; a holder whose lease ran out is none."""
        holder = self._read()
        return None if holder is None or holder.expired(_boot(), _clock()) else holder

    def refuse_other(self, run: Run) -> None:
        """Refuse to go on while another run holds the lock, without taking it.

        Raises:
            OpsError: another run holds it.
        """
        refusal = decide(self.holder(), run, _boot(), _clock())
        if refusal:
            raise _taken(refusal)

    def acquire(self, run: Run, *, wait: float = 0.0, progress: Callable[[str], None] | None = None) -> None:
        """Take the lock for a run, or renew its lease.

        Args:
            wait: seconds to wait for another holder to end.

        Raises:
            OpsError: another run holds it; nothing was changed.
        """
        deadline = time.monotonic() + wait
        while True:
            with atomic.locked(self._guard):
                held = self._read()
                refusal = decide(held, run, _boot(), _clock())
                if refusal is None:
                    since = held.since if held is not None and held.id == run.id else _now()
                    fresh = Holder(run.id, run.who, run.what, since, _boot(), _clock())
                    atomic.write_json(self._file, asdict(fresh))
                    return
            left = deadline - time.monotonic()
            if left <= 0:
                raise _taken(refusal)
            if progress:
                progress(f"{refusal}; waiting up to {human(left)} more")
            time.sleep(min(1.0, left))

    def release(self, run: Run) -> None:
        """Give the lock back, if the run holds it."""
        with atomic.locked(self._guard):
            holder = self._read()
            if holder is not None and holder.id == run.id:
                self._file.unlink()

    @contextmanager
    def renewed(self, run: Run) -> Iterator[None]:
        """Hold the lock for the length of a block, renewing its lease from a thread."""
        self.acquire(run)
        stop = threading.Event()

        def renew() -> None:
            while not stop.wait(_RENEW_EVERY):
                # A disk that is full now may not be so at the next try, before the lease runs out.
                with suppress(OSError):
                    self.acquire(run)

        thread = threading.Thread(target=renew, daemon=True)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()

    def _read(self) -> Holder | None:
        try:
            found: Any = atomic.read_json(self._file)
            return None if found is None else Holder(**found)
        except (OpsError, TypeError):
            # A file that is no lock cannot say who holds it; taking it as free is the only way on.
            return None


def _taken(refusal: str) -> OpsError:
    return OpsError(
        refusal, next_step=f"wait for it to end; if its controller is dead the lock falls within {human(LEASE_SECONDS)}"
    )


def _boot() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()


def _clock() -> float:
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def _now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
