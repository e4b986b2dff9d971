"""The moments of a lesson, and whether what students tapped agrees with what faces read."""

from __future__ import annotations

from dashboard.moments import agreement, dips, highs
from dashboard.stored import Mark, Row, Tap
from dashboard.timeline import Timeline

START = 1_800_000_000


def line(*moved: tuple[int, float, int], students: int = 10, minutes: int = 30) -> Timeline:
    """A calm class; `moved` says in which minute how far how many students were off."""
    made = Timeline()
    for number in range(minutes * 6):
        off = {minute: (far, who) for minute, far, who in moved}.get(number // 6, (0.0, 0))
        made.put(
            {
                START + 10 * number: [
                    Row(student, n=5, valence_sum=5 * (off[0] if student < off[1] else 0.0))
                    for student in range(students)
                ]
            }
        )
    return made


def lost(minute: int, students: int) -> list[Tap]:
    return [Tap(f"{minute}{s}", s, "lost", START + 60 * minute) for s in range(students)]


def test_a_dip_has_its_minute_its_size_and_its_nearest_marker():
    marks = [Mark(START + 60 * 9, "note", "Slide 12"), Mark(START, "note", "Start")]
    (dip,) = dips(line((10, -0.6, 4)), marks)
    assert dip.at.timestamp() == START + 600
    assert (dip.words, dip.marker) == ("4 of 10 read lower than their usual", "Slide 12")


def test_at_most_three_and_not_one_moment_twice():
    moved = [(minute, -0.6, 3 + minute % 4) for minute in (2, 3, 8, 14, 20, 26)]
    assert len(dips(line(*moved), [])) == 3
    assert len(dips(line((10, -0.6, 5), (11, -0.6, 5)), [])) == 1


def test_a_calm_lesson_and_a_small_group_have_no_moments():
    assert dips(line(), []) == highs(line(), []) == []
    assert dips(line((10, -0.6, 4), students=4), []) == []


def test_a_high_is_told_as_one_and_a_far_marker_is_not():
    (high,) = highs(line((10, 0.5, 8)), [Mark(START, "note", "Start")])
    assert (high.words, high.marker) == ("8 of 10 read higher than their usual", "")


def test_agreement_counts_spans_in_which_both_saw_a_dip_or_neither_did():
    dip = [(minute, -0.6, 4) for minute in range(10, 15)]
    told = "Taps and faces agreed in %d of 6 five-minute spans."
    assert agreement(line(*dip), lost(12, 4), 10) == told % 6
    assert agreement(line(*dip), lost(20, 4), 10) == told % 4
    assert agreement(line(*dip), [], 10) == ""
