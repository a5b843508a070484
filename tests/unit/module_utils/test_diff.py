# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from ansible_collections.blyan.ops.plugins.module_utils.diff import diff
from ansible_collections.blyan.ops.plugins.module_utils.steps import Change


@pytest.mark.parametrize(
    ("before", "after", "shown"),
    [
        (None, "blue", ("", "blue\n")),
        ({"b": 1, "a": "x"}, None, ("a: x\nb: 1\n", "")),
        ("a\nb\n", "a\n", ("a\nb\n", "a\n")),
        (["x"], 5, ("['x']\n", "5\n")),
    ],
)
def test_diff(before: object, after: object, shown: tuple[str, str]) -> None:
    assert diff([Change("step", "the thing", before, after)]) == [
        {"before_header": "the thing", "after_header": "the thing", "before": shown[0], "after": shown[1]}
    ]
