"""How a lesson is joined from elsewhere: its link, its QR code, and whether a camera works there.

Browsers give the camera only to https and to the machine itself, so a link that other devices can
open and a link that lets them use a camera are not always the same.
"""

from __future__ import annotations

import io
import ipaddress

import segno
from django.conf import settings
from django.http import HttpRequest
from django.http.request import split_domain_port
from django.urls import reverse

from classroom import lessons
from classroom.models import Lesson


def link(request: HttpRequest, lesson: Lesson) -> str:
    """The join link at the very address that the teacher's page was opened at.

    Opened as https://localhost on a machine that answers to other names too, the first of these
    is taken, because nobody else's localhost is this machine.
    """
    path = reverse("join", args=[lessons.grouped(lesson.code)])
    return f"{request.scheme}://{outside_host(request)}{path}"


def outside_host(request: HttpRequest) -> str:
    host = request.get_host()
    names = [name for name in settings.ALLOWED_HOSTS if is_one_name(name)]
    if not (request.is_secure() and is_this_machine(host) and names):
        return host
    _domain, port = split_domain_port(host)
    return f"{names[0]}:{port}" if port else names[0]


def is_one_name(allowed: str) -> bool:
    """An allowed host that stands for one name or address, outside this machine."""
    return not allowed.startswith((".", "*")) and not is_this_machine(allowed)


def qr(address: str) -> str:
    """The address as an SVG drawing, dark on white in dark mode too, so that phones read it."""
    out = io.BytesIO()
    code = segno.make(address, error="m")
    code.save(out, kind="svg", scale=8, border=2, dark="#17202b", light="#ffffff", xmldecl=False)
    return out.getvalue().decode()


def only_here(request: HttpRequest) -> bool:
    """The link leads to this computer from this computer alone."""
    return is_this_machine(outside_host(request))


def is_this_machine(host: str) -> bool:
    domain, _port = split_domain_port(host.lower())
    name = domain.strip("[]")
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def camera_possible(request: HttpRequest) -> bool:
    return request.is_secure() or is_this_machine(request.get_host())
