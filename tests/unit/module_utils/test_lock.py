# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from ansible_collections.blyan.ops.plugins.module_utils import lock as lock_module
from ansible_collections.blyan.ops.plugins.module_utils.errors import OpsError
from ansible_collections.blyan.ops.plugins.module_utils.lock import LEASE_SECONDS, Lock
from ansible_collections.blyan.ops.plugins.module_utils.run import Run

ANNA = Run("anna-1", "anna@desk", "deploy")
BEN = Run("ben-1", "ben@desk", "rollback")
OTHER = """
import sys
from pathlib import Path
from ansible_collections.blyan.ops.plugins.module_utils.errors import OpsError
from ansible_collections.blyan.ops.plugins.module_utils.lock import Lock
from ansible_collections.blyan.ops.plugins.module_utils.run import Run
sys.stdin.readline()
try:
    Lock(Path(sys.argv[1])).acquire(Run(sys.argv[2], "somebody", "deploy"))
    print("taken")
except OpsError:
    print("refused")
"""


class Clock:
    """A boot clock that tests set."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.boot, self.now = "boot-1", 1000.0
        monkeypatch.setattr(lock_module, "_boot", lambda: self.boot)
        monkeypatch.setattr(lock_module, "_clock", lambda: self.now)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


@pytest.fixture
def lock(tmp_path: Path) -> Lock:
    return Lock(tmp_path)


def test_a_free_lock_has_no_holder_and_nothing_is_written(lock: Lock, tmp_path: Path) -> None:
    assert lock.holder() is None
    lock.refuse_other(ANNA)
    assert list(tmp_path.iterdir()) == []


def test_a_second_run_is_refused_at_once(lock: Lock) -> None:
    lock.acquire(ANNA)
    for attempt in (lock.acquire, lock.refuse_other):
        with pytest.raises(OpsError, match="the lock of this host is held: deploy by anna@desk") as caught:
            attempt(BEN)
        assert "1m" in caught.value.next_step
    holder = lock.holder()
    assert holder is not None
    assert holder.id == ANNA.id


def test_the_same_run_goes_on_and_keeps_since(lock: Lock, clock: Clock) -> None:
    lock.acquire(ANNA)
    first = lock.holder()
    clock.now += 30
    lock.acquire(ANNA)
    second = lock.holder()
    assert first is not None
    assert second is not None
    assert (second.since, second.renewed) == (first.since, first.renewed + 30)


def test_only_its_holder_gives_it_back(lock: Lock) -> None:
    lock.acquire(ANNA)
    lock.release(BEN)
    assert lock.holder() is not None
    lock.release(ANNA)
    lock.release(ANNA)
    assert lock.holder() is None


def test_a_dead_run_strands_nobody(lock: Lock, clock: Clock) -> None:
    lock.acquire(ANNA)
    clock.now += LEASE_SECONDS + 1
    assert lock.holder() is None
    lock.acquire(BEN)
    with pytest.raises(OpsError, match="rollback by ben@desk"):
        lock.acquire(ANNA)


def test_a_reboot_frees_it(lock: Lock, clock: Clock) -> None:
    lock.acquire(ANNA)
    clock.boot, clock.now = "boot-2", 3.0
    lock.acquire(BEN)


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"id": 1, "more": 2}', "null"])
def test_a_file_that_is_no_lock_strands_nobody(lock: Lock, tmp_path: Path, content: str) -> None:
    (tmp_path / "lock.json").write_text(content)
    assert lock.holder() is None
    lock.acquire(ANNA)
    assert lock.holder() is not None


@pytest.mark.parametrize(("method", "then"), [("acquire", BEN.id), ("refuse_other", None)])
def test_waiting_until_it_is_given_back(lock: Lock, method: str, then: str | None) -> None:
    lock.acquire(ANNA)
    told = threading.Event()
    wait = getattr(lock, method)
    waiting = threading.Thread(target=lambda: wait(BEN, wait=30, progress=lambda text: told.set()))
    waiting.start()
    assert told.wait(10)
    lock.release(ANNA)
    waiting.join(10)
    assert not waiting.is_alive()
    holder = lock.holder()
    assert (holder.id if holder else None) == then


@pytest.mark.parametrize("method", ["acquire", "refuse_other"])
def test_waiting_has_an_end(lock: Lock, method: str) -> None:
    lock.acquire(ANNA)
    with pytest.raises(OpsError, match="deploy by anna@desk"):
        getattr(lock, method)(BEN, wait=0.05)


def test_a_lock_can_be_taken_away_and_its_holder_must_not_go_on(lock: Lock) -> None:
    lock.acquire(ANNA)
    lock.require(ANNA)
    broken = lock.take_away(BEN)
    assert broken is not None
    assert broken.id == ANNA.id
    with pytest.raises(OpsError, match="lost the lock of this host and nobody holds it"):
        lock.require(ANNA)
    lock.acquire(BEN)
    with pytest.raises(OpsError, match="lost the lock of this host to rollback by ben@desk"):
        lock.require(ANNA)
    lock.require(BEN)


def test_nothing_to_take_away(lock: Lock) -> None:
    assert lock.take_away(BEN) is None
    lock.acquire(BEN)
    assert lock.take_away(BEN) is None
    lock.require(BEN)


def test_a_lock_that_was_lost_is_not_renewed(lock: Lock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lock_module, "_RENEW_EVERY", 0.005)
    renewed, count = lock_module.Lock._renew, threading.Semaphore(0)

    def counted(self: Lock, run: Run) -> None:
        renewed(self, run)
        count.release()

    monkeypatch.setattr(lock_module.Lock, "_renew", counted)
    with lock.renewed(ANNA):
        lock.take_away(BEN)
        assert all(count.acquire(timeout=10) for _time in range(3))
        assert lock.holder() is None


def test_a_long_block_renews_its_lease(lock: Lock, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lock_module, "_RENEW_EVERY", 0.005)
    with lock.renewed(ANNA):
        assert lock.holder() is not None
        for _minute in range(3):
            clock.now += LEASE_SECONDS - 1
            assert renewed_to(lock, clock.now)
            with pytest.raises(OpsError):
                lock.acquire(BEN)
    clock.now += LEASE_SECONDS + 1
    lock.acquire(BEN)


def test_a_full_disk_for_a_while_does_not_end_the_renewing(
    lock: Lock, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lock_module, "_RENEW_EVERY", 0.005)
    write, failed = lock_module.atomic.write_json, threading.Event()

    def full_once(*arguments: object) -> None:
        if not failed.is_set():
            failed.set()
            raise OSError(28, "No space left on device")
        write(*arguments)

    with lock.renewed(ANNA):
        monkeypatch.setattr(lock_module.atomic, "write_json", full_once)
        assert failed.wait(10)
        clock.now += 30
        assert renewed_to(lock, clock.now)


def renewed_to(lock: Lock, now: float) -> bool:
    """Wait until the lease was renewed at that time."""
    for _look in range(2000):
        holder = lock.holder()
        if holder is not None and holder.renewed == now:
            return True
        threading.Event().wait(0.005)
    return False


def test_of_many_processes_one_gets_it(tmp_path: Path) -> None:
    runs = [f"run-{number}" for number in range(6)]
    started = [
        subprocess.Popen(
            [sys.executable, "-c", OTHER, str(tmp_path), run],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={"PYTHONPATH": ":".join(sys.path)},
        )
        for run in runs
    ]
    for process in started:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    said = [process.communicate(timeout=30)[0].strip() for process in started]
    assert sorted(said) == ["refused"] * 5 + ["taken"]
    assert json.loads((tmp_path / "lock.json").read_text())["id"] == runs[said.index("taken")]
