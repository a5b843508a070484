# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.blyan.ops.plugins.module_utils import services as planner
from ansible_collections.blyan.ops.plugins.modules import services
from host import Host
from units import Units


@pytest.fixture(autouse=True)
def _one_runs(units: Units) -> None:
    units.states["nginx.service"] = "active"


def call(host: Host, *wanted: dict[str, Any], check: bool = False) -> dict[str, Any]:
    return host.call(services.main, check, services=list(wanted))


def test_a_changed_file_is_loaded_once(host: Host, units: Units) -> None:
    (host.etc / "nginx.conf").touch()
    wanted = {"unit": "nginx.service", "restart_for": [f"{host.etc}/nginx.conf"]}
    result = call(host, wanted)
    assert (result["changed"], result["actions"]) == (True, ["restart nginx.service"])
    assert [each["after_header"] for each in result["diff"]] == ["nginx.service"]
    assert not call(host, wanted)["changed"]
    assert units.calls == ["restart nginx.service"]
    assert [entry["changes"][0]["step"] for entry in host.journal()] == ["restart"]
    assert host.holder() == ""


def test_one_after_the_other(host: Host, units: Units) -> None:
    call(host, {"unit": "b.timer", "enable": True}, {"unit": "nginx.service", "reload": True}, {"unit": "a.service"})
    assert units.calls == ["enable b.timer", "start b.timer", "reload nginx.service", "start a.service"]


def test_check_mode_tells_the_same_and_does_nothing(host: Host, units: Units) -> None:
    units.stale = True
    before = host.files()
    wanted = ({"unit": "b.timer", "enable": True}, {"unit": "nginx.service", "restart": True})
    told = call(host, *wanted, check=True)
    assert host.files() == before
    assert units.calls == []
    done = call(host, *wanted)
    assert (told["diff"], told["actions"]) == (done["diff"], done["actions"])


def test_changed_units_are_read_again_even_where_nothing_else_is_to_do(host: Host, units: Units) -> None:
    units.stale = True
    assert not call(host, {"unit": "nginx.service"})["changed"]
    assert units.calls == ["daemon-reload"]


def test_no_restart_without_the_file_that_holds_the_data(
    host: Host, units: Units, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(planner, "PATIENCE", 0.1)
    wanted = {"unit": "nginx.service", "restart": True, "only_with": f"{host.root}/aof"}
    assert f"{host.root}/aof did not come within" in call(host, wanted)["reason"]
    assert units.calls == []
    (host.root / "aof").touch()
    assert call(host, wanted)["actions"] == ["restart nginx.service"]


def test_what_ends_by_itself_runs_once(host: Host, units: Units) -> None:
    wanted = {"unit": "backup.service", "makes": f"{host.root}/daily_*"}
    assert call(host, wanted)["actions"] == ["start backup.service"]
    units.states.clear()
    (host.root / "daily_20260131.dump").touch()
    assert not call(host, wanted)["changed"]
