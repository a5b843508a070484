# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The repository of the reference app: always the same commits, each version what its name says."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from reference_app import make_repo


@pytest.fixture(scope="module")
def repo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    dest = tmp_path_factory.mktemp("git") / "blyan.git"
    assert make_repo.make(dest)
    return dest


def git(repo: Path, *arguments: str) -> str:
    return subprocess.run(["git", "-C", str(repo), *arguments], check=True, capture_output=True, text=True).stdout


def refs(repo: Path) -> str:
    return git(repo, "for-each-ref", "--format=%(refname) %(objectname) %(*objectname)")


def check_out(repo: Path, version: str, dest: Path) -> Path:
    git(repo, f"--work-tree={dest}", "checkout", "--quiet", "--force", version, "--", ".")
    return dest


def test_the_same_commits_anywhere(repo: Path, tmp_path: Path) -> None:
    other = tmp_path / "deep" / "other.git"
    assert make_repo.make(other)
    assert refs(other) == refs(repo)
    git(other, "fsck", "--strict")


def test_up_to_date_is_left_alone(repo: Path) -> None:
    before = sorted((path, path.stat().st_mtime_ns) for path in repo.rglob("*"))
    assert not make_repo.make(repo)
    assert sorted((path, path.stat().st_mtime_ns) for path in repo.rglob("*")) == before


def test_a_changed_tree_replaces_the_repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dest = tmp_path / "blyan.git"
    make_repo.make(dest)
    before = git(dest, "rev-parse", "main")
    files = {**make_repo.tree(), "README": "new\n"}
    monkeypatch.setattr(make_repo, "tree", lambda: files)
    assert make_repo.make(dest)
    assert git(dest, "rev-parse", "main") != before
    assert git(dest, "show", "main:README") == "new\n"
    assert [path.name for path in tmp_path.iterdir() if path.is_dir()] == ["blyan.git"]


def test_a_killed_run_is_finished_by_the_next(tmp_path: Path) -> None:
    (tmp_path / ".blyan.git.new" / "objects").mkdir(parents=True)
    assert make_repo.make(tmp_path / "blyan.git")
    git(tmp_path / "blyan.git", "rev-parse", "main")


def test_what_was_not_made_here_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("work")
    with pytest.raises(FileExistsError, match="not a repository that was made here"):
        make_repo.make(tmp_path)
    assert (tmp_path / "mine").read_text() == "work"


def test_main_and_the_parents(repo: Path) -> None:
    assert git(repo, "symbolic-ref", "HEAD") == "refs/heads/main\n"
    assert git(repo, "rev-parse", "main") == git(repo, "rev-parse", "v2^{commit}")
    assert git(repo, "rev-parse", "v2^{commit}^") == git(repo, "rev-parse", "v1^{commit}")
    assert git(repo, "tag").split() == sorted(make_repo.VERSIONS)
    others = set(make_repo.VERSIONS) - {"v1", "v2"}
    assert {git(repo, "rev-parse", f"{name}^{{commit}}^") for name in others} == {git(repo, "rev-parse", "main")}


def test_a_checkout_is_the_tree(repo: Path, tmp_path: Path) -> None:
    check_out(repo, "v2", tmp_path)
    found = {str(path.relative_to(tmp_path)): path.read_text() for path in tmp_path.rglob("*") if path.is_file()}
    assert found == make_repo.tree()


@pytest.mark.parametrize("name", make_repo.VERSIONS)
def test_every_version_has_its_number_and_compiles(repo: Path, name: str, tmp_path: Path) -> None:
    check_out(repo, name, tmp_path)
    assert make_repo.VERSIONS[name].number in (tmp_path / "api" / "__init__.py").read_text()
    for path in tmp_path.rglob("*.py"):
        compile(path.read_text(), str(path), "exec")


@pytest.mark.parametrize("name", make_repo.VERSIONS)
def test_only_some_versions_change_requirements_or_migrations(repo: Path, name: str) -> None:
    changed = set(git(repo, "diff", "--name-only", "v2", name).split())
    assert ("requirements.txt" in changed) == ("requirements" in name)
    assert ("scripts/migrate_db.py" in changed) == (
        name in {"v3", "undeclared", "broken-migration", "broken-after-migration"}
    )


def test_broken_import_says_why(repo: Path, tmp_path: Path) -> None:
    check_out(repo, "broken-import", tmp_path)
    run = subprocess.run(
        [sys.executable, "-c", "import api.server"], cwd=tmp_path, check=False, capture_output=True, text=True
    )
    assert run.returncode != 0
    assert "this version cannot start" in run.stderr


def test_an_edit_that_no_longer_fits_is_an_error() -> None:
    version = make_repo.Version("9", "", (("requirements.txt", "no such line", ""),))
    with pytest.raises(ValueError, match="'no such line' 0 times"):
        make_repo.apply(make_repo.tree(), version)


def test_requirements_are_those_of_all_versions_that_install() -> None:
    lines = make_repo.requirements().splitlines()
    assert "six==1.17.0" in lines
    assert set(make_repo.tree()["requirements.txt"].splitlines()) < set(lines)
    assert not any("999" in line for line in lines)
    assert len(lines) == len(set(lines))
