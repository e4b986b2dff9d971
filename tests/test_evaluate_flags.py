"""Simulated lessons: made of their seed alone, and scored as docs/flags.md says."""

from __future__ import annotations

import json
from io import StringIO

import numpy as np
import pytest
from django.core.management import CommandError, call_command

from emotions import scoring, trials
from emotions.scoring import Raised, Tally
from emotions.trials import Span
from ml import samples
from ml.classifier import MODELS, SIDECAR

DIP = Span(3, "low", 600, 700)


def make(seed: int, noise: trials.Noise | None = None) -> trials.Trial:
    known = samples.load().by_taggers()
    return trials.lesson(seed, known, noise=noise or trials.Noise(), unsure_below=0.45)


def test_stored_answers_are_small_whole_and_the_networks_own():
    known = samples.load()
    assert samples.STORED.stat().st_size < 300_000
    assert known.probabilities.shape == (3589, 7)
    assert np.allclose(known.probabilities.sum(axis=1), 1)
    right = (known.probabilities.argmax(axis=1) == known.true).mean()
    described = json.loads((MODELS / SIDECAR).read_text())
    assert known.version == described["version"]
    shown = described["figures"]["shown"]
    assert right == pytest.approx(shown["accuracy_by_label"], abs=0.002)


def test_most_taggers_are_the_truth_where_they_agree_on_one():
    known, figures = samples.load(), json.loads((MODELS / SIDECAR).read_text())["figures"]
    seen = known.by_taggers()
    assert len(seen.true) == figures["ferplus_majority_n"]
    right = (seen.probabilities.argmax(axis=1) == seen.true).mean()
    assert right == pytest.approx(figures["ferplus_majority_accuracy"], abs=0.002)
    assert (known.of(3) == known.probabilities[known.true == 3]).all()


def test_a_lesson_is_made_of_its_seed_alone():
    one, again, other = make(5), make(5), make(6)
    assert one.spans == again.spans and np.array_equal(one.valence_sum, again.valence_sum)
    assert not np.array_equal(one.valence_sum, other.valence_sum)


def test_every_sample_is_counted_once_and_who_is_gone_has_no_face():
    trial = make(7)
    assert (trial.n + trial.absent + trial.unsure == trials.IN_A_SLICE).all()
    for span in (span for span in trial.spans if span.kind == "away"):
        within = slice(span.starts_s // 10 + 1, span.ends_s // 10)
        assert (trial.n[span.student - 1, within] == 0).all()


@pytest.mark.parametrize(
    ("flag", "right"),
    [
        (Raised(3, "low", 600), False),
        (Raised(3, "low", 610), True),
        (Raised(3, "low", 760), True),
        (Raised(3, "low", 770), False),
        (Raised(4, "low", 650), False),
        (Raised(3, "away", 650), False),
    ],
)
def test_a_flag_is_right_only_over_its_own_span(flag: Raised, right: bool):
    tally = Tally()
    tally.add([flag], [DIP])
    assert (tally.right, tally.false) == (int(right), int(not right))


def test_a_second_flag_on_one_span_finds_nothing_new():
    tally = Tally()
    tally.add([Raised(3, "low", 690), Raised(3, "low", 740)], [DIP, Span(9, "low", 0, 90)])
    assert (tally.precision, tally.recall, tally.delays) == (1.0, 0.5, [94])


def test_of_those_precise_enough_that_find_most_the_quickest_is_chosen():
    def row(precision: float, false: float, recall: float, delay: float) -> dict:
        told = {"precision": precision, "false_per_class_hour": false}
        return {**told, "recall": recall, "median_delay_s": delay}

    imprecise, alarming = row(0.8, 0.4, 0.9, 60), row(0.9, 0.6, 0.9, 60)
    slow, quick, few = row(0.9, 0.5, 0.7, 90), row(0.9, 0.5, 0.69, 85), row(0.9, 0.2, 0.5, 60)
    late = row(0.9, 0.5, 0.8, 91)
    assert scoring.chosen([imprecise, alarming, late, slow, quick, few]) is quick


def test_the_command_prints_three_rules_and_says_that_it_simulates():
    out = StringIO()
    call_command("evaluate_flags", "--json", "--lessons", "3", stdout=out)
    found = json.loads(out.getvalue())
    assert "simulated" in found["simulation"]
    assert found["ours"]["all"]["precision"] > 10 * found["chance"]["all"]["precision"]
    assert found["seeds"] == [1000, 1002]
    assert found["ours_by_label"] != found["ours"]
    assert found["ours_by_label"]["all"]["spans"] == found["ours"]["all"]["spans"]


def test_a_silly_number_of_lessons_is_refused():
    with pytest.raises(CommandError, match="--lessons is 0; choose 1 to 1000"):
        call_command("evaluate_flags", "--lessons", "0")
