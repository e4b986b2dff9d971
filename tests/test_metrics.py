"""/metrics and /status.json: true figures, for those who may have them, and nobody's names."""

from __future__ import annotations

import asyncio
import re
from unittest import mock

from django.test import Client, SimpleTestCase, TransactionTestCase, override_settings

from dashboard import metrics
from dashboard import status as health
from emotions.frames import Counts, frames
from tests import make

HERE = {"HTTP_HOST": "localhost:8000", "REMOTE_ADDR": "127.0.0.1"}
TOKEN = "a-token-for-the-tests"
LINE = re.compile(r"^(classroom_[a-z_]+)(?:\{([^}]*)\})? (-?[\d.]+(?:e[+-]?\d+)?)$")

WORKER = {
    "host": "a",
    "process": 7,
    "at": 0,
    "inference_ms": 3.2,
    "latency_ms": 40,
    "memory_mb": 90,
}
WEB = {"host": "a", "process": 8, "at": 0, "memory_mb": 120.5, "counters": {"sockets_flooding": 2}}


def values(text: str) -> dict[tuple[str, str], float]:
    """Every sample of the text; a line that is neither sample nor comment fails."""
    found = {}
    for line in text.splitlines():
        if line.startswith("#"):
            continue
        match = LINE.match(line)
        assert match, line
        found[match[1], match[2] or ""] = float(match[3])
    return found


class TextTest(SimpleTestCase):
    def test_every_counter_of_the_queue_is_there(self) -> None:
        told = metrics.of_queue(Counts(offered=7, accepted=4, replaced=2, refused=1))
        lines = "\n".join(line for metric in told for line in metric.lines())
        for name in Counts().as_dict():
            assert re.search(rf"^classroom_snapshots_{name}(_total)? \d+$", lines, re.M), name
        assert values(lines)["classroom_snapshots_offered_total", ""] == 7

    def test_every_metric_says_its_kind_and_meaning_once(self) -> None:
        told = metrics.of_queue(Counts()) + metrics.of_processes([WORKER], [WEB])
        lines = [line for metric in told for line in metric.lines()]
        kinds = [line.split()[2] for line in lines if line.startswith("# TYPE")]
        assert len(kinds) == len(set(kinds)) == sum(line.startswith("# HELP") for line in lines)
        for line in lines:
            if match := LINE.match(line):
                assert match[1] in kinds

    def test_each_process_tells_its_memory_and_its_events(self) -> None:
        told = metrics.of_processes([WORKER], [WEB])
        found = values("\n".join(line for metric in told for line in metric.lines()))
        assert found["classroom_workers", ""] == found["classroom_web_processes", ""] == 1
        memory = 'process="a:8",kind="web"'
        assert found["classroom_process_memory_bytes", memory] == 120.5 * 2**20
        assert found["classroom_latency_seconds", 'process="a:7",kind="worker"'] == 0.04
        assert found["classroom_events_total", memory + ',event="sockets_flooding"'] == 2

    def test_worker_inside_the_web_process_is_one_process(self) -> None:
        both = {**WORKER, "process": 8}
        told = metrics.of_processes([both], [{**WEB, "inference_ms": 3.2}])
        found = values("\n".join(line for metric in told for line in metric.lines()))
        assert len([key for key in found if key[0] == "classroom_process_memory_bytes"]) == 1

    def test_label_with_a_quote_stays_one_label(self) -> None:
        metric = metrics.Metric("x", "gauge", "of x", [((("name", 'a"b\n'),), 1)])
        assert list(metric.lines())[-1] == 'classroom_x{name="a\\"b\\n"} 1'


class PagesTest(TransactionTestCase):
    def test_this_machine_reads_the_measures(self) -> None:
        answer = Client().get("/metrics", **HERE)
        assert answer.status_code == 200
        assert answer["Content-Type"].startswith("text/plain; version=0.0.4")
        found = values(answer.content.decode())
        assert found["classroom_up", ""] == 1
        counts = {
            name: found[f"classroom_snapshots_{name}_total", ""] for name in metrics.SNAPSHOTS
        }
        assert counts["offered"] == counts["accepted"] + counts["replaced"] + counts["refused"]

    def test_other_machines_do_not(self) -> None:
        assert Client().get("/metrics", **{**HERE, "REMOTE_ADDR": "10.0.0.9"}).status_code == 404

    @override_settings(ALLOWED_HOSTS=["*"])
    def test_a_proxy_on_this_machine_is_not_this_machine(self) -> None:
        for extra in (
            {"HTTP_X_FORWARDED_FOR": "203.0.113.7"},
            {"HTTP_FORWARDED": "for=203.0.113.7"},
            {"HTTP_VIA": "1.1 proxy"},
            {"HTTP_HOST": "pulse.example"},
        ):
            with self.subTest(extra):
                assert Client().get("/metrics", **{**HERE, **extra}).status_code == 404
        with override_settings(BEHIND_PROXY=True):
            assert Client().get("/metrics", **HERE).status_code == 404

    @override_settings(METRICS_TOKEN=TOKEN, BEHIND_PROXY=True)
    def test_token_is_needed_where_there_is_one_and_works_from_anywhere(self) -> None:
        far = {**HERE, "REMOTE_ADDR": "10.0.0.9", "HTTP_X_FORWARDED_FOR": "203.0.113.7"}
        assert Client().get("/metrics", **HERE).status_code == 404
        for words in ("", TOKEN, f"Bearer {TOKEN}x", "Bearer ", "Bearer ÿ"):
            assert Client().get("/metrics", HTTP_AUTHORIZATION=words, **far).status_code == 404
        right = Client().get("/metrics", HTTP_AUTHORIZATION=f"Bearer {TOKEN}", **far)
        assert right.status_code == 200

    def test_queue_that_does_not_answer_is_said(self) -> None:
        with mock.patch.object(type(frames()), "counts", side_effect=ConnectionError):
            found = values(Client().get("/metrics", **HERE).content.decode())
            told = Client().get("/status.json", **HERE)
        assert found["classroom_up", ""] == 0
        assert told.status_code == 503
        assert told.json()["parts"]["queue"] == {"level": "bad", "word": "not answering"}

    def test_status_for_machines_needs_no_account_and_has_no_figures(self) -> None:
        for path in ("/status.json", "/status/"):
            answer = Client().get(path, headers={"Accept": "application/json"})
            assert answer.status_code == 200
            told = answer.json()
            assert told["ok"] is True
            assert set(told["parts"]) == {"web", "worker", "queue", "database"}
            assert all(set(part) == {"level", "word"} for part in told["parts"].values())

    def test_status_has_figures_for_this_machine(self) -> None:
        told = Client().get("/status.json", **HERE).json()
        assert "offered" in told["parts"]["queue"]["figures"]

    def test_browser_gets_the_page(self) -> None:
        client = Client()
        assert client.get("/status/").status_code == 302
        client.force_login(make.admin())
        page = client.get("/status/", headers={"Accept": "text/html,*/*;q=0.8"})
        self.assertContains(page, "Figures")

    async def test_missing_worker_is_told_and_starts_nothing_again(self) -> None:
        parts = await health.parts()
        told = health.for_machines(parts, figures=False)
        assert told["parts"]["worker"]["level"] == "bad"
        assert told["ok"] is True

    async def test_names_and_lessons_are_in_neither(self) -> None:
        def joined() -> tuple[str, str]:
            student = make.participant(name="Asha Unmistakable")
            return student.name, student.lesson.code

        words = await asyncio.to_thread(joined)
        told = await metrics.text() + str(health.for_machines(await health.parts(), figures=True))
        assert not any(word in told for word in words)
