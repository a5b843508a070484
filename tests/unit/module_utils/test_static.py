# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import os
from pathlib import Path

import pytest
from ansible_collections.blyan.ops.plugins.module_utils import static
from ansible_collections.blyan.ops.plugins.module_utils.errors import OpsError


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    for name in ("checkout/frontend", "release/frontend"):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "index.html").write_text(name)
    (tmp_path / "current").symlink_to(tmp_path / "release")
    return tmp_path / "checkout"


def test_a_folder_follows_the_release_and_comes_back(checkout: Path) -> None:
    path = str(checkout / "frontend")
    for _again in range(2):
        static.follow(str(checkout), path, checkout.parent / "current")
        assert (checkout / "frontend/index.html").read_text() == "release/frontend"
        assert (checkout / "frontend.by-hand/index.html").read_text() == "checkout/frontend"
    for _again in range(2):
        static.put_back(str(checkout), path)
        assert (checkout / "frontend/index.html").read_text() == "checkout/frontend"
        assert sorted(os.listdir(checkout)) == ["frontend"]


def test_a_kill_before_the_exchange(checkout: Path) -> None:
    (checkout / "frontend.by-hand").symlink_to("anywhere")
    static.put_back(str(checkout), str(checkout / "frontend"))
    assert sorted(os.listdir(checkout)) == ["frontend"]


def test_what_cannot_be_exchanged_is_said(checkout: Path) -> None:
    with pytest.raises(OpsError, match="cannot be exchanged: No such file or directory"):
        static.exchange(str(checkout / "frontend"), str(checkout / "nothing"))
