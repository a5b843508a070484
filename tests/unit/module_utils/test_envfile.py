# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from ansible_collections.blyan.ops.plugins.module_utils import atomic, envfile
from ansible_collections.blyan.ops.plugins.module_utils.errors import OpsError
from hypothesis import given
from hypothesis import strategies as st

AWKWARD = {
    "BACKSLASHES": "a\\nb\\\\c\\",
    "BACKTICKS": "`id`",
    "CARRIAGE": "a\r\nb\r",
    "DOLLARS": "$HOME ${HOME} $(id) $$",
    "EMPTY": "",
    "HASH": "# no; comment",
    "LINES": "-----BEGIN KEY-----\nabc\n\nX=1\n-----END KEY-----\n",
    "QUOTES": "she said \"no\" and 'yes'",
    "SPACES": "  both ends  ",
    "UNICODE": "Grüße 世界 🚀\u2028x",
}

names = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,10}", fullmatch=True)
values = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))


@given(st.dictionaries(names, values, max_size=6))
def test_what_is_rendered_is_read_back(variables: dict[str, str]) -> None:
    assert envfile.parse(envfile.render(variables)) == variables


def test_a_file_keeps_every_byte(tmp_path: Path) -> None:
    text = envfile.render(AWKWARD)
    atomic.write(tmp_path / "slot.env", text)
    assert atomic.read_text(tmp_path / "slot.env") == text


def test_a_shell_reads_the_same(tmp_path: Path) -> None:
    """The shell is the other program whose quotes these are; systemd took them from there."""
    (tmp_path / "slot.env").write_bytes(envfile.render(AWKWARD).encode())
    script = '. "$0"; ' + "".join(f'printf "%s\\0" "${name}"; ' for name in sorted(AWKWARD))
    argv = ["/bin/sh", "-c", script, str(tmp_path / "slot.env")]
    said = subprocess.run(argv, check=True, capture_output=True).stdout.decode()
    assert said.split("\0")[:-1] == [AWKWARD[name] for name in sorted(AWKWARD)]


def test_values_are_written_as_text_and_names_in_order() -> None:
    assert envfile.render({"B": 1, "A": True}) == 'A="True"\nB="1"\n'


@pytest.mark.parametrize("name", ["", "1A", "A B", "A=B", "A-B", "Ä", "A\n", "$A"])
def test_a_name_that_is_none_is_refused(name: str) -> None:
    with pytest.raises(OpsError, match="not a variable's name"):
        envfile.render({name: "x"})


def test_a_nul_byte_is_refused_and_the_value_kept_secret() -> None:
    with pytest.raises(OpsError) as caught:
        envfile.render({"KEY": "topsecret\0"})
    assert "KEY" in caught.value.message()
    assert "topsecret" not in caught.value.message()


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("A=1\nB=2\n", {"A": "1", "B": "2"}),
        ("# A=0\n; B=0\n\nC=3", {"C": "3"}),
        ("  A = 1\n  B=2  \n", {"B": "2"}),
        ("A='$x `y` \\z'\n", {"A": "$x `y` \\z"}),
        ("A=\"x\"  \nB='y' \n", {"A": "x", "B": "y"}),
        ('A="a\\nb"\n', {"A": "a\\nb"}),
        ('A="a\\\nb"\n', {"A": "ab"}),
        ('A="two\nlines"\nB=x\n', {"A": "two\nlines", "B": "x"}),
        ("URL=postgresql://u:p%2F@h/d?a=b#c\n", {"URL": "postgresql://u:p%2F@h/d?a=b#c"}),
        ("A=1\nA=2\n", {"A": "2"}),
        ("", {}),
    ],
)
def test_a_file_that_a_person_wrote(text: str, found: dict[str, str]) -> None:
    assert envfile.parse(text) == found


def test_a_diff_names_what_changes() -> None:
    before = envfile.render({"GONE": "a", "KEPT": "b", "OTHER": "c"})
    after = envfile.render({"KEPT": "b", "NEW": "d", "OTHER": "e"})
    assert envfile.names_changed(before, after) == (
        {"GONE": "set", "KEPT": "set", "OTHER": "set"},
        {"KEPT": "set", "NEW": "set", "OTHER": "set, another value"},
    )


def test_a_diff_of_a_new_file() -> None:
    assert envfile.names_changed(None, envfile.render({"A": "x"})) == ({}, {"A": "set"})


@given(st.dictionaries(names, values.map("<{}>".format)), st.dictionaries(names, values.map("<{}>".format)))
def test_a_diff_never_shows_a_value(before: dict[str, str], after: dict[str, str]) -> None:
    shown = envfile.names_changed(envfile.render(before), envfile.render(after))
    assert "<" not in str(shown)


def test_secrets_come_from_all_files_longest_first(tmp_path: Path) -> None:
    (tmp_path / "site.env").write_text("DATABASE_URL=postgresql://blyan:pa%24sword@h/d\nREDIS_URL=redis://h/0\n")
    (tmp_path / "slot.env").write_text(
        envfile.render({"SHORT": "on", "ODD": "http://[::", "PEM": "BEGIN\nMIIEvQIBAD7\nab\n"})
    )
    paths = [tmp_path / "site.env", tmp_path / "slot.env", tmp_path / "missing.env"]
    found = envfile.secrets_in(paths)
    # A driver's error shows the password of a URL without the rest of it.
    passwords = {"pa%24sword", "pa$sword"}
    assert set(found) == {"postgresql://blyan:pa%24sword@h/d", "redis://h/0", "MIIEvQIBAD7", "http://[::"} | passwords
    assert found == sorted(found, key=len, reverse=True)


def test_a_secret_is_known_as_json_and_python_write_it(tmp_path: Path) -> None:
    secret = "pa\"ss'\\wörd"
    (tmp_path / "slot.env").write_text(envfile.render({"KEY": secret}))
    found = envfile.secrets_in([tmp_path / "slot.env"])
    lines = [secret, json.dumps(secret), json.dumps(secret, ensure_ascii=False), repr(secret)]
    assert envfile.redact(lines, found) == ["***", '"***"', '"***"', "'***'"]


def test_a_file_in_another_encoding_still_gives_its_secrets(tmp_path: Path) -> None:
    (tmp_path / "site.env").write_bytes(b"# f\xfcr\nKEY=hunter22\n")
    assert envfile.secrets_in([tmp_path / "site.env"]) == ["hunter22"]


def test_lines_lose_their_secrets() -> None:
    lines = ["connecting to redis://h/0", "key hunter2hunter2 and hunter2", "nothing here"]
    hidden = ["hunter2hunter2", "redis://h/0", "hunter2"]
    assert envfile.redact(lines, hidden) == ["connecting to ***", "key *** and ***", "nothing here"]
