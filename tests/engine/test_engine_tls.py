"""The engine with a scheduler that speaks TLS only."""

from __future__ import annotations

import datetime
import ipaddress
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import dask
import distributed  # noqa: F401  (its own configuration must be there before it is changed)
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from deadline import until
from test_engine_scheduler import free_port, process

from flowplay.config import RunConfig
from flowplay.engine import Engine

CA, CERTIFICATE, KEY = "ca.pem", "cert.pem", "key.pem"


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with an authority's certificate, and one that it signed, with its key."""
    folder = tmp_path_factory.mktemp("certificates")
    authority_key = ec.generate_private_key(ec.SECP256R1())
    authority = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "flowplay test authority")])
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    alternatives = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]

    def signed(
        subject: x509.Name, public: ec.EllipticCurvePublicKey, extension: x509.ExtensionType
    ) -> bytes:
        now = datetime.datetime.now(datetime.UTC)
        identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key())
        certificate = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(authority)
            .public_key(public)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=1))
            .add_extension(extension, critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
            .add_extension(identifier, critical=False)
            .sign(authority_key, hashes.SHA256())
        )
        return certificate.public_bytes(serialization.Encoding.PEM)

    is_authority = x509.BasicConstraints(ca=True, path_length=None)
    (folder / CA).write_bytes(signed(authority, authority_key.public_key(), is_authority))
    names = x509.SubjectAlternativeName(alternatives)
    (folder / CERTIFICATE).write_bytes(signed(name, key.public_key(), names))
    (folder / KEY).write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return folder


@pytest.fixture
def scheduler(certificates: Path) -> Iterator[str]:
    """Run a scheduler and a worker that talk TLS only; give the address."""
    address = f"tls://127.0.0.1:{free_port()}"
    tls = []
    for option, file in (("ca-file", CA), ("cert", CERTIFICATE), ("key", KEY)):
        tls += [f"--tls-{option}", str(certificates / file)]
    with ExitStack() as stack:
        stack.enter_context(
            process(
                *("dask_scheduler", "--protocol", "tls", "--host", "127.0.0.1", *tls),
                *("--port", address.rpartition(":")[2], "--no-dashboard"),
            )
        )
        stack.enter_context(
            process(
                *("dask_worker", address, *tls),
                *("--nthreads", "1", "--no-nanny", "--no-dashboard"),
            )
        )
        yield address


def configured(certificates: Path) -> dask.config.set:
    """Name the certificates as a file or environment variables of Dask's configuration would."""
    names = {"ca-file": CA, "client.cert": CERTIFICATE, "client.key": KEY}
    return dask.config.set(
        {f"distributed.comm.tls.{name}": str(certificates / file) for name, file in names.items()}
    )


def test_engine_trains_over_tls(scheduler: str, certificates: Path) -> None:
    with configured(certificates):
        engine = Engine(scheduler, preload="fake_work", work="fake_work:run_slice")
        run = engine.open_run(RunConfig(budget=100_000))
        run.play()

        def trained() -> bool:
            run.renew()
            return run.view().version >= 3

        until(trained, 40, "pictures")
        engine.close()


def test_without_certificates_it_says_what_is_missing(scheduler: str) -> None:
    engine = Engine(scheduler, preload="fake_work", work="fake_work:run_slice")
    until(lambda: engine.status.phase == "unreachable")
    assert engine.status.message == (
        f"The scheduler at {scheduler} needs certificates: set ca-file, client.cert and client.key "
        "under distributed.comm.tls in Dask's configuration."
    )
    engine.close()


def test_certificates_that_cannot_be_read_are_told(scheduler: str, tmp_path: Path) -> None:
    with configured(tmp_path):
        engine = Engine(scheduler, preload="fake_work", work="fake_work:run_slice")
        until(lambda: engine.status.phase == "unreachable")
        assert engine.status.message == (
            f"The certificates for the scheduler at {scheduler} cannot be read "
            "(FileNotFoundError: [Errno 2] No such file or directory)."
        )
        engine.close()
