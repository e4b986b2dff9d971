"""From a printed link to a choice about faces: once, by the owner, with nothing preselected."""

from __future__ import annotations

import re

from django.contrib.auth import get_user_model
from django.core.cache import cache
from django.test import TestCase, override_settings
from django.urls import reverse

from classroom import installation, setup
from classroom.models import AuditEntry, Installation
from tests import make

BASE = "http://localhost:8000"
ACCOUNT = {
    "first_name": "Ada",
    "username": "ada",
    "password1": "a-long-pass-phrase",
    "password2": "a-long-pass-phrase",
}
USED = "This set-up link was already used. Print a new one on the server."


class LinkTest(TestCase):
    def test_link_opens_the_first_step(self):
        link = setup.link(BASE)
        self.assertTrue(link.startswith(f"{BASE}/setup/"))
        page = self.client.get(link)
        self.assertContains(page, "1 of 3")
        self.assertContains(page, "Your account")

    def test_only_the_digest_is_kept(self):
        token = setup.link(BASE).rstrip("/").rsplit("/", 1)[1]
        row = Installation.objects.get()
        self.assertEqual(row.setup_digest, setup.digest(token))
        self.assertNotIn(token, str(vars(row)))

    def test_new_link_voids_the_one_before(self):
        old = setup.link(BASE)
        new = setup.link(BASE)
        page = self.client.get(old)
        self.assertContains(page, "Use the one printed last.", status_code=410)
        self.assertEqual(self.client.get(new).status_code, 200)

    def test_no_link_where_an_account_exists(self):
        make.admin()
        self.assertIsNone(setup.link(BASE))

    def test_invented_token_opens_nothing(self):
        setup.link(BASE)
        self.assertEqual(self.client.get("/setup/invented/").status_code, 410)

    def test_empty_token_of_a_new_installation_opens_nothing(self):
        Installation.objects.create(pk=1)
        self.assertIs(setup.look_up(""), setup.Link.VOID)

    def test_home_without_accounts_says_where_the_link_is(self):
        self.assertContains(self.client.get("/"), "The server printed a set-up link")


class AccountTest(TestCase):
    def setUp(self):
        self.link = setup.link(BASE)

    def test_account_owns_the_installation_and_is_logged_in(self):
        answer = self.client.post(self.link, ACCOUNT)
        self.assertRedirects(answer, reverse("setup-analysis"))
        user = get_user_model().objects.get()
        self.assertTrue(
            user.is_superuser and user.is_staff and user.check_password("a-long-pass-phrase")
        )
        self.assertEqual(AuditEntry.objects.get().what, "installation set up")

    def test_link_works_once(self):
        self.client.post(self.link, ACCOUNT)
        again = self.client.post(self.link, {**ACCOUNT, "username": "eve"})
        self.assertContains(again, USED, status_code=410)
        self.assertEqual(get_user_model().objects.count(), 1)

    def test_link_is_used_up_by_an_account_made_elsewhere(self):
        make.admin()
        self.assertContains(self.client.get(self.link), USED, status_code=410)

    def test_second_hand_on_the_same_link_is_too_late(self):
        token = self.link.rstrip("/").rsplit("/", 1)[1]
        setup.create_account(token, get_user_model()(username="first"))
        with self.assertRaises(setup.LinkUsed):
            setup.create_account(token, get_user_model()(username="second"))

    def test_used_link_stays_used_when_the_account_goes(self):
        token = self.link.rstrip("/").rsplit("/", 1)[1]
        setup.create_account(token, get_user_model()(username="first")).delete()
        with self.assertRaises(setup.LinkUsed):
            setup.create_account(token, get_user_model()(username="second"))

    def test_weak_password_is_refused_in_words(self):
        weak = {**ACCOUNT, "password1": "12345", "password2": "12345"}
        self.assertContains(self.client.post(self.link, weak), "too short", status_code=400)
        self.assertFalse(get_user_model().objects.exists())
        self.assertEqual(self.client.get(self.link).status_code, 200)


class AnalysisTest(TestCase):
    def setUp(self):
        self.owner = make.admin()
        self.client.force_login(self.owner)
        self.address = reverse("setup-analysis")

    def test_two_equal_choices_and_nothing_preselected(self):
        page = self.client.get(self.address)
        self.assertContains(page, "2 of 3")
        self.assertContains(page, "Off: students tap how they are doing")
        self.assertContains(page, "On: cameras are read, with consent")
        self.assertContains(page, "In the EU this is prohibited in education")
        self.assertContains(page, "https://eur-lex.europa.eu/eli/reg/2024/1689/oj")
        radios = re.findall(r'<input type="radio"[^>]*>', page.content.decode())
        self.assertEqual(len(radios), 2)
        self.assertFalse([radio for radio in radios if "checked" in radio])

    def test_choice_is_kept_and_leads_to_something_to_try(self):
        for word, on in (("on", True), ("off", False)):
            answer = self.client.post(self.address, {"analysis": word})
            self.assertRedirects(answer, reverse("setup-try"))
            self.assertIs(installation.analysis_on(), on)
        self.assertEqual(AuditEntry.objects.filter(what="face analysis chosen").count(), 2)
        page = self.client.get(reverse("setup-try"))
        self.assertContains(page, "Start a practice class")
        self.assertContains(page, "Create my first course")

    def test_no_choice_is_asked_again(self):
        page = self.client.post(self.address, {})
        self.assertContains(page, "Choose off or on.", status_code=400)
        self.assertFalse(installation.analysis_chosen())

    def test_environment_wins_and_the_page_says_so(self):
        make.analysis("on")
        with override_settings(EXPRESSION_ANALYSIS="off"):
            page = self.client.get(self.address)
            words = "Face analysis is off here; your administrator set this."
            self.assertContains(page, words)
            self.assertNotContains(page, "radio")
            self.client.post(self.address, {"analysis": "on"})
            self.assertFalse(installation.analysis_on())
            with self.assertRaises(ValueError):
                installation.choose("on")

    def test_teacher_may_not_choose_for_all(self):
        self.client.force_login(make.teacher())
        self.assertEqual(self.client.post(self.address, {"analysis": "on"}).status_code, 403)

    def test_stranger_is_sent_to_log_in(self):
        self.client.logout()
        answer = self.client.get(self.address)
        self.assertRedirects(answer, f"{reverse('login')}?next={self.address}")

    def test_nothing_chosen_means_off(self):
        self.assertFalse(installation.analysis_on())
        self.assertFalse(installation.analysis_chosen())


class LoginTest(TestCase):
    def setUp(self):
        self.owner = make.admin()

    def log_in(self, user, password: str = make.PASSWORD):
        content = {"username": user.username, "password": password}
        return self.client.post(reverse("login"), content)

    def test_owner_made_on_the_server_is_asked_about_faces_first(self):
        self.assertRedirects(self.log_in(self.owner), reverse("setup-analysis"))

    def test_owner_who_chose_goes_home(self):
        make.analysis("off")
        self.assertRedirects(self.log_in(self.owner), "/")

    @override_settings(EXPRESSION_ANALYSIS="on")
    def test_owner_whose_server_chose_goes_home(self):
        self.assertRedirects(self.log_in(self.owner), "/")

    def test_teacher_goes_home(self):
        self.assertRedirects(self.log_in(make.teacher()), "/")

    def test_wrong_password_is_said(self):
        answer = self.log_in(self.owner, "wrong")
        self.assertContains(answer, "correct username and password", status_code=400)

    def test_guessing_is_slowed_down(self):
        for _ in range(20):
            self.log_in(self.owner, "wrong")
        answer = self.log_in(self.owner)
        self.assertContains(answer, "Too many wrong passwords", status_code=429)
        self.assertEqual(answer.headers["Retry-After"], "300")

    def test_logging_out_needs_a_post(self):
        self.client.force_login(self.owner)
        self.assertEqual(self.client.get(reverse("logout")).status_code, 405)
        self.assertRedirects(self.client.post(reverse("logout")), "/")
        self.assertNotIn("_auth_user_id", self.client.session)

    def test_password_can_be_changed(self):
        self.client.force_login(self.owner)
        new = "another-long-phrase"
        content = {
            "old_password": make.PASSWORD,
            "new_password1": new,
            "new_password2": new,
        }
        self.assertContains(self.client.get(reverse("password_change")), "Change password")
        answer = self.client.post(reverse("password_change"), content, follow=True)
        self.assertContains(answer, "Password changed")
        self.owner.refresh_from_db()
        self.assertTrue(self.owner.check_password(new))

    def tearDown(self):

        cache.clear()
