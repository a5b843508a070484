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
from dataclasses import asdict, dataclass, replace
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
    """Who holds the lock: the run, since when (UTC), and by boot clock (seconds) when it was taken and last renewed."""

    id: str
    who: str
    what: str
    since: str
    boot: str
    taken: float
    renewed: float

    @property
    def label(self) -> str:
        """What people are told of the holder."""
        return f"{self.what} by {self.who} since {self.since}"

    def expired(self, boot: str, now: float) -> bool:
        """Whether the lease ran out: not renewed for its length, or the host was started anew since."""
        return boot != self.boot or now - self.renewed > LEASE_SECONDS


def decide(holder: Holder | None, run: Run, boot: str, now: float) -> str | None:
    """Why the run may not take the lock, or None when it may."""
    if holder is None or holder.id == run.id or holder.expired(boot, now):
        return None
    held, heard = human(now - holder.taken), human(now - holder.renewed)
    return f"the lock of this host is held: {holder.label}, for {held} now and last renewed {heard} ago"


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

    def refuse_other(self, run: Run, *, wait: float = 0.0, progress: Callable[[str], None] = lambda text: None) -> None:
        """Refuse to go on while another run holds the lock, without taking it.

        Args:
            wait: seconds to wait for the other run to end.
            progress: told what is waited for.

        Raises:
            OpsError: another run holds it.
        """
        deadline = time.monotonic() + wait
        while True:
            refusal = decide(self._read(), run, _boot(), _clock())
            if refusal is None:
                return
            _wait_a_little(refusal, deadline, progress)

    def acquire(self, run: Run, *, wait: float = 0.0, progress: Callable[[str], None] = lambda text: None) -> None:
        """Take the lock for a run, or renew its lease.

        Args:
            wait: seconds to wait for another holder to end.
            progress: told what is waited for.

        Raises:
            OpsError: another run holds it; nothing was changed.
        """
        deadline = time.monotonic() + wait
        while True:
            with atomic.locked(self._guard):
                held = self._read()
                refusal = decide(held, run, _boot(), _clock())
                if refusal is None:
                    boot, now = _boot(), _clock()
                    fresh = Holder(run.id, run.who, run.what, _now(), boot, now, now)
                    if held is not None and held.id == run.id:
                        fresh = replace(held, boot=boot, renewed=now)
                    atomic.write_json(self._file, asdict(fresh))
                    return
            _wait_a_little(refusal, deadline, progress)

    def _renew(self, run: Run) -> None:
        """Put off the end of the lease; a lock that was lost is not taken again behind its new holder's back."""
        with atomic.locked(self._guard):
            holder = self._read()
            if holder is not None and holder.id == run.id:
                atomic.write_json(self._file, asdict(replace(holder, boot=_boot(), renewed=_clock())))

    def release(self, run: Run) -> None:
        """Give the lock back, if the run holds it."""
        with atomic.locked(self._guard):
            holder = self._read()
            if holder is not None and holder.id == run.id:
                self._file.unlink()

    def take_away(self, run: Run) -> Holder | None:
        """Free the lock of another run, which stops before its next step; who held it, or None."""
        with atomic.locked(self._guard):
            holder = self.holder()
            if holder is None or holder.id == run.id:
                return None
            self._file.unlink()
            return holder

    def require(self, run: Run) -> None:
        """Refuse to go on once the run does not hold the lock any more.

        A process that was stopped for longer than its lease, or whose lock was broken, must touch nothing:
        whoever has the lock now has taken back or finished what it left.

        Raises:
            OpsError: another run holds the lock, or nobody does.
        """
        holder = self._read()
        if holder is None or holder.id != run.id:
            now = f"to {holder.label}" if holder else "and nobody holds it"
            raise OpsError(
                f"this run lost the lock of this host {now}; it stopped there and took nothing back",
                next_step="see what is live with the playbook releases; the next run settles what is left half done",
            )

    @contextmanager
    def renewed(
        self, run: Run, *, wait: float = 0.0, progress: Callable[[str], None] = lambda text: None
    ) -> Iterator[None]:
        """Hold the lock for the length of a block, renewing its lease from a thread.

        Args:
            wait: seconds to wait for another holder to end.
        """
        self.acquire(run, wait=wait, progress=progress)
        stop = threading.Event()

        def renew() -> None:
            while not stop.wait(_RENEW_EVERY):
                # A disk that is full now may not be so at the next try, before the lease runs out.
                with suppress(OSError):
                    self._renew(run)

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


def _wait_a_little(refusal: str, deadline: float, progress: Callable[[str], None]) -> None:
    """Before the next try; with no time left for one the refusal is final."""
    left = deadline - time.monotonic()
    if left <= 0:
        raise OpsError(
            refusal,
            next_step="wait for it to end (deploy_lock_wait=10m does it for you); when its controller is dead, it "
            f"lets go {human(LEASE_SECONDS)} after what it is at, and deploy_lock=break takes the lock at once",
        )
    progress(f"{refusal}; waiting up to {human(left)} more")
    time.sleep(min(1.0, left))


def _boot() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()


def _clock() -> float:
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def _now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
