"""The audit chain shows every change, gap, insertion and cut."""

from __future__ import annotations

import threading
import uuid
from io import StringIO

from django.core.management import CommandError, call_command
from django.db import connections
from django.test import TestCase, TransactionTestCase, override_settings

from classroom import audit
from classroom.models import AuditEntry, AuditHead
from tests import make


class AuditTest(TestCase):
    def setUp(self):
        self.admin = make.admin()
        self.entries = [audit.append(self.admin, "looked", f"lesson {n}") for n in range(5)]

    def test_chain_holds(self):
        self.assertIsNone(audit.verify())
        self.assertEqual(AuditHead.objects.get().length, 5)

    def test_empty_chain_holds(self):
        AuditEntry.objects.all().delete()
        AuditHead.objects.all().delete()
        self.assertIsNone(audit.verify())

    def test_changed_entry_is_found(self):
        for field, value in (("what", "x"), ("which", "x"), ("actor", uuid.uuid4())):
            with self.subTest(field):
                entry = self.entries[2]
                before = getattr(entry, field)
                AuditEntry.objects.filter(pk=entry.pk).update(**{field: value})
                self.assertEqual(audit.verify(), entry)
                AuditEntry.objects.filter(pk=entry.pk).update(**{field: before})
        self.assertIsNone(audit.verify())

    def test_missing_entry_is_found_at_the_next_one(self):
        self.entries[1].delete()
        self.assertEqual(audit.verify(), self.entries[2])

    def test_cut_end_is_found(self):
        self.entries[4].delete()
        self.assertEqual(audit.verify(), "The chain ends after 4 entries; 5 were written.")

    @override_settings(SECRET_KEY="somebody else's")
    def test_chain_cannot_be_forged_without_the_key(self):
        self.assertEqual(audit.verify(), self.entries[0])

    def test_trail_holds_random_identities(self):
        identities = {entry.actor for entry in self.entries}
        self.assertEqual(identities, {self.admin.audit_person.identity})
        self.assertNotEqual(audit.identity(make.admin()), self.entries[0].actor)
        self.assertEqual(audit.identity(None), audit.NOBODY)

    def test_student_is_named_by_a_stand_in(self):
        student = make.participant()
        self.assertNotEqual(audit.subject_of(student), student.key)
        self.assertEqual(audit.subject_of(student), audit.subject_of(student))

    def test_command_says_what_it_found(self):
        out = StringIO()
        call_command("audit_verify", stdout=out)
        self.assertEqual(out.getvalue(), "The chain holds: 5 entries.\n")
        AuditEntry.objects.filter(pk=self.entries[3].pk).update(what="x")
        with self.assertRaisesMessage(CommandError, f"breaks at entry {self.entries[3].pk} "):
            call_command("audit_verify")

    def test_long_text_is_cut_before_it_is_signed(self):
        audit.append(None, "looked", "x" * 1000)
        self.assertIsNone(audit.verify())


class RaceTest(TransactionTestCase):
    def test_entries_appended_at_once_make_one_chain(self):
        def append() -> None:
            for _ in range(4):
                audit.append(None, "at once")
            connections.close_all()

        threads = [threading.Thread(target=append) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(AuditEntry.objects.count(), 16)
        self.assertIsNone(audit.verify())
