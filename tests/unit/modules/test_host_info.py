# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import os
import socket
from typing import Any

import pytest
from ansible_collections.blyan.ops.plugins.module_utils import host as planner
from ansible_collections.blyan.ops.plugins.module_utils.lock import Lock
from ansible_collections.blyan.ops.plugins.module_utils.run import Run
from ansible_collections.blyan.ops.plugins.module_utils.shell import Completed, Shell
from ansible_collections.blyan.ops.plugins.modules import host_info
from host import Host


@pytest.fixture(autouse=True)
def _bookworm(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    """A Debian 12 that was booted with systemd, and on which nginx alone is installed."""
    (host.etc / "os-release").write_text('ID=debian\nVERSION_ID="12"\nPRETTY_NAME="Debian 12"\n')
    monkeypatch.setattr(planner, "OS_RELEASE", host.etc / "os-release")
    monkeypatch.setattr(planner, "SYSTEMD", host.etc)
    monkeypatch.setattr(Shell, "run", lambda *_arguments: Completed(1, "nginx ii \n", "no packages found"))


def call(host: Host, **arguments: Any) -> dict[str, Any]:
    return host.call(host_info.main, **arguments)


def test_a_fit_host(host: Host) -> None:
    before = host.files()
    result = call(host, packages=["nginx", "postgresql-{postgresql}"], paths=[str(host.root / "not yet")])
    assert (result["missing"], result["postgresql"], result["changed"]) == (["postgresql-15"], "15", False)
    assert result["ipv6"] in (True, False)
    assert host.files() == before


def test_all_that_is_in_the_way_is_named_at_once(host: Host) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        result = call(
            host,
            ports={str(port): "nginx"},
            addresses={"blyan_redis_host": "192.0.2.1"},
            files={"provision_tls_key": "/no.key"},
            paths=[str(host.root)],
            min_free_mb=1 << 40,
        )
    assert result["reason"] == "this host cannot be provisioned, for 4 reasons"
    for told in (
        f"Port {port} is held by ",
        f"(pid {os.getpid()}), and nginx is to listen there. Next: stop it",
        "blyan_redis_host is '192.0.2.1', which is not an address of this host. Next: ",
        "provision_tls_key is '/no.key', and there is no such file",
        f"{host.root} is too full: ",
    ):
        assert told in result["msg"]


def test_a_host_of_another_kind_is_not_looked_at_further(host: Host) -> None:
    (host.etc / "os-release").write_text('ID=ubuntu\nPRETTY_NAME="Ubuntu 24.04"\n')
    result = call(host, files={"provision_tls_key": "/no.key"})
    assert result["msg"] == "This host runs Ubuntu 24.04, and Debian 12 or 13 is needed. Next: use a host with it."


def test_one_on_which_another_run_works_is_refused(host: Host) -> None:
    host.state.mkdir()
    Lock(host.state).acquire(Run("other", "ben@desk", "deploy"))
    assert "held: deploy by ben@desk" in call(host)["reason"]


def test_a_broken_dpkg(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Shell, "run", lambda *_arguments: Completed(2, "", "dpkg-query: error"))
    assert call(host, packages=["nginx"])["details"] == ["dpkg-query: error"]
