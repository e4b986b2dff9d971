"""`manage.py serve` as people run it: a real process, a real port, a real signal."""

from __future__ import annotations

import datetime
import http.client
import os
import re
import signal
import socket
import ssl
import stat
from collections.abc import Iterator

import pytest
from cryptography import x509
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from classroom import certificates, serving
from classroom.asgi import same_address
from tests import running
from tests.running import Served

NOW = datetime.datetime(2026, 11, 23, 12, tzinfo=datetime.UTC)


@pytest.fixture(scope="module")
def shared(tmp_path_factory) -> Iterator[Served]:
    """One server for all tests that only look at it."""
    one = Served(data=tmp_path_factory.mktemp("shared") / "data").wait()
    yield one
    one.stop()
    assert "Traceback" not in one.output


def status(served: Served, path: str, **headers: str) -> int:
    connection = http.client.HTTPConnection("localhost", served.port, timeout=60)
    connection.request("GET", path, headers=headers)
    return connection.getresponse().status


def handshake(
    served: Served, path: str, origin: str | None, trusting: ssl.SSLContext | None = None
) -> str:
    """The status line that a WebSocket handshake gets."""
    lines = [
        f"GET {path} HTTP/1.1",
        f"Host: localhost:{served.port}",
        "Upgrade: websocket",
        "Connection: Upgrade",
        "Sec-WebSocket-Key: MTIzNDU2Nzg5MDEyMzQ1Ng==",
        "Sec-WebSocket-Version: 13",
        *([f"Origin: {origin}"] if origin else []),
    ]
    with socket.create_connection(("127.0.0.1", served.port), timeout=60) as connection:
        if trusting is not None:
            connection = trusting.wrap_socket(connection, server_hostname="localhost")
        connection.sendall("\r\n".join([*lines, "", ""]).encode())
        return connection.recv(4096).decode("latin1").splitlines()[0]


def test_serves_prints_its_address_and_ends_on_sigterm(served):
    assert f"Classroom Pulse is at http://localhost:{served.port}" in served.output
    assert status(served, "/") == 200
    assert status(served, "/static/vendor/plotly-basic.min.js") == 200
    assert status(served, "/nothing-here/") == 404
    assert served.stop() < 8
    assert "Traceback" not in served.output


def test_ctrl_c_ends_it_too(served):
    served.process.send_signal(signal.SIGINT)
    assert served.process.wait(running.STOP_S) == 0


def test_setup_link_is_printed_while_there_is_no_account(shared):
    link = shared.setup_link
    assert link.startswith(shared.url + "/setup/")
    assert shared.output.count("/setup/") == 1
    assert status(shared, link.removeprefix(shared.url)) == 200


def test_no_setup_link_once_there_is_an_account(tmp_path):
    data = tmp_path / "data"
    assert running.manage(data, "migrate", "-v0").returncode == 0
    made = running.manage(
        data,
        *("createsuperuser", "--noinput", "--username", "ada", "--email", "ada@example.org"),
        DJANGO_SUPERUSER_PASSWORD="a-long-pass-phrase",
    )
    assert made.returncode == 0, made.stderr
    served = Served(data=data).wait()
    served.stop()
    assert "/setup/" not in served.output


def test_taken_port_is_one_clear_line(shared):
    second = running.manage(shared.data, "serve", "--port", str(shared.port))
    assert second.returncode == 1
    last = second.stderr.strip().splitlines()[-1]
    assert f"Cannot listen on 127.0.0.1, port {shared.port}" in last
    assert f"make run PORT={shared.port + 1}" in last
    assert "Traceback" not in second.stderr
    assert "/setup/" not in second.stdout, "a second link would have put out the first"


def test_open_bind_without_hosts_says_who_is_answered(serving):
    output = serving("--bind", "0.0.0.0").output
    assert "It answers this machine only: ALLOWED_HOSTS names no other host." in output


@pytest.mark.parametrize("port", ["0", "70000", "eighty"])
def test_port_that_is_none_is_refused(tmp_path, port):
    refused = running.manage(tmp_path, "serve", "--port", port)
    assert refused.returncode == 2
    assert "--port" in refused.stderr and "Traceback" not in refused.stderr


def test_public_shape_without_its_settings_does_not_start(tmp_path):
    refused = running.manage(tmp_path, "serve", ALLOWED_HOSTS="pulse.example.org")
    assert refused.returncode == 1
    assert "SECRET_KEY" in refused.stderr
    assert "EXPRESSION_ANALYSIS=off" in refused.stderr


SIT_DOWN = """
from classroom import tokens
from tests import make
student = make.participant()
print(student.lesson_id, tokens.make(student))
"""


def test_students_are_told_that_the_server_is_going_down(serving):
    served = serving(EXPRESSION_ANALYSIS="on")
    made = served.manage("shell", "--verbosity=0", "-c", SIT_DOWN)
    lesson, token = made.stdout.split()
    with connect(
        f"ws://localhost:{served.port}/ws/student/{lesson}/",
        origin=served.url,
        additional_headers={"Cookie": f"student_{lesson}={token}"},
    ) as student:
        assert "hello" in student.recv(timeout=60)
        served.process.send_signal(signal.SIGTERM)
        with pytest.raises(ConnectionClosed) as closing:
            while student.recv(timeout=60):
                pass
    assert closing.value.rcvd.code == 4503
    assert served.process.wait(running.STOP_S) == 0
    assert "Traceback" not in served.output


def test_unknown_socket_is_refused_without_a_traceback(shared):
    assert "403" in handshake(shared, "/ws/nothing/", origin=shared.url)
    assert "Traceback" not in shared.output


def test_socket_of_another_site_is_refused(shared):
    for origin in ("http://evil.example", f"http://localhost:{shared.port + 1}", "null", None):
        assert "403" in handshake(shared, "/ws/student/1/", origin=origin)
    assert "101" in handshake(shared, "/ws/student/1/", origin=shared.url)


def test_key_files_are_the_owners_alone(shared):
    assert stat.S_IMODE((shared.data / "secret_key").stat().st_mode) == 0o600
    fresh = running.manage(shared.data / "new" / "folder", "check")
    assert fresh.returncode == 0
    assert stat.S_IMODE((shared.data / "new" / "folder").stat().st_mode) == 0o700


@pytest.fixture(scope="module")
def secure(tmp_path_factory) -> Iterator[Served]:
    """One https server, with one more name than the machine has."""
    one = Served(
        data=tmp_path_factory.mktemp("secure") / "data",
        options=("--https",),
        extra={"HTTPS_NAMES": "pulse.test"},
    ).wait()
    yield one
    one.stop()
    assert "Traceback" not in one.output


def certificate_of(secure: Served) -> str:
    return (secure.data / "tls" / "certificate.pem").read_text()


def trusting(secure: Served) -> ssl.SSLContext:
    return ssl.create_default_context(cadata=certificate_of(secure))


def ask(secure: Served, method: str, path: str, body: str = "", **headers: str):
    connection = http.client.HTTPSConnection(
        "localhost", secure.port, context=trusting(secure), timeout=60
    )
    connection.request(method, path, body, headers)
    return connection.getresponse()


def test_certificate_names_the_machine(secure):
    names = certificates.names_in(x509.load_pem_x509_certificate(certificate_of(secure).encode()))
    assert {"localhost", "127.0.0.1", "pulse.test", socket.gethostname().lower()} <= names
    assert set(certificates.lan_addresses()) <= names
    assert stat.S_IMODE((secure.data / "tls" / "key.pem").stat().st_mode) == 0o600
    for name in names:
        assert f"https://{name}:{secure.port}\n" in secure.output


def test_https_answers_to_the_machines_names_and_no_others(secure):
    for name in ("localhost", "127.0.0.1", "pulse.test", *certificates.lan_addresses()):
        assert ask(secure, "GET", "/accounts/login/", Host=f"{name}:{secure.port}").status == 200
    assert ask(secure, "GET", "/", Host="evil.example").status == 400


def test_form_is_taken_over_https_and_its_cookie_is_secure(secure):
    host = f"pulse.test:{secure.port}"
    page = ask(secure, "GET", "/accounts/login/", Host=host)
    cookie = page.getheader("Set-Cookie") or ""
    token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page.read().decode())
    assert cookie.startswith("__Host-csrftoken=") and "Secure" in cookie and token
    answer = ask(
        secure,
        "POST",
        "/accounts/login/",
        f"csrfmiddlewaretoken={token[1]}&username=ada&password=wrong",
        **{"Host": host, "Origin": f"https://{host}", "Cookie": cookie.split(";")[0]},
        **{"Content-Type": "application/x-www-form-urlencoded"},
    )
    assert answer.status == 400, "a wrong password; 403 would be a form refused"


def test_sockets_open_over_https_from_its_own_pages_only(secure):
    line = handshake(secure, "/ws/student/1/", secure.url, trusting(secure))
    assert "101" in line
    clear = secure.url.replace("https", "http")
    assert "403" in handshake(secure, "/ws/student/1/", clear, trusting(secure))


def test_certificate_is_kept_until_names_or_time_say_otherwise(tmp_path):
    def serial(names: list[str], now: datetime.datetime) -> int:
        pair = certificates.own_certificate(tmp_path, names, now=now)
        return x509.load_pem_x509_certificate(pair.certificate.read_bytes()).serial_number

    first = serial(["localhost", "10.0.0.7"], NOW)
    assert serial(["localhost", "10.0.0.7"], NOW + datetime.timedelta(days=300)) == first
    assert serial(["localhost"], NOW) == first
    moved = serial(["localhost", "10.0.0.8"], NOW)
    assert moved != first
    assert serial(["localhost", "10.0.0.8"], NOW + datetime.timedelta(days=380)) != moved


def test_damaged_certificate_is_made_anew(tmp_path):
    pair = certificates.own_certificate(tmp_path, ["localhost"], now=NOW)
    pair.key.write_text("not a key")
    pair = certificates.own_certificate(tmp_path, ["localhost"], now=NOW)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pair.certificate, pair.key)


def test_certificate_signs_for_nobody_else(tmp_path):
    pair = certificates.own_certificate(tmp_path, ["localhost"], now=NOW)
    held = x509.load_pem_x509_certificate(pair.certificate.read_bytes())
    assert held.extensions.get_extension_for_class(x509.BasicConstraints).value.ca is False


@pytest.mark.skipif(os.geteuid() == 0, reason="root may take any port")
def test_low_port_says_what_to_do():
    with pytest.raises(serving.CannotListen, match="make run PORT=8000"):
        serving.claim(serving.Place(bind="127.0.0.1", port=80))


def test_path_with_a_space_and_a_colon_reaches_twisted_whole(tmp_path):
    pair = certificates.own_certificate(tmp_path / "a b:c", ["localhost"], now=NOW)
    endpoint = serving.Place(bind="::1", port=8443, certificate=pair).endpoint
    assert endpoint.startswith("ssl:8443:interface=\\:\\:1:privateKey=")
    assert "a b\\:c/key.pem" in endpoint


def test_own_address_is_scheme_host_and_port():
    same = [
        ("http://localhost:8000", "localhost:8000"),
        ("http://localhost", "localhost"),
        ("http://LOCALHOST", "localhost:80"),
        ("https://localhost", "localhost:443"),
        ("http://[::1]:8000", "[::1]:8000"),
    ]
    other = [
        ("http://localhost:8000", "localhost:8001"),
        ("http://localhost", "localhost:443"),
        ("http://evil.example", "localhost"),
        ("http://evil.example", "evil.example"),
        ("http://someone@localhost", "localhost"),
        ("http://localhost:port", "localhost"),
        ("ws://localhost", "localhost"),
        ("null", "localhost"),
        ("", "localhost"),
        ("http://localhost", ""),
    ]
    assert all(same_address(*pair) for pair in same)
    assert not any(same_address(*pair) for pair in other)


def test_page_in_the_clear_opens_no_socket_of_a_secure_site(settings):
    settings.SESSION_COOKIE_SECURE = True
    assert same_address("https://localhost", "localhost")
    assert not same_address("http://localhost", "localhost")
