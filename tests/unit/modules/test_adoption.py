# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import hashlib
from base64 import b64encode
from dataclasses import asdict
from typing import Any

import pytest
from ansible_collections.blyan.ops.plugins.module_utils import by_hand, takeover, traffic
from ansible_collections.blyan.ops.plugins.module_utils.by_hand import ByHand
from ansible_collections.blyan.ops.plugins.module_utils.nginx import Nginx
from ansible_collections.blyan.ops.plugins.modules import adoption
from host import Host
from module_utils.handmade import OUR_UNIT, HandMade
from module_utils.samples import NEW
from units import Units

VALUES = {"DATABASE_URL": "postgresql://blyan:hunter2@h/d"}


@pytest.fixture
def made(host: Host, units: Units, monkeypatch: pytest.MonkeyPatch) -> HandMade:
    """The host; what is read of processes is given."""
    made = HandMade(host, units, monkeypatch)
    found = ByHand(made.shown(), f"{made.checkout}/api/server.py", str(made.checkout), "abc1234", ["0.0.0.0"])
    monkeypatch.setattr(by_hand, "look", lambda _shell: found)
    monkeypatch.setattr(by_hand, "folders_that_follow", lambda *_given: (["frontend"], []))
    monkeypatch.setattr(Nginx, "files", lambda _self: {str(made.site_file): made.site_file.read_bytes()})
    return made


def call(made: HandMade, state: str, *, check: bool = False, **arguments: Any) -> dict[str, Any]:
    return made.host.call(adoption.main, check, state=state, root=str(made.host.root), **arguments)


def taken_over(made: HandMade, *, check: bool = False) -> dict[str, Any]:
    site = made.site_file.read_bytes()
    nginx = {
        "texts": {str(made.site_file): b64encode(site.replace(b"localhost:8000", b"unix:live.sock:")).decode()},
        "hashes": {str(made.site_file): hashlib.sha256(site).hexdigest()},
        "folders": [],
        "include": str(made.host.etc),
    }
    files = [{"path": str(made.unit), "content": OUR_UNIT}]
    return call(
        made, "present", check=check, release=asdict(NEW), slot="blue", files=files, nginx=nginx, drain_timeout="1s"
    )


def test_the_controller_is_given_what_it_has_to_read(made: HandMade) -> None:
    result = call(made, "found")
    assert result["by_hand"] is True
    assert result["files"] == {str(made.site_file): b64encode(made.site_file.read_bytes()).decode()}
    assert result["live_link"] == str(made.layout.live)
    assert not result["changed"]


def test_a_host_that_is_taken_over(made: HandMade) -> None:
    result = taken_over(made)
    assert made.front().release == result["live"]["id"] == NEW.id
    assert (result["live"]["slot"], result["live"]["state"], result["changed"]) == ("blue", "good", True)
    assert f"took over from {made.checkout} (at abc1234)" in result["told"][0]
    assert made.host.holder() == ""
    assert call(made, "found")["by_hand"] is False


def test_check_mode_tells_the_same_and_writes_nothing(made: HandMade) -> None:
    before = made.host.files()
    told = taken_over(made, check=True)
    assert made.host.files() == before
    assert told["diff"] == taken_over(made)["diff"]
    before = made.host.files()
    told = call(made, "absent", check=True)
    assert made.host.files() == before
    assert told["diff"] == call(made, "absent")["diff"]


def test_back_and_back_again(made: HandMade) -> None:
    before = made.by_hand_files()
    taken_over(made)
    result = call(made, "absent")
    assert made.by_hand_files() == before
    assert f"the app of {made.checkout} serves again" in result["told"][0]
    assert made.host.holder() == ""
    again = call(made, "absent")
    assert (again["changed"], again["told"]) == (False, ["nothing to do: what was deployed by hand serves"])


def test_a_host_that_was_never_taken_over_has_nothing_to_go_back_to(made: HandMade) -> None:
    made.unit.write_text(OUR_UNIT)
    assert "was not taken over from a deployment by hand" in call(made, "absent")["reason"]


def test_a_file_of_nginx_that_changed_meanwhile_is_refused(made: HandMade) -> None:
    read = hashlib.sha256(b"as it was read").hexdigest()
    nginx = {"texts": {str(made.site_file): ""}, "hashes": {str(made.site_file): read}, "folders": [], "include": "/"}
    files = [{"path": str(made.unit), "content": OUR_UNIT}]
    result = call(made, "present", release=asdict(NEW), slot="blue", files=files, nginx=nginx)
    assert f"{made.site_file} was changed while this ran" in result["reason"]


def test_environment_and_key_are_taken_over(made: HandMade, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(by_hand, "environment", lambda _found: {**VALUES, "API_MASTER_KEY": "key-of-the-unit"})
    monkeypatch.setattr(Nginx, "require_group", lambda _self: None)
    monkeypatch.setattr(takeover.prepare, "folders", lambda _root, _user: [])
    nginx = {"texts": {}, "hashes": {}, "folders": [], "include": "/"}
    told = call(made, "prepared", check=True, user="root", nginx=nginx)
    assert told["key_given"] is True
    assert not (made.host.etc / "master_key.env").exists()
    result = call(made, "prepared", user="root", nginx=nginx)
    assert result["diff"] == told["diff"]
    assert (made.host.etc / "master_key.env").read_text() == "API_MASTER_KEY=key-of-the-unit\n"
    assert "hunter2" in (made.host.etc / "site.env").read_text()
    for text in (str(result), str(made.host.journal())):
        assert "hunter2" not in text
        assert "key-of-the-unit" not in text
    assert not call(made, "prepared", user="root", nginx=nginx)["changed"]


def test_what_a_killed_run_left_is_dealt_with_first(made: HandMade, monkeypatch: pytest.MonkeyPatch) -> None:
    def dies(_switch: traffic.Switch) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(traffic.Switch, "_prove", dies)
    with pytest.raises(KeyboardInterrupt):
        taken_over(made)
    assert "half done" in call(made, "found", check=True)["reason"]
    result = call(made, "found")
    assert result["by_hand"] is True
    assert result["notes"] == ["took back the adoption that an earlier run left at step prove"]
