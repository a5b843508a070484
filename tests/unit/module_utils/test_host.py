# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest
from ansible_collections.blyan.ops.plugins.module_utils import host

BOOKWORM = {"ID": "debian", "VERSION_ID": "12", "PRETTY_NAME": "Debian GNU/Linux 12 (bookworm)"}
TABLE = """\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 00000000:1F40 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4711 1 0 100 0 0 10 0
   1: 0100007F:1F40 0100007F:C350 01 00000000:00000000 00:00000000 00000000     0        0 4712 1 0 20 4 30 10 -1
   2: 0100007F:1538 00000000:0000 0A 00000000:00000000 00:00000000 00000000   104        0 4713 1 0 100 0 0 10 0
"""


def test_os_release() -> None:
    assert host.os_release("ID=debian\nVERSION_ID=\"12\"\n\nNAME='x=y'\n") == {
        "ID": "debian",
        "VERSION_ID": "12",
        "NAME": "x=y",
    }


def test_missing_packages() -> None:
    status = "nginx ii \nredis-server rc \ngit hi \npostgresql-15 iU \n"
    wanted = ["nginx", "redis-server", "git", "postgresql-15", "acl"]
    # Removed with its files left, held, half configured, unknown: none of these is installed as it should be.
    assert host.missing_packages(wanted, status) == ["redis-server", "git", "postgresql-15", "acl"]


@pytest.mark.parametrize(("port", "inodes"), [(8000, {"4711"}), (5432, {"4713"}), (80, set())])
def test_only_sockets_that_listen_count(port: int, inodes: set[str]) -> None:
    assert host.listening(TABLE, port) == inodes


def test_the_holder_of_a_port_is_found() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert list(host.holders(port)) == [os.getpid()]
    assert host.holders(port) == {}


def test_a_port_held_by_another_program() -> None:
    held: dict[int, dict[int, str]] = {80: {12: "nginx", 13: "nginx"}, 8000: {99: "uvicorn"}, 6379: {}}
    (problem,) = host.taken({80: "nginx", 8000: "nginx", 6379: "redis-server"}, held)
    assert problem.reason == "Port 8000 is held by uvicorn (pid 99), and nginx is to listen there"


def test_an_address_of_this_host_is_no_problem() -> None:
    assert host.unusable("blyan_database_host", "127.0.0.1") is None


@pytest.mark.parametrize("address", ["192.0.2.1", "no such name"])
def test_an_address_of_another_host_is_named(address: str) -> None:
    problem = host.unusable("blyan_database_host", address)
    assert problem is not None
    assert problem.reason.startswith(f"blyan_database_host is {address!r}, which ")


def test_space_is_looked_at_where_the_folder_will_be(tmp_path: Path) -> None:
    there = tmp_path / "not" / "yet"
    assert host.too_full(there, 0) is None
    problem = host.too_full(there, 1 << 40)
    assert problem is not None
    assert str(there) in problem.reason


def test_a_fit_host() -> None:
    assert host.unfit(BOOKWORM, True) == []


@pytest.mark.parametrize(
    ("release", "systemd", "told"),
    [
        ({**BOOKWORM, "VERSION_ID": "11", "PRETTY_NAME": "Debian 11"}, True, "This host runs Debian 11"),
        ({"ID": "ubuntu", "VERSION_ID": "12", "PRETTY_NAME": "Ubuntu"}, True, "This host runs Ubuntu"),
        ({}, True, "an unknown system"),
        (BOOKWORM, False, "systemd does not run"),
    ],
)
def test_an_unfit_host(release: dict[str, str], systemd: bool, told: str) -> None:
    (problem,) = host.unfit(release, systemd)
    assert told in problem.reason
