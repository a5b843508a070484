# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Several API hosts run one version: they switch together, or in batches, or go back together."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import testhosts
from conftest import SITE_VARIABLES
from playbook import Playbooks
from site_host import Site, lost

NAMES = ("e2e-many-1", "e2e-many-2", "e2e-many-3")


@pytest.fixture(scope="module")
def sites(site: Site) -> Iterator[list[Site]]:
    """Three copies of the host, each with servers of its own, on which nothing was deployed."""
    site.reset()
    image = site.host.snapshot("provisioned")
    yield [Site(host) for host in testhosts.up(*NAMES, image=image)]
    testhosts.down(*NAMES)


@pytest.fixture(scope="module")
def roll(sites: list[Site], tmp_path_factory: pytest.TempPathFactory) -> Playbooks:
    """Runs playbooks against all of them."""
    scratch = tmp_path_factory.mktemp("many")
    inventory = testhosts.write_inventory(scratch / "inventory.json", {"blyan_api": NAMES}, SITE_VARIABLES)
    return Playbooks(Path(inventory), scratch)


@pytest.fixture
def on_v1(sites: list[Site], roll: Playbooks) -> list[Site]:
    """All hosts, which serve v1."""
    for site in sites:
        site.shell("systemctl start postgresql@15-main ssh")
    roll("deploy", deploy_version="v1")
    assert versions(sites) == ["v1"] * 3
    return sites


def versions(sites: list[Site]) -> list[str]:
    """What each host serves, seen from outside and by its links."""
    found = []
    for site in sites:
        live = site.live()
        assert live is not None
        assert site.answering() == {live.release}
        found.append(live.version)
    return found


def clean(sites: list[Site]) -> None:
    for site in sites:
        live = site.live()
        assert live is not None
        site.drained("green" if live.slot == "blue" else "blue")
        assert site.unclean() == []


def test_they_switch_together_and_each_is_reported(on_v1: list[Site], roll: Playbooks) -> None:
    done = roll("deploy", deploy_version="v2")
    assert versions(on_v1) == ["v2"] * 3
    assert {name: host["version"] for name, host in done.told["hosts"].items()} == dict.fromkeys(NAMES, "v2")
    assert len({host["commit"] for host in done.told["hosts"].values()}) == 1


def test_none_switches_when_one_is_not_healthy(on_v1: list[Site], roll: Playbooks) -> None:
    before = [site.live() for site in on_v1]
    on_v1[1].shell("systemctl stop postgresql@15-main")
    done = roll("deploy", code=2, deploy_version="v2", deploy_health_timeout="5s", deploy_migrate_command="")
    assert [site.live() for site in on_v1] == before
    hosts = done.told["hosts"]
    assert "was not healthy within 5s" in hosts[NAMES[1]]["message"]
    assert f"{NAMES[1]} of this batch is not ready, so none of them goes on" in hosts[NAMES[0]]["message"]
    assert not any(host["ok"] for host in hosts.values())
    clean(on_v1)


def test_a_failed_migration_leaves_every_host_clean(on_v1: list[Site], roll: Playbooks) -> None:
    before = [site.live() for site in on_v1]
    done = roll("deploy", code=2, deploy_version="broken-migration")
    assert [site.live() for site in on_v1] == before
    messages = [host["message"] for host in done.told["hosts"].values()]
    assert "the migrations of" in messages[0]
    assert all(f"{NAMES[0]} of this batch is not ready" in message for message in messages[1:])
    clean(on_v1)


def test_without_a_common_predecessor_a_rollback_has_to_be_named(on_v1: list[Site], roll: Playbooks) -> None:
    roll("deploy", f"--limit={NAMES[0]}", deploy_version="v2")
    roll("deploy", deploy_version="v3")
    done = roll("rollback", code=2)
    assert "the hosts of this batch would get different commits" in done.told["hosts"][NAMES[1]]["message"]
    assert versions(on_v1) == ["v3"] * 3
    commit = on_v1[0].shell("cut -c1-7 /srv/blyan/releases/*/REVISION | head -1")
    roll("rollback", deploy_rollback_to=commit)
    assert versions(on_v1) == ["v1"] * 3


def test_when_a_later_batch_fails_all_go_back(on_v1: list[Site], roll: Playbooks) -> None:
    before = [site.live() for site in on_v1]
    on_v1[1].shell("systemctl stop postgresql@15-main")
    slow: dict[str, Any] = {"deploy_health_timeout": "5s", "deploy_migrate_command": "", "deploy_drain_timeout": "5s"}
    with on_v1[0].load(streams=4) as load:
        done = roll("deploy", code=2, deploy_version="v2", deploy_batch=1, **slow)
    assert lost(load.result) == {}
    assert versions([on_v1[0], on_v1[2]]) == ["v1"] * 2
    first = on_v1[0].live()
    assert before[0] is not None
    assert first is not None
    assert (first.release, first.slot) == (before[0].release, before[0].slot)
    assert f"went back to {first.release} (v1), as {NAMES[1]} failed" in done.told["hosts"][NAMES[0]]["message"]
    assert "not reached" in done.told["hosts"][NAMES[2]]["message"]
    assert [site.live() for site in on_v1[1:]] == before[1:]
    clean([on_v1[0], on_v1[2]])


def test_a_final_batch_stays_and_the_next_run_brings_the_others_along(on_v1: list[Site], roll: Playbooks) -> None:
    on_v1[1].shell("systemctl stop postgresql@15-main")
    fast: dict[str, Any] = {"deploy_health_timeout": "5s", "deploy_migrate_command": ""}
    done = roll("deploy", code=2, deploy_version="v2", deploy_batch=1, deploy_batch_final=True, **fast)
    assert versions([on_v1[0], on_v1[2]]) == ["v2", "v1"]
    assert [host["ok"] for host in done.told["hosts"].values()] == [True, False, False]
    on_v1[1].shell("systemctl start postgresql@15-main")
    first = on_v1[0].live()
    roll("deploy", deploy_version="v2", **fast)
    assert versions(on_v1) == ["v2"] * 3
    assert on_v1[0].live() == first


def test_a_host_that_cannot_be_reached_stops_the_roll(on_v1: list[Site], roll: Playbooks) -> None:
    before = [site.live() for site in on_v1]
    # The connections that Ansible keeps open as well.
    on_v1[2].shell("systemctl stop ssh; pkill --signal KILL --full '^sshd:'; true")
    done = roll("deploy", code=2, deploy_version="v2")
    assert [site.live() for site in on_v1] == before
    assert f"{NAMES[2]} cannot be reached" in done.told["hosts"][NAMES[2]]["message"]
    clean(on_v1[:2])
