"""Students in a lesson: how they come in, what they are called, and how they leave.

The same browser is the same participant, by the key in its cookie. Two of one name become "Asha"
and "Asha (2)"; the unique constraint settles who was first. A removed student stays out until
readmitted; an erased one leaves nothing but a line in the audit trail.
"""

from __future__ import annotations

import unicodedata
import uuid
from datetime import datetime

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from classroom import audit, consent
from classroom.models import NAME_LENGTH, Lesson, Participant
from classroom.sockets import ENDED, NO_TOKEN, NOT_YOURS
from classroom.texts import BIDI_CONTROLS, is_hidden
from classroom.tokens import Claim

# Far above any class; it keeps a script with the join link from filling the database.
MOST_PARTICIPANTS = 2000
MOST_MARKS = 4
TRIES = 200


class BadName(ValueError):
    """The message says what is wrong with the name and what to do."""


class NotAdmitted(Exception):
    """`code` is the WebSocket close code, `words` are for the student."""

    def __init__(self, code: int, words: str) -> None:
        super().__init__(words)
        self.code = code
        self.words = words


class Full(Exception):
    """The lesson has no place left."""


def clean_name(raw: str) -> str:
    """The name as it will be shown, or BadName."""
    if len(raw) > 4 * NAME_LENGTH:
        raise BadName(too_long())
    name = unicodedata.normalize("NFC", raw.strip())
    refuse_hidden(name)
    name = " ".join(name.split())
    if len(name) > NAME_LENGTH:
        raise BadName(too_long())
    if not any(unicodedata.category(letter)[0] in "LN" for letter in name):
        raise BadName(_("Write your name with at least one letter."))
    return name


def too_long() -> str:
    return _("This name is too long. Use at most %(most)d characters.") % {"most": NAME_LENGTH}


def refuse_hidden(name: str) -> None:
    """Refuse what could make a name show as another one, or as nothing."""
    if any(letter in BIDI_CONTROLS for letter in name):
        raise BadName(_("This name holds marks that turn text around. Type it again without them."))
    if any(is_hidden(letter) for letter in name):
        raise BadName(_("This name holds characters that cannot be shown. Type it again."))
    if most_marks(name) > MOST_MARKS:
        raise BadName(_("This name has too many marks on one letter. Type it again."))


def most_marks(name: str) -> int:
    most = run = 0
    for letter in name:
        run = run + 1 if unicodedata.category(letter) == "Mn" else 0
        most = max(most, run)
    return most


@transaction.atomic
def join(lesson: Lesson, name: str, camera: bool, *, key: uuid.UUID | None = None) -> Participant:
    """Let a student in, or back in. `camera` is the answer to the notice, `key` is the browser's:
    the same key is the same participant.
    """
    name = clean_name(name)
    camera = camera and lesson.analysis
    participant = find(lesson, key) or enter(lesson, name, camera, key or uuid.uuid4())
    refuse_removed(participant)
    come_back(participant, name, camera)
    consent.record(participant, camera)
    return participant


def find(lesson: Lesson, key: uuid.UUID | None) -> Participant | None:
    return lesson.participants.filter(key=key).first() if key else None


def enter(lesson: Lesson, name: str, camera: bool, key: uuid.UUID) -> Participant:
    if lesson.participants.count() >= MOST_PARTICIPANTS:
        raise Full(_("This lesson is full. Ask your teacher."))
    participant = Participant(lesson=lesson, camera=camera_of(camera), key=key)
    save_under_free_name(participant, name)
    # The second click of a double click finds what the first one made.
    return participant if participant.pk else lesson.participants.get(key=key)


def come_back(participant: Participant, name: str, camera: bool) -> None:
    participant.camera = camera_of(camera)
    participant.left_at = None
    participant.save(update_fields=["camera", "left_at"])
    if not is_called(participant, name):
        save_under_free_name(participant, name)


def camera_of(on: bool) -> str:
    return Participant.Camera.ON if on else Participant.Camera.NONE


def is_called(participant: Participant, name: str) -> bool:
    """Whether this is the name already, the number we gave it aside."""
    own = participant.name
    return own == name or (own.startswith(f"{name} (") and own[len(name) + 2 : -1].isdigit())


def save_under_free_name(participant: Participant, name: str) -> None:
    """Save as `name`, or with the first free number behind it; not at all if the key is taken."""
    others = Participant.objects.filter(lesson=participant.lesson).exclude(pk=participant.pk)
    for number in range(1, TRIES + 1):
        participant.name = numbered(name, number)
        if others.filter(name=participant.name).exists():
            continue
        try:
            with transaction.atomic():
                participant.save(update_fields=["name"] if participant.pk else None)
        except IntegrityError:
            if others.filter(key=participant.key).exists():
                return
            continue
        return
    raise BadName(_("Many students have this name already. Add your family name."))


def numbered(name: str, number: int) -> str:
    end = f" ({number})" if number > 1 else ""
    return name[: NAME_LENGTH - len(end)].rstrip() + end


def admit(lesson: Lesson, claim: Claim) -> Participant:
    """The participant behind a claim, if it still counts."""
    participant = find(lesson, claim.key)
    if participant is None or participant.pk != claim.participant:
        raise NotAdmitted(NO_TOKEN, _("You are not in this lesson. Join again with the link."))
    refuse_removed(participant)
    if not lesson.is_open:
        raise NotAdmitted(ENDED, _("This lesson has ended."))
    return participant


def refuse_removed(participant: Participant) -> None:
    if participant.removed_at is not None:
        raise NotAdmitted(
            NOT_YOURS, _("Your teacher removed you from this lesson. Ask your teacher.")
        )


def rename(participant: Participant, name: str) -> None:
    save_under_free_name(participant, clean_name(name))


@transaction.atomic
def remove(participant: Participant, *, by: object = None, now: datetime | None = None) -> None:
    participant.removed_at = now or timezone.now()
    participant.save(update_fields=["removed_at"])
    subject = audit.subject_of(participant)
    audit.append(by, "student removed", f"lesson {participant.lesson_id}", subject)


def readmit(participant: Participant) -> None:
    participant.removed_at = None
    participant.save(update_fields=["removed_at"])


def leave(participant: Participant, *, now: datetime | None = None) -> None:
    participant.left_at = now or timezone.now()
    participant.save(update_fields=["left_at"])


@transaction.atomic
def erase(participant: Participant, *, by: object = None) -> None:
    """Delete a student and every row about the student; the trail keeps that it happened."""
    # First of all the student, as whoever stores slices does: in one order nobody waits for ever.
    Participant.objects.select_for_update().filter(pk=participant.pk).first()
    subject = audit.subject_of(participant)
    audit.append(by, "student erased", f"lesson {participant.lesson_id}", subject)
    participant.delete()
