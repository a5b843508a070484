# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every module is documented, tested, and told which run it belongs to."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from .checkout import MODULES, ROOT, name, named_tests, texts

every = pytest.mark.parametrize("module", MODULES, ids=name)


def options(found: dict[str, Any], path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Options and suboptions with their full names."""
    for key, option in found.items():
        yield f"{path}{key}", option
        yield from options(option.get("suboptions", {}), f"{path}{key}.")


def fragment(reference: str) -> dict[str, Any]:
    """What a documentation fragment such as ``blyan.ops.layout.health`` adds."""
    file, _dot, part = reference.removeprefix("blyan.ops.").partition(".")
    (found,) = (
        node
        for node in ast.parse((ROOT / "plugins" / "doc_fragments" / f"{file}.py").read_text()).body
        if isinstance(node, ast.ClassDef)
    )
    values = {
        target.id: ast.literal_eval(node.value)
        for node in found.body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    parsed: dict[str, Any] = yaml.safe_load(values[part.upper() or "DOCUMENTATION"])
    return parsed


def documented(module: Path) -> dict[str, Any]:
    """The documentation of a module with that of its fragments."""
    found: dict[str, Any] = yaml.safe_load(texts(module)["DOCUMENTATION"])
    for reference in found.get("extends_documentation_fragment", []):
        found["options"] = {**fragment(reference)["options"], **found["options"]}
    return found


def test_there_are_modules() -> None:
    assert {"release", "release_info", "slot", "traffic", "migration", "report", "host_info", "paths", "services"} <= {
        path.stem for path in MODULES
    }


@every
def test_it_is_documented(module: Path) -> None:
    found = documented(module)
    assert found["module"] == module.stem
    for part in ("short_description", "description", "author", "version_added"):
        assert found[part], f"{module.name} has no {part}"
    for mode in ("check_mode", "diff_mode"):
        assert found["attributes"][mode]["support"] in ("full", "none")


@every
def test_every_option_says_what_it_means_and_of_what_type_it_is(module: Path) -> None:
    unsaid = [key for key, option in options(documented(module)["options"]) if not option.get("description")]
    untyped = [key for key, option in options(documented(module)["options"]) if not option.get("type")]
    loose = [
        key
        for key, option in options(documented(module)["options"])
        if option.get("type") == "list" and not option.get("elements")
    ]
    assert (unsaid, untyped, loose) == ([], [], [])


@every
def test_its_example_uses_it_by_its_full_name(module: Path) -> None:
    tasks = yaml.safe_load(texts(module)["EXAMPLES"])
    assert any(f"blyan.ops.{module.stem}" in task for task in tasks)


@every
def test_what_it_returns_is_documented(module: Path) -> None:
    returned = yaml.safe_load(texts(module)["RETURN"]) or {}
    for key, value in returned.items():
        assert {"description", "returned", "type"} <= set(value), f"{module.name} says too little of {key}"


@every
def test_it_has_an_action_plugin_of_its_name(module: Path) -> None:
    """Which tells it the run, or does its work on the controller."""
    assert "class ActionModule" in (ROOT / "plugins" / "action" / module.name).read_text()


@every
def test_it_has_tests(module: Path) -> None:
    """In the file that has its name."""
    file = ROOT / "tests" / "unit" / "modules" / f"test_{module.stem}.py"
    assert file.exists(), f"write {file.relative_to(ROOT)}"
    assert named_tests(file)


def test_every_action_plugin_belongs_to_a_module() -> None:
    plugins = {path.stem for path in (ROOT / "plugins" / "action").glob("*.py")}
    assert plugins == {path.stem for path in MODULES}
