"""The link that lets somebody choose a new password, once."""

from __future__ import annotations

from io import StringIO

from django.core.management import CommandError, call_command
from django.test import TestCase

from tests import make

NEW = "another-long-pass-phrase"


def link_for(name: str, **options: str) -> str:
    said = StringIO()
    call_command("set_password_link", name, stdout=said, **options)
    return said.getvalue().strip()


class SetPasswordLinkTest(TestCase):
    def setUp(self):
        self.teacher = make.teacher()
        self.name = self.teacher.get_username()

    def choose(self, path: str):
        page = self.client.get(path, follow=True)
        form = page.redirect_chain[-1][0] if page.redirect_chain else path
        return self.client.post(form, {"new_password1": NEW, "new_password2": NEW})

    def test_its_page_sets_the_password(self):
        path = link_for(self.name).removeprefix("http://localhost:8000")
        self.assertEqual(self.choose(path).status_code, 302)
        self.assertTrue(self.client.login(username=self.name, password=NEW))

    def test_it_works_once(self):
        path = link_for(self.name).removeprefix("http://localhost:8000")
        self.choose(path)
        self.assertNotContains(self.client.get(path, follow=True), 'name="new_password1"')

    def test_it_names_the_address_that_is_stated(self):
        link = link_for(self.name, at="https://pulse.example.org/")
        self.assertTrue(link.startswith("https://pulse.example.org/accounts/reset/"))

    def test_unknown_user_is_named(self):
        with self.assertRaisesMessage(CommandError, "There is no user 'nobody'."):
            link_for("nobody")

    def test_closed_account_gets_none(self):
        self.teacher.is_active = False
        self.teacher.save()
        with self.assertRaisesMessage(CommandError, "is closed"):
            link_for(self.name)
