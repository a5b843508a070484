# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from ansible_collections.blyan.ops.plugins.module_utils import dotenv
from ansible_collections.blyan.ops.plugins.module_utils.errors import OpsError


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", {}),
        ("# nothing\n\n   \n", {}),
        ("A=1\nB = two words \n", {"A": "1", "B": "two words"}),
        ("export A=1\r\nB=2", {"A": "1", "B": "2"}),
        ("A=1 # said\nB=a#b\nC= # said\n", {"A": "1", "B": "a#b", "C": ""}),
        ("A='it is $5 # \\'so\\' \\n'\n", {"A": "it is $5 # 'so' \\n"}),
        ('A="a \\"b\\" \\n c" # said\n', {"A": 'a "b" \n c'}),
        ('A="two\nlines"\nB=1\n', {"A": "two\nlines", "B": "1"}),
        ("A=postgresql://u:p@h/d?x=1\n", {"A": "postgresql://u:p@h/d?x=1"}),
        ("A=1\nA=2\n", {"A": "2"}),
        ("NAME_ALONE\nA=\n", {"A": ""}),
        ("A='${B}'\n", {"A": "${B}"}),
    ],
)
def test_parse(text: str, found: dict[str, str]) -> None:
    assert dotenv.parse(text, ".env") == found


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("A=1\nB=${A}hunter2\n", ".env:2: the value of B is made of other variables"),
        ("A='it''s'\n", ".env:1 is not understood"),
        ("two words\n", ".env:1 is not understood"),
    ],
)
def test_refused_without_a_value(text: str, reason: str) -> None:
    with pytest.raises(OpsError, match=reason) as refused:
        dotenv.parse(text, ".env")
    assert "hunter2" not in refused.value.message()
