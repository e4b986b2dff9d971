"""What each student answered to which version of the notice; rows are only ever added.

Joining with a camera is consent to its pictures being read; joining without one records that no
consent was given. Withdrawing adds an answer and deletes what was measured, together or not at all.
"""

from __future__ import annotations

from collections.abc import Callable

from django.db import transaction

from classroom.models import Consent, Participant

# Raise it whenever the words of the notice change what they promise.
NOTICE_VERSION = "2026-11"


def record(participant: Participant, given: bool) -> Consent:
    return Consent.objects.create(
        participant=participant, given=given, notice_version=NOTICE_VERSION
    )


def is_given(participant: Participant) -> bool:
    """The latest answer counts; an answer to another version of the notice is no answer."""
    latest = participant.consents.order_by("-made_at", "-pk").first()
    return latest is not None and latest.given and latest.notice_version == NOTICE_VERSION


@transaction.atomic
def give(participant: Participant) -> None:
    record(participant, True)
    set_camera(participant, Participant.Camera.ON)


@transaction.atomic
def withdraw(
    participant: Participant, *, delete: Callable[[Participant], object] | None = None
) -> None:
    """Take consent back. `delete` removes what was measured of this student."""
    record(participant, False)
    set_camera(participant, Participant.Camera.NONE)
    if delete is not None:
        delete(participant)


def set_camera(participant: Participant, camera: str) -> None:
    participant.camera = camera
    participant.save(update_fields=["camera"])
