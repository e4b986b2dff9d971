"""`make demo`: a practice class with a ready account, served from a data folder of its own.

The same server as `serve`, on this machine only. Each start prints a new password.
"""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import CommandError
from django.urls import reverse
from django.utils import timezone

from classroom import migrated, serving
from classroom.management.commands import serve
from emotions import demo


class Command(serve.Command):
    help = "Serve a practice class with a ready account, from a data folder of its own."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--port", type=serve.port_number, default=8000)

    def handle(self, *args: Any, **options: Any) -> None:
        told = {"bind": None, "port": options["port"], "https": False, "no_migrate": False}
        try:
            # A taken port is to be told before anything is made.
            serving.claim(serve.place_of(told, []))
            self.account = self.prepared()
        except (serving.CannotListen, demo.NotADemo) as error:
            raise CommandError(str(error).replace("make run", "make demo")) from None
        super().handle(*args, **{**options, **told})

    def prepared(self) -> demo.Account:
        demo.claim_folder()
        with migrated.alone():
            call_command("migrate", interactive=False, verbosity=0)
        self.say(["Preparing a practice class and its past (some seconds)"])
        return demo.prepare()

    def greeting(
        self, place: serving.Place, addresses: list[str], *, one_of_many: bool
    ) -> list[str]:
        lesson = demo.begin(self.account.course, timezone.now())
        live = reverse("live", args=[lesson.pk])
        lines = super().greeting(place, addresses, one_of_many=one_of_many)
        about = [
            "",
            "A practice class is running; everyone in it is simulated. Watch it here:",
            f"  {addresses[0]}{reverse('login')}?next={live}",
            f"  user name {self.account.user}, password {self.account.password}",
            f"All of it is in {settings.DATA_DIR}; delete that folder to begin anew.",
        ]
        return [*lines[:-2], *about, *lines[-2:]]
