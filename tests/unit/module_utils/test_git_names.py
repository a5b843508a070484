# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from ansible_collections.blyan.ops.plugins.module_utils import git
from ansible_collections.blyan.ops.plugins.module_utils.errors import OpsError

A, B, C = "a" * 40, "b" * 40, "c" * 40


@pytest.mark.parametrize(
    ("refs", "commit"),
    [
        ([(A, "refs/heads/v1")], A),
        ([(B, "refs/tags/v1"), (C, "refs/tags/v1^{}")], C),
        ([(B, "refs/tags/v1")], B),
        ([(B, "refs/tags/v1"), (C, "refs/tags/v1^{}"), (A, "refs/heads/v1")], A),
        ([(A, "refs/heads/feature/v1"), (B, "refs/remotes/x/refs/heads/v1")], None),
        ([], None),
    ],
    ids=["branch", "annotated tag", "plain tag", "branch before tag", "only like it", "nothing"],
)
def test_parse_refs(refs: list[tuple[str, str]], commit: str | None) -> None:
    listing = "".join(f"{each}\t{ref}\n" for each, ref in refs)
    assert git.parse_refs(listing, "v1") == commit


@pytest.mark.parametrize("version", ["main", "v1.2.3", "feature/x", "dependabot/pip/a-1.0+b", "3f2c1d0", "user@work"])
def test_a_version_that_may_be(version: str) -> None:
    git.check_version(version)


@pytest.mark.parametrize(
    "version", ["", "-x", "--upload-pack=id", "a..b", "a b", "a\n", "a:b", "HEAD^{}", "x" * 201, "$(id)"]
)
def test_a_version_that_cannot_be(version: str) -> None:
    with pytest.raises(OpsError) as caught:
        git.check_version(version)
    assert repr(version) in caught.value.reason


@pytest.mark.parametrize(
    "url",
    ["https://github.com/blyan/blyan.git", "git@github.com:blyan/blyan.git", "ssh://git@host/x", "/srv/git/blyan.git"],
)
def test_a_repository_that_may_be(url: str) -> None:
    git.check_url(url)


@pytest.mark.parametrize("url", ["", "-x", "--upload-pack=id"])
def test_a_repository_that_cannot_be(url: str) -> None:
    with pytest.raises(OpsError, match="deploy_repo is"):
        git.check_url(url)


@pytest.mark.parametrize(
    "url",
    [
        "https://anna:hunter2@host/blyan.git",
        "https://hunter2@host/blyan.git",
        "-c https://hunter2@host/blyan.git",
        "ssh://git:hunter2@host/blyan.git",
    ],
)
def test_a_password_or_token_in_the_url_is_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(OpsError) as caught:
        git.check_url(url)
    assert "deploy_repo carries a password or token" in caught.value.reason
    assert "credential.helper store" in caught.value.next_step
    assert "hunter2" not in caught.value.message()
