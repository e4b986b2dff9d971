from __future__ import annotations

from dataclasses import replace

import pytest

from emotions import notices, words
from emotions.models import Flag, Report
from emotions.words import Counts, Seen, State, state_of
from ml.labels import EMOTIONS

NOW = 1_800_000_000.0
READ = Seen(reading="reading", read_at=NOW - 1, face_at=NOW - 1, top="neutral", sure=0.8)


def no_face(seconds: float, **changes: object) -> Seen:
    return replace(READ, reading="no_face", face_at=NOW - seconds, **changes)


STATES = [
    ("reads as neutral", READ, State.READING),
    ("reads as happy", replace(READ, top="happy"), State.READING),
    ("left 08:00", replace(READ, left_at=NOW), State.LEFT),
    ("left 07:54", replace(READ, connected=False, gone_at=NOW - 301), State.LEFT),
    ("disconnected 5 min", replace(READ, connected=False, gone_at=NOW - 300), State.DISCONNECTED),
    ("disconnected 1 min", replace(READ, connected=False, gone_at=NOW - 60), State.DISCONNECTED),
    ("reconnecting", replace(READ, connected=False, gone_at=NOW - 59.9), State.DISCONNECTED),
    ("no camera", replace(READ, camera=False), State.NO_CAMERA),
    ("no camera", no_face(500, camera=False), State.NO_CAMERA),
    ("reconnecting", replace(READ, connected=False, gone_at=NOW, camera=False), State.DISCONNECTED),
    ("waiting", replace(READ, reading="", read_at=0), State.WAITING),
    ("waiting", replace(READ, worker=False), State.WAITING),
    ("waiting", replace(READ, read_at=NOW - 8.1), State.WAITING),
    ("reads as neutral", replace(READ, read_at=NOW - 8), State.READING),
    ("reads as neutral", replace(READ, read_at=NOW - 12, interval_s=4), State.READING),
    ("waiting", replace(READ, camera_since=NOW), State.WAITING),
    ("unsure", replace(READ, reading="unsure"), State.UNSURE),
    ("reads as neutral", replace(READ, reading="unsure", readable_at=NOW - 10), State.READING),
    ("unsure", replace(READ, reading="unsure", readable_at=NOW - 10.1), State.UNSURE),
    (
        "unsure",
        replace(READ, reading="unsure", readable_at=NOW - 9, camera_since=NOW - 8),
        State.UNSURE,
    ),
    ("reads as neutral", no_face(9, readable_at=NOW - 9), State.READING),
    ("unsure", no_face(10.1, readable_at=NOW - 10.1), State.UNSURE),
    ("away 10 s", no_face(10, readable_at=NOW - 10, away_after_s=10), State.AWAY),
    ("reads as neutral", no_face(6), State.READING),
    ("unsure", no_face(6.1), State.UNSURE),
    ("unsure", no_face(3, top=""), State.UNSURE),
    ("unsure", no_face(29.9), State.UNSURE),
    ("out of view 0:30", no_face(30), State.OUT_OF_VIEW),
    ("out of view 1:19", no_face(79.9), State.OUT_OF_VIEW),
    ("away 1 min", no_face(80), State.AWAY),
    ("away 3 min", no_face(180), State.AWAY),
    ("out of view 3:00", no_face(180, quiet=True), State.OUT_OF_VIEW),
    ("away 10 s", no_face(10, away_after_s=10), State.AWAY),
    ("out of view 0:09", no_face(9.9, away_after_s=10), State.OUT_OF_VIEW),
    ("unsure", no_face(500, camera_since=NOW - 20), State.UNSURE),
]


@pytest.mark.parametrize(("shown", "seen", "state"), STATES)
def test_each_state_has_its_rule_and_words(shown: str, seen: Seen, state: State):
    found = state_of(seen, NOW)
    assert (found.state, found.words) == (state, shown)


def test_only_reading_is_readable_and_only_away_may_raise_a_flag():
    counts = {state: words.LOOKS[state].counts for state in State}
    assert [state for state in State if counts[state] is Counts.READABLE] == [State.READING]
    assert [state for state in State if counts[state] is Counts.MAY_FLAG] == [State.AWAY]
    assert [state for state in State if counts[state] is Counts.OUT] == [State.LEFT]


def test_whoever_left_is_not_in_the_room():
    assert not state_of(replace(READ, left_at=NOW), NOW).in_room
    assert state_of(replace(READ, connected=False, gone_at=NOW), NOW).in_room


@pytest.mark.parametrize(
    ("sure", "word"),
    [(1, "likely"), (0.75, "likely"), (0.749, "maybe"), (0.6, "maybe"), (0.599, "a guess")],
)
def test_certainty_changes_at_its_lines(sure: float, word: str):
    assert words.certainty(sure) == word
    assert words.reading_words("neutral", sure) == f"neutral, {word}"


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0, "0 s"), (59.9, "59 s"), (60, "1 min"), (3599, "59 min"), (3900, "1 h 5 min"), (-1, "0 s")],
)
def test_spans_are_said_as_people_say_them(seconds: float, said: str):
    assert words.for_time(seconds) == said


def test_reason_says_who_what_since_when_and_how_sure():
    assert words.flag_reason("low", "Asha", 250, 0.62) == (
        "Expression has read lower than Asha's usual for 4 min (maybe)."
    )
    assert words.flag_reason("help", "Asha", 20) == "Asha raised a hand 20 s ago."


def test_every_flag_tap_and_expression_has_words():
    for kind in Flag.Kind.values:
        assert words.flag_title(kind) and words.flag_suggestion(kind)
        assert words.flag_reason(kind, "Asha", 60, 0.7)
    assert set(words.TAPS) == set(Report.Kind.values)
    assert set(EMOTIONS) <= set(words.EMOTIONS)


def test_no_words_call_a_student_bored_distracted_or_at_risk():
    said = " ".join(
        [words.flag_reason(kind, "Asha", 60, 0.7) for kind in Flag.Kind.values]
        + [str(title) for title in words.FLAG_TITLES.values()]
        + [shown for shown, _, _ in STATES]
    ).lower()
    for word in ("bored", "distract", "at risk", "disengage", "angry", " is "):
        assert word not in said


def test_close_codes_and_refusals_have_their_words():
    assert words.refusal(4409) == "You are already here in another tab."
    assert words.refusal("busy") == "Busy: sending less often. Nothing to do."
    assert words.refusal("never heard of") == "The picture could not be read."
    assert set(notices.CLOSE_CODES.values()) <= set(notices.NOTICES)


def test_a_notice_tells_the_page_what_its_buttons_do():
    told = words.notice("refused").as_dict()
    assert told["title"] == "Camera is off. That's fine, you are in."
    assert told["buttons"] == [
        {"action": "retry", "label": "Try again"},
        {"action": "stay", "label": "Stay without"},
    ]


def test_the_end_of_a_lesson_says_when():
    assert notices.lesson_ended(NOW).title == "Lesson ended at 08:00. Camera is off."
