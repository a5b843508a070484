# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from ansible_collections.blyan.ops.plugins.module_utils import urls
from ansible_collections.blyan.ops.plugins.module_utils.errors import OpsError

CARRY = {
    "https://ghp_TOKEN@github.com/x.git": "https://***@github.com/x.git",
    "HTTP://u:p@host": "HTTP://***@host",
    "https://u@corp:p@host/x": "https://***@host/x",
    "https://u:pa/ss@1@host/x": "https://***@host/x",
    "git+https://t@host/x.git@main": "git+https://***@host/x.git@main",
    "ssh://git:p@host/x": "ssh://***@host/x",
    "ssh://git:12345@host/x": "ssh://***@host/x",
    "redis://:p@host/0": "redis://***@host/0",
    "Looking in https://a@one/simple, https://b:c@two/simple": "Looking in https://***@one/simple, https://***@two/simple",
}
CLEAN = [
    "https://github.com/x.git",
    "https://host:8443/@scope/x",
    "https://[::1]:8443/simple",
    "https://host?to=a@b",
    "git+https://host:8443/x.git@main",
    "git@github.com:blyan/blyan.git",
    "ssh://git@host:22/x",
    "ssh://git@[::1]:22/x@y",
    "ssh://host:22/x@y",
    "file:///srv/a:b@c",
    "/srv/git/blyan.git",
]


@pytest.mark.parametrize(("text", "shown"), CARRY.items())
def test_credentials_are_refused_and_blotted_out(text: str, shown: str) -> None:
    with pytest.raises(OpsError, match="x_url carries a password or token") as caught:
        urls.refuse_credentials("x_url", text, "use a file")
    assert text not in caught.value.message()
    assert urls.without_credentials(text) == shown


@pytest.mark.parametrize("text", CLEAN)
def test_what_carries_none_is_left_alone(text: str) -> None:
    urls.refuse_credentials("x_url", text, "use a file")
    assert urls.without_credentials(text) == text
