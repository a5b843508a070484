# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.blyan.ops.plugins.module_utils import scram
from ansible_collections.blyan.ops.plugins.module_utils.errors import OpsError

# RFC 7677's salt and password, and what PostgreSQL 15 stores of them.
SALT = bytes.fromhex("5b6d99689d12358eeca04b141236fa81")
STORED = (
    "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY="
    ":wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU="
)


def test_known_vector() -> None:
    assert scram.verifier("pencil", SALT) == STORED


def test_what_fits_is_kept() -> None:
    assert scram.kept_or_new("pencil", STORED) == STORED


@pytest.mark.parametrize("stored", ["", "md5a3556571e93b0d20722ba62be61e8c2d", STORED.replace("W22Z", "W23Z")])
def test_what_does_not_fit_is_replaced(stored: str) -> None:
    made = scram.kept_or_new("pencil", stored)
    assert made != stored
    assert scram.kept_or_new("pencil", made) == made


def test_another_password_is_another_verifier() -> None:
    assert scram.kept_or_new("pencils", STORED) != STORED


def test_salts_differ() -> None:
    assert scram.kept_or_new("pencil", "") != scram.kept_or_new("pencil", "")


def test_a_password_that_cannot_be_used_is_not_repeated(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text("hünter2", encoding="utf-8")
    with pytest.raises(OpsError, match="not ASCII") as caught:
        scram.read_password(file)
    assert "nter2" not in caught.value.message()
