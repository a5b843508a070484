# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every filter is documented under its name."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest
import yaml

from .checkout import ROOT, load, name, texts

FILES = sorted((ROOT / "plugins" / "filter").glob("*.py"))


@pytest.mark.parametrize("file", FILES, ids=name)
def test_it_is_documented(file: Path) -> None:
    module = importlib.import_module(f"ansible_collections.blyan.ops.plugins.filter.{file.stem}")
    for filter_name, function in module.FilterModule().filters().items():
        beside = file.with_name(f"{filter_name}.yml")
        found = load(beside) if beside.exists() else {"DOCUMENTATION": yaml.safe_load(texts(file)["DOCUMENTATION"])}
        documentation = found["DOCUMENTATION"]
        assert documentation["name"] == filter_name
        given = function.__code__.co_varnames[: function.__code__.co_argcount]
        assert len(documentation["options"]) == len(given)
        assert list(documentation["options"])[1:] == list(given[1:])
