# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The app's URLs: whatever stands in a part is read back as it is, and both roles build them alike."""

from __future__ import annotations

from urllib.parse import unquote, urlsplit

import pytest
import yaml
from ansible_collections.blyan.ops.plugins.filter.app_urls import FilterModule
from ansible_collections.blyan.ops.plugins.module_utils import envfile
from ansible_collections.blyan.ops.plugins.plugin_utils import app_urls
from conformity.checkout import ROOT
from hypothesis import given
from hypothesis import strategies as st
from jinja2.nativetypes import NativeEnvironment

PARTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)


@given(PARTS, PARTS, PARTS, st.sampled_from(["127.0.0.1", "::1", "db.example"]), st.integers(1, 65535))
def test_a_database_is_read_back(password: str, user: str, database: str, host: str, port: int) -> None:
    parts = urlsplit(app_urls.database_url(password, user, host, port, database))
    assert (parts.scheme, parts.hostname, parts.port) == ("postgresql", host, port)
    assert (parts.username, parts.password, parts.path[1:]) == tuple(
        app_urls.quote(each, safe="") for each in (user, password, database)
    )
    assert unquote(str(parts.password)) == password
    assert "/" not in parts.path[1:]


@pytest.mark.parametrize(
    ("password", "host", "url"),
    [
        ("pa/ss@1", "::1", "redis://:pa%2Fss%401@[::1]:6379/0"),
        ("", "127.0.0.1", "redis://127.0.0.1:6379/0"),
        (12345, "redis.example", "redis://:12345@redis.example:6379/0"),
    ],
)
def test_a_redis(password: object, host: str, url: str) -> None:
    assert app_urls.redis_url(password, host, 6379) == url


@pytest.mark.parametrize("host", ["127.0.0.1", "fd00::5"])
def test_deploy_and_provision_build_the_same(host: str) -> None:
    environment = NativeEnvironment()
    environment.filters.update({f"blyan.ops.{name}": each for name, each in FilterModule().filters().items()})
    environment.filters["combine"] = lambda first, second: {**first, **second}
    password = "pa/ss@1:?#[%]&"
    given = {
        "blyan_database_user": "the/app",
        "blyan_database_name": "a/b",
        "blyan_database_host": host,
        "blyan_database_port": 5432,
        "blyan_redis_host": host,
        "blyan_redis_port": 6379,
        **dict.fromkeys(("blyan_database_password", "__provision_database_password"), password),
        **dict.fromkeys(("blyan_redis_password", "__provision_redis_password"), password),
    }
    variables = yaml.safe_load((ROOT / "roles/deploy/vars/main.yml").read_text())
    deployed = environment.from_string(variables["deploy_site_secrets"].strip()).render(given)
    template = (ROOT / "roles/provision/templates/site.env.j2").read_text()
    provisioned = envfile.parse(environment.from_string(template).render(given))
    assert deployed == provisioned
    assert {unquote(str(urlsplit(url).password)) for url in deployed.values()} == {password}
    assert {urlsplit(url).hostname for url in deployed.values()} == {host}
