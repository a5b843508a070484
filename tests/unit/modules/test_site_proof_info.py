# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import sys
from typing import Any

import pytest
from ansible_collections.blyan.ops.plugins.modules import site_proof_info
from host import Host
from servers import answer, served
from units import Units


def call(host: Host, **arguments: Any) -> dict[str, Any]:
    return host.call(site_proof_info.main, **arguments)


def test_what_works(host: Host, units: Units) -> None:
    units.states["a.timer"] = "active"
    units.enabled.add("a.timer")
    before = host.files()
    with served(answer("502 Bad Gateway", b"", "Server: nginx")) as (url, _heads):
        result = call(host, urls=[url], units=["a.timer"])
    assert (result.get("failed"), result["changed"]) == (None, False)
    assert host.files() == before


def test_all_that_does_not_work_is_named_without_a_password(
    host: Host, units: Units, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("psycopg2", "redis"):
        monkeypatch.setitem(sys.modules, name, None)
    (host.etc / "site.env").write_text("DATABASE_URL=postgresql://u:hunter2@h/d\nREDIS_URL=redis://:hunter2@h/0\n")
    result = call(host, app=True, urls=["http://127.0.0.1:1/"], units=["a.timer"])
    assert result["reason"] == "what was provisioned does not work, for 4 reasons"
    for told in ("no psycopg2", "no redis", "nginx does not answer", "a.timer is inactive and not enabled"):
        assert told in result["msg"]
    assert "hunter2" not in str(result)


def test_an_environment_that_is_not_there(host: Host, units: Units) -> None:
    result = call(host, app=True)
    for name in ("DATABASE_URL", "REDIS_URL"):
        assert f"{host.etc}/site.env has no {name}. Next: run the playbook provision." in result["msg"]
