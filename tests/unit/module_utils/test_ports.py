# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import os
import socket

import pytest
from ansible_collections.blyan.ops.plugins.module_utils import ports

TCP = """  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 00000000:0050 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 355033 1 0 100 0 0 10 0
   1: 0100007F:1F40 00000000:0000 0A 00000000:00000000 00:00000000 00000000   103        0 352746 1 0 100 0 0 10 0
   2: 0100007F:1F40 0100007F:9C40 01 00000000:00000000 00:00000000 00000000     0        0 354548 1 0 100 0 0 10 0
"""
TCP6 = """  sl  local_address         remote_address        st tx tr tm uid timeout inode
   0: 00000000000000000000000001000000:1F40 00000000000000000000000000000000:0000 0A 0:0 00:0 0     0        0 7 1
"""


def test_parse() -> None:
    assert ports.parse(TCP, 8000) == [ports.Listener("127.0.0.1", "352746")]
    assert ports.parse(TCP, 80) == [ports.Listener("0.0.0.0", "355033")]
    assert ports.parse(TCP6, 8000) == [ports.Listener("::1", "7")]
    assert ports.parse(TCP, 81) == []


def test_a_real_one() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
        assert ports.listeners(port) == []
        listener.listen()
        (found,) = ports.listeners(port)
        assert found.address == "127.0.0.1"
        assert os.getpid() in ports.owners([found])


@pytest.mark.parametrize(
    ("addresses", "lines", "url"),
    [
        (["0.0.0.0"], ["8000 default_server"], "http://127.0.0.1:8000"),
        (["127.0.0.1"], ["127.0.0.1:8000 default_server"], "http://127.0.0.1:8000"),
        (["10.0.0.5"], ["10.0.0.5:8000 default_server"], "http://10.0.0.5:8000"),
        (["::"], ["[::]:8000 default_server ipv6only=off"], "http://[::1]:8000"),
        (["0.0.0.0", "::"], ["8000 default_server", "[::]:8000 default_server"], "http://127.0.0.1:8000"),
        (["::1", "127.0.0.1"], ["127.0.0.1:8000 default_server", "[::1]:8000 default_server"], "http://127.0.0.1:8000"),
    ],
)
def test_nginx_listens_where_the_app_did(addresses: list[str], lines: list[str], url: str) -> None:
    assert ports.listen_lines(addresses, 8000) == lines
    assert ports.local_url(addresses, 8000) == url
