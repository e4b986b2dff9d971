"""The words of the model card around the figures that `ml.card` measured.

A sentence here may say what was done and what a figure means, never how large it is: every
number comes out of the sidecar or the measurement.
"""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import Any

from ml.calibration import HARDER
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
        ["input", f"{_side(sidecar)}, grey, {sidecar['scale']}"],
        ["crop", f"BlazeFace box, margin {sidecar['crop']['margin']}"],
        ["epochs", _epochs(sidecar["training"])],
    ]
    for kind, file in sidecar["files"].items():
        told = f"`{file['path']}`, {file['bytes'] / 1e6:.2f} MB, sha256 `{file['sha256'][:16]}…`"
        rows.append([kind, told])
    return ["## What it is", _table(["", ""], rows)]


def _side(sidecar: Told) -> str:
    side, learnt = sidecar["side"], sidecar["training"]["settings"]["stages"][-1]["side"]
    told = f"{side} × {side} px"
    return told if side == learnt else f"{told} (learnt from faces of {learnt} px)"


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
            f"{smoothing:g}. {_taught(settings)}"
            "Labels call far fewer faces neutral than people do, so one network is read in two "
            "ways, each with a temperature and seven shifts fitted on held-out "
            "training faces (prior shift, Saerens et al. 2002, doi 10.1162/089976602753284446). "
            "*As shown* follows the taggers, who are nearer to what a teacher would see: this is "
            "what the worker says. *As labelled* follows the labels, and serves only to compare "
            "with other networks, which learnt labels alone."
        )
    return ["## How label and taggers were weighed", _said(words)]


def _taught(settings: Told) -> str:
    if not settings.get("teacher"):
        return ""
    return (
        f"Then {settings['teacher_weight']:g} of it gave way to what earlier networks, learnt from "
        "the same targets, say of the face (distillation, arXiv 1503.02531). "
    )


def _protocol(sidecar: Told, found: Told) -> list[str]:
    settings = sidecar["training"]["settings"]
    return [
        "## Protocol",
        _said(
            f"Trained on `{settings.get('train_split', 'train')}`; readings and threshold were "
            f"fitted on {settings.get('validation_share', 0):.0%} of it that were held out of "
            f"training. **`{found['split']}` was used for choosing between networks, so its "
            "figures are optimistic.** The private test was never opened here; whoever has it "
            "measures with `python -m ml.evaluate --data FILE --split private_test`. One crop, "
            "no averaging, through the classifier that the worker runs, on the int8 file."
        ),
    ]


def _accuracy(found: Told) -> list[str]:
    low, high = found["interval_95"]
    shown = found["shown"]
    rows = [
        ["accuracy, read as labelled", f"**{found['accuracy']:.2%}**"],
        ["95 % interval (Wilson)", f"{low:.1%} to {high:.1%}"],
        ["macro-F1", f"{found['macro_f1']:.2%}"],
    ]
    if "accuracy_without_duplicates" in found:
        words = f"without {found['duplicates_of_train']} pictures that also stand in train"
        rows.append([words, f"{found['accuracy_without_duplicates']:.2%}"])
    rows.append(["mirrored face averaged in (not in the worker)", f"{found['accuracy_flip']:.2%}"])
    if "accuracy_float" in found:
        points = f"{100 * found['float_minus_int8']:+.2f} points"
        rows.append(["the float file", f"{found['accuracy_float']:.2%} ({points})"])
    seen = [["FER2013's label", f"{shown['accuracy_by_label']:.2%}", f"{found['accuracy']:.2%}"]]
    if "ferplus_majority_accuracy" in found:
        words = f"FER+ majority, {found['ferplus_majority_n']} faces: what most taggers saw"
        both = (found["ferplus_majority_accuracy"], found["ferplus_majority_as_labelled"])
        seen.append([words, f"**{both[0]:.2%}**", f"{both[1]:.2%}"])
    return [
        "## How good it is",
        _table([f"against the labels, {found['split']}, {found['n']:,} faces", ""], rows),
        "Both readings against both kinds of people:",
        _table(["right by", "as shown", "as labelled"], seen),
    ]


def _classes(found: Told) -> list[str]:
    return [
        _table(["as labelled, by labels", *EMOTIONS], _by_class(found)),
        _table(["as shown, by most taggers", *EMOTIONS], _by_class(found["shown"])),
        "![Which expressions are read as which](confusion.svg)",
        _said(_worst(found["shown"])),
    ]


def _by_class(told: Told) -> list[list[str]]:
    each = told["per_class"]
    rows = [
        [name, *(f"{each[label][name]:.2f}" for label in EMOTIONS)]
        for name in ("precision", "recall", "f1")
    ]
    return [*rows, ["faces", *(str(each[label]["n"]) for label in EMOTIONS)]]


def _worst(found: Told) -> str:
    each = found["per_class"]
    worst = min(EMOTIONS, key=lambda label: each[label]["f1"])
    row = found["confusion"][EMOTIONS.index(worst)]
    wrong = sorted((k for k in range(7) if EMOTIONS[k] != worst), key=lambda k: -row[k])[:2]
    told = " and ".join(f"{EMOTIONS[k]} ({row[k]} of {sum(row)})" for k in wrong)
    return f"Shown worst: {worst}, F1 {each[worst]['f1']:.2f}; it goes mostly to {told}."


def _calibration(sidecar: Told, found: Told) -> list[str]:
    shown = found["shown"]
    least = shown["coverage"][0]
    rows = [
        [f"{level['unsure_below']:.2f}", f"{level['coverage']:.1%}", f"{level['accuracy']:.1%}"]
        for level in shown["coverage"]
    ]
    return [
        "## When it is unsure",
        _said(
            f"{_calibrated(sidecar, found)} Readings less than {least['unsure_below']:.2f} sure "
            f"are shown as *unsure*: that leaves {least['coverage']:.1%} of faces, and most "
            f"taggers agree with {least['accuracy']:.1%} of those. Of the surest 80 % they agree "
            f"with {shown['accuracy_at_80']:.1%}; read as labelled, {found['accuracy_at_80']:.1%} "
            "of the surest 80 % are as labelled."
        ),
        "![How often the less sure are worth leaving out](abstain.svg)",
        _table(["unsure below", "faces shown", "as most taggers say"], rows),
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
            "worker's own function: check, decode, find, judge, cut out, classify. Right is what "
            "most taggers saw. *Direct* is that of the pictures themselves, on those faces that "
            "were read. FER2013's "
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
            f"Changes made on the 48 px picture (seed {told['seed']}), read as shown; right is "
            f"what most taggers saw. {within} the "
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
    runs = training.get("averaged", 1)
    told = f"{training['epochs']}{f', going on from {before}' if before else ''}"
    return told if runs == 1 else f"{told}; the mean of {runs} such runs' weights"


def _calibrated(sidecar: Told, found: Told) -> str:
    heat, labelled = (sidecar[name]["temperature"] for name in ("shown", "labelled"))
    return (
        f"Read as labelled (temperature {labelled:g}, arXiv 1706.04599; fitted on held-out "
        f"faces and widened by {HARDER - 1:.0%}, a share chosen on {found['split']}) the "
        f"calibration error (ECE, 15 bins) is **{found['ece']:.3f}**, and "
        f"{found['ece_before']:.3f} of the bare scores. What is shown (temperature {heat:g}) says "
        "how the votes of ten "
        "people would be shared out, not how often most of them agree, and so it is less sure "
        f"than it is right: its ECE against their majority is {found['shown']['ece']:.3f}."
    )


def _said(words: str) -> str:
    return textwrap.fill(words, 118, break_long_words=False, break_on_hyphens=False)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
