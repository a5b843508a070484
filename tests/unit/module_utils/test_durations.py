# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from ansible_collections.blyan.ops.plugins.module_utils.durations import human, seconds
from ansible_collections.blyan.ops.plugins.module_utils.errors import OpsError
from hypothesis import given
from hypothesis import strategies as st

SIZES = {"d": 86400, "h": 3600, "m": 60, "s": 1}


@pytest.mark.parametrize(
    ("text", "value"),
    [("30s", 30), ("5m", 300), ("1h", 3600), ("2d", 172800), ("1.5h", 5400), ("45", 45), (" 10s ", 10), ("0s", 0)],
)
def test_seconds(text: str, value: float) -> None:
    assert seconds(text, "some_timeout") == value


@pytest.mark.parametrize("text", ["", "s", "-5s", "5 m", "5w", "1h30m", "5S", "nan", "inf", "1e3s", "1.s", "5s\n5s"])
def test_no_duration(text: str) -> None:
    with pytest.raises(OpsError) as caught:
        seconds(text, "some_timeout")
    assert repr(text) in caught.value.reason
    assert "some_timeout" in caught.value.next_step


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0s"),
        (0.4, "0s"),
        (-3, "0s"),
        (59.9, "59s"),
        (60, "1m"),
        (725, "12m 5s"),
        (11100, "3h 5m"),
        (187200, "2d 4h"),
    ],
)
def test_human(value: float, text: str) -> None:
    assert human(value) == text


@given(st.integers(min_value=0, max_value=10**7), st.sampled_from(sorted(SIZES)))
def test_whole_numbers_are_exact(number: int, unit: str) -> None:
    assert seconds(f"{number}{unit}", "x") == number * SIZES[unit]


@given(st.integers(min_value=0, max_value=10**8))
def test_people_are_told_the_greatest_parts(value: int) -> None:
    parts = human(value).split()
    told = sum(seconds(part, "x") for part in parts)
    assert len(parts) <= 2
    assert told <= value
    assert value - told < SIZES[parts[-1][-1]]
