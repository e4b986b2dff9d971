"""What a class notices when a piece of the school's installation fails, and what is counted.

One school for all of these tests: Postgres, Redis, two web processes, two workers, a class of
simulated students and their teacher. One fault comes after another, in the order of this file; at
the end what is stored is compared with what every student was told, slice by slice.
"""

from __future__ import annotations

import json
import re
import signal
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import psycopg
import pytest
from redis import Redis as Client

from emotions.frames import STALE_AFTER_S
from emotions.load import Place
from emotions.models import SLICE_SECONDS
from emotions.slices import start_of
from tests.conftest import needs_postgres, needs_redis
from tests.school import School
from tests.services import Postgres, Redis
from tests.simulated import SimulatedClass, Student, Teacher, simulated, until

STUDENTS = 12
AWAY_AFTER_S = 20
AGAIN_WITHIN_S = 4.0
TOLD_WITHIN_S = 10.0
SAMPLE = re.compile(r"^classroom_(\w+?)(?:_total)?(?:\{(.*)\})? (\S+)$", re.M)

Rows = dict[tuple[int, int], int]
"""Student and start of the slice -> samples."""


@dataclass
class Day:
    """The school, the class in it, and what was noted on the way."""

    school: School
    lesson: int
    teacher_cookie: str
    people: SimulatedClass
    away: int
    killed_at: float = 0.0
    lost_with_worker: int = 0

    @property
    def students(self) -> list[Student]:
        return self.people.students

    @property
    def teacher(self) -> Teacher:
        return self.people.teacher

    def ask(self, sql: str) -> list[tuple]:
        with psycopg.connect(self.school.postgres.url) as line:
            return line.execute(sql, [self.lesson]).fetchall()

    def stored(self) -> Rows:
        found = self.ask(
            "SELECT participant_id, starts_at, n + absent + several + unsure "
            "FROM emotions_slice WHERE lesson_id = %s"
        )
        rows = {(student, starts_at): samples for student, starts_at, samples in found}
        assert len(rows) == len(found)
        return rows

    def flags(self) -> Counter[tuple[int, str]]:
        found = self.ask("SELECT participant_id, kind FROM emotions_flag WHERE lesson_id = %s")
        return Counter((student, kind) for student, kind in found)

    def measured(self) -> Counter[str]:
        """All of /metrics, summed over processes of a kind; events under their own names."""
        told: Counter[str] = Counter()
        with urllib.request.urlopen(f"{self.school.webs[0].url}/metrics", timeout=30) as answer:
            for name, labels, value in SAMPLE.findall(answer.read().decode()):
                label = dict(re.findall(r'(\w+)="([^"]*)"', labels))
                told[label.get("event", name)] += float(value)
                told[f"{label.get('kind')} {label.get('event', name)}"] += float(value)
        return told

    def everybody_is_read(self, since: float) -> float:
        """Seconds from `since` until everyone had a reading of a snapshot offered after it."""
        until(lambda: self.people.all_read_since(since), "a reading for everybody")
        return time.time() - since

    def whole_class_is_stored(self, since: float) -> Rows:
        """All rows, once a slice that began after `since` is stored for everybody."""

        def rows() -> Rows:
            rows = self.stored()
            counted = Counter(starts_at for _, starts_at in rows if starts_at >= since)
            return rows if STUDENTS in counted.values() else {}

        return until(rows, "a slice of the whole class")

    def end(self) -> None:
        request = urllib.request.Request(
            f"{self.school.webs[0].url}/lessons/{self.lesson}/end/",
            data=b"{}",
            headers={
                "Cookie": f"{self.teacher_cookie}; csrftoken={'t' * 32}",
                "X-CSRFToken": "t" * 32,
                "Content-Type": "application/json",
            },
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            assert answer.status == 200


def class_in(school: School) -> Day:
    url = school.webs[0].url
    script = f"from tests import enrol; enrol.tell({url!r}, {STUDENTS})"
    done = school.webs[0].manage("shell", "-c", script)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout.splitlines()[-1])
    places = [Place(web.url, told["lesson"], told["teacher"]) for web in school.webs]
    cookies = {int(key): cookie for key, cookie in told["students"].items()}
    people = simulated(places, cookies, told["teacher"], away=max(cookies))
    return Day(school, told["lesson"], told["teacher"], people, away=max(cookies))


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Day]:
    needs_redis()
    needs_postgres()
    with Redis() as redis, Postgres() as postgres:
        settings = {"AWAY_AFTER_S": str(AWAY_AFTER_S)}
        school = School(tmp_path_factory.mktemp("school"), redis, postgres, settings)
        try:
            day = class_in(school.open())
            try:
                yield day
            finally:
                day.people.leave()
        finally:
            school.close()


def kill_with_a_snapshot_in_hand(day: Day) -> set[int]:
    """Whose snapshots they were: stopped first, so that what it has in hand stays there."""
    client = Client.from_url(day.school.redis.url, decode_responses=True)
    victim = day.school.workers[0]

    def caught() -> set[int]:
        if not client.hlen("frames:claims"):
            return set()
        victim.process.send_signal(signal.SIGSTOP)
        # The other worker finishes its own meanwhile.
        mine = set(client.hgetall("frames:claims").items())
        for _ in range(10):
            time.sleep(0.05)
            mine &= set(client.hgetall("frames:claims").items())
        if not mine:
            victim.process.send_signal(signal.SIGCONT)
        return {int(claim.split(":")[1]) for _, claim in mine}

    students = until(caught, "a worker with a snapshot in hand")
    victim.kill()
    return students


def test_killed_worker_delays_a_student_by_four_seconds_and_takes_no_stored_slice(day: Day) -> None:
    day.everybody_is_read(since=0)
    before = day.whole_class_is_stored(since=0)
    # In the middle of a slice, so that there is something unstored to lose and to count.
    until(lambda: 4 < time.time() % SLICE_SECONDS < 8, "the middle of a slice")
    in_hand = kill_with_a_snapshot_in_hand(day)
    day.killed_at = killed = time.time()
    read = day.everybody_is_read(since=killed)
    time.sleep(max(0.0, killed + AGAIN_WITHIN_S + 1 - time.time()))
    waits = {one.key: one.longest_wait_s(killed, time.time()) for one in day.students}
    print(
        f"in hand of {len(in_hand)}: sent again within {max(waits[one] for one in in_hand):.1f} s"
    )
    print(f"everybody read again after {read:.1f} s")
    assert max(waits.values()) <= AGAIN_WITHIN_S
    rows = day.stored()
    assert all(rows[key] >= samples for key, samples in before.items())
    day.school.worker().wait()
    told = until(
        lambda: (
            (now := day.measured())["snapshots_lost"]
            and now["slice_samples_lost_with_worker"]
            and now
        ),
        "/metrics tells what was lost",
    )
    day.lost_with_worker = int(told["slice_samples_lost_with_worker"])
    assert told["snapshots_lost"] == len(in_hand)


def test_teacher_is_told_in_words_that_no_worker_runs_until_one_does(day: Day) -> None:
    stopped = time.time()
    for worker in day.school.workers[1:]:
        worker.stop()
    at, words = until(lambda: day.teacher.is_told_none(stopped), "words for the teacher")
    print(f"told {at - stopped:.1f} s after both were stopped: {words}")
    assert at - stopped <= TOLD_WITHIN_S
    assert words.startswith("Faces not analysed since")
    for worker in [day.school.worker(), day.school.worker()]:
        worker.wait()
    day.everybody_is_read(since=time.time())
    until(lambda: day.teacher.worker[-1][1] != "none", "the worker's words are back")


def test_after_a_restart_of_redis_everybody_comes_back(day: Day) -> None:
    day.people.tap(day.students[0], "hand")
    until(lambda: len(day.teacher.flags) == 2, "a raised hand and an empty chair")
    before, flags, left = day.stored(), day.flags(), time.time()
    day.school.redis.stop()
    time.sleep(STALE_AFTER_S)
    day.school.redis.start()
    back = time.time()
    until(lambda: day.teacher.hellos[-1] > left, "the teacher's page is back")
    print(f"teacher's page back after {day.teacher.hellos[-1] - back:.1f} s", end=", ")
    print(f"everybody read after {day.everybody_is_read(since=back):.1f} s")
    rows = day.whole_class_is_stored(since=back)
    assert all(rows[key] >= samples for key, samples in before.items())
    until(lambda: len(day.teacher.flags) == 2, "both flags are shown")
    assert day.flags() == flags
    assert all(web.process.poll() is None for web in day.school.webs)


def test_what_is_read_while_postgres_is_away_is_stored_when_it_returns(day: Day) -> None:
    before, flags, lost = day.stored(), day.flags(), len(day.teacher.lost_at)
    again = day.measured()["worker writes_again"]
    left = time.time()
    day.school.postgres.stop()
    at, words = until(lambda: [one for one in day.teacher.trouble if one[1]], "words")[-1]
    print(f"told {at - left:.1f} s after Postgres was stopped: {words}")
    assert at - left <= TOLD_WITHIN_S
    tap = day.people.tap(day.students[3], "hand")
    until(lambda: day.measured()["worker writes_again"] > again, "a slice that waits", 120)
    away = time.time()
    day.everybody_is_read(since=away)
    day.school.postgres.start()
    back = time.time()
    until(lambda: tap in day.students[3].saved, "the tap is acknowledged")
    print(f"away {back - left:.0f} s, its tap stored {time.time() - back:.1f} s after")
    until(lambda: not day.teacher.trouble[-1][1], "the words are taken back")
    until(lambda: len(day.teacher.flags) == 3, "the hand is shown")
    rows = day.stored()
    assert all(rows[key] >= samples for key, samples in before.items())
    assert day.flags() == flags | Counter({(day.students[3].key, "help"): 1})
    assert len(day.teacher.lost_at) == lost, "the teacher's page stayed open"


def test_at_the_end_every_reading_is_stored_once_or_counted_lost(day: Day) -> None:
    day.people.leave()
    told = day.measured()
    for worker in day.school.workers[-2:]:
        worker.stop()
    day.end()
    stored = day.stored()
    heard = {(one.key, at): n for one in day.students for at, n in one.read_in().items()}
    taken = {(one.key, at): n for one in day.students for at, n in one.most_in().items()}
    assert {key: n for key, n in stored.items() if n > taken.get(key, 0)} == {}
    missing = {key: n - stored.get(key, 0) for key, n in heard.items() if n > stored.get(key, 0)}
    print(f"{sum(heard.values())} readings heard, {sum(stored.values())} stored, ", end="")
    print(f"{sum(missing.values())} missing, {day.lost_with_worker} told as lost with the worker")
    assert told["slice_samples_lost"] == 0
    assert {at for _, at in missing} <= {start_of(day.killed_at)}
    # Its last beat was at most two seconds old, and its last news half a second.
    assert abs(sum(missing.values()) - day.lost_with_worker) <= 3 * STUDENTS
    assert {student for student, _ in stored} == {one.key for one in day.students}
    assert set(day.flags().values()) == {1}
    (summary,) = day.ask("SELECT students, cameras, samples FROM classroom_lesson WHERE id = %s")
    assert summary == (STUDENTS, STUDENTS, sum(stored.values()))
