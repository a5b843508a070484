# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A deploy where something else is wrong, or takes long: what serves goes on, under load, and the host stays clean."""

from __future__ import annotations

import pytest
from conftest import Serving
from playbook import Playbooks
from site_host import Site, lost

#: The files of deploy_root on a disk of their own that has room for so many kB more.
SMALL_DISK = """
set -e
cp -a /srv/blyan /srv/.blyan-whole
used=$(du -sk /srv/blyan | cut -f1)
mount -t tmpfs -o mode=755,size=100%,nr_inodes=0 small /srv/blyan
cp -a /srv/.blyan-whole/. /srv/blyan/
rm -rf /srv/.blyan-whole
used=$(df --output=used -k /srv/blyan | tail -1)
mount -o remount,size=$((used + {free}))k /srv/blyan
"""


def test_an_app_that_takes_long_to_start_costs_only_waiting(site: Site, play: Playbooks, serving: Serving) -> None:
    serving("v1")
    with site.load(streams=4) as load:
        done = play("deploy", deploy_version="slow-start")
    assert lost(load.result) == {}
    assert "is not healthy yet after" in done.output, "people were not told what is waited for"
    live = site.live()
    assert live is not None
    assert (live.version, site.answering()) == ("slow-start", {live.release})


@pytest.mark.parametrize("free", [0, 12, 24], ids="{} kB free".format)
def test_a_full_disk(site: Site, play: Playbooks, serving: Serving, free: int) -> None:
    """It is full before the release is made, in the middle of that, and after."""
    serving("v3")
    old = serving("v1")
    site.shell(SMALL_DISK.format(free=free))
    try:
        with site.load() as load:
            done = play("deploy", code=2, deploy_version="v2", deploy_min_free_mb=0)
        assert done.host["phase"] == "Make the release"
        # Git does not say why it cannot write.
        assert "No space left on device" in done.message or "look at the free space of the disk" in done.message
        assert lost(load.result) == {}
        assert site.live() == old
        assert site.answering() == {old.release}
        assert site.unclean() == []
        # With room again the next run does it, and needs nobody to clean up.
        site.shell("mount -o remount,size=50% /srv/blyan")
        with site.load() as load:
            play("deploy", deploy_version="v2")
        assert lost(load.result) == {}
    finally:
        # Back to the disk that has what was there before.
        site.reset()
        site.shell("umount /srv/blyan")
        site.reset()


def test_redis_down(site: Site, play: Playbooks, serving: Serving) -> None:
    """The new version cannot be healthy; the old one is not touched for that."""
    old = serving("v1")
    site.shell("systemctl stop redis-server")
    try:
        with site.load() as load:
            done = play("deploy", code=2, deploy_version="v2", deploy_health_timeout="3s")
        assert "was not healthy within 3s" in done.message
        assert lost(load.result) == {}
        assert site.live() == old
        assert site.unclean() == []
    finally:
        site.shell("systemctl start redis-server")


def test_a_reboot_in_the_middle(site: Site, play: Playbooks, serving: Serving) -> None:
    """What was in /run is gone; the old version is back, and the next run does what was wanted."""
    old = serving("v1")
    run = play.start("playbooks/deploy.yml", deploy_version="slow-start")
    begun = "ls /var/lib/blyan-ops/steps/slot.json 2>/dev/null || true"
    site.wait_for("the new release starts", lambda: site.shell(begun) != "")
    site.host.cut_power()
    run.finish(2)
    site.wait_for("the old version answers again", lambda: site.answering() == {old.release})
    with site.load() as load:
        play("deploy", deploy_version="v2", deploy_lock="break")
    assert lost(load.result) == {}
    live = site.live()
    assert live is not None
    assert (live.version, site.answering()) == ("v2", {live.release})
    assert site.unclean() == []
