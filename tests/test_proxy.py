"""Behind a proxy: whose request it is, and that it came over https, by the proxy's word alone."""

from __future__ import annotations

import http.client

import pytest
from django.http import HttpRequest, HttpResponse

from classroom.middleware import VisitorsAddress
from tests import running
from tests.running import Served


def address_seen(forwarded: str | None) -> str:
    request = HttpRequest()
    request.META["REMOTE_ADDR"] = "172.18.0.2"
    if forwarded is not None:
        request.META["HTTP_X_FORWARDED_FOR"] = forwarded
    VisitorsAddress(lambda _: HttpResponse())(request)
    return request.META["REMOTE_ADDR"]


def test_visitor_is_who_the_proxy_says(settings):
    settings.BEHIND_PROXY = True
    assert address_seen("203.0.113.7") == "203.0.113.7"
    assert address_seen("2001:db8::7") == "2001:db8::7"


def test_what_the_visitor_claims_before_the_proxy_counts_for_nothing(settings):
    settings.BEHIND_PROXY = True
    assert address_seen("198.51.100.1, 203.0.113.7") == "203.0.113.7"


@pytest.mark.parametrize("word", [None, "", "unknown", "203.0.113.7, "])
def test_without_an_address_it_stays_the_peers(settings, word):
    settings.BEHIND_PROXY = True
    assert address_seen(word) == "172.18.0.2"


def test_without_a_proxy_nobody_can_claim_an_address(settings):
    settings.BEHIND_PROXY = False
    assert address_seen("203.0.113.7") == "172.18.0.2"


def ask(port: int, path: str, **headers: str) -> http.client.HTTPResponse:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("GET", path, headers=headers)
    return connection.getresponse()


def test_page_over_the_proxy_is_secure_and_so_are_its_cookies(serving):
    served = serving(
        BEHIND_PROXY="1",
        ALLOWED_HOSTS="pulse.example",
        SECRET_KEY="x" * 60,
        EXPRESSION_ANALYSIS="off",
    )
    forwarded = {"X-Forwarded-Proto": "https", "X-Forwarded-For": "203.0.113.7"}
    page = ask(served.port, "/accounts/login/", Host="pulse.example", **forwarded)
    cookie = page.getheader("Set-Cookie") or ""
    assert page.status == 200
    assert cookie.startswith("__Host-csrftoken=") and "Secure" in cookie
    assert "https://pulse.example/setup/" in served.output, "where the proxy is, not the port"


def test_migration_left_to_something_else_must_have_happened(tmp_path):
    refused = running.manage(tmp_path / "fresh", "serve", "--no-migrate", "--port", "8000")
    assert refused.returncode == 1
    assert "Run: manage.py migrate" in refused.stderr and "Traceback" not in refused.stderr


def test_one_of_many_makes_no_setup_link(tmp_path):
    data = tmp_path / "data"
    assert running.manage(data, "migrate", "-v0").returncode == 0
    served = Served(data=data, options=("--no-migrate",)).wait()
    served.stop()
    assert "manage.py createsuperuser" in served.output
    assert "/setup/" not in served.output, "it would put out the others' links"
