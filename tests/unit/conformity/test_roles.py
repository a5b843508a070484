# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every role says what it takes, in two places that agree, and is tested."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from .checkout import ROLES, ROOT, load

every = pytest.mark.parametrize("role", ROLES, ids=lambda role: role.name)
#: A role without tasks only describes; there is nothing to converge.
WORKING = [role for role in ROLES if (role / "tasks").is_dir()]
working = pytest.mark.parametrize("role", WORKING, ids=lambda role: role.name)
SECRET = re.compile(r"(password|secrets?|token|admin_key|routing_key)$")


def specs(role: Path) -> dict[str, dict[str, Any]]:
    """The options of each entry point."""
    found = load(role / "meta" / "argument_specs.yml")["argument_specs"]
    return {entry: spec.get("options", {}) for entry, spec in found.items()}


def defaults(role: Path) -> dict[str, Any]:
    return load(role / "defaults" / "main.yml") or {}


def options(found: dict[str, Any], path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Options and suboptions with their full names."""
    for key, option in found.items():
        yield f"{path}{key}", option
        yield from options(option.get("options", {}), f"{path}{key}.")


def test_there_are_roles() -> None:
    assert {"blyan", "deploy", "provision"} <= {role.name for role in ROLES}
    assert {"deploy", "provision"} <= {role.name for role in WORKING}


@every
def test_it_has_a_readme(role: Path) -> None:
    text = (role / "README.md").read_text()
    assert text.startswith(f"# blyan.ops.{role.name}\n")


@every
def test_its_defaults_are_those_of_each_entry_point(role: Path) -> None:
    """A variable without a default has to be given, and so stands in the specification alone."""
    for entry, found in specs(role).items():
        told = {name: option["default"] for name, option in found.items() if "default" in option}
        assert told == defaults(role), f"meta/argument_specs.yml, {entry}, and defaults/main.yml differ"


@every
def test_what_has_no_default_is_required(role: Path) -> None:
    for found in specs(role).values():
        assert [name for name, option in found.items() if ("default" in option) == bool(option.get("required"))] == []


@every
def test_every_option_says_what_it_means_and_of_what_type_it_is(role: Path) -> None:
    for found in specs(role).values():
        every_option = list(options(found))
        assert [name for name, option in every_option if not option.get("description")] == []
        assert [name for name, option in every_option if not option.get("type")] == []
        assert [name for name, each in every_option if each.get("type") == "list" and not each.get("elements")] == []


@every
def test_secrets_are_hidden(role: Path) -> None:
    for found in specs(role).values():
        assert [name for name, option in found.items() if SECRET.search(name) and not option.get("no_log")] == []


@every
def test_its_variables_begin_with_its_name(role: Path) -> None:
    variables = set(defaults(role))
    for file in role.glob("vars/*.yml"):
        variables |= set(load(file) or {})
    assert [name for name in sorted(variables) if not name.removeprefix("__").startswith(f"{role.name}_")] == []


@working
def test_every_entry_point_is_a_file(role: Path) -> None:
    assert [entry for entry in specs(role) if not (role / "tasks" / f"{entry}.yml").exists()] == []


@working
def test_it_has_a_molecule_scenario(role: Path) -> None:
    scenario = ROOT / "molecule" / role.name
    for file in ("molecule.yml", "converge.yml"):
        assert (scenario / file).exists(), f"write molecule/{role.name}/{file}"
    assert [*scenario.glob("verify.yml"), *scenario.glob("tests/test_*.py")], f"molecule/{role.name} verifies nothing"
    converge = (scenario / "converge.yml").read_text()
    assert f"blyan.ops.{role.name}" in converge or f"playbooks/{role.name}.yml" in converge
