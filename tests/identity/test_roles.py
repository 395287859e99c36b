"""What the claim `role` of a PowerSync token says about its user."""

from tests.identity.clock import MovableClock
from tests.identity.forgery import KEYS, claims, signed, trusting
from tests.identity.key_server import KeyServer


def test_a_providers_own_anonymous_users_get_the_role_anonymous(clock: MovableClock) -> None:
    when = {"claim": "is_anonymous", "value": True}
    with KeyServer(keys=KEYS) as server:
        deployment = trusting(server, clock, anonymousWhen=when)
        for said, role in ((True, "anonymous"), (False, "authenticated")):
            answer = deployment.token(signed(claims(is_anonymous=said)))
            assert (answer.claims["role"], answer.claims["sub"]) == (role, "mallory")


def test_such_a_token_is_no_devices_memory(clock: MovableClock) -> None:
    when = {"claim": "is_anonymous", "value": True}
    with KeyServer(keys=KEYS) as server:
        deployment = trusting(server, clock, anonymousWhen=when)
        token = deployment.token(signed(claims(is_anonymous=True))).json["token"]
        assert deployment.anonymous_token(token).json["userId"] != "mallory"
        assert "previous_sub" not in deployment.token(signed(), anonymous=token).claims
