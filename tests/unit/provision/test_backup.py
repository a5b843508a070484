# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import datetime
import hashlib
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from .scripts import FILES, load, program

backup = load("backup")

MIB = 1 << 20
DAYS = st.sets(st.dates(min_value=datetime.date(2000, 1, 1)).map(lambda day: f"daily_{day:%Y%m%d}.dump"))


def test_names() -> None:
    assert backup.sidecar("daily_20260131.dump", ".sha256") == "daily_20260131.dump.sha256"
    assert backup.sidecar("daily_20260131.dump", ".manifest.json") == "daily_20260131.manifest.json"


@given(DAYS, st.integers(1, 20))
def test_the_newest_are_kept(names: set[str], keep: int) -> None:
    doomed = backup.expired(names, keep)
    kept = names - set(doomed)
    assert len(kept) == min(keep, len(names))
    assert not doomed or not kept or max(doomed) < min(kept)


def test_only_daily_backups_expire() -> None:
    others = ["dump.rdb", "before_upgrade.dump", "daily_20260101.dump.sha256", ".unfinished-x", "daily_1.dump"]
    assert backup.expired([*others, "daily_20260101.dump", "daily_20260102.dump"], 1) == ["daily_20260101.dump"]


@pytest.mark.parametrize(
    ("free", "former", "live", "fits"),
    [
        (356 * MIB, 0, 100 * MIB, True),
        (355 * MIB, 0, 100 * MIB, False),
        # The former backup tells more than the size of the data.
        (271 * MIB, 10 * MIB, 10_000 * MIB, True),
        (270 * MIB, 10 * MIB, 10_000 * MIB, False),
    ],
)
def test_space(free: int, former: int, live: int, fits: bool) -> None:
    problem = backup.space_problem(free, former, live)
    assert (problem is None) == fits


def test_checksum(tmp_path: Path) -> None:
    content = b"x" * (3 * MIB + 1)
    (tmp_path / "file").write_bytes(content)
    assert backup.checksum(tmp_path / "file") == hashlib.sha256(content).hexdigest()


def test_a_failing_program_is_quoted() -> None:
    with pytest.raises(backup.BackupError, match=r"the dump failed \(sh exited with 3\): two \| three \| four"):
        backup.run(["sh", "-c", "printf 'one\\ntwo\\nthree\\nfour\\n' >&2; exit 3"], "the dump")


def test_workspace_leaves_nothing(tmp_path: Path) -> None:
    stale = tmp_path / ".unfinished-stale"
    stale.mkdir()
    (stale / "half").touch()
    with backup.workspace(tmp_path) as place:
        assert not stale.exists()
        (place / "half").touch()
    assert list(tmp_path.iterdir()) == []


def test_one_at_a_time(tmp_path: Path) -> None:
    with backup.workspace(tmp_path) as place:
        with pytest.raises(backup.BackupError, match="another backup"), backup.workspace(tmp_path):
            pass
        assert place.exists()


def put(folder: Path, content: str) -> None:
    """A dump of one day with what describes it."""
    (folder / "daily_20260131.dump").write_text(content)
    digest = hashlib.sha256(content.encode()).hexdigest()
    (folder / "daily_20260131.dump.sha256").write_text(f"{digest}  daily_20260131.dump\n")
    (folder / "daily_20260131.manifest.json").write_text(f'{{"sha256": "{digest}"}}\n')


def is_sound(folder: Path) -> bool:
    """Whether there is a dump, and nothing beside it that belongs to another."""
    dump = folder / "daily_20260131.dump"
    digest = backup.checksum(dump)
    sidecars = [folder / backup.sidecar(dump.name, suffix) for suffix in backup.SIDECARS]
    return all(digest in path.read_text() for path in sidecars if path.exists())


@pytest.mark.parametrize("stop", range(7))
def test_a_second_backup_of_a_day_killed_anywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stop: int) -> None:
    directory, place = tmp_path / "backup", tmp_path / "backup" / ".unfinished-1"
    place.mkdir(parents=True)
    put(directory, "old")
    put(place, "new")
    left = stop

    def counted(change: Callable[..., object]) -> Callable[..., object]:
        def step(*arguments: object, **options: object) -> object:
            nonlocal left
            if left == 0:
                raise KeyboardInterrupt
            left -= 1
            result = change(*arguments, **options)
            assert is_sound(directory)
            return result

        return step

    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", counted(Path.rename))
        patch.setattr(Path, "unlink", counted(Path.unlink))
        if stop < 5:
            with pytest.raises(KeyboardInterrupt):
                backup.publish(place, directory)
        else:
            backup.publish(place, directory)
    assert is_sound(directory)
    # The next one finishes the job.
    put(place, "newer")
    backup.publish(place, directory)
    assert is_sound(directory)
    assert (directory / "daily_20260131.dump").read_text() == "newer"
    assert sorted(path.name for path in directory.iterdir()) == [
        ".unfinished-1",
        "daily_20260131.dump",
        "daily_20260131.dump.sha256",
        "daily_20260131.manifest.json",
    ]


def test_prune_removes_what_describes_a_dump_as_well(tmp_path: Path) -> None:
    put(tmp_path, "old")
    (tmp_path / "daily_20260201.dump").touch()
    backup.prune(tmp_path, 1)
    assert [path.name for path in tmp_path.iterdir()] == ["daily_20260201.dump"]


@pytest.fixture
def redis(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stand-ins for redis-cli and redis-check-rdb, and a folder with the backup of a former day."""
    programs, directory = tmp_path / "bin", tmp_path / "redis"
    programs.mkdir()
    directory.mkdir()
    monkeypatch.setenv("PATH", f"{programs}:/usr/bin:/bin")
    copy = f'case "$*" in *--rdb*) cat {tmp_path}/data > "$5";; *) echo used_memory:1000;; esac'
    program(programs, "redis-cli", copy)
    program(programs, "redis-check-rdb", '[ "$(cat "$1")" = whole ] || { echo "bad checksum"; exit 1; }')
    (directory / "daily_20200101.rdb").write_text("former")
    (directory / "dump.rdb").hardlink_to(directory / "daily_20200101.rdb")
    return directory


def command(directory: Path) -> list[str]:
    return [sys.executable, str(FILES / "backup.py"), "redis", "--directory", str(directory), "--keep", "3"]


def test_redis_from_end_to_end(redis: Path, tmp_path: Path) -> None:
    (tmp_path / "data").write_text("whole")
    subprocess.run(command(redis), check=True)
    former, today = sorted(redis.glob("daily_*"))
    assert former.read_text() == "former"
    assert today.read_text() == "whole"
    assert (redis / "dump.rdb").samefile(today)
    assert today.stat().st_mode & 0o777 == 0o640
    assert len(list(redis.iterdir())) == 3


def test_a_copy_that_cannot_be_read_is_no_backup(redis: Path, tmp_path: Path) -> None:
    (tmp_path / "data").write_text("torn")
    done = subprocess.run(command(redis), check=False, capture_output=True, text=True)
    assert done.returncode == 1
    assert "the former ones are as they were" in done.stderr
    assert "bad checksum" in done.stderr
    assert sorted(path.name for path in redis.iterdir()) == ["daily_20200101.rdb", "dump.rdb"]
    assert (redis / "dump.rdb").read_text() == "former"


def test_stopped_on_the_way(redis: Path, tmp_path: Path) -> None:
    program(tmp_path / "bin", "redis-check-rdb", f"touch {tmp_path}/checking; exec sleep 60")
    (tmp_path / "data").write_text("whole")
    with subprocess.Popen(command(redis), stderr=subprocess.PIPE, text=True, start_new_session=True) as process:
        deadline = time.monotonic() + 30
        while not (tmp_path / "checking").exists():
            assert time.monotonic() < deadline
            time.sleep(0.01)
        process.send_signal(signal.SIGTERM)
        _out, told = process.communicate(timeout=30)
    assert process.returncode == 1
    assert "stopped before it was done" in told
    assert sorted(path.name for path in redis.iterdir()) == ["daily_20200101.rdb", "dump.rdb"]
