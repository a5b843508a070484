# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

from .scripts import load

layout = load("layout")

ME = layout.found_entry(Path(__file__)).owner
GROUP = layout.found_entry(Path(__file__)).group
FOLDER = layout.Entry("directory", "root", "adm", 0o750)
FILE = layout.Entry("file", "root", "adm", 0o640)
ABSENT = layout.Entry("absent")


@pytest.mark.parametrize(
    ("item", "entry"),
    [
        ({}, layout.Entry("directory", "root", "root", 0o755)),
        ({"owner": "redis", "mode": "0750"}, layout.Entry("directory", "redis", "redis", 0o750)),
        (
            {"kind": "file", "owner": "blyan", "group": "adm", "mode": "0640"},
            layout.Entry("file", "blyan", "adm", 0o640),
        ),
        ({"kind": "absent"}, ABSENT),
    ],
)
def test_wanted(item: dict[str, str], entry: object) -> None:
    assert layout.wanted_entry(item) == entry


@pytest.mark.parametrize(
    ("wanted", "found", "verb"),
    [
        (FOLDER, FOLDER, ""),
        (ABSENT, ABSENT, ""),
        (FOLDER, ABSENT, "make directory"),
        (FILE, ABSENT, "make file"),
        (ABSENT, FILE, "remove"),
        (FILE, layout.Entry("file", "root", "adm", 0o666), "correct owner and mode of"),
        (FOLDER, layout.Entry("directory", "root", "root", 0o750), "correct owner and mode of"),
    ],
)
def test_needed(wanted: object, found: object, verb: str) -> None:
    assert layout.needed(wanted, found) == verb


@pytest.mark.parametrize(("wanted", "found"), [(FOLDER, FILE), (FILE, FOLDER), (ABSENT, FOLDER)])
def test_what_is_something_else_is_left(wanted: object, found: object) -> None:
    with pytest.raises(ValueError, match="Next: see what it is"):
        layout.needed(wanted, found)


def run(monkeypatch: pytest.MonkeyPatch, check: bool, *entries: dict[str, str]) -> None:
    mine = [{"owner": ME, "group": GROUP, **entry} for entry in entries]
    monkeypatch.setattr(sys, "argv", ["-", json.dumps({"check": check, "entries": mine})])
    layout.main()


def test_make_correct_and_remove(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    site = tmp_path / "default"
    site.symlink_to(tmp_path / "nowhere")
    log = tmp_path / "app.log"
    log.write_text("a line\n")
    log.chmod(0o666)
    entries = (
        {"path": f"{tmp_path}/etc", "mode": "0700"},
        {"path": f"{tmp_path}/etc/slots", "mode": "0711"},
        {"path": str(log), "kind": "file", "mode": "0640"},
        {"path": f"{tmp_path}/new.log", "kind": "file", "mode": "0640"},
        {"path": str(site), "kind": "absent"},
    )
    before = sorted(path.name for path in tmp_path.iterdir())
    run(monkeypatch, True, *entries)
    assert sorted(path.name for path in tmp_path.iterdir()) == before
    announced = capsys.readouterr().out
    run(monkeypatch, False, *entries)
    assert capsys.readouterr().out == announced
    assert announced.splitlines() == [
        f"make directory {tmp_path}/etc",
        f"make directory {tmp_path}/etc/slots",
        f"correct owner and mode of {log}",
        f"make file {tmp_path}/new.log",
        f"remove {site}",
    ]
    assert (tmp_path / "etc" / "slots").stat().st_mode & 0o777 == 0o711
    assert log.stat().st_mode & 0o777 == 0o640
    assert log.read_text() == "a line\n"
    assert not os.path.lexists(site)
    run(monkeypatch, False, *entries)
    assert capsys.readouterr().out == ""


def test_the_path_is_named_in_a_refusal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "log").mkdir()
    with pytest.raises(SystemExit, match=f"{tmp_path}/log is a directory where file is wanted"):
        run(monkeypatch, False, {"path": f"{tmp_path}/log", "kind": "file"})
