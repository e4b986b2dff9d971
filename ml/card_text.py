"""The model card: what the network is and is for, its data and its limits, in words.

A sentence here may say what was done and what a figure means, never how large it is: every
number comes out of the sidecar or the measurement. `ml.card_figures` has the measured sections.
"""

from __future__ import annotations

from typing import Any

from ml import card_figures
from ml.labels import EMOTIONS
from ml.markdown import said, table

Told = dict[str, Any]


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
        *card_figures.accuracy(found),
        *card_figures.classes(found),
        *card_figures.calibration(sidecar, found),
        *card_figures.whole_path(figures["whole_path"]),
        *card_figures.robustness(figures["robustness"]),
        *card_figures.speed(sidecar, figures["speed"]),
        *_unknown(found),
        *_settings(sidecar["training"]),
    ]
    return "\n\n".join(parts) + "\n"


def _made(sidecar: Told, figures: Told) -> str:
    return said(
        f"Version {sidecar['version']}, measured {figures['measured']}. Written by "
        "`python -m ml.card` from `figures.json` and `emotions.json` beside it; do not edit."
    )


def _use() -> list[str]:
    return [
        "## What it is for",
        said(
            "It reads one grey picture of a face as shares of seven expressions: "
            f"{', '.join(EMOTIONS)}. It says how an expression *reads*, not what anybody feels: "
            "a scowl often means something other than anger (Barrett et al. 2019, "
            "doi 10.1177/1529100619832930)."
        ),
        said(
            "**Intended use.** Helping the teacher of a live online class notice where to look, "
            "together with what students say themselves, with their consent."
        ),
        said(
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
    return ["## What it is", table(["", ""], rows)]


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
    left_out = (
        "they were left out of training"
        if found["split"] == card_figures.chosen_on(sidecar)
        else "those were learnt"
    )
    twice = (
        f" {doubled} pictures of {found['split']} also stand in the training part, pixel for "
        f"pixel; {left_out}."
        if doubled is not None
        else ""
    )
    return [
        "## Data and its licence",
        said(
            "FER2013 (Goodfellow et al. 2013, arXiv 1307.0414): 48 × 48 px grey faces found by "
            "searching the web for words of emotion, each with one label. It was handed out for "
            "a competition on Kaggle; the rights in the single pictures stay with their owners, "
            "and no licence for them was published. The votes of ten taggers per picture are "
            "FER+ (Barsoum et al., arXiv 1608.01041; MIT). No picture is part of this project. "
            f"Digest of the data read in training: `{sidecar['training']['data_sha256'][:16]}…`."
        ),
        said(
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
    return ["## How label and taggers were weighed", said(words)]


def _taught(settings: Told) -> str:
    if not settings.get("teacher"):
        return ""
    return (
        f"Then {settings['teacher_weight']:g} of it gave way to what earlier networks, learnt from "
        "the same targets, say of the face (distillation, arXiv 1503.02531). "
    )


def _protocol(sidecar: Told, found: Told) -> list[str]:
    settings, chosen = sidecar["training"]["settings"], card_figures.chosen_on(sidecar)
    own = "its figures are" if found["split"] == chosen else "figures of it, not these, are"
    private = (
        "The private test was never opened here; whoever has it measures with "
        "`python -m ml.evaluate --data FILE --split private_test`."
        if found["split"] == chosen
        else f"The figures here are of `{found['split']}`."
    )
    return [
        "## Protocol",
        said(
            f"Trained on `{settings.get('train_split', 'train')}`; readings and threshold were "
            f"fitted on {settings.get('validation_share', 0):.0%} of it that were held out of "
            f"training. **`{chosen}` was used for choosing between networks, so {own} "
            f"optimistic.** {private} One crop, "
            "no averaging, through the classifier that the worker runs, on the int8 file."
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
    told = "\n".join(said(f"- {point}").replace("\n", "\n  ") for point in points)
    return ["## What is not known, and what goes wrong", told]


def _settings(training: Told) -> list[str]:
    rows = [[f"`{name}`", _value(value)] for name, value in training["settings"].items()]
    return ["## Training settings", table(["setting", "value"], rows)]


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
