# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts that are not quite as the runbook leaves them are refused, and stay as they are."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import testhosts
from by_hand_host import NAME, PASSWORD, RESTART, SITE_FILE, UNIT, ByHandHost, up
from conftest import SITE_VARIABLES
from playbook import Playbooks

#: What is not as the runbook leaves it: how it came so, and what the refusal says.
REFUSED = {
    "the app does not run": ("systemctl stop aiblock", "does not show the app that serves now: HTTP 502"),
    "a unit that systemd has not read": (f"echo '#' >> {UNIT}", "was changed since systemd read it"),
    "a value that the process does not have": (
        "sed -i s/PRICE=.*/PRICE=6/ /etc/aiblock.env",
        "runs with other values of PRICE than its files now give it",
    ),
    "another command": (
        f"sed -i 's|^ExecStart=.*|ExecStart=/root/blyan/venv/bin/python -m uvicorn api.server:app|' {UNIT}; {RESTART}",
        "only python with a script of the app is understood",
    ),
    "no checkout": ("mv /root/blyan/.git /root/git", "is in no Git checkout"),
    "a configuration that nginx does not accept": (
        f"echo 'nonsense;' >> {SITE_FILE}",
        "nginx does not accept its configuration as it is",
    ),
    "a variable": (
        f"sed -i 's|proxy_pass .*|set $app 127.0.0.1:8000; proxy_pass http://$app/;|' {SITE_FILE}; nginx -s reload",
        "has a variable, so that one cannot tell where it leads",
    ),
    "no git": ("chmod a-x /usr/bin/git", "apt-get install --no-install-recommends git"),
}


@pytest.fixture(scope="module")
def odd(by_hand_image: str) -> Iterator[ByHandHost]:
    """A host on which something is changed and put right again."""
    name = f"{NAME}-odd"
    testhosts.down(name)
    (host,) = testhosts.up(name, image=by_hand_image)
    site = up(host)
    site.shell("tar -C / -cpf /var/kept.tar etc/nginx etc/systemd/system etc/aiblock.env root/blyan/.git")
    yield site
    testhosts.down(name)


@pytest.mark.parametrize("case", REFUSED)
def test_refused_before_anything_changes(odd: ByHandHost, tmp_path: Path, case: str) -> None:
    odd.shell(
        "chmod a+x /usr/bin/git; rm -rf /root/blyan/.git; tar -C / -xpf /var/kept.tar; systemctl daemon-reload;"
        "systemctl restart aiblock; systemctl reload nginx"
    )
    odd.await_app()
    groups = {"blyan_api": (odd.host.name,)}
    runs = Playbooks(testhosts.write_inventory(tmp_path / "inventory.json", groups, SITE_VARIABLES), tmp_path)
    change, says = REFUSED[case]
    odd.shell(change)
    made = odd.made()
    for options in ((), ("--check", "--diff")):
        result = runs("deploy", *options, deploy_version="v1", code=2)
        assert says in result.message
        assert "Next: " in result.message
        assert PASSWORD not in result.output
    assert odd.made() == made
    assert odd.shell("ls -d /srv/blyan /etc/blyan 2>/dev/null; id blyan 2>/dev/null; true") == ""
    assert odd.shell("ls /var/lib/blyan-ops/lock.json 2>/dev/null; true") == ""
