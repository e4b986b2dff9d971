"""Environment variables: understood, or refused by name."""

from __future__ import annotations

import pytest
from django.core.exceptions import ImproperlyConfigured

from classroom import env
from tests import running


def test_words_for_yes_and_no(monkeypatch):
    for word, meaning in (("1", True), ("On", True), ("no", False), ("FALSE", False)):
        monkeypatch.setenv("A_FLAG", word)
        assert env.flag("A_FLAG", not meaning) is meaning


def test_unset_and_empty_give_the_default(monkeypatch):
    monkeypatch.delenv("A_FLAG", raising=False)
    assert env.flag("A_FLAG", True) is True
    monkeypatch.setenv("A_FLAG", "  ")
    assert env.flag("A_FLAG", True) is True
    assert env.number("A_FLAG", 2.5, least=0, most=9) == 2.5


@pytest.mark.parametrize(
    ("read", "word", "says"),
    [
        (lambda: env.flag("ODD", False), "maybe", "ODD is 'maybe'; write on or off"),
        (lambda: env.number("ODD", 1, least=0, most=9), "ten", "ODD is 'ten'; write a number"),
        (lambda: env.number("ODD", 1, least=0, most=9), "10", "ODD is 10; it must be from 0 to 9"),
        (lambda: env.number("ODD", 1, least=0, most=9), "nan", "must be from 0 to 9"),
        (lambda: env.whole("ODD", 1, least=0, most=9), "1.5", "write a whole number"),
        (lambda: env.choice("ODD", "", words=("on", "off")), "of", "write one of: on, off"),
        (lambda: env.zone("ODD", "UTC"), "Kolkata", "such as Asia/Kolkata"),
        (lambda: env.zone("ODD", "UTC"), "/etc/passwd", "such as Asia/Kolkata"),
    ],
)
def test_what_is_not_understood_is_refused_by_name(monkeypatch, read, word, says):
    monkeypatch.setenv("ODD", word)
    with pytest.raises(ImproperlyConfigured, match="ODD") as refusal:
        read()
    assert says in str(refusal.value)


def test_listing_drops_blanks(monkeypatch):
    monkeypatch.setenv("NAMES", " a.example, ,b.example ,")
    assert env.listing("NAMES") == ["a.example", "b.example"]


def test_secret_comes_from_the_file_that_is_named(monkeypatch, tmp_path):
    (tmp_path / "key").write_text("hush\n")
    monkeypatch.setenv("A_SECRET", "not this one")
    monkeypatch.setenv("A_SECRET_FILE", str(tmp_path / "key"))
    assert env.secret("A_SECRET") == "hush"


def test_unreadable_secret_file_is_named(monkeypatch, tmp_path):
    monkeypatch.setenv("A_SECRET_FILE", str(tmp_path / "none"))
    with pytest.raises(ImproperlyConfigured, match="A_SECRET_FILE cannot be read"):
        env.secret("A_SECRET")


def test_time_zone_has_a_name(monkeypatch):
    monkeypatch.setenv("ZONE", "Asia/Kolkata")
    assert env.zone("ZONE", "UTC") == "Asia/Kolkata"


def test_command_line_names_the_setting_in_one_line(tmp_path):
    refused = running.manage(tmp_path, "check", AWAY_AFTER_S="soon")
    assert refused.returncode == 1
    assert refused.stderr == "Settings: AWAY_AFTER_S is 'soon'; write a number.\n"


def test_time_zone_is_the_machines_own(tmp_path):
    link = tmp_path / "localtime"
    link.symlink_to("/usr/share/zoneinfo/Asia/Kolkata")
    assert env.local_time_zone(link) == "Asia/Kolkata"


def test_machine_without_a_time_zone_keeps_utc(tmp_path):
    assert env.local_time_zone(tmp_path / "localtime") == "UTC"
