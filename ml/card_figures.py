"""The model card's measured sections: how right, how sure, along the whole path, how fast.

A sentence here says what was measured and what the figure means; the figure itself comes out of
the sidecar or of `figures.json`.
"""

from __future__ import annotations

from typing import Any

from ml.calibration import HARDER
from ml.labels import EMOTIONS
from ml.markdown import said, table

Told = dict[str, Any]
POINTS_ALLOWED = 6
"""What a worse picture may cost, as a point of comparison in the robustness table."""


def chosen_on(sidecar: Told) -> str:
    """The split that networks were chosen on, whichever is measured."""
    return str(sidecar["training"]["settings"].get("check_split", "public_test"))


def accuracy(found: Told) -> list[str]:
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
        table([f"against the labels, {found['split']}, {found['n']:,} faces", ""], rows),
        "Both readings against both kinds of people:",
        table(["right by", "as shown", "as labelled"], seen),
    ]


def classes(found: Told) -> list[str]:
    return [
        table(["as labelled, by labels", *EMOTIONS], _by_class(found)),
        table(["as shown, by most taggers", *EMOTIONS], _by_class(found["shown"])),
        "![Which expressions are read as which](confusion.svg)",
        said(_worst(found["shown"])),
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


def calibration(sidecar: Told, found: Told) -> list[str]:
    shown = found["shown"]
    least = shown["coverage"][0]
    rows = [
        [f"{level['unsure_below']:.2f}", f"{level['coverage']:.1%}", f"{level['accuracy']:.1%}"]
        for level in shown["coverage"]
    ]
    return [
        "## When it is unsure",
        said(
            f"{_calibrated(sidecar, found)} Readings less than {least['unsure_below']:.2f} sure "
            f"are shown as *unsure*: that leaves {least['coverage']:.1%} of faces, and most "
            f"taggers agree with {least['accuracy']:.1%} of those. Of the surest 80 % they agree "
            f"with {shown['accuracy_at_80']:.1%}; read as labelled, {found['accuracy_at_80']:.1%} "
            "of the surest 80 % are as labelled."
        ),
        "![How often the less sure are worth leaving out](abstain.svg)",
        table(["unsure below", "faces shown", "as most taggers say"], rows),
    ]


def _calibrated(sidecar: Told, found: Told) -> str:
    heat, labelled = (sidecar[name]["temperature"] for name in ("shown", "labelled"))
    return (
        f"Read as labelled (temperature {labelled:g}, arXiv 1706.04599; fitted on held-out "
        f"faces and widened by {HARDER - 1:.0%}, a share chosen on {chosen_on(sidecar)}) the "
        f"calibration error (ECE, 15 bins) is **{found['ece']:.3f}**, and "
        f"{found['ece_before']:.3f} of the bare scores. What is shown (temperature {heat:g}) says "
        "how the votes of ten "
        "people would be shared out, not how often most of them agree, and so it is less sure "
        f"than it is right: its ECE against their majority is {found['shown']['ece']:.3f}."
    )


def whole_path(path: Told) -> list[str]:
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
        said(
            f"The same {path['n']:,} faces laid into {width} × {height} frames on soft grey "
            f"shades (seed {path['seed']}), JPEG quality {path['jpeg_quality']}, through the "
            "worker's own function: check, decode, find, judge, cut out, classify. Right is what "
            "most taggers saw. *Direct* is that of the pictures themselves, on those faces that "
            "were read. FER2013's "
            "pictures end at the chin and the forehead, so a face with its head is found further "
            "away than these."
        ),
        table(
            ["picture", "found", "read", "right", "direct", "points", "unsure", "not read"], rows
        ),
    ]


def robustness(told: Told) -> list[str]:
    rows = [["clean", f"{told['clean']:.1%}", ""]]
    for name, one in told["under"].items():
        rows.append([name, f"{one['accuracy']:.1%}", f"{100 * one['difference']:+.1f}"])
    crop, worst = told["crop"], -100 * told["worst_difference"]
    within = "All stay within" if worst <= POINTS_ALLOWED else "Not all stay within"
    return [
        "## Worse pictures",
        said(
            f"Changes made on the 48 px picture (seed {told['seed']}), read as shown; right is "
            f"what most taggers saw. {within} the "
            f"{POINTS_ALLOWED} points of clean that we ask for; the most lost is {worst:.1f}."
        ),
        table(["", "accuracy", "points"], rows),
        said(
            f"With the box up to {crop['jitter']:.0%} off (shifted each way, larger or smaller; "
            f"{crop['times']} times a face) {crop['answers_that_stay']:.1%} of answers stay, the "
            f"probabilities move by {crop['total_variation']:.3f} (mean total variation), and "
            f"{crop['accuracy']:.1%} are right."
        ),
    ]


def speed(sidecar: Told, speed: Told) -> list[str]:
    return [
        "## Speed and size",
        said(
            f"One core of {speed['cpu']}, other work beside it: {speed['classifier_per_second']} "
            f"faces a second through the network alone, {speed['whole_per_second']} pictures a "
            f"second from JPEG to reading ({speed['picture']}). `python -m ml.bench` compares "
            f"with the original's loop. The int8 file has "
            f"{sidecar['files']['int8']['bytes'] / 1e6:.2f} MB."
        ),
    ]
