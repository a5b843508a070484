# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import fcntl
import os
import signal
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from ansible_collections.blyan.ops.plugins.module_utils import atomic
from ansible_collections.blyan.ops.plugins.module_utils.errors import OpsError

HOLDER = """
import sys
from pathlib import Path
from ansible_collections.blyan.ops.plugins.module_utils import atomic
with atomic.locked(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.readline()
"""


@pytest.mark.parametrize("mode", [0o600, 0o644, 0o755])
def test_a_file_has_the_mode_it_is_given(tmp_path: Path, mode: int) -> None:
    before = os.umask(0o077)
    try:
        atomic.write(tmp_path / "f", "text", mode=mode)
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "f").stat().st_mode) == mode
    assert (tmp_path / "f").read_text() == "text"


def test_a_file_is_secret_unless_told_otherwise(tmp_path: Path) -> None:
    (tmp_path / "f").write_text("old")
    (tmp_path / "f").chmod(0o666)
    atomic.write(tmp_path / "f", b"new")
    assert stat.S_IMODE((tmp_path / "f").stat().st_mode) == 0o600


def test_root_gives_a_file_its_owner(tmp_path: Path) -> None:
    atomic.write(tmp_path / "f", "", uid=1234, gid=2345)
    found = (tmp_path / "f").stat()
    mine = (os.geteuid(), os.getegid())
    assert (found.st_uid, found.st_gid) == ((1234, 2345) if mine[0] == 0 else mine)


def test_an_open_reader_keeps_the_old_file(tmp_path: Path) -> None:
    atomic.write(tmp_path / "f", "old")
    with open(tmp_path / "f") as reader:
        atomic.write(tmp_path / "f", "new")
        assert reader.read() == "old"
    assert (tmp_path / "f").read_text() == "new"


@pytest.mark.parametrize("call", ["fsync", "rename", "fchmod"])
def test_a_failure_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    atomic.write(tmp_path / "f", "old")

    def full(*arguments: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(atomic.os, call, full)
    with pytest.raises(OSError, match="No space left"):
        atomic.write(tmp_path / "f", "new")
    assert (tmp_path / "f").read_text() == "old"
    assert os.listdir(tmp_path) == ["f"]


def test_json_and_text_that_are_not_there(tmp_path: Path) -> None:
    atomic.write_json(tmp_path / "j", {"b": [1], "a": None})
    assert atomic.read_json(tmp_path / "j") == {"a": None, "b": [1]}
    assert atomic.read_json(tmp_path / "none") is None
    assert atomic.read_text(tmp_path / "none") is None


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "j").write_text('{"a": ')
    with pytest.raises(OpsError, match=f"{tmp_path}/j is damaged"):
        atomic.read_json(tmp_path / "j")


def test_a_link_is_made_moved_and_taken_away(tmp_path: Path) -> None:
    link = tmp_path / "live"
    assert atomic.link_target(link) is None
    for target in ("/run/blue.sock", "/run/green.sock"):
        atomic.link(link, target)
        assert atomic.link_target(link) == target
    atomic.link(link, None)
    atomic.link(link, None)
    assert atomic.link_target(link) is None
    assert os.listdir(tmp_path) == []


def test_a_file_is_no_link(tmp_path: Path) -> None:
    (tmp_path / "f").touch()
    assert atomic.link_target(tmp_path / "f") is None


def test_a_link_is_never_missing_while_it_moves(tmp_path: Path) -> None:
    link = tmp_path / "live"
    atomic.link(link, "a")
    seen: set[str | None] = set()
    looks = 0
    ended = threading.Event()

    def look() -> None:
        nonlocal looks
        while not ended.is_set():
            seen.add(atomic.link_target(link))
            looks += 1

    reader = threading.Thread(target=look)
    reader.start()
    moves = 0
    while moves < 100 or not {"a", "b"} <= seen:
        moves += 1
        atomic.link(link, "ab"[moves % 2])
    ended.set()
    reader.join()
    assert seen == {"a", "b"}
    assert looks > 2


def test_a_lock_keeps_out_another_process_and_falls_with_it(tmp_path: Path) -> None:
    argv = [sys.executable, "-c", HOLDER, str(tmp_path / "guard")]
    environment = {"PYTHONPATH": ":".join(sys.path)}
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with open(tmp_path / "guard") as guard, pytest.raises(BlockingIOError):
            fcntl.flock(guard, fcntl.LOCK_EX | fcntl.LOCK_NB)
        holder.kill()
        with atomic.locked(tmp_path / "guard"):
            assert holder.wait(10) == -signal.SIGKILL
    assert stat.S_IMODE((tmp_path / "guard").stat().st_mode) == 0o600
