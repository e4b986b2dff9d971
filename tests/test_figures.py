from __future__ import annotations

import json
from typing import Any

import plotly.graph_objects as go
import pytest

from dashboard.figures import SEVEN, SIMPLE, chart, engagement, figures, mood
from dashboard.stored import Mark, Person, Row, Tap
from dashboard.timeline import Band, Timeline, bands, thin
from emotions.judge import QuietWork
from ml.labels import EMOTIONS, HAPPY, NEUTRAL, SAD

START = 1_800_000_000
NOW = START + 600


def row(student: int, *, n: int = 5, top: int = NEUTRAL, engagement: float = 0.8) -> Row:
    shares = [0.0] * 7
    shares[top] = float(n)
    valence = n * {HAPPY: 1.0, SAD: -1.0}.get(top, 0.0)
    return Row(student, n, 0 if n else 5, 0, 0, 0, engagement * n, valence, tuple(shares))


def people(count: int, **changes: Any) -> list[Person]:
    fields = {"joined_at": START - 60, "seen_at": NOW, **changes}
    return [Person(number, f"Student {number}", **fields) for number in range(count)]


def points(rows: dict[int, list[Row]], count: int = 4) -> Any:
    line = Timeline()
    line.put({START + 10 * number: there for number, there in rows.items()})
    return line.points(people(count), NOW)


def share(figure: dict[str, Any], token: str) -> list[float]:
    return next(trace["y"] for trace in figure["data"] if trace["meta"]["token"] == token)


def test_students_are_shared_out_over_what_they_read():
    here = points({0: [row(0, top=HAPPY), row(1), row(2, top=SAD), row(3, n=0)]})
    figure = mood(chart(here), SIMPLE)
    shares = {token: share(figure, token)[0] for token in (*SIMPLE, "unknown")}
    assert shares == {"happy": 25, "surprise": 0, "neutral": 25, "low": 25, "unknown": 25}


def test_a_student_without_a_row_counts_as_unknown():
    figure = mood(chart(points({0: [row(0)]})), SEVEN)
    assert (share(figure, "neutral")[0], share(figure, "unknown")[0]) == (25, 75)


def test_shares_of_every_point_add_up_to_the_whole_room():
    here = points({0: [row(0), row(1, top=SAD)], 1: [row(0, top=HAPPY)]})
    for labels in (SIMPLE, SEVEN):
        stack = [trace["y"] for trace in mood(chart(here), labels)["data"] if "stackgroup" in trace]
        assert [round(sum(values)) for values in zip(*stack, strict=True)] == [100, 100, 100]


def test_whoever_left_is_no_part_of_later_shares():
    line = Timeline()
    line.put({START: [row(0), row(1)], START + 100: [row(0)]})
    gone = [*people(1), Person(1, "Ben", START - 60, START + 50, left_at=START + 50)]
    rooms = [point.room for point in line.points(gone, NOW)]
    assert (rooms[0], rooms[-1]) == (2, 1)


def test_a_gap_stays_a_gap():
    figure = mood(chart(points({0: [row(0)], 1: [row(0)], 5: [row(0)]})), SIMPLE)
    stacks = {trace["stackgroup"] for trace in figure["data"] if "stackgroup" in trace}
    assert len(stacks) == 2
    assert engagement(chart(points({0: [row(0)], 2: [row(0)]})))["data"][0]["y"][1] is None


def test_the_line_breaks_where_fewer_than_half_are_readable():
    half = [row(0), row(1), row(2, n=0), row(3, n=0)]
    fewer = [row(0), row(1, n=0), row(2, n=0)]
    levels = engagement(chart(points({0: half, 1: fewer, 2: half})))["data"][0]["y"]
    assert [level is None for level in levels] == [False, True, False]


def test_engagement_is_smoothed_over_a_minute():
    rows = {number: [row(0, engagement=1.0 if number else 0.0)] for number in range(7)}
    levels = engagement(chart(points(rows)))["data"][0]["y"]
    assert levels[0] == 0
    assert levels[6] == pytest.approx(1 - 2.71828**-1, abs=0.01)


def test_four_hours_are_thinned_to_300_points_and_30_kilobytes():
    rows = {number: [row(student) for student in range(4)] for number in range(1440)}
    drawn = chart(points(rows))
    assert (len(drawn.points), drawn.step_s) == (288, 50)
    for figure in (mood(drawn, SIMPLE), mood(drawn, SEVEN), engagement(drawn)):
        assert len(json.dumps(figure, separators=(",", ":"))) <= 30_000


def test_thinning_never_makes_more_than_the_whole_room():
    joining = [Person(number, "", START + 30 * number, NOW) for number in range(8)]
    line = Timeline()
    for number in range(24):
        here = [row(one.id) for one in joining if one.joined_at <= START + 10 * number]
        line.put({START + 10 * number: here})
    few, _ = thin(line.points(joining, NOW), 5)
    figure = mood(chart(few), SIMPLE)
    stack = [trace["y"] for trace in figure["data"] if "stackgroup" in trace]
    assert all(sum(values) == pytest.approx(100, abs=0.3) for values in zip(*stack, strict=True))


def test_an_hour_of_a_lively_class_stays_under_30_kilobytes():
    rows = {
        number: [row(student, top=(student + number) % 7) for student in range(29)]
        for number in range(360)
    }
    drawn = chart(points(rows, 30))
    for figure in (mood(drawn, SIMPLE), mood(drawn, SEVEN), engagement(drawn)):
        assert len(json.dumps(figure, separators=(",", ":"))) <= 30_000


def test_filled_figures_are_valid_plotly():
    drawn = chart(
        points({0: [row(0)], 1: [row(1)]}),
        marks=[Mark(START + 5, "note", "Mirrors")],
        bands=[Band("quiet", START, START + 10)],
        taps=[Tap("a", 0, "lost", START + 3)],
        mode="practice",
    )
    for figure in (mood(drawn, SIMPLE), mood(drawn, SEVEN), engagement(drawn)):
        go.Figure(figure["data"], figure["layout"])


def test_simulated_stands_inside_every_figure_of_a_simulated_lesson_only():
    here = points({0: [row(0)]})
    for mode, said in (("practice", "Simulated"), ("load", "Load test"), ("live", None)):
        made = figures(chart(here, mode=mode))
        for figure in (made["mood"]["simple"], made["mood"]["seven"], made["engagement"]):
            texts = [note["text"] for note in figure["layout"]["annotations"]]
            assert (said in texts) is bool(said)


def test_a_marker_is_cut_and_its_tags_mean_nothing():
    note = Mark(START, "note", "<b>Refraction</b> and the law of Snellius")
    drawn = chart(points({0: [row(0)]}), marks=[note])
    label = next(n for n in mood(drawn, SIMPLE)["layout"]["annotations"] if n["name"] == "label")
    assert label["text"] == "&lt;b&gt;Refraction&lt;/b&gt; and t…"
    assert engagement(drawn)["layout"]["shapes"][0]["name"] == "marker"


def test_a_late_markers_label_stands_before_it():
    marks = [Mark(START + 60, "note", "early"), Mark(START + 590, "note", "late")]
    drawn = chart(points({0: [row(0)]}), marks=marks, span=(START, START + 600))
    notes = mood(drawn, SIMPLE)["layout"]["annotations"]
    sides = [note["xanchor"] for note in notes if note["name"] == "label"]
    assert sides == ["left", "right"]


def test_one_hover_box_counts_students():
    figure = mood(chart(points({0: [row(0), row(1), row(2, top=HAPPY)]})), SIMPLE)
    hover = next(trace for trace in figure["data"] if trace["meta"]["token"] == "hover")
    assert hover["hovertemplate"].startswith("%{x|%H:%M} · about %{customdata[0]} neutral, ")
    assert hover["customdata"][0] == [2, 1, 0, 0, 1, 4]


def test_taps_are_counted_by_the_minute_without_what_was_undone():
    taps = [
        Tap("a", 0, "lost", START + 1),
        Tap("b", 1, "lost", START + 2),
        Tap("c", 1, "got_it", START + 3),
        Tap("d", 1, "lost", START + 4, undone=True),
        Tap("e", 1, "lost", START + 70),
    ]
    bars = engagement(chart(points({0: [row(0)]}), taps=taps))["data"][1]
    assert bars["y"] == [3, 1]
    assert bars["text"][0] == "08:00 · 2 Lost, 1 Got it"


def test_an_empty_lesson_has_valid_empty_figures():
    made = figures(chart([]))
    assert made["mood"]["simple"]["data"] == []
    assert made["mood"]["simple"]["caption"] == "The chart begins with the first reading."


def test_pauses_and_quiet_work_become_bands():
    marks = [
        Mark(START + 50, "resume", ""),
        Mark(START, "pause", ""),
        Mark(START + 5, "note", "x"),
        Mark(START + 60, "quiet", ""),
    ]
    assert bands(marks, START + 90) == [
        Band("pause", START, START + 50),
        Band("quiet", START + 60, START + 90),
    ]


ANEW = [(0, 900), (2000, 2900)]
QUIET_WORK = {
    "that nobody ended": ([(0, "quiet")], [(0, 900)]),
    "begun anew after it ended by itself": ([(0, "quiet"), (2000, "quiet")], ANEW),
    "begun anew as it ended": ([(0, "quiet"), (900, "quiet")], [(0, 900), (900, 1800)]),
    "prolonged": ([(0, "quiet"), (600, "quiet")], [(0, 1500)]),
    "prolonged and ended": ([(0, "quiet"), (600, "quiet"), (700, "quiet_end")], [(0, 700)]),
    "ended too late": ([(0, "quiet"), (1000, "quiet_end"), (2000, "quiet")], ANEW),
    "that still goes on": ([(3000, "quiet")], [(3000, 3600)]),
}


@pytest.mark.parametrize("marks, drawn", QUIET_WORK.values(), ids=QUIET_WORK.keys())
def test_quiet_work_is_drawn_for_as_long_as_it_is_judged(marks, drawn):
    until = START + 3600
    found = bands([Mark(START + at, kind, "") for at, kind in marks], until)
    assert found == [Band("quiet", START + first, START + last) for first, last in drawn]
    judged = QuietWork([START + at for at, _ in marks], [kind == "quiet" for _, kind in marks])
    for at in range(START, until, 5):
        assert judged.at(at) == any(band.starts_at <= at < band.ends_at for band in found), at


def test_a_pause_does_not_end_by_itself():
    marks = [Mark(START, "pause", ""), Mark(START + 5000, "pause", "")]
    assert bands(marks, START + 9000) == [Band("pause", START, START + 9000)]


def test_putting_slices_in_twice_or_backwards_gives_the_same_line():
    rows = {START + 10 * number: [row(0, top=number % 7)] for number in range(9)}
    once, again = Timeline(), Timeline()
    once.put(rows)
    for start in reversed(rows):
        again.put({start: rows[start]})
        again.put({start: rows[start]})
    assert once.points(people(3), NOW) == again.points(people(3), NOW)


def test_a_sparkline_has_sixty_values_with_gaps():
    line = Timeline()
    line.put({START: [row(0, top=HAPPY)], START + 20: [row(0, top=SAD)]})
    values = line.spark(0, START + 30)
    assert (len(values), values[-3:]) == (60, [1.0, None, -1.0])


def test_the_table_says_the_same_as_the_chart():
    rows = {number: [row(0), row(1, top=HAPPY)] for number in range(12)}
    table = mood(chart(points(rows)), SIMPLE)["table"]
    assert table["head"][0] == "Time"
    assert table["rows"] == [["08:00", 1, 0, 1, 0, 2, 4], ["08:01", 1, 0, 1, 0, 2, 4]]


def test_the_table_of_the_line_has_words_and_taps_and_no_figure_of_the_score():
    rows = {at: [row(0, engagement=0.4 if at < 6 else 1.0)] for at in range(36)}
    taps = [Tap("a", 0, "lost", START + 70), Tap("b", 0, "lost", START + 700)]
    table = engagement(chart(points(rows), taps=taps))["table"]
    assert table["head"] == ["Time", "Engagement", "Taps"]
    assert table["rows"][0] == ["08:00", "low", 0]
    assert table["rows"][1][2] == 1
    assert table["rows"][5] == ["08:05", "high", 0]
    assert table["rows"][-1] == ["08:11", "–", 1]


def test_every_band_has_a_colour_token():
    assert {*SEVEN, *SIMPLE} - {"low"} == set(EMOTIONS)
