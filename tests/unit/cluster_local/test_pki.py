from __future__ import annotations

import datetime
import ssl
from ipaddress import IPv4Address

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key
from cryptography.x509 import verification
from cryptography.x509.oid import NameOID

from chaos.cluster.local.pki import Authority, Pair, SigningKey


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority("hachaos-test")


def certificate(pair: Pair) -> x509.Certificate:
    return x509.load_pem_x509_certificate(pair.certificate)


def builder(authority: Authority) -> verification.PolicyBuilder:
    store = verification.Store([x509.load_pem_x509_certificate(authority.certificate)])
    return verification.PolicyBuilder().store(store)


@pytest.mark.parametrize("subject", [x509.DNSName("kubernetes.default.svc"), x509.IPAddress(IPv4Address("10.96.0.1"))])
def test_a_serving_certificate_verifies_for_its_names_and_addresses(
    authority: Authority, subject: x509.DNSName | x509.IPAddress
) -> None:
    pair = authority.server("kube-apiserver", ["kubernetes.default.svc"], [IPv4Address("10.96.0.1")])
    chain = builder(authority).build_server_verifier(subject).verify(certificate(pair), [])
    assert len(chain) == 2


def test_a_serving_certificate_does_not_verify_for_another_name(authority: Authority) -> None:
    pair = authority.server("kube-apiserver", ["kubernetes"], [])
    with pytest.raises(verification.VerificationError):
        builder(authority).build_server_verifier(x509.DNSName("other")).verify(certificate(pair), [])


def test_a_certificate_of_another_authority_does_not_verify(authority: Authority) -> None:
    pair = Authority("other").server("kube-apiserver", ["kubernetes"], [])
    with pytest.raises(verification.VerificationError):
        builder(authority).build_server_verifier(x509.DNSName("kubernetes")).verify(certificate(pair), [])


def test_a_serving_certificate_cannot_be_used_by_a_client(authority: Authority) -> None:
    pair = authority.server("kube-apiserver", ["kubernetes"], [])
    with pytest.raises(verification.VerificationError):
        builder(authority).build_client_verifier().verify(certificate(pair), [])


def test_a_client_certificate_carries_user_and_groups_and_cannot_serve(authority: Authority) -> None:
    pair = authority.client("system:node:node-1", ["system:nodes"])
    made = certificate(pair)
    assert [name.value for name in made.subject.get_attributes_for_oid(NameOID.COMMON_NAME)] == ["system:node:node-1"]
    assert [name.value for name in made.subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)] == ["system:nodes"]
    made.verify_directly_issued_by(x509.load_pem_x509_certificate(authority.certificate))
    with pytest.raises(verification.VerificationError):
        builder(authority).build_server_verifier(x509.DNSName("node-1")).verify(made, [])


def test_key_and_certificate_belong_together_and_are_valid_now(authority: Authority) -> None:
    pair = authority.client("anybody")
    made, key = certificate(pair), load_pem_private_key(pair.key, None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    assert key.public_key() == made.public_key()
    now = datetime.datetime.now(datetime.UTC)
    assert made.not_valid_before_utc < now < made.not_valid_after_utc


def test_openssl_takes_the_authority(authority: Authority) -> None:
    context = ssl.create_default_context(cadata=authority.certificate.decode())
    assert len(context.get_ca_certs()) == 1


def test_the_signing_keys_are_a_pair() -> None:
    made = SigningKey.make()
    private, public = load_pem_private_key(made.private, None), load_pem_public_key(made.public)
    assert isinstance(private, ec.EllipticCurvePrivateKey)
    assert private.public_key() == public
