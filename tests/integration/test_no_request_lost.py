# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Under steady load with streams, nothing that moves the traffic loses a request or cuts a stream."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from conftest import Serving
from playbook import Playbooks
from site_host import Live, Site, lost

STREAMS = 20


def now(site: Site) -> Live:
    live = site.live()
    assert live is not None
    return live


def test_a_second_version(site: Site, play: Playbooks, serving: Serving) -> None:
    old = serving("v1")
    with site.load(STREAMS) as load:
        play("deploy", deploy_version="v2")
        site.drained(old.slot)
    assert lost(load.result) == {}
    assert load.result.streams_ended >= STREAMS
    assert load.result.releases == [old.release, now(site).release]
    assert now(site).version == "v2"


def test_a_rollback(site: Site, play: Playbooks, serving: Serving) -> None:
    old, bad = serving("v1"), serving("v2")
    with site.load(STREAMS) as load:
        play("rollback")
        site.drained(bad.slot)
    assert lost(load.result) == {}
    assert load.result.streams_ended >= STREAMS
    assert load.result.releases == [bad.release, old.release]


def test_a_restart_by_playbook(site: Site, play: Playbooks, serving: Serving) -> None:
    old = serving("v1")
    with site.load(STREAMS) as load:
        play("restart")
        site.drained(old.slot)
    assert lost(load.result) == {}
    assert load.result.streams_ended >= STREAMS
    assert (now(site).release, now(site).slot != old.slot) == (old.release, True)


@pytest.mark.parametrize("verb", ["restart", "reload"])
def test_systemctl(site: Site, serving: Serving, verb: str) -> None:
    old = serving("v1")
    with site.load(STREAMS) as load:
        site.shell(f"systemctl {verb} aiblock")
        site.drained(old.slot)
    assert lost(load.result) == {}
    assert load.result.streams_ended >= STREAMS
    assert (now(site).release, now(site).slot != old.slot) == (old.release, True)
    assert site.unclean() == []


def test_a_change_of_the_environment_alone(site: Site, play: Playbooks, serving: Serving) -> None:
    old = serving("v1")
    with site.load(STREAMS) as load:
        play("deploy", deploy_version="v1", deploy_environment={"BLYAN_COLOUR": "teal"})
        site.drained(old.slot)
    new = now(site)
    assert lost(load.result) == {}
    assert (new.release, new.slot != old.slot) == (old.release, True)
    assert "BLYAN_COLOUR=teal" in site.shell(f"tr '\\0' '\\n' < /proc/{new.pid}/environ")


@pytest.fixture
def astray(site: Site, serving: Serving) -> Iterator[Live]:
    """What serves, while the front door leads past it: nginx answers for the health by itself."""
    live = serving("v1")
    conf = "/etc/nginx/blyan.d/api/astray.conf"
    answer = (
        """default_type application/json; if ($request_uri = /api/health) { return 200 '{"status": "healthy"}'; }"""
    )
    site.shell(f"cat > {conf} && nginx -t && systemctl reload nginx", stdin=answer)
    yield live
    site.shell(f"rm {conf}; systemctl reload nginx")


def test_a_deploy_that_the_front_door_does_not_show(site: Site, play: Playbooks, astray: Live) -> None:
    """Port 8000 and all that is not the health meet the new version, until the link goes back."""
    with site.load(STREAMS) as load:
        result = play("deploy", deploy_version="v2", code=2)
    assert result.message.startswith("Move the traffic: the front door does not show release")
    assert lost(load.result) == {}
    assert len(load.result.releases) == 3, "nginx by itself, the old version, and for a while the new one"
    assert now(site) == astray
    assert site.unclean() == []


def test_a_restart_that_the_front_door_does_not_show(site: Site, play: Playbooks, astray: Live) -> None:
    result = play("restart", code=2)
    assert result.message.startswith("Move the traffic: the front door does not show release")
    assert now(site) == astray
    assert site.unclean() == []


def test_a_systemctl_restart_that_the_front_door_does_not_show(site: Site, astray: Live) -> None:
    site.shell("systemctl restart aiblock")
    log = "journalctl --no-pager --output=cat --unit=aiblock --lines=20"
    assert "not restarted: the front door does not show release" in site.shell(log)
    assert now(site) == astray
    assert site.unclean() == []
