"""Calling AWS over https: whom it believes, and that the authorities are read once."""

import ssl

import pytest

from token_service.aws import tls
from token_service.aws.aws_json import AwsJsonClient, AwsUnreachableError


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch, https_server: str) -> AwsJsonClient:
    monkeypatch.setenv("AWS_ENDPOINT_URL", https_server)
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    return AwsJsonClient("ssm", "AmazonSSM", time_limit=5.0, attempts=1)


@pytest.mark.usefixtures("trusted")
def test_a_trusted_service_is_called(client: AwsJsonClient) -> None:
    assert client.call("GetParameter", {}) == {"path": "/"}


def test_a_certificate_that_nobody_vouches_for_is_refused(client: AwsJsonClient) -> None:
    with pytest.raises(AwsUnreachableError, match="SSLCertVerificationError"):
        client.call("GetParameter", {})


@pytest.mark.usefixtures("trusted")
def test_a_certificate_of_another_name_is_refused(
    client: AwsJsonClient, monkeypatch: pytest.MonkeyPatch, https_server: str
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", https_server.replace("localhost", "127.0.0.1"))
    with pytest.raises(AwsUnreachableError, match="SSLCertVerificationError"):
        client.call("GetParameter", {})


def test_the_authorities_are_read_once_for_all_calls(
    client: AwsJsonClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each connection is one of its own."""
    tls.client_context()
    reads = []
    monkeypatch.setattr(ssl.SSLContext, "load_default_certs", lambda *_: reads.append("again"))
    for _ in range(2):
        with pytest.raises(AwsUnreachableError, match="SSLCertVerificationError"):
            client.call("GetParameter", {})
    assert reads == []


def test_the_shared_context_verifies_names_and_certificates() -> None:
    assert tls.client_context() is tls.client_context()
    assert tls.client_context().check_hostname
    assert tls.client_context().verify_mode == ssl.CERT_REQUIRED
