# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.blyan.ops.plugins.module_utils import scram
from ansible_collections.blyan.ops.plugins.module_utils.shell import Completed, Shell
from ansible_collections.blyan.ops.plugins.modules import scram_verifier
from host import Host

PASSWORD = "correct-horse"


@pytest.fixture
def asked(host: Host, monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """What psql was called with; the role is not there yet."""
    (host.etc / "password").write_text(PASSWORD)
    calls: list[list[str]] = []

    def run(shell: Shell, argv: list[str], **options: Any) -> Completed:
        assert shell.user == "postgres"
        calls.append(argv)
        return Completed(0, "\n")

    monkeypatch.setattr(Shell, "run", run)
    return calls


def call(host: Host, role: str = "blyan") -> dict[str, Any]:
    return host.call(scram_verifier.main, password_file=f"{host.etc}/password", role=role, port=5433)


def test_a_new_role(host: Host, asked: list[list[str]]) -> None:
    result = call(host)
    assert not result["changed"]
    assert scram.kept_or_new(PASSWORD, result["verifier"]) == result["verifier"]
    assert "--port=5433" in asked[0]
    assert PASSWORD not in str(asked) + str(result)


def test_what_is_stored_is_kept_where_it_fits(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    (host.etc / "password").write_text(PASSWORD)
    stored = scram.kept_or_new(PASSWORD, "")
    monkeypatch.setattr(Shell, "run", lambda *_arguments, **_options: Completed(0, stored + "\n"))
    assert call(host)["verifier"] == stored


def test_the_name_of_a_role_is_quoted(host: Host, asked: list[list[str]]) -> None:
    call(host, "o'hara")
    assert "--command=SELECT rolpassword FROM pg_authid WHERE rolname = 'o''hara'" in asked[0]


def test_a_server_that_does_not_answer(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    (host.etc / "password").write_text(PASSWORD)
    monkeypatch.setattr(Shell, "run", lambda *_arguments, **_options: Completed(2, "", "connection refused\n"))
    result = call(host)
    assert "PostgreSQL on this host cannot be asked" in result["reason"]
    assert result["details"] == ["connection refused"]


def test_in_check_mode_the_password_may_not_be_made_yet(host: Host, asked: list[list[str]]) -> None:
    (host.etc / "password").unlink()
    arguments = {"password_file": f"{host.etc}/password", "role": "blyan"}
    assert host.call(scram_verifier.main, True, **arguments)["verifier"].startswith("SCRAM-SHA-256$")
    assert "No such file" in host.call(scram_verifier.main, **arguments)["reason"]
