# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One real host, provisioned once by its playbook, on which all tests here work in turn.

Processes that share the tests have a host each. A host `e2e-site` that is there already is used and left by a lone one,
which saves a minute:
python3 tests/hosts/hosts.py up e2e-site
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import testhosts

# The directory that holds the package reference_app.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from by_hand_host import NAME as BY_HAND
from by_hand_host import ByHandHost
from playbook import Playbooks
from site_host import Live, Site

#: One for each process that runs tests.
NAME = "-".join(("e2e-site", *os.environ.get("PYTEST_XDIST_WORKER", "").split()))
GROUPS = ("blyan_api", "blyan_postgres", "blyan_redis")
# The app's repository and the wheels that it needs are mounted in the host.
SITE_VARIABLES = {
    "deploy_repo": "/srv/git/blyan.git",
    "deploy_pip_extra_args": "--no-index --find-links /srv/wheelhouse",
}

Serving = Callable[..., Live]


@pytest.fixture(scope="session")
def play(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Playbooks]:
    """Runs playbooks against the host, which is booted first."""
    there = NAME in testhosts.hosts()
    testhosts.up(NAME)
    scratch = tmp_path_factory.mktemp("play")
    groups = dict.fromkeys(GROUPS, (NAME,))
    yield Playbooks(testhosts.write_inventory(scratch / "inventory.json", groups, SITE_VARIABLES), scratch)
    if not there:
        testhosts.down(NAME)


@pytest.fixture(scope="session")
def site(play: Playbooks) -> Site:
    """The host, provisioned; nothing was ever deployed on it."""
    play("provision")
    site = Site(testhosts.get(NAME))
    site.reset()
    return site


@pytest.fixture
def fresh(site: Site) -> Iterator[Site]:
    """The host as provision left it, before the test and after."""
    site.reset()
    yield site
    site.reset()


@pytest.fixture
def serving(site: Site, play: Playbooks) -> Serving:
    """Has a version serve, and returns what serves; it is deployed only where it does not serve already."""

    def serve(version: str, **variables: Any) -> Live:
        live = site.live()
        if live is None or live.version != version or site.answering() != {live.release} or variables:
            play("deploy", deploy_version=version, **variables)
            live = site.live()
        assert live is not None
        assert live.version == version
        return live

    return serve


@pytest.fixture(scope="session")
def by_hand_image() -> str:
    """The disk of a bare host on which a person deployed v1 by hand."""
    testhosts.down(BY_HAND)
    (host,) = testhosts.up(BY_HAND)
    made = ByHandHost(host)
    made.lay_out("v1")
    made.await_app()
    image = host.snapshot(BY_HAND)
    testhosts.down(BY_HAND)
    return image
