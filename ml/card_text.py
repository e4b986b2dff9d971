"""The words of the model card around the figures that `ml.card` measured.

A sentence here may say what was done and what a figure means, never how large it is: every
number comes out of the sidecar or the measurement.
"""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import Any

from ml.labels import EMOTIONS

Told = dict[str, Any]
POINTS_ALLOWED = 6
"""What a worse picture may cost, as a point of comparison in the robustness table."""


def card(sidecar: Told, figures: Told) -> str:
    found = figures["evaluate"]
    parts = [
        f"# Model card: {found['model']}",
        _made(sidecar, figures),
        *_use(),
        *_what(sidecar),
        *_data(sidecar, found),
        *_weighed(sidecar["training"]["settings"]),
        *_protocol(sidecar, found),
        *_accuracy(found),
        *_classes(found),
        *_calibration(sidecar, found),
        *_whole_path(figures["whole_path"]),
        *_robustness(figures["robustness"]),
        *_speed(sidecar, figures["speed"]),
        *_unknown(found),
        *_settings(sidecar["training"]),
    ]
    return "\n\n".join(parts) + "\n"


def _made(sidecar: Told, figures: Told) -> str:
    return _said(
        f"Version {sidecar['version']}, measured {figures['measured']}. Written by "
        "`python -m ml.card` from `figures.json` and `emotions.json` beside it; do not edit."
    )


def _use() -> list[str]:
    return [
        "## What it is for",
        _said(
            "It reads one grey picture of a face as shares of seven expressions: "
            f"{', '.join(EMOTIONS)}. It says how an expression *reads*, not what anybody feels: "
            "a scowl often means something other than anger (Barrett et al. 2019, "
            "doi 10.1177/1529100619832930)."
        ),
        _said(
            "**Intended use.** Helping the teacher of a live online class notice where to look, "
            "together with what students say themselves, with their consent."
        ),
        _said(
            "**It must not be used** for grading, ranking, discipline, attendance, identity, "
            "hiring, lie detection, health, or any decision about a person. In the EU, inferring "
            "emotions in education is prohibited (AI Act, Art. 5(1)(f)); "
            "`EXPRESSION_ANALYSIS=off` turns it off."
        ),
    ]


def _what(sidecar: Told) -> list[str]:
    settings = sidecar["training"]["settings"]
    rows = [
        ["network", f"MobileNetV2 {settings['alpha']} (arXiv 1801.04381), seven-way head"],
        ["input", f"{sidecar['side']} × {sidecar['side']} px, grey, {sidecar['scale']}"],
        ["crop", f"BlazeFace box, margin {sidecar['crop']['margin']}"],
        ["epochs", _epochs(sidecar["training"])],
    ]
    for kind, file in sidecar["files"].items():
        told = f"`{file['path']}`, {file['bytes'] / 1e6:.2f} MB, sha256 `{file['sha256'][:16]}…`"
        rows.append([kind, told])
    return ["## What it is", _table(["", ""], rows)]


def _data(sidecar: Told, found: Told) -> list[str]:
    agree = found.get("ferplus_label_agreement")
    votes = (
        f" Where the taggers of FER+ have a majority, it is the label for {agree:.1%} of the "
        f"faces of {found['split']}."
        if agree is not None
        else ""
    )
    doubled = found.get("duplicates_of_train")
    twice = (
        f" {doubled} pictures of {found['split']} also stand in the training part, pixel for "
        "pixel; they were left out of training."
        if doubled is not None
        else ""
    )
    return [
        "## Data and its licence",
        _said(
            "FER2013 (Goodfellow et al. 2013, arXiv 1307.0414): 48 × 48 px grey faces found by "
            "searching the web for words of emotion, each with one label. It was handed out for "
            "a competition on Kaggle; the rights in the single pictures stay with their owners, "
            "and no licence for them was published. The votes of ten taggers per picture are "
            "FER+ (Barsoum et al., arXiv 1608.01041; MIT). No picture is part of this project. "
            f"Digest of the data read in training: `{sidecar['training']['data_sha256'][:16]}…`."
        ),
        _said(
            "**Known defects.** Many faces are posed; some pictures show no face, text or a "
            "drawing; the labels are noisy, and people agree with them for about 65 % "
            f"(Goodfellow et al.).{votes}{twice}"
        ),
    ]


def _weighed(settings: Told) -> list[str]:
    label, smoothing = settings.get("label_weight"), settings.get("smoothing", 0)
    if label is None:
        words = "How label and taggers were weighed stands in the settings at the end."
    else:
        words = (
            f"Where label and taggers differ, each training target is {label:g} of the FER2013 "
            f"label and {1 - label:.2g} of the shares of the FER+ votes, with label smoothing "
            f"{smoothing:g}. The accuracy below is against the label; the taggers are nearer to "
            "what a teacher would see, so their figure stands beside it."
        )
    return ["## How label and taggers were weighed", _said(words)]


def _protocol(sidecar: Told, found: Told) -> list[str]:
    settings = sidecar["training"]["settings"]
    return [
        "## Protocol",
        _said(
            f"Trained on `{settings.get('train_split', 'train')}`; temperature and threshold were "
            f"fitted on {settings.get('validation_share', 0):.0%} of it that were held out of "
            f"training. **`{found['split']}` was used for choosing between networks, so its "
            "figures are optimistic.** The private test was never opened here; whoever has it "
            "measures with `python -m ml.evaluate --data FILE --split private_test`. One crop, "
            "no averaging, through the classifier that the worker runs, on the int8 file."
        ),
    ]


def _accuracy(found: Told) -> list[str]:
    low, high = found["interval_95"]
    rows = [
        ["accuracy", f"**{found['accuracy']:.2%}**"],
        ["95 % interval (Wilson)", f"{low:.1%} to {high:.1%}"],
        ["macro-F1", f"{found['macro_f1']:.2%}"],
    ]
    if "accuracy_without_duplicates" in found:
        words = f"without {found['duplicates_of_train']} pictures that also stand in train"
        rows.append([words, f"{found['accuracy_without_duplicates']:.2%}"])
    rows.append(["mirrored face averaged in (not in the worker)", f"{found['accuracy_flip']:.2%}"])
    if "ferplus_majority_accuracy" in found:
        words = f"against the FER+ majority ({found['ferplus_majority_n']} faces with one)"
        rows.append([words, f"{found['ferplus_majority_accuracy']:.2%}"])
    if "accuracy_float" in found:
        points = f"{100 * found['float_minus_int8']:+.2f} points"
        rows.append(["the float file", f"{found['accuracy_float']:.2%} ({points})"])
    return ["## How good it is", _table([f"{found['split']}, {found['n']:,} faces", ""], rows)]


def _classes(found: Told) -> list[str]:
    each = found["per_class"]
    rows = [
        [name, *(f"{each[label][name]:.2f}" for label in EMOTIONS)]
        for name in ("precision", "recall", "f1")
    ]
    rows.append(["faces", *(str(each[label]["n"]) for label in EMOTIONS)])
    return [
        _table(["", *EMOTIONS], rows),
        "![Which expressions are read as which](confusion.svg)",
        _said(_worst(found)),
    ]


def _worst(found: Told) -> str:
    each = found["per_class"]
    worst = min(EMOTIONS, key=lambda label: each[label]["f1"])
    row = found["confusion"][EMOTIONS.index(worst)]
    wrong = sorted((k for k in range(7) if EMOTIONS[k] != worst), key=lambda k: -row[k])[:2]
    told = " and ".join(f"{EMOTIONS[k]} ({row[k]} of {sum(row)})" for k in wrong)
    return f"Read worst: {worst}, F1 {each[worst]['f1']:.2f}; it goes mostly to {told}."


def _calibration(sidecar: Told, found: Told) -> list[str]:
    shown = found["coverage"][0]
    rows = [
        [f"{level['unsure_below']:.2f}", f"{level['coverage']:.1%}", f"{level['accuracy']:.1%}"]
        for level in found["coverage"]
    ]
    return [
        "## When it is unsure",
        _said(
            f"{_temperature(sidecar['temperature'], found)} "
            f"Readings less than {shown['unsure_below']:.2f} sure are shown as *unsure*: that "
            f"leaves {shown['coverage']:.1%} of faces, {shown['accuracy']:.1%} of them read right. "
            f"With the surest 80 % of faces, {found['accuracy_at_80']:.1%} are."
        ),
        "![How often what is shown is right](abstain.svg)",
        _table(["unsure below", "faces shown", "of them right"], rows),
    ]


def _whole_path(path: Told) -> list[str]:
    rows = []
    for one in path["sizes"]:
        unread = [
            f"{name} {count}"
            for name, count in one["outcomes"].items()
            if name not in ("face", "unsure")
        ]
        row = [f"{one['px']} px", f"{one['found']:.1%}", f"{one['read']:.1%}"]
        if "accuracy" in one:
            points = f"{100 * one['difference']:+.1f}"
            row += [f"{one['accuracy']:.1%}", f"{one['direct_on_the_same']:.1%}", points]
        else:
            row += ["–", "–", "–"]
        unsure = one["outcomes"].get("unsure", 0) / max(1, path["n"])
        rows.append([*row, f"{unsure:.1%}", ", ".join(unread) or "none"])
    width, height = path["frame"]
    return [
        "## The whole path",
        _said(
            f"The same {path['n']:,} faces laid into {width} × {height} frames on soft grey "
            f"shades (seed {path['seed']}), JPEG quality {path['jpeg_quality']}, through the "
            "worker's own function: check, decode, find, judge, cut out, classify. *Direct* is "
            "the accuracy of the pictures themselves, on those faces that were read. FER2013's "
            "pictures end at the chin and the forehead, so a face with its head is found further "
            "away than these."
        ),
        _table(
            ["picture", "found", "read", "right", "direct", "points", "unsure", "not read"], rows
        ),
    ]


def _robustness(told: Told) -> list[str]:
    rows = [["clean", f"{told['clean']:.1%}", ""]]
    for name, one in told["under"].items():
        rows.append([name, f"{one['accuracy']:.1%}", f"{100 * one['difference']:+.1f}"])
    crop, worst = told["crop"], -100 * told["worst_difference"]
    within = "All stay within" if worst <= POINTS_ALLOWED else "Not all stay within"
    return [
        "## Worse pictures",
        _said(
            f"Changes made on the 48 px picture (seed {told['seed']}). {within} the "
            f"{POINTS_ALLOWED} points of clean that we ask for; the most lost is {worst:.1f}."
        ),
        _table(["", "accuracy", "points"], rows),
        _said(
            f"With the box up to {crop['jitter']:.0%} off (shifted each way, larger or smaller; "
            f"{crop['times']} times a face) {crop['answers_that_stay']:.1%} of answers stay, the "
            f"probabilities move by {crop['total_variation']:.3f} (mean total variation), and "
            f"{crop['accuracy']:.1%} are right."
        ),
    ]


def _speed(sidecar: Told, speed: Told) -> list[str]:
    return [
        "## Speed and size",
        _said(
            f"One core of {speed['cpu']}, other work beside it: {speed['classifier_per_second']} "
            f"faces a second through the network alone, {speed['whole_per_second']} pictures a "
            f"second from JPEG to reading ({speed['picture']}). `python -m ml.bench` compares "
            f"with the original's loop. The int8 file has "
            f"{sidecar['files']['int8']['bytes'] / 1e6:.2f} MB."
        ),
    ]


def _unknown(found: Told) -> list[str]:
    points = [
        "FER2013 has no record of age, origin, gender or disability, so **fairness across groups "
        "is not shown**. Systems like it have been shown to read groups differently (Rhue 2018), "
        "children worse than adults, and neurodivergent people wrongly. Expect the same here "
        "until measured.",
        "Live faces are neither grey nor posed nor 48 px wide. Poor light, glasses, masks and "
        "turned heads are harder; the tables above change pictures by computer, which is not the "
        "same as a room.",
        "Low and neutral expressions are normal while thinking; a neutral face says nothing "
        "about attention.",
        f"With {found['n']:,} faces the interval above is the measure of chance: two networks "
        "nearer to each other than its half-width may be equally good.",
    ]
    told = "\n".join(_said(f"- {point}").replace("\n", "\n  ") for point in points)
    return ["## What is not known, and what goes wrong", told]


def _settings(training: Told) -> list[str]:
    rows = [[f"`{name}`", _value(value)] for name, value in training["settings"].items()]
    return ["## Training settings", _table(["setting", "value"], rows)]


def _value(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {_value(item)}" for name, item in value.items())
    if isinstance(value, list):
        return "; ".join(_value(item) for item in value)
    return str(value)


def _epochs(training: Told) -> str:
    before = training["settings"].get("goes_on_from")
    return f"{training['epochs']}{f', going on from {before}' if before else ''}"


def _temperature(temperature: float, found: Told) -> str:
    error = f"the calibration error (ECE, 15 bins) is {found['ece']:.3f}"
    if temperature == 1:
        return (
            "One temperature (arXiv 1706.04599) was to be fitted, and stayed at 1, for it may "
            f"make answers less sure but not surer: {error}."
        )
    return (
        f"Sureness is calibrated by one temperature, {temperature} (arXiv 1706.04599): {error}, "
        f"and {found['ece_before']:.3f} without."
    )


def _said(words: str) -> str:
    return textwrap.fill(words, 118, break_long_words=False, break_on_hyphens=False)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
