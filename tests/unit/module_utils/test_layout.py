# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.blyan.ops.plugins.module_utils import layout as site
from ansible_collections.blyan.ops.plugins.module_utils.errors import OpsError
from ansible_collections.blyan.ops.plugins.module_utils.layout import Layout


def test_a_bare_host_has_nothing_live(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    assert (layout.live_slot(), layout.current_release(), layout.release_of("blue")) == (None, "", None)


@pytest.mark.parametrize("slot", site.SLOTS)
def test_the_link_says_which_slot_is_live(tmp_path: Path, slot: str) -> None:
    (tmp_path / "live.sock").symlink_to(site.socket(slot))
    assert Layout(tmp_path).live_slot() == slot


def test_a_link_to_no_slot_is_refused(tmp_path: Path) -> None:
    (tmp_path / "live.sock").symlink_to("/run/aiblock/red.sock")
    with pytest.raises(OpsError, match=r"points at /run/aiblock/red\.sock, which is no slot"):
        Layout(tmp_path).live_slot()


def test_releases_by_their_links(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    layout.current.symlink_to(layout.release("r1"))
    layout.slot("blue").parent.mkdir()
    layout.slot("blue").symlink_to(layout.release("r2"))
    assert (layout.current_release(), layout.release_of("blue")) == ("r1", "r2")


def test_the_other_slot() -> None:
    assert (site.other("blue"), site.other("green"), site.other(None)) == ("green", "blue", "blue")
