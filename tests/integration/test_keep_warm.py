# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The version before goes on running for a while, so that going back starts nothing; and then it ends by itself."""

from __future__ import annotations

import re

from conftest import Serving
from playbook import Playbooks
from reference_app.load import Load
from site_host import Site, lost


def state(site: Site, slot: str) -> str:
    return site.shell(f"systemctl is-active aiblock@{slot} || true")


def test_going_back_to_a_warm_slot_is_the_link_alone(site: Site, play: Playbooks, serving: Serving) -> None:
    old = serving("v1")
    with site.load(streams=4) as load:
        play("deploy", deploy_version="v2", deploy_keep_warm="10m")
        assert state(site, old.slot) == "active"
        assert f"{old.slot}: active" in play("releases").output
        done = play("rollback", "-v")
    assert lost(load.result) == {}
    # The very process that served before.
    assert site.live() == old
    assert site.answering() == {old.release}
    assert "slot.start" not in done.output
    steps = [float(seconds) for seconds in re.findall(r"^ +(?:slot|traffic)\.\w+: ([0-9.]+)$", done.output, re.M)]
    assert steps
    assert sum(steps) < 1
    assert site.shell("systemctl list-timers --all --no-legend 'aiblock-retire-*'") == ""
    site.drained("green" if old.slot == "blue" else "blue")
    assert site.unclean() == []


def test_a_warm_slot_ends_when_its_time_is_over(site: Site, play: Playbooks, serving: Serving) -> None:
    old = serving("v1")
    play("deploy", deploy_version="v2", deploy_keep_warm="5s")
    site.wait_for("the old slot has ended", lambda: state(site, old.slot) == "inactive")
    live = site.live()
    assert live is not None
    assert (live.version, site.answering()) == ("v2", {live.release})
    assert site.unclean() == []


def test_a_deploy_takes_a_warm_slot_and_its_timer_does_not_end_the_new_release(
    site: Site, play: Playbooks, serving: Serving
) -> None:
    old = serving("v1")
    play("deploy", deploy_version="v2", deploy_keep_warm="10m")
    play("deploy", deploy_version="v3")
    live = site.live()
    assert live is not None
    assert (live.version, live.slot) == ("v3", old.slot)
    assert site.shell("systemctl list-timers --all --no-legend 'aiblock-retire-*'") == ""


def test_streams_that_do_not_end_are_waited_for_or_ended_as_told(site: Site, play: Playbooks, serving: Serving) -> None:
    """The slot that the next deploy needs still has streams of ten minutes."""
    old = serving("v1")
    endless = Load([f"{site.front}/health"], rate=50, streams=3, stream_urls=[f"{site.front}/stream?seconds=600"])
    with endless as load:
        play("deploy", deploy_version="v2", deploy_drain_timeout="60s")
        assert state(site, old.slot) in ("active", "deactivating")
        # Told not to wait, where the unit of the old version would for a minute.
        play("deploy", deploy_version="v3", deploy_drain_timeout="0s")
    assert load.result.failed == 0
    assert load.result.streams_cut == 3
    assert load.result.seconds < 30
    live = site.live()
    assert live is not None
    assert (live.version, live.slot) == ("v3", old.slot)
