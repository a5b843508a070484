# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from ansible_collections.blyan.ops.plugins.module_utils import journal
from ansible_collections.blyan.ops.plugins.module_utils.journal import Journal, altered
from ansible_collections.blyan.ops.plugins.module_utils.run import Run
from ansible_collections.blyan.ops.plugins.module_utils.steps import Change
from hypothesis import assume, given
from hypothesis import strategies as st

WRITER = """
import sys
from pathlib import Path
from ansible_collections.blyan.ops.plugins.module_utils.journal import Journal
sys.stdin.readline()
for number in range(40):
    Journal(Path(sys.argv[1])).append({"writer": sys.argv[2], "number": number})
"""


@pytest.fixture
def lines(tmp_path: Path) -> list[str]:
    """The lines of a journal with five entries."""
    for number in range(5):
        Journal(tmp_path).append({"number": number, "who": "anna", "text": "Grüße\n"})
    return read(tmp_path)


def read(directory: Path) -> list[str]:
    return (directory / "journal.jsonl").read_text().splitlines()


def broken(lines: list[str]) -> list[int]:
    return list(altered(lines))


def test_a_journal_is_sound(lines: list[str]) -> None:
    assert [json.loads(line)["number"] for line in lines] == [0, 1, 2, 3, 4]
    assert broken(lines) == []
    assert broken([line + "\n" for line in lines]) == []


def test_only_its_owner_reads_it(tmp_path: Path, lines: list[str]) -> None:
    assert stat.S_IMODE((tmp_path / "journal.jsonl").stat().st_mode) == 0o600


def test_a_changed_line(lines: list[str]) -> None:
    lines[2] = lines[2].replace("anna", "eve")
    assert broken(lines) == [3]


def test_a_changed_line_that_was_sealed_again(lines: list[str]) -> None:
    entry = {**json.loads(lines[2]), "who": "eve"}
    del entry["hash"]
    lines[2] = journal.seal(entry, entry["previous"])
    assert broken(lines) == [4]


def test_a_value_that_stands_twice(lines: list[str]) -> None:
    lines[2] = lines[2].replace("{", '{"who":"eve",', 1)
    assert broken(lines) == [3]


def test_a_deleted_line(lines: list[str]) -> None:
    del lines[2]
    assert broken(lines) == [3]


def test_a_deleted_first_line(lines: list[str]) -> None:
    assert broken(lines[1:]) == [1]


def test_two_lines_in_another_order(lines: list[str]) -> None:
    lines[1], lines[2] = lines[2], lines[1]
    assert broken(lines) == [2, 3, 4]


@pytest.mark.parametrize("line", ["", "[]", "5", "null", '"x"', "{}", '{"hash": 1}', "not json"])
def test_a_line_that_is_none_of_ours(lines: list[str], line: str) -> None:
    assert broken([*lines[:2], line, *lines[2:]]) == [3, 4]


@given(st.integers(min_value=0), st.integers(min_value=0, max_value=0x10FFFF))
def test_no_character_can_be_changed(place: int, other: int) -> None:
    sealed, previous = [], "0" * 64
    for number in range(3):
        sealed.append(journal.seal({"number": number, "who": "anna", "seconds": 0.1}, previous))
        previous = json.loads(sealed[-1])["hash"]
    number, at = place % 3, place // 3 % len(sealed[place % 3])
    changed = sealed[number][:at] + chr(other) + sealed[number][at + 1 :]
    assume(changed != sealed[number])
    assert number + 1 in broken([*sealed[:number], changed, *sealed[number + 1 :]])


@pytest.mark.parametrize("kept", [1, 40, -1])
def test_a_line_torn_by_a_crash_stands_alone(tmp_path: Path, lines: list[str], kept: int) -> None:
    file = tmp_path / "journal.jsonl"
    file.write_text("\n".join([*lines[:4], lines[4][:kept]]))
    Journal(tmp_path).append({"number": 5})
    Journal(tmp_path).append({"number": 6})
    found = read(tmp_path)
    assert [json.loads(found[n])["number"] for n in (5, 6)] == [5, 6]
    assert broken(found) == [5]


def test_a_whole_line_that_lost_only_its_end(tmp_path: Path, lines: list[str]) -> None:
    (tmp_path / "journal.jsonl").write_text("\n".join(lines))
    Journal(tmp_path).append({"number": 5})
    assert broken(read(tmp_path)) == []
    assert len(read(tmp_path)) == 6


def test_two_writers_at_once(tmp_path: Path) -> None:
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, str(tmp_path), name],
            stdin=subprocess.PIPE,
            env={"PYTHONPATH": ":".join(sys.path)},
        )
        for name in ("a", "b")
    ]
    for writer in writers:
        assert writer.stdin is not None
        writer.stdin.write(b"go\n")
        writer.stdin.close()
    assert [writer.wait(30) for writer in writers] == [0, 0]
    assert len(read(tmp_path)) == 80
    assert broken(read(tmp_path)) == []


def test_an_entry_says_who_did_what_and_keeps_no_file() -> None:
    run = Run("id-1", "anna@desk", "deploy")
    changes = [Change("files", "/etc/x", None, "y" * 201), Change("link", "live slot", "blue", "green")]
    told = journal.entry(run, "slot", changes, "done", 1.23456)
    assert (told["run"], told["who"], told["what"], told["module"]) == ("id-1", "anna@desk", "deploy", "slot")
    assert (told["outcome"], told["seconds"]) == ("done", 1.235)
    assert told["changes"][0]["after"].startswith("sha256:")
    assert told["changes"][1] == {"step": "link", "target": "live slot", "before": "blue", "after": "green"}
