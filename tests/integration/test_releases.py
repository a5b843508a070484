# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which release serves, which stay on the disk, and what is made anew."""

from __future__ import annotations

from typing import Any

import pytest
from conftest import Serving
from playbook import Playbooks
from site_host import Live, Site


def now(site: Site) -> Live:
    live = site.live()
    assert live is not None
    assert site.answering() == {live.release}
    return live


def good_on_disk(site: Site) -> set[str]:
    """The versions of the good releases whose files are there."""
    good = """grep -q '"state": "good"' ../records/$release.json"""
    version = """sed -n 's/.*"version": "\\(.*\\)".*/\\1/p' ../records/$release.json"""
    return set(site.shell(f"cd /srv/blyan/releases; for release in *; do {good} && {version}; done; true").split())


def venvs(site: Site) -> dict[str, str]:
    """The virtual environments and when each was completed."""
    listing = site.shell("cd /srv/blyan/venvs; stat --format='%n %y' */.complete")
    return dict(line.split("/.complete ") for line in listing.splitlines())


def test_the_same_version_again_touches_nothing(site: Site, play: Playbooks) -> None:
    play("deploy", deploy_version="v1")
    before = site.files()
    again = play("deploy", deploy_version="v1")
    assert again.changed == 0
    assert site.files() ^ before == set()
    assert f"nothing to do: {now(site).release} (v1) is live and healthy" in again.output


def test_the_same_version_with_other_arguments_for_pip_or_an_older_agent_is_deployed_anew(
    fresh: Site, play: Playbooks, serving: Serving
) -> None:
    before = serving("v1")
    given: dict[str, Any] = {"deploy_pip_extra_args": "--no-index --find-links /srv/wheelhouse --no-color"}
    play("deploy", deploy_version="v1", **given)
    after = now(fresh)
    assert after.release != before.release
    assert play("deploy", deploy_version="v1", **given).changed == 0
    fresh.shell("echo >> /usr/local/lib/blyan-ops/agent.pyz")
    play("deploy", deploy_version="v1", **given)
    assert (now(fresh).release, now(fresh).slot) == (after.release, before.slot)
    assert play("deploy", deploy_version="v1", **given).changed == 0


def test_main_is_the_version_when_none_is_named(fresh: Site, play: Playbooks) -> None:
    play("deploy")
    assert now(fresh).version == "main"
    assert fresh.answer(f"{fresh.front}/health")[2]["version"] == "2.0.0"


def test_the_summary_says_what_was_replaced_and_how_to_go_back(play: Playbooks, serving: Serving) -> None:
    old = serving("v1")
    output = play("deploy", deploy_version="v2").output
    assert f"replaced {old.release} (v1)" in output
    assert f"go back: ansible-playbook blyan.ops.rollback -e deploy_rollback_to={old.commit[:7]}" in output


def test_a_deploy_after_a_rollback_deploys(site: Site, play: Playbooks, serving: Serving) -> None:
    old, new = serving("v1"), serving("v2")
    play("rollback")
    assert now(site).release == old.release
    deployed = play("deploy", deploy_version="v2")
    assert deployed.changed > 0
    assert now(site).commit == new.commit


def test_a_rollback_takes_back_a_deploy_of_an_older_version(site: Site, play: Playbooks, serving: Serving) -> None:
    new = (serving("v1"), serving("v2"))[1]
    play("deploy", deploy_version="v1")
    play("rollback")
    assert now(site).release == new.release


def test_a_version_is_known_by_the_name_that_it_was_deployed_with(fresh: Site, play: Playbooks) -> None:
    """The tag v2 and the branch main are the same commit."""
    for version in ("main", "v1", "v2", "v1"):
        assert play("deploy", deploy_version=version).host["version"] == version
    play("rollback", deploy_rollback_to="v2")
    assert now(fresh).version == "v2"


def test_a_rollback_goes_to_the_release_commit_or_version_that_is_named(
    site: Site, play: Playbooks, serving: Serving
) -> None:
    one, two = serving("v1"), serving("v2")
    play("rollback", deploy_rollback_to="v1")
    assert now(site).commit == one.commit
    play("rollback", deploy_rollback_to=two.commit[:10])
    assert now(site).commit == two.commit
    play("rollback", deploy_rollback_to=one.release)
    assert now(site).release == one.release


def test_a_rollback_has_the_environment_of_what_served(site: Site, play: Playbooks, serving: Serving) -> None:
    serving("v1")
    play("deploy", deploy_version="v2", deploy_environment={"BLYAN_COLOUR": "teal"})
    play("rollback")
    assert now(site).version == "v1"
    assert "BLYAN_COLOUR=teal" in site.shell(f"tr '\\0' '\\n' < /proc/{now(site).pid}/environ")


def test_a_rollback_is_refused_where_nothing_served_before(fresh: Site, play: Playbooks) -> None:
    refused = play("rollback", code=2)
    assert "there is no release to roll back to" in refused.message
    play("deploy", deploy_version="v1")
    before = now(fresh)
    refused = play("rollback", code=2)
    assert "there is no release to roll back to" in refused.message
    assert "Next: " in refused.message
    assert now(fresh) == before


@pytest.mark.parametrize("named", ["v99", "0123456789abcdef"])
def test_a_rollback_to_what_never_served_is_refused(play: Playbooks, serving: Serving, site: Site, named: str) -> None:
    live = serving("v1")
    refused = play("rollback", deploy_rollback_to=named, code=2)
    assert f"deploy_rollback_to is '{named}', and no good release is called so" in refused.message
    assert site.live() == live


def test_the_same_requirements_need_no_pip(fresh: Site, play: Playbooks) -> None:
    play("deploy", deploy_version="v1")
    before = venvs(fresh)
    fresh.shell("mv /usr/lib/python3.11/ensurepip /run/; chmod -x /srv/blyan/venvs/*/bin/pip*")
    try:
        play("deploy", deploy_version="v2")
    finally:
        fresh.shell("mv /run/ensurepip /usr/lib/python3.11/; chmod +x /srv/blyan/venvs/*/bin/pip*")
    assert venvs(fresh) == before


def test_other_requirements_get_a_virtual_environment_of_their_own(site: Site, play: Playbooks, fresh: Site) -> None:
    site.shell("rm -rf /srv/blyan/venvs")
    play("deploy", deploy_version="v1")
    one = venvs(site)
    play("deploy", deploy_version="v4-requirements")
    two = venvs(site)
    assert len(two) == 2
    assert one.items() < two.items()
    has_six = "/srv/blyan/current/.venv/bin/python -c 'import six'"
    site.shell(has_six)
    play("rollback")
    assert site.host.run(has_six, check=False).returncode == 1


def test_a_new_schema_stays_when_its_version_is_rolled_back(fresh: Site, play: Playbooks) -> None:
    def schema() -> str:
        return fresh.shell(
            "runuser -u postgres -- psql -qtA --dbname=blyandb --command='SELECT max(version) FROM schema_migrations'"
        )

    play("deploy", deploy_version="v2")
    assert schema() == "1"
    play("deploy", deploy_version="v3")
    assert schema() == "2"
    play("rollback")
    assert (now(fresh).version, schema()) == ("v2", "2")


def test_pruning_keeps_what_serves_and_what_it_replaced_whatever_failed_since(fresh: Site, play: Playbooks) -> None:
    fresh.shell("rm -rf /srv/blyan/venvs")
    previous = ""
    for version in ("v4-requirements", "v1", "v2", "v3"):
        play("deploy", deploy_version=version, deploy_keep_releases=2)
        assert {version, previous} - {""} <= good_on_disk(fresh)
        previous = version
    for _try in range(2):
        play("deploy", deploy_version="broken-import", deploy_keep_releases=2, code=2)
        assert {"v2", "v3"} <= good_on_disk(fresh)
    play("deploy", deploy_version="no-coordinator", deploy_keep_releases=2)
    assert good_on_disk(fresh) == {"v2", "no-coordinator", "v3"}, "with 2, one more stays until the next deploy"
    assert len(venvs(fresh)) == 1, "the one that only v4-requirements needed is gone"
    play("rollback")
    assert now(fresh).version == "v3"


def test_releases_lists_what_is_live_and_what_was_and_changes_nothing(
    site: Site, play: Playbooks, serving: Serving
) -> None:
    old, new = serving("v1"), serving("v2")
    before = site.files()
    listed = play("releases")
    assert site.files() ^ before == set()
    assert listed.changed == 0
    assert listed.host["live"]["id"] == new.release
    assert {old.release, new.release} <= {release["id"] for release in listed.host["releases"]}
    assert f"* {new.release}" in listed.output.replace("  ", " ")
