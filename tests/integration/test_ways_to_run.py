# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From a checkout and installed, with few round trips."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from conftest import Serving
from playbook import Playbooks
from site_host import Site
from testhosts.engine import ROOT


def test_few_module_runs_on_the_host(play: Playbooks, serving: Serving) -> None:
    serving("v1")
    runs = {
        "deploy": play("deploy", "-vvv", deploy_version="v2").module_runs,
        "the same version again": play("deploy", "-vvv", deploy_version="v2").module_runs,
        "rollback": play("rollback", "-vvv").module_runs,
    }
    assert 0 < runs["deploy"] <= 8
    assert 0 < runs["the same version again"] <= 3
    assert 0 < runs["rollback"] <= 5


@pytest.fixture(scope="module")
def collections(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory in which the collection is installed from its archive."""
    directory = tmp_path_factory.mktemp("installed")
    galaxy = [str(Path(sys.executable).with_name("ansible-galaxy")), "collection"]
    subprocess.run([*galaxy, "build", f"--output-path={directory}"], cwd=ROOT, check=True, capture_output=True)
    (archive,) = directory.glob("*.tar.gz")
    # The collections that it depends on come with Ansible; where they are is not Galaxy's business.
    # It is installed here even where the machine has it elsewhere.
    install = [*galaxy, "install", f"--collections-path={directory}", "--force", "--no-deps", "--offline", str(archive)]
    subprocess.run(install, cwd=directory, check=True, capture_output=True)
    return directory


def test_an_installed_collection_deploys_from_any_directory(
    site: Site, play: Playbooks, serving: Serving, collections: Path
) -> None:
    old = serving("v1")
    settings = {"ANSIBLE_COLLECTIONS_PATH": str(collections)}
    play.start("blyan.ops.deploy", directory=collections, settings=settings, deploy_version="v2").finish()
    live = site.live()
    assert live is not None
    assert (live.version, site.answering()) == ("v2", {live.release})
    assert live.release != old.release
    again = play.start("blyan.ops.rollback", directory=collections, settings=settings).finish()
    assert again.host["release"] == old.release
