"""The seven expressions, in the one order that every array, file and chart uses.

Alphabetical, as FER2013's folders sort; the trained network's sidecar repeats the list and the
classifier refuses a file whose list differs, so a label can never silently move.
"""

from __future__ import annotations

EMOTIONS: tuple[str, ...] = (
    "angry",
    "disgust",
    "fear",
    "happy",
    "neutral",
    "sad",
    "surprise",
)
"""Index = position in every probability vector, shape (7,)."""

ANGRY, DISGUST, FEAR, HAPPY, NEUTRAL, SAD, SURPRISE = range(7)

LOW = (ANGRY, DISGUST, FEAR, SAD)
"""What the simple view sums up as "low"."""

FERPLUS_COLUMNS: dict[str, str] = {
    "neutral": "neutral",
    "happiness": "happy",
    "surprise": "surprise",
    "sadness": "sad",
    "anger": "angry",
    "disgust": "disgust",
    "fear": "fear",
}
"""FER+ tagger columns that name one of ours; contempt, unknown and "not a face" have no match."""
