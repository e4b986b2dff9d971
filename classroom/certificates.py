"""A certificate of the machine's own, for the names and addresses it has in its network.

Browsers give a page the camera only over https or on localhost. In a class room without a domain
name the machine signs for itself; the browser asks once whether to trust it. It is no certificate
authority: whoever trusts it trusts this machine's pages and nothing more.
"""

from __future__ import annotations

import contextlib
import datetime
import ipaddress
import os
import socket
import struct
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

# Safari refuses server certificates that run longer than 825 days.
LASTS = datetime.timedelta(days=397)
RENEW_BEFORE = datetime.timedelta(days=30)
ALWAYS = ("localhost", "127.0.0.1")


@dataclass(frozen=True, slots=True)
class Certificate:
    """Two files in PEM: the certificate, and its key that only the owner may read."""

    certificate: Path
    key: Path


def own_certificate(folder: Path, names: list[str], *, now: datetime.datetime) -> Certificate:
    """The folder's own while it names all of `names` and is not about to expire, else a new one."""
    pair = Certificate(certificate=folder / "certificate.pem", key=folder / "key.pem")
    if not _still_good(pair, names, now):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        key = ec.generate_private_key(ec.SECP256R1())
        _write(pair.key, _key_pem(key))
        signed = _sign(key, names, now)
        _write(pair.certificate, signed.public_bytes(serialization.Encoding.PEM))
    return pair


def names_in(certificate: x509.Certificate) -> set[str]:
    """The host names and addresses that the certificate is for."""
    held = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    domains = held.get_values_for_type(x509.DNSName)
    return {*domains, *(str(address) for address in held.get_values_for_type(x509.IPAddress))}


def machine_names(extra: list[str]) -> list[str]:
    """What this machine is called in its network: addresses first, as they need no name server."""
    host = socket.gethostname()
    found = [*lan_addresses(), host, socket.getfqdn(), *extra, *ALWAYS]
    kept = (name.lower().rstrip(".") for name in found if _sayable(name))
    return list(dict.fromkeys(kept))


def lan_addresses() -> list[str]:
    """IPv4 addresses of this machine's interfaces, loopback left out."""
    found = [_address_of(name) for _, name in socket.if_nameindex()]
    # A host name may resolve to nothing; then the interfaces have told us enough.
    with contextlib.suppress(OSError):
        found += [str(info[4][0]) for info in socket.getaddrinfo(socket.gethostname(), None)]
    return sorted({str(each) for each in found if each and _in_network(str(each))})


def _address_of(interface: str) -> str | None:
    """Ask the kernel, as `ip address` does; None where it has no address or no such question."""
    try:
        import fcntl
    except ImportError:
        return None
    ask_address = 0x8915  # SIOCGIFADDR of Linux; elsewhere it fails and getaddrinfo must do
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            answer = fcntl.ioctl(probe, ask_address, struct.pack("256s", interface[:15].encode()))
        except OSError:
            return None
    return socket.inet_ntoa(answer[20:24])


def _in_network(address: str) -> bool:
    try:
        return not ipaddress.IPv4Address(address).is_loopback
    except ValueError:
        return False


def _sayable(name: str) -> bool:
    """Names that a certificate can hold and a browser can ask for."""
    return bool(name) and name.isascii() and not name.endswith(".arpa") and " " not in name


def _still_good(pair: Certificate, names: list[str], now: datetime.datetime) -> bool:
    try:
        held = x509.load_pem_x509_certificate(pair.certificate.read_bytes())
        key = serialization.load_pem_private_key(pair.key.read_bytes(), password=None)
    except (OSError, ValueError):
        return False
    lasting = now + RENEW_BEFORE < held.not_valid_after_utc
    return lasting and set(names) <= names_in(held) and key.public_key() == held.public_key()


def _sign(
    key: ec.EllipticCurvePrivateKey, names: list[str], now: datetime.datetime
) -> x509.Certificate:
    title = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Classroom Pulse on this machine")])
    return (
        x509.CertificateBuilder()
        .subject_name(title)
        .issuer_name(title)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        # An hour back, for a student's tablet whose clock is slow.
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + LASTS)
        .add_extension(x509.SubjectAlternativeName([_entry(n) for n in names]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(key, hashes.SHA256())
    )


def _entry(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def _write(place: Path, content: bytes) -> None:
    fresh = place.with_suffix(".new")
    fresh.unlink(missing_ok=True)
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
    fresh.replace(place)
