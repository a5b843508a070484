# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import os
import threading
import time
from pathlib import Path
from typing import Callable

import pytest
from ansible_collections.blyan.ops.plugins.module_utils.errors import OpsError
from ansible_collections.blyan.ops.plugins.module_utils.shell import Completed, Shell

#: A child that outlives its parent and holds the output; it says who it is first.
PARENT_AND_CHILD = 'sleep 300 & echo $! > "$0"; echo begun; wait'
CHILD_LEFT_BEHIND = 'sleep 300 & echo $! > "$0"; echo begun'

on_line = pytest.mark.parametrize("on_line", [None, lambda line: None], ids=["at the end", "line by line"])


def gone(pid: int) -> bool:
    """Wait until a process is gone, or only waits to be collected by whoever inherited it."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except (FileNotFoundError, ProcessLookupError):
            return True
        if state == "Z":
            return True
        time.sleep(0.005)
    return False


@on_line
def test_a_program_that_succeeds(on_line: Callable[[str], None] | None) -> None:
    done = Shell().run(["sh", "-c", "echo out; echo äöü"], on_line=on_line)
    assert (done.ok, done.code, done.stdout) == (True, 0, "out\näöü\n")


def test_a_status_is_no_error_by_itself() -> None:
    done = Shell().run(["sh", "-c", "echo out; echo err >&2; exit 3"])
    assert done == Completed(3, "out\n", "err\n")
    assert not done.ok


def test_bytes_that_are_no_text_do_no_harm() -> None:
    assert Shell().run(["printf", r"a\377b"]).stdout == "a\ufffdb"


def test_the_environment_is_clean(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://secret")
    said = Shell({"HOME": "/srv"}).run(["/usr/bin/env"]).stdout.splitlines()
    assert {line.partition("=")[0] for line in said} == {"PATH", "LC_ALL", "HOME"}


def test_nothing_waits_for_a_person() -> None:
    assert Shell().run(["cat"], timeout=10) == Completed(0, "", "")


def test_the_directory_is_the_one_asked_for(tmp_path: Path) -> None:
    assert Shell().run(["pwd", "-P"], cwd=tmp_path).stdout == f"{tmp_path.resolve()}\n"


def test_lines_are_told_as_they_come(tmp_path: Path) -> None:
    """The program goes on only when its first line was heard."""
    os.mkfifo(tmp_path / "heard")
    told: list[str] = []

    def hear(line: str) -> None:
        told.append(line)
        if line == "first":
            (tmp_path / "heard").write_text("yes\n")

    script = 'echo first; read answer < "$0"; echo "$answer" >&2'
    done = Shell().run(["sh", "-c", script, str(tmp_path / "heard")], on_line=hear, timeout=20)
    assert told == ["first", "yes"]
    assert done == Completed(0, "first\nyes\n")


def test_a_missing_program_is_named() -> None:
    with pytest.raises(OpsError, match="no-such-program is not on this host") as caught:
        Shell().run(["no-such-program", "x"])
    assert "install no-such-program" in caught.value.next_step


@pytest.mark.parametrize(
    ("script", "on_line"), [(PARENT_AND_CHILD, None), (CHILD_LEFT_BEHIND, lambda line: None)], ids=["waits", "is left"]
)
def test_a_timeout_kills_the_whole_group(tmp_path: Path, script: str, on_line: Callable[[str], None] | None) -> None:
    begun = time.monotonic()
    with pytest.raises(OpsError, match="sh -c did not end within 1s"):
        Shell().run(["sh", "-c", script, str(tmp_path / "pid")], timeout=1, on_line=on_line)
    assert time.monotonic() - begun < 20
    assert gone(int((tmp_path / "pid").read_text()))


def test_a_program_that_closed_its_output_meets_its_timeout_too(tmp_path: Path) -> None:
    script = 'echo $$ > "$0"; exec >&- 2>&-; exec sleep 300'
    with pytest.raises(OpsError, match="did not end"):
        Shell().run(["sh", "-c", script, str(tmp_path / "pid")], timeout=1, on_line=lambda line: None)
    assert gone(int((tmp_path / "pid").read_text()))


def test_an_interruption_leaves_nothing_running(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    os.mkfifo(tmp_path / "pid")
    found: list[int] = []

    def interrupt(*arguments: object) -> Completed:
        found.append(int((tmp_path / "pid").read_text()))
        raise KeyboardInterrupt

    monkeypatch.setattr("ansible_collections.blyan.ops.plugins.module_utils.shell._collect", interrupt)
    with pytest.raises(KeyboardInterrupt):
        Shell().run(["sh", "-c", 'echo $$ > "$0"; exec sleep 300', str(tmp_path / "pid")])
    assert gone(found[0])


def test_no_thread_is_left() -> None:
    before = threading.active_count()
    Shell().run(["echo", "x"], on_line=lambda line: None)
    assert threading.active_count() == before


def test_must_gives_the_output() -> None:
    assert Shell().must(["echo", "x"], next_step="never") == "x\n"


def test_must_carries_the_last_lines() -> None:
    with pytest.raises(OpsError) as caught:
        Shell().must(["sh", "-c", "echo out; echo err >&2; exit 4"], next_step="look at it")
    assert caught.value.reason.endswith("failed with status 4")
    assert (caught.value.next_step, caught.value.details) == ("look at it", ["out", "err"])


def test_the_tail_has_errors_last_and_no_empty_lines() -> None:
    assert Completed(1, "a\n\nb\nc\n", "d\n \ne\n").tail(3) == ["c", "d", "e"]
