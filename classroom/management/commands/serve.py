"""One command for a running product: check, migrate, serve with the worker inside.

`make run` ends here. With nothing set it listens on this machine only; with --https it serves the
machine's names in its network, under a certificate of its own.
"""

from __future__ import annotations

import datetime
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError

from classroom import (
    certificates,
    checks,
    env,
    invitations,
    migrated,
    persistence,
    serving,
    setup,
)
from emotions.embedded import Services

LOOPBACKS = ("127.0.0.1", "::1")
ANYWHERE = ("0.0.0.0", "::")


class Command(BaseCommand):
    help = "Check, migrate, and serve the site with its embedded worker."
    # Ours are run in handle(), with those that matter to a serving machine only.
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--bind", help="address to listen on; 127.0.0.1 unless --https")
        parser.add_argument("--port", type=port_number, help="8000, or 8443 with --https")
        parser.add_argument(
            "--https", action="store_true", help="serve the network, with a certificate of our own"
        )
        parser.add_argument(
            "--no-migrate", action="store_true", help="something else has migrated the database"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        self.check()
        self.check(tags=["serving"], include_deployment_checks=True)
        names = certificates.machine_names(env.listing("HTTPS_NAMES")) if options["https"] else []
        place = place_of(options, names)
        try:
            persistence.check()
            serving.claim(place)
            if options["no_migrate"]:
                migrated.check()
            else:
                with migrated.alone():
                    call_command("migrate", interactive=False, verbosity=0)
            addresses = addresses_of(place, names or [shown(place.bind)])
            words = self.greeting(place, addresses, one_of_many=options["no_migrate"])
            serving.serve(place, Services(), listening=lambda: self.say(words))
        except (serving.CannotListen, persistence.Unfit) as error:
            raise CommandError(str(error)) from None

    def greeting(
        self, place: serving.Place, addresses: list[str], *, one_of_many: bool
    ) -> list[str]:
        lines = [f"Classroom Pulse is at {addresses[0]}"]
        lines += [f"               and at {address}" for address in addresses[1:]]
        if place.bind not in LOOPBACKS and not place.certificate and not checks.is_public():
            lines.append("It answers this machine only: ALLOWED_HOSTS names no other host.")
        return [*lines, *invitation(addresses[0], one_of_many), "", "Stop with Ctrl-C."]

    def say(self, lines: list[str]) -> None:
        self.stdout.write("\n".join(lines))
        self.stdout.flush()


def port_number(word: str) -> int:
    port = int(word)
    if not 1 <= port <= 65535:
        raise ValueError(word)
    return port


def place_of(options: dict[str, Any], names: list[str]) -> serving.Place:
    if not options["https"]:
        return serving.Place(bind=options["bind"] or LOOPBACKS[0], port=options["port"] or 8000)
    secure(names)
    pair = certificates.own_certificate(
        settings.DATA_DIR / "tls", names, now=datetime.datetime.now(datetime.UTC)
    )
    bind = options["bind"] or ANYWHERE[0]
    return serving.Place(bind=bind, port=options["port"] or 8443, certificate=pair)


def secure(names: list[str]) -> None:
    """Answer to the machine's names, and let no cookie travel in the clear."""
    settings.ALLOWED_HOSTS = [*settings.ALLOWED_HOSTS, *names]
    settings.SESSION_COOKIE_SECURE = settings.CSRF_COOKIE_SECURE = True
    # Cookies know no port: without names of their own they would stand in the way of the same
    # machine's http site, which may not replace a secure cookie.
    settings.SESSION_COOKIE_NAME = "__Host-sessionid"
    settings.CSRF_COOKIE_NAME = "__Host-csrftoken"


def addresses_of(place: serving.Place, hosts: list[str]) -> list[str]:
    """Where people find the site: at the proxy, if there is one, otherwise at our own port."""
    names = [name for name in settings.ALLOWED_HOSTS if invitations.is_one_name(name)]
    if settings.BEHIND_PROXY and names:
        return [f"https://{name}" for name in names]
    return [place.address(host) for host in hosts]


def invitation(address: str, one_of_many: bool) -> list[str]:
    """How the first account is made. A link of ours puts out those before: of many, none does."""
    if one_of_many:
        words = "No account yet. Make the first one: manage.py createsuperuser"
        return [] if setup.has_accounts() else ["", words]
    link = setup.link(address)
    made = ["", "No account yet. Set it up here (this link works once):", f"  {link}"]
    return made if link else []


def shown(bind: str) -> str:
    """A loopback or all-interfaces bind is reached by name, which a browser trusts more."""
    return "localhost" if bind in (*LOOPBACKS, *ANYWHERE) else bind
