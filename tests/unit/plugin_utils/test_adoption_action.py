# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from base64 import b64decode, b64encode
from types import SimpleNamespace
from typing import Any

import pytest
from ansible_collections.blyan.ops.plugins.action.adoption import ActionModule
from ansible_collections.blyan.ops.plugins.plugin_utils.host_action import HostAction

LIVE = "/srv/blyan/live.sock"
MAIN, SITE = "/etc/nginx/nginx.conf", "/etc/nginx/site"
FILES = {MAIN: "http { include conf.d/*.conf; }", SITE: "server { proxy_pass http://localhost:8000/; }"}
LED = f"server {{ proxy_pass http://unix:{LIVE}:/; }}"


def encoded(files: dict[str, str]) -> dict[str, str]:
    return {path: b64encode(text.encode()).decode() for path, text in files.items()}


def run(monkeypatch: pytest.MonkeyPatch, found: dict[str, Any], **arguments: Any) -> tuple[dict[str, Any], list[Any]]:
    """Run the action with this answer of the host, and return its result and what the module was given each time."""
    given: list[dict[str, Any]] = []

    def runs(action: Any, _tmp: Any, _variables: Any) -> dict[str, Any]:
        given.append(action._task.args)
        if action._task.args.get("state") == "found":
            return {"kept": {}, "files": {}, "live_link": LIVE, "changed": False, "notes": [], "diff": [], **found}
        return {"changed": False, "notes": ["second"], "diff": [], "invocation": {"module_args": "long"}}

    monkeypatch.setattr(HostAction, "run", runs)
    action = ActionModule.__new__(ActionModule)
    action._task = SimpleNamespace(args={"root": "/srv/blyan", **arguments})
    return action.run(None, {}), given


def test_nginx_is_read_before_the_module_works(monkeypatch: pytest.MonkeyPatch) -> None:
    found = {"by_hand": True, "files": encoded(FILES), "notes": ["first"], "changed": True}
    result, given = run(monkeypatch, found, state="present", slot="blue")
    assert given[0] == {"root": "/srv/blyan", "state": "found", "keep_lock": "never"}
    assert (given[1]["state"], given[1]["slot"]) == ("present", "blue")
    nginx = given[1]["nginx"]
    assert {path: b64decode(text).decode() for path, text in nginx["texts"].items()} == {SITE: LED}
    assert nginx["include"] == "/etc/nginx/conf.d"
    assert list(nginx["hashes"]) == [SITE]
    assert (result["changed"], result["notes"]) == (True, ["first", "second"])
    assert "invocation" not in result


def test_a_host_that_is_not_by_hand_needs_no_reading(monkeypatch: pytest.MonkeyPatch) -> None:
    _result, given = run(monkeypatch, {"by_hand": False}, state="present")
    assert "nginx" not in given[1]


def test_what_is_not_understood_fails_before_the_module_works(monkeypatch: pytest.MonkeyPatch) -> None:
    files = encoded({**FILES, SITE: "server { proxy_pass http://$app/; }"})
    result, given = run(monkeypatch, {"by_hand": True, "files": files}, state="prepared")
    assert result["failed"]
    assert "has a variable" in result["reason"]
    assert len(given) == 1


def test_a_host_that_could_not_be_read_is_not_worked_on(monkeypatch: pytest.MonkeyPatch) -> None:
    result, given = run(monkeypatch, {"failed": True, "msg": "no"}, state="absent")
    assert (result["msg"], len(given)) == ("no", 1)


def test_what_was_changed_since_is_led_back(monkeypatch: pytest.MonkeyPatch) -> None:
    now = {SITE: f"# more\n{LED}"}
    found = {"by_hand": False, "files": encoded(now), "kept": encoded({SITE: FILES[SITE]})}
    _result, given = run(monkeypatch, found, state="absent")
    assert b64decode(given[1]["nginx"]["texts"][SITE]).decode() == f"# more\n{FILES[SITE]}"
