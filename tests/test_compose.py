"""docker-compose.yml is whole, hardened and documented, and its services start as it says.

There is no Docker here, so the file is read, and each service that is ours runs natively with the
very command and variables, on the files of the image, behind the proxy's own configuration.
"""

from __future__ import annotations

import http.client
import json
import re
import shutil
import socket
import ssl
import stat
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests import composed, services
from tests.conftest import needs, needs_postgres, needs_redis
from tests.running import ROOT, free_port

OURS = ("web", "worker", "migrate")
START_S = 120


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    return composed.compose()


def page() -> str:
    return (ROOT / "docs/configuration.md").read_text("utf-8")


def test_every_service_that_the_school_needs_is_there(compose):
    assert set(compose["services"]) == {"proxy", "web", "worker", "migrate", "postgres", "redis"}


def test_images_are_pinned_or_built_from_a_stage_that_exists(compose):
    for name, service in compose["services"].items():
        if "build" in service:
            assert service["build"]["target"] in composed.stages(), name
        else:
            assert re.fullmatch(r"\w+:\d+\.\d+(\.\d+)?-\w+", service["image"]), name
    for stage, (first, *_) in composed.stages().items():
        assert re.match(r"(\w+):\d+\.\d+\.\d+-[\w-]+ AS ", first[1]), stage


def test_whoever_waits_for_health_waits_for_a_service_that_has_a_check(compose):
    for name, service in compose["services"].items():
        for other, wanted in service.get("depends_on", {}).items():
            condition = wanted["condition"]
            target = compose["services"][other]
            if condition == "service_healthy":
                assert target["healthcheck"]["test"][0] == "CMD", f"{name} → {other}"
            else:
                assert condition == "service_completed_successfully"
                assert target["restart"].startswith("on-failure"), "a one-shot ends"


def test_start_order_is_stores_then_migration_then_processes_then_proxy(compose):
    waits = {name: set(each.get("depends_on", {})) for name, each in compose["services"].items()}
    assert waits["migrate"] == {"postgres"}
    assert waits["web"] == waits["worker"] == {"postgres", "redis", "migrate"}
    assert waits["proxy"] == {"web"}


@pytest.mark.parametrize("kind", ["volumes", "networks", "secrets"])
def test_what_services_use_is_declared_and_what_is_declared_is_used(compose, kind):
    used = {
        each.partition(":")[0] for one in compose["services"].values() for each in one.get(kind, [])
    }
    assert used == set(compose[kind])


def test_everybody_is_hardened_and_limited(compose):
    for name, service in compose["services"].items():
        assert re.fullmatch(r"[1-9]\d+:[1-9]\d+", service["user"]), f"{name} runs as root"
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert "no-new-privileges:true" in service["security_opt"], name
        assert service["tmpfs"] and service["restart"] != "always", name
        assert set(service["deploy"]["resources"]["limits"]) == {"cpus", "memory", "pids"}, name
        assert service["logging"]["options"]["max-size"], name
    capable = {name for name, one in compose["services"].items() if one.get("cap_add")}
    assert capable == {"proxy"}


def test_only_the_proxy_is_reached_from_outside(compose):
    assert [name for name, one in compose["services"].items() if "ports" in one] == ["proxy"]
    assert compose["networks"]["inside"]["internal"] is True
    outside = [n for n, one in compose["services"].items() if "outside" in one["networks"]]
    assert outside == ["proxy"]


def test_redis_keeps_nothing_on_any_disk(compose):
    redis = compose["services"]["redis"]
    command = redis["command"]
    assert command[command.index("--save") + 1] == ""
    assert command[command.index("--appendonly") + 1] == "no"
    assert "volumes" not in redis
    assert redis["tmpfs"][0].startswith("/data:"), "the image's own volume would be a disk"
    assert redis["memswap_limit"] == redis["deploy"]["resources"]["limits"]["memory"]


def test_no_secret_is_in_a_variable(compose):
    for name, service in compose["services"].items():
        for variable, value in service.get("environment", {}).items():
            if re.search("SECRET|PASSWORD|TOKEN|DATABASE_URL", variable):
                assert variable.endswith("_FILE"), f"{name}: {variable}"
                secret = value.removeprefix("/run/secrets/")
                assert secret in service["secrets"], f"{name}: {variable}"


def test_every_variable_that_is_set_is_documented(compose):
    table = set(re.findall(r"^\| `([A-Z_]+)` \|", page(), re.MULTILINE))
    for name in OURS:
        assert set(compose["services"][name]["environment"]) <= table, name
    assert composed.words_of_the_shell() <= set(re.findall(r"`([A-Z_]+)`", page()))


@pytest.mark.parametrize("name", sorted(composed.STATED))
def test_what_must_be_stated_stops_the_start(name):
    without = {key: value for key, value in composed.STATED.items() if key != name}
    with pytest.raises(KeyError, match="State"):
        composed.compose(without)


def test_final_image_has_no_node_no_tensorflow_and_is_not_root():
    stage = composed.stages()["app"]
    assert list(composed.stages())[-1] == "app", "what is built without naming a stage"
    assert stage[0][1].startswith("python:")
    assert not any("pages" in rest for _, rest in stage)
    assert [rest for word, rest in stage if word == "USER"] == ["10001:10001"]
    installs = [rest for _, rest in composed.stages()["installed"] if "pip install" in rest]
    assert len(installs) == 1 and installs[0].endswith("-r requirements-serve.txt")
    needed = (ROOT / "requirements-serve.txt").read_text("utf-8").splitlines()
    packages = [line for line in needed if line and not line.startswith("#")]
    assert not any(re.match(r"tensorflow|keras|-r|pytest", line) for line in packages)
    assert all("==" in line for line in packages)


def test_everything_that_is_copied_is_there_and_let_through():
    ignored = (ROOT / ".dockerignore").read_text("utf-8").splitlines()
    wanted = {name for stage in composed.stages() for name in composed.copied(stage)}
    for name in wanted:
        assert (ROOT / name).exists(), name
        assert any(line[1:].startswith(name) or name.startswith(line[1:] + "/")
                   for line in ignored if line.startswith("!")), name  # fmt: skip
    assert ignored[1] == "*", "a new folder stays out until somebody lets it in"


def test_health_check_says_what_is_wrong(tmp_path):
    from deploy import healthy

    assert healthy.web(free_port()).startswith("no answer")
    beat = tmp_path / "worker.alive"
    assert healthy.worker(beat) == "no heartbeat yet"
    beat.touch()
    assert healthy.worker(beat) == ""
    assert healthy.main(["something"]) == 1


def test_secrets_are_made_once_and_the_folder_is_the_owners(tmp_path):
    (tmp_path / "deploy").mkdir()
    script = shutil.copy(ROOT / "deploy/secrets.sh", tmp_path / "deploy")
    first = subprocess.run([script], capture_output=True, text=True, check=True)
    made = {path.name: path.read_text() for path in (tmp_path / "secrets").iterdir()}
    assert set(made) == set(composed.compose()["secrets"])
    assert stat.S_IMODE((tmp_path / "secrets").stat().st_mode) == 0o700
    assert made["postgres_password"] in made["database_url"]
    assert len({*made.values()}) == 4 and all(len(value) >= 64 for value in made.values())
    assert not any(value in first.stdout for value in made.values())
    again = subprocess.run([script], capture_output=True, text=True, check=True)
    assert again.stdout == ""
    assert {path.name: path.read_text() for path in (tmp_path / "secrets").iterdir()} == made


def wait_for(what: Callable[[], bool], words: Callable[[], str]) -> None:
    deadline = time.monotonic() + START_S
    while not what():
        assert time.monotonic() < deadline, words()
        time.sleep(0.2)


def opened(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True


def secrets_in(place: Path, database_url: str) -> Path:
    """What deploy/secrets.sh makes, with the address of the test's own Postgres."""
    (place / "deploy").mkdir(parents=True)
    script = shutil.copy(ROOT / "deploy/secrets.sh", place / "deploy")
    subprocess.run([script], capture_output=True, check=True)
    url = place / "secrets" / "database_url"
    url.chmod(0o600)
    url.write_text(database_url)
    return place / "secrets"


class Caddy:
    """The proxy with its own configuration; only the way to the web processes is another."""

    def __init__(self, place: Path, webs: list[int]) -> None:
        self.place = place
        place.mkdir()
        self.port, self.plain = free_port(), free_port()
        text = (ROOT / "deploy/Caddyfile").read_text("utf-8")
        to = "to " + " ".join(f"127.0.0.1:{port}" for port in webs)
        text, times = re.subn(r"dynamic a web 8000 \{[^}]*\}", to, text)
        assert times == 1
        (place / "Caddyfile").write_text(text)
        environment = {
            "PATH": "/usr/bin:/bin",
            "HOME": str(place),
            "SITE": "localhost",
            "TLS": "tls internal",
            "HTTPS_PORT": str(self.port),
            "HTTP_PORT": str(self.plain),
        }
        with (place / "log").open("wb") as log:
            self.process = subprocess.Popen(
                ["caddy", "run", "--config", str(place / "Caddyfile"), "--adapter", "caddyfile"],
                env=environment, cwd=place, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            )  # fmt: skip

    @property
    def said(self) -> str:
        return (self.place / "log").read_text()

    @property
    def origin(self) -> str:
        return f"https://localhost:{self.port}"

    def authority(self) -> ssl.SSLContext:
        root = self.place / ".local/share/caddy/pki/authorities/local/root.crt"
        wait_for(root.exists, lambda: self.said)
        return ssl.create_default_context(cafile=str(root))

    def ask(self, path: str, **headers: str) -> http.client.HTTPResponse:
        connection = http.client.HTTPSConnection(
            "localhost", self.port, context=self.authority(), timeout=60
        )
        connection.request("GET", path, headers=headers)
        return connection.getresponse()

    def handshake(self, origin: str) -> str:
        """The status line of a WebSocket's handshake through the proxy."""
        lines = [
            "GET /ws/student/1/ HTTP/1.1",
            f"Host: localhost:{self.port}",
            "Upgrade: websocket",
            "Connection: Upgrade",
            "Sec-WebSocket-Key: MTIzNDU2Nzg5MDEyMzQ1Ng==",
            "Sec-WebSocket-Version: 13",
            f"Origin: {origin}",
        ]
        plain = socket.create_connection(("127.0.0.1", self.port), timeout=60)
        with self.authority().wrap_socket(plain, server_hostname="localhost") as connection:
            connection.sendall("\r\n".join([*lines, "", ""]).encode())
            return connection.recv(4096).decode("latin1").splitlines()[0]


@pytest.fixture(scope="module")
def school(tmp_path_factory, compose) -> Iterator[SimpleNamespace]:
    """Every service of the file, natively: two web processes and a worker behind the proxy."""
    needs_redis()
    needs_postgres()
    needs("caddy", shutil.which("caddy"), "make test, or apt-get install caddy")
    place = tmp_path_factory.mktemp("school")
    image = composed.image(place / "image")
    options = compose["services"]["redis"]["command"][1:]
    running: list[Any] = []
    with services.Redis(*options) as redis, services.Postgres() as postgres:
        secrets = secrets_in(place / "made", postgres.url)
        names = {"redis://redis:6379/0": redis.url, "/run/secrets": str(secrets)}

        def start(service: str, name: str, *extra: str) -> composed.Container:
            one = composed.Container(service, image, place / name, names, *extra)
            running.append(one)
            return one

        migrate = start("migrate", "migrate")
        assert migrate.process.wait(START_S) == 0, migrate.said
        ports = [free_port(), free_port()]
        webs = [start("web", f"web{port}", "--port", str(port)) for port in ports]
        worker = start("worker", "worker")
        proxy = Caddy(place / "proxy", ports)
        try:
            for web, port in zip(webs, ports, strict=True):
                wait_for(lambda web=web, port=port: not web.health(str(port)).returncode,
                         lambda web=web: web.said)  # fmt: skip
            wait_for(lambda: not worker.health().returncode, lambda: worker.said)
            wait_for(lambda: opened(proxy.port), lambda: proxy.said)
            yield SimpleNamespace(
                webs=webs, ports=ports, worker=worker, proxy=proxy, secrets=secrets, redis=redis
            )
        finally:
            proxy.process.terminate()
            ended = [one.stop() for one in reversed(running)]
            proxy.process.wait(composed.STOP_S)
    assert ended == [0] * len(running), [one.said for one in running]
    assert "Traceback" not in "".join(one.said for one in running)


def test_pages_come_over_the_proxy_with_secure_cookies(school):
    answer = school.proxy.ask("/accounts/login/")
    assert answer.status == 200
    assert answer.getheader("Strict-Transport-Security") == "max-age=31536000"
    assert "__Host-csrftoken=" in str(answer.getheader("Set-Cookie"))
    assert school.proxy.ask("/static/vendor/plotly-basic.min.js").status == 200


def test_plain_http_is_sent_to_https(school):
    connection = http.client.HTTPConnection("localhost", school.proxy.plain, timeout=60)
    connection.request("GET", "/join/")
    answer = connection.getresponse()
    assert answer.status == 308
    assert str(answer.getheader("Location")).startswith("https://localhost")


def test_sockets_open_through_the_proxy_for_its_own_pages_only(school):
    assert "101" in school.proxy.handshake(school.proxy.origin)
    assert "403" in school.proxy.handshake("https://evil.example")
    assert "403" in school.proxy.handshake(school.proxy.origin.replace("https", "http"))


def test_invented_addresses_give_no_more_guesses(school):
    for guess in range(62):
        path = f"/join/aaaa-bbbb-{guess:04d}/"
        last = school.proxy.ask(path, **{"X-Forwarded-For": f"198.51.100.{guess}"}).status
    assert last == 429


def test_measures_of_all_processes_need_the_token(school):
    assert school.proxy.ask("/metrics").status == 404
    token = (school.secrets / "metrics_token").read_text()

    def told() -> str:
        answer = school.proxy.ask("/metrics", Authorization=f"Bearer {token}")
        assert answer.status == 200
        return answer.read().decode()

    wanted = {"classroom_up 1", "classroom_workers 1", "classroom_web_processes 2"}
    wait_for(lambda: wanted <= set(told().splitlines()), told)
    text = told()
    assert len(re.findall(r'classroom_process_memory_bytes\{.*kind="web"\} \d', text)) == 2
    assert len(re.findall(r'classroom_process_memory_bytes\{.*kind="worker"\} \d', text)) == 1


def test_status_through_the_proxy_is_well(school):
    def told() -> dict[str, Any]:
        return json.loads(school.proxy.ask("/status.json").read())

    # The worker beats from the start; each web process hears of it in a second of its own.
    wait_for(lambda: told()["parts"]["worker"]["level"] == "ok", lambda: str(told()))
    wait_for(lambda: told()["ok"] is True, lambda: str(told()))
    assert "figures" not in told()["parts"]["queue"]


def test_every_line_of_the_log_is_one_json_object(school):
    for one in (*school.webs, school.worker):
        for line in (one.place / "err").read_text().splitlines():
            # LiteRT writes this line by itself, in C++, when it loads a model.
            if line == "INFO: Created TensorFlow Lite XNNPACK delegate for CPU.":
                continue
            assert set(json.loads(line)) >= {"at", "level", "module", "message"}


def test_redis_of_the_file_writes_nothing(school):
    assert {path.name for path in school.redis.place.iterdir()} == {"log"}


def test_health_check_sees_a_process_that_is_gone(school):
    assert school.webs[0].health(str(free_port())).returncode == 1
