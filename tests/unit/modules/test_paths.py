# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
from typing import Any

from ansible_collections.blyan.ops.plugins.module_utils.paths import found_entry
from ansible_collections.blyan.ops.plugins.modules import paths
from host import Host


def call(host: Host, *entries: dict[str, str], check: bool = False) -> dict[str, Any]:
    mine = found_entry(host.root)
    return host.call(paths.main, check, entries=[{"owner": mine.owner, "group": mine.group, **e} for e in entries])


def entries(host: Host) -> list[dict[str, str]]:
    """A folder, a folder in it, a file, and one that is to be gone."""
    (host.etc / "default").symlink_to(host.etc / "nowhere")
    return [
        {"path": f"{host.etc}/blyan", "mode": "0700"},
        {"path": f"{host.etc}/blyan/slots", "mode": "0711"},
        {"path": f"{host.root}/app.log", "kind": "file", "mode": "0640"},
        {"path": f"{host.etc}/default", "kind": "absent"},
    ]


def test_they_are_as_wanted(host: Host) -> None:
    wanted = entries(host)
    result = call(host, *wanted)
    assert result["changed"]
    assert result["paths"] == [each["path"] for each in wanted]
    assert (host.etc / "blyan" / "slots").stat().st_mode & 0o777 == 0o711
    assert (host.root / "app.log").read_text() == ""
    assert sorted(each.name for each in host.etc.iterdir()) == ["blyan"]
    assert host.journal()[-1]["module"] == "toy"
    assert host.holder() == ""


def test_again_there_is_nothing_to_do(host: Host) -> None:
    wanted = entries(host)
    call(host, *wanted)
    result = call(host, *wanted)
    assert (result["changed"], result["paths"], result["diff"]) == (False, [], [])
    assert len(host.journal()) == 1


def test_check_mode_tells_the_same_and_writes_nothing(host: Host) -> None:
    wanted = entries(host)
    before = host.files()
    told = call(host, *wanted, check=True)
    assert host.files() == before
    done = call(host, *wanted)
    assert (told["diff"], told["paths"]) == (done["diff"], done["paths"])


def test_what_a_killed_run_left_is_taken_back_first(host: Host) -> None:
    (host.state / "steps").mkdir(parents=True)
    after = {"kind": "directory", "owner": "root", "group": "root", "mode": "0700"}
    change = {"step": "make", "target": f"{host.root}/half", "before": None, "after": after}
    record = {"params": {}, "changes": [change], "states": ["doing"], "back": False}
    (host.state / "steps" / "paths.json").write_text(json.dumps(record))
    (host.root / "half").mkdir()
    result = call(host, {"path": f"{host.root}/whole"})
    assert result["notes"] == ["took back the paths that an earlier run left at step make"]
    assert sorted(each.name for each in host.root.iterdir()) == ["whole"]


def test_a_refusal_changes_nothing(host: Host) -> None:
    (host.root / "log").mkdir()
    result = call(host, {"path": f"{host.root}/new"}, {"path": f"{host.root}/log", "kind": "file"})
    assert f"{host.root}/log is a directory where file is wanted" in result["reason"]
    assert not (host.root / "new").exists()
