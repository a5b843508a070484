# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What operators type, and what a reboot does."""

from __future__ import annotations

import pytest
from conftest import Serving
from playbook import Playbooks
from site_host import Live, Site

# Another run holds the lock of the host.
LOCKED = """
import pathlib, sys
sys.path.insert(0, "/usr/local/lib/blyan-ops/agent.pyz")
from blyan_ops import lock, run
lock.Lock(pathlib.Path("/var/lib/blyan-ops")).acquire(run.Run("other", "anna@desk", "deploy"))
"""


def test_stop_stops_the_app_and_start_brings_the_same_release_back(site: Site, serving: Serving) -> None:
    before = serving("v1")
    site.shell("systemctl stop aiblock")
    states = site.shell("systemctl is-active aiblock aiblock@blue aiblock@green || true")
    assert set(states.split()) == {"inactive"}
    assert site.answer(f"{site.front}/health")[0] == 502
    site.shell("systemctl start aiblock")
    site.wait_for("the release answers", lambda: site.answering() == {before.release})


def test_a_restart_that_was_refused_says_so_until_one_succeeds(site: Site, serving: Serving) -> None:
    before = serving("v1")

    def status() -> str:
        return site.shell("systemctl show --value --property=StatusText aiblock")

    site.shell(f"python3 -c '{LOCKED}'")
    try:
        site.shell("systemctl restart aiblock")
        assert status().startswith("not restarted: the lock of this host is held: deploy by anna@desk since ")
        assert status().endswith(f"; {before.slot} serves {before.release} (v1)")
        assert site.live() == before
    finally:
        site.shell("rm /var/lib/blyan-ops/lock.json")
    site.shell("systemctl reload aiblock")
    site.wait_for("no word of it any more", lambda: status().endswith(f" serves {before.release} (v1)"))
    site.wait_for("no word of it any more", lambda: not status().startswith("not restarted"))
    # health timeout + 2 * drain timeout + 70 s
    assert site.shell("systemctl show --value --property=TimeoutStartUSec aiblock") == "3min 10s"


def test_a_restart_of_nginx_leaves_the_release_in_place(site: Site, serving: Serving) -> None:
    before = serving("v1")
    site.shell("systemctl restart nginx")
    assert site.answering() == {before.release}


def test_an_app_that_was_killed_comes_back_by_itself(site: Site, serving: Serving) -> None:
    before = serving("v1")
    site.shell(f"kill -KILL {before.pid}")
    site.wait_for("the release answers", lambda: site.answering() == {before.release})
    live = site.live()
    assert live is not None
    assert live.pid != before.pid


def rolled_back(play: Playbooks, serving: Serving) -> None:
    serving("v1")
    serving("v2")
    play("rollback")


def deployed(play: Playbooks, serving: Serving) -> None:
    serving("v1")
    serving("v2")


@pytest.mark.parametrize("before", [deployed, rolled_back])
def test_a_reboot_comes_back_with_the_same_release(
    site: Site, play: Playbooks, serving: Serving, before: object
) -> None:
    assert callable(before)
    before(play, serving)
    live = site.live()
    assert isinstance(live, Live)
    site.host.reboot()
    site.wait_for("the release answers", lambda: site.answering() == {live.release})
    after = site.live()
    assert after is not None
    assert (after.release, after.slot) == (live.release, live.slot)
    other = "green" if live.slot == "blue" else "blue"
    assert site.shell(f"systemctl is-active aiblock@{other} || true") == "inactive"
    assert site.unclean() == []
