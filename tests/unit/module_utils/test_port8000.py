# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import crossplane
import pytest
from ansible_collections.blyan.ops.plugins.module_utils import port8000
from ansible_collections.blyan.ops.plugins.module_utils.errors import OpsError

LIVE = Path("/srv/blyan/live.sock")


def directives(text: str, tmp_path: Path) -> list[tuple[str, ...]]:
    """All directives in a text, with their arguments, as nginx reads them."""
    file = tmp_path / "nginx.conf"
    file.write_text(text)
    found = crossplane.parse(str(file), single=True, check_ctx=False)
    assert found["errors"] == []

    def walk(block: list[dict[str, Any]]) -> list[tuple[str, ...]]:
        lines: list[tuple[str, ...]] = []
        for each in block:
            lines.append((str(each["directive"]), *each["args"]))
            lines += walk(each.get("block") or [])
        return lines

    return walk(found["config"][0]["parsed"])


def test_a_server_in_a_folder_that_nginx_reads(tmp_path: Path) -> None:
    port = port8000.Port("/etc/nginx/conf.d")
    files = port.files(LIVE, ["127.0.0.1"])
    assert list(files) == [port.file] == ["/etc/nginx/conf.d/blyan-8000.conf"]
    found = directives(files[port.file], tmp_path)
    assert ("listen", "127.0.0.1:8000", "default_server") in found
    assert ("proxy_pass", "http://unix:/srv/blyan/live.sock") in found
    assert found[0] == ("server",)


def test_an_nginx_of_its_own(tmp_path: Path) -> None:
    port = port8000.Port("")
    files = port.files(LIVE, ["0.0.0.0", "::"])
    assert list(files) == ["/etc/nginx/blyan-8000.conf", "/etc/systemd/system/blyan-8000.service"]
    found = directives(files[port.file], tmp_path)
    assert ("listen", "8000", "default_server") in found
    assert ("listen", "[::]:8000", "default_server") in found
    assert ("pid", "/run/blyan-8000.pid") in found
    unit = files["/etc/systemd/system/blyan-8000.service"]
    assert 'ExecStart=/usr/sbin/nginx -c /etc/nginx/blyan-8000.conf -g "daemon off;"\n' in unit


def test_a_port_that_stays_held_is_told_with_its_holder(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        monkeypatch.setattr(port8000, "PORT", listener.getsockname()[1])
        with pytest.raises(OpsError, match=r"port \d+ is still held by \w+"):
            port8000.await_free(0.05)
    port8000.await_free(0.05)
