"""Cameras need https on every name but localhost: with it they stream, without it pages say why."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from playwright.sync_api import expect

from tests import pages
from tests.camera import FakeCamera
from tests.running import Served

pytestmark = pytest.mark.browser

NAME = "pulse.test"
THIS_MACHINE = f"--host-resolver-rules=MAP {NAME} 127.0.0.1"


def trust(served: Served) -> str:
    """The flag with which Chromium trusts this one key, as a person who accepted it would."""
    pem = (served.data / "tls" / "certificate.pem").read_bytes()
    key = x509.load_pem_x509_certificate(pem).public_key()
    digest = hashlib.sha256(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))
    return f"--ignore-certificate-errors-spki-list={base64.b64encode(digest.digest()).decode()}"


def test_https_name_joins_and_streams(
    serving: Callable[..., Served], chromium: Callable[..., Any], tmp_path: Path
) -> None:
    camera = FakeCamera(tmp_path / "camera.y4m")
    camera.show_face()
    served = serving("--https", HTTPS_NAMES=NAME, EXPRESSION_ANALYSIS="on")
    pages.account(served)
    browser = chromium(THIS_MACHINE, trust(served), camera=camera.path)
    teacher, student = pages.page_of(browser), pages.page_of(browser)
    url = f"https://{NAME}:{served.port}"
    pages.log_in(teacher, url)
    link = pages.start_lesson(teacher, url)
    assert link.startswith(url)
    pages.join(student, link)
    assert student.evaluate("window.isSecureContext")
    expect(pages.words(teacher)).to_contain_text("reads as happy")


def test_plain_http_name_says_why_there_is_no_camera(
    serving: Callable[..., Served], chromium: Callable[..., Any]
) -> None:
    served = serving(EXPRESSION_ANALYSIS="on", ALLOWED_HOSTS=NAME, SECRET_KEY="s" * 60)
    pages.account(served)
    browser = chromium(THIS_MACHINE)
    teacher, student = pages.page_of(browser), pages.page_of(browser)
    url = f"http://{NAME}:{served.port}"
    pages.log_in(teacher, url)
    link = pages.start_lesson(teacher, url)
    teacher.get_by_role("button", name="Invite").click()
    sheet = teacher.locator("#invite")
    expect(sheet).to_contain_text("because the address isn't https. Taps work.")
    pages.join(student, link)
    expect(student.locator("#notice")).to_contain_text("This address can't use a camera.")
    expect(pages.words(teacher)).to_have_text("no camera")
    student.get_by_role("button", name="Lost").click()
    expect(student.locator("#taps")).to_contain_text("fades in")
