"""Whether a signed-in user's session still lives: the identity provider is asked, as the caller.

A token that has not expired outlives its session: the user signed out, was disabled or deleted.
The provider is asked with the caller's own credential, which goes nowhere but to the provider's
configured or discovered address.
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from token_service.identity.claims import claim_at
from token_service.identity.credentials import Credential, InvalidCredentialError, parse_json_object
from token_service.identity.provider_http import (
    RETRY_INTERVAL,
    IdentityProviderUnavailableError,
    Outage,
    OversizedAnswerError,
    ProviderResponse,
    send_request,
)

MOST_REMEMBERED = 1000
"""How many positive answers are kept at a time."""

_WHO = "the session check"

_COGNITO_REFUSALS = frozenset(
    {"NotAuthorizedException", "UserNotFoundException", "UserNotConfirmedException"}
    | {"PasswordResetRequiredException"}
)


@dataclass(slots=True)
class SessionCheck:
    """Asks one identity provider about sessions.

    Attributes:
        kind: `userinfo` (OpenID Connect Core §5.3, also Supabase's user endpoint) or `cognito`
            (its `GetUser` call).
        uri: Gives the URL to ask.
        api_key: Sent as header `apikey`, as Supabase wants it.
        cache_seconds: For how long a positive answer is kept; 0 to ask each time.
        clock: Epoch seconds.
        subject_claim: Path of the claim that is the user.
    """

    kind: str
    uri: Callable[[], str]
    api_key: str | None
    cache_seconds: int
    clock: Callable[[], float]
    subject_claim: str = "sub"
    _alive_until: dict[bytes, float] = field(default_factory=dict)
    _outage: Outage | None = None

    def require_live_session(self, credential: Credential) -> None:
        """Return if the session of a *verified* credential lives.

        Raises `InvalidCredentialError` if it has ended or is another user's, and
        `IdentityProviderUnavailableError` if the provider cannot tell.
        """
        # A digest, so that a dump of the memory holds no more credentials than it must.
        digest = hashlib.sha256(credential.encoded.encode()).digest()
        if self._alive_until.get(digest, 0.0) > self.clock():
            return
        if not self._is_about(self._ask(credential), credential.claims):
            raise InvalidCredentialError("the identity provider's answer is about another user")
        if self.cache_seconds:
            self._remember(digest)

    def _remember(self, digest: bytes) -> None:
        self._alive_until.pop(digest, None)
        if len(self._alive_until) >= MOST_REMEMBERED:
            del self._alive_until[next(iter(self._alive_until))]  # The oldest answer.
        self._alive_until[digest] = self.clock() + self.cache_seconds

    def _is_about(self, answer: Mapping[str, object], claims: Mapping[str, object]) -> bool:
        """Whether the answer names the credential's user.

        By the very claim that is the subject, where the answer has it. Otherwise by `sub`, or
        Supabase's `id`, which is then one of the two claims that name the user: an access token of
        Okta has the user's name as `sub`, and what userinfo calls so as `uid`.
        """
        subject = claim_at(claims, self.subject_claim)
        user = claim_at(answer, self.subject_claim)
        if user is not None:
            return isinstance(user, str) and user == subject
        user = answer.get("sub", answer.get("id"))
        # Neither may be missing: two that name nobody are not the same user.
        return isinstance(user, str) and user in (subject, claims.get("sub"))

    def _ask(self, credential: Credential) -> Mapping[str, object]:
        """What the provider says of the user whose session the credential is of."""
        if self.kind == "cognito":
            return _cognito_user(self._get_user(credential))
        headers = {"Authorization": f"Bearer {credential.encoded}"}
        if self.api_key is not None:
            headers["apikey"] = self.api_key
        return _read_answer(self._send(headers))

    def _get_user(self, credential: Credential) -> Mapping[str, object]:
        headers = {
            "Content-Type": "application/x-amz-json-1.1",
            "X-Amz-Target": "AWSCognitoIdentityProviderService.GetUser",
        }
        body = json.dumps({"AccessToken": credential.encoded}).encode()
        response = self._send(headers, body)
        if response.status == 400:
            error = str(_json_object(response.body).get("__type", "")).rpartition("#")[2]
            if error in _COGNITO_REFUSALS:
                raise InvalidCredentialError(f"the session has ended: Cognito says {error}")
        return _read_answer(response)

    def _send(self, headers: Mapping[str, str], body: bytes | None = None) -> ProviderResponse:
        """GET, or POST a body; for a while after a failure nobody waits for the provider again.

        As failures count those of the provider as a whole: no answer in time, a status of 500 or
        more, and all of discovery, which no credential is part of. Everything else may be about one
        caller, who must not shut out the others: Auth0 limits the rate of each user (429), and what
        users write about themselves can make an answer too long or unreadable.
        """
        now = self.clock()
        if self._outage is not None and self._outage.lasts(now):
            raise self._outage.error(now)
        method = "GET" if body is None else "POST"
        try:
            response = send_request(self.uri(), method=method, headers=headers, body=body)
            if response.status >= 500:
                raise response.unexpected(_WHO)
        except OversizedAnswerError:
            raise
        except IdentityProviderUnavailableError as error:
            self._outage = Outage(error, self.clock() + RETRY_INTERVAL)
            raise
        return response


def _read_answer(response: ProviderResponse) -> Mapping[str, object]:
    if response.status in {401, 403}:
        raise InvalidCredentialError(f"the session has ended: status {response.status}")
    if response.status != 200:
        raise response.unexpected(_WHO)
    return _json_object(response.body)


def _json_object(body: bytes) -> Mapping[str, object]:
    try:
        return parse_json_object(body, "the session check's answer")
    except InvalidCredentialError as error:
        raise IdentityProviderUnavailableError(str(error)) from None


def _cognito_user(answer: Mapping[str, object]) -> Mapping[str, object]:
    """`GetUser`'s answer as claims, under the names that access tokens have for them."""
    attributes = answer.get("UserAttributes")
    user: dict[str, object] = {
        str(attribute.get("Name")): attribute.get("Value")
        for attribute in (attributes if isinstance(attributes, list) else [])
        if isinstance(attribute, dict)
    }
    return {**user, "username": answer.get("Username")}
