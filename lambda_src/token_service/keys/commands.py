"""What the `rotate` function can be asked to do.

By Secrets Manager: `{"Step", "SecretId", "ClientRequestToken", …}`. By the deployment, schedules
and operators: `{"action": …}`, one of those in `run`.
"""

import json
import logging
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from http import HTTPStatus
from typing import TypeVar

from token_service.aws.aws_json import AwsError
from token_service.aws.exchange import NoAnswerError, exchange
from token_service.keys import keyring
from token_service.keys.keyring import KeyRing, Timings
from token_service.keys.problems import Problem, ProblemKind
from token_service.keys.publication import Publication
from token_service.keys.publisher import LABELS_SEEN_WITHIN
from token_service.keys.ring_store import NoKeyRingError
from token_service.keys.rotation import Rotation
from token_service.settings import RotationSettings

log = logging.getLogger(__name__)

SETTLE_SECONDS = 75
"""How long a new role, policy or route may take to be seen everywhere in AWS."""

POWERSYNC_REFRESH_SECONDS = 300
"""A PowerSync instance in use refetches the JWKS when its copy is older than this."""

_FETCH_SECONDS = 5
_LARGEST_JWKS = 65_536
"""Bytes; the parameter that it comes from holds 8 KiB, and former signers' keys come on top."""

OVERDUE_AFTER_DAYS = 3
"""How late Secrets Manager may be: it tries a failed rotation again, and counts from any write of
the secret, such as when a previous key leaves it the day after a rotation."""

Event = Mapping[str, object]
Result = TypeVar("Result")


class InvalidEventError(Exception):
    """The event is neither a rotation step nor an action."""


class RotationOverdueError(Exception):
    """Secrets Manager has not rotated the ring when it should have."""


class JwksNotAsLeftError(Exception):
    """Somebody else has written the JWKS parameter, or it cannot be published."""


class JwksNotServedError(Exception):
    """The JWKS URI does not answer with the ring's keys."""


@dataclass(frozen=True, slots=True)
class RotateCommands:
    """Dispatches events; `sleep` takes seconds."""

    rotation: Rotation
    settings: RotationSettings
    sleep: Callable[[float], None]

    def run(self, event: Event) -> dict[str, object]:
        """Carry out one event; raises what went wrong. The event itself is never logged."""
        if "Step" in event:
            return self._step(event)
        actions = {
            "publish": self._publish,
            "bootstrap": self._bootstrap,
            "retire": self._retire,
            "watch": self._watch,
            "revoke": self._revoke,
            "status": self._status,
            "new_ring": self._new_ring,
        }
        action = actions.get(str(event.get("action")))
        if action is None:
            raise InvalidEventError(f"`action` must be one of {', '.join(actions)}")
        if action != self._watch:  # every few minutes, and nearly always for nothing
            log.info("action %s", event["action"])
        return action(event)

    def _step(self, event: Event) -> dict[str, object]:
        steps = {
            "createSecret": self.rotation.create_secret,
            "setSecret": self.rotation.set_secret,
            "testSecret": self.rotation.test_secret,
            "finishSecret": self.rotation.finish_secret,
        }
        step = steps.get(str(event["Step"]))
        token = event.get("ClientRequestToken")
        if step is None or not isinstance(token, str):
            raise InvalidEventError(f"`Step` must be one of {', '.join(steps)}, with its token")
        if event.get("SecretId") != self.settings.secret_arn:
            raise InvalidEventError("`SecretId` is not the key-ring secret of this function")
        log.info("rotation step %s", event["Step"])
        step(token)
        return {}

    def _publish(self, _event: Event) -> dict[str, object]:
        """Make the ring if there is none, and publish it."""
        ring = self._settled(self.rotation.bootstrap)
        return {"kids": [key.kid for key in ring.keys]}

    def _bootstrap(self, event: Event) -> dict[str, object]:
        """Publish; return once the public JWKS URI serves the ring's keys."""
        ring = self._settled(self.rotation.bootstrap)
        kids = {key.kid for key in ring.keys}
        jwks_uri = event.get("jwks_uri")
        if not isinstance(jwks_uri, str) or not jwks_uri.startswith(("https://", "http://")):
            raise InvalidEventError("`jwks_uri` must be the URL where the JWKS is served")
        connect_to = event.get("connect_to")
        if not (connect_to is None or (isinstance(connect_to, str) and "https://" in jwks_uri)):
            raise InvalidEventError("`connect_to` must be the name of a host, for https")
        told = {name: event[name] for name in ("jwks_uri", "connect_to") if name in event}
        if self.settings.jwks_reached not in (None, told):
            raise InvalidEventError("`jwks_uri` and `connect_to` are not where this API is reached")
        self._settled(lambda: _check_served(jwks_uri, kids, connect_to))
        return {"served": sorted(kids)}

    def _settled(self, attempt: Callable[[], Result]) -> Result:
        """Try until it works, for as long as a new deployment may take to settle.

        A ring just written is among what may not be seen at once.
        """
        give_up_at = self.rotation.clock() + SETTLE_SECONDS
        while True:
            try:
                return attempt()
            except (AwsError, JwksNotServedError, NoKeyRingError) as error:
                if self.rotation.clock() >= give_up_at:
                    raise
                log.info("not settled yet: %s", error)
                self.sleep(1)

    def _retire(self, _event: Event) -> dict[str, object]:
        """Drop keys whose last token has expired; then raise if the current key is too old.

        A rotation that fails raises an alarm; one that nobody asks for would not, such as where the
        schedule was cancelled or Secrets Manager may not invoke this function any more.
        """
        ring = self.rotation.retire()
        current = self.rotation.publisher.published().get(ring.current.kid)
        if current is not None and current.signing_since is not None:
            days = (self.rotation.clock() - current.signing_since) / 86_400
            if days > self.settings.rotation_days + OVERDUE_AFTER_DAYS:
                raise RotationOverdueError(
                    f"key {ring.current.kid} has signed for {days:.0f} days, though keys rotate"
                    f" every {self.settings.rotation_days}: see whether `make rotate` works, and"
                    " with `pulumi up` whether the rotation schedule is still there"
                )
        return {"kids": [key.kid for key in ring.keys]}

    def _watch(self, _event: Event) -> dict[str, object]:
        """Publish what is due; then raise for what is wrong with what is published.

        What is not served for a moment, such as where two calls were writing at once, is no alarm.
        """
        tampered: list[Problem] = []
        if self.rotation.publisher.look().problem is not None:
            self.sleep(LABELS_SEEN_WITHIN)
            seen = self.rotation.status().problems
            if any(each.problem is ProblemKind.NOT_SERVED for each in seen):
                tampered = seen
        left = self.rotation.publish_due()
        if tampered or left:
            raise JwksNotAsLeftError("; ".join(map(str, (*tampered, *left))))
        return {}

    def _revoke(self, event: Event) -> dict[str, object]:
        """Revoke `kids`, or every key with `all`; tells until when verifiers may still accept them.

        Counted from now; where `problems` has it that a key is still published, they accept it for
        as long after it has been taken out. And from when on all of them know the key that signs
        now: in the past, unless that had to take over before its time. A verifier in use refetches
        within 5 minutes (PowerSync's background refresh), an idle one when its cache ends.
        """
        kids = event.get("kids")
        if event.get("all") is True:
            kids = None
        elif not isinstance(kids, list) or not all(isinstance(kid, str) for kid in kids):
            raise InvalidEventError("`kids` must be a list of key ids, or `all` must be true")
        began = int(self.rotation.clock())
        ring = self.rotation.revoke(kids)
        now = int(self.rotation.clock())
        published, problems = self.rotation.compare(ring)
        known_at = keyring.may_sign_at(ring.current.kid, published, now, self.rotation.timings)
        busy = min(POWERSYNC_REFRESH_SECONDS, self.settings.verifier_cache)
        return {
            "now": now,
            "revoked": sorted(kids or [kid for kid, at in ring.revoked.items() if at >= began]),
            "current": ring.current.kid,
            "current_known_to_all_verifiers_at": math.ceil(known_at),
            "refused_by_busy_verifiers_at": now + self.settings.jwks_max_age + busy,
            "refused_by_all_verifiers_at": now
            + self.settings.jwks_max_age
            + self.settings.verifier_cache,
            "problems": [asdict(problem) for problem in problems],
        }

    def _new_ring(self, event: Event) -> dict[str, object]:
        """Make the ring if there is none; with `replace` also where the one there is lost."""
        make = self.rotation.new_ring if event.get("replace") is True else self.rotation.bootstrap
        return {"current": make().current.kid}

    def _status(self, _event: Event) -> dict[str, object]:
        """The keys, without anything private, and when the next rotation may come."""
        status = self.rotation.status()
        ring, pending = status.ring, status.pending
        return {
            "now": int(self.rotation.clock()),
            "keys": _rows(ring, status.published, self.rotation.timings),
            "retired": [
                {"kid": key.kid, "alg": key.alg, "stopped_signing_at": key.stopped_signing_at}
                for key in ring.retired
            ],
            "revoked": dict(ring.revoked),
            "legacy_keys": list(self.settings.legacy_keys),
            "problems": [asdict(problem) for problem in status.problems],
            "rotation_possible_at": math.ceil(status.rotation_possible_at),
            "change_in_progress": pending
            and {
                "version_id": pending.version_id,
                "since": pending.stored and int(pending.stored.created_at),
            },
        }


def _rows(ring: KeyRing, published: Publication, timings: Timings) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = []
    for key in ring.keys:
        seen = published.get(key.kid)
        rows.append(
            {
                "kid": key.kid,
                "state": key.state,
                "alg": key.alg,
                "created_at": key.created_at,
                "published_at": seen and seen.published_at,
                "signing_since": seen and seen.signing_since,
                "stopped_signing_at": seen and seen.stopped_signing_at,
                "leaves_at": keyring.leaves_at(key.kid, published, timings),
            }
        )
    return rows


def _check_served(jwks_uri: str, kids: set[str], connect_to: str | None) -> None:
    """Raise `JwksNotServedError` unless the public URI serves all of `kids`.

    Args:
        jwks_uri: The URI.
        kids: The keys.
        connect_to: The host, and port, that answers for the URI's as long as DNS does not lead to
            it; its certificate is for the URI's.
    """
    try:
        answer = exchange(
            *("GET", jwks_uri, {"Accept": "application/json", "Connection": "close"}),
            deadline=time.monotonic() + _FETCH_SECONDS,
            largest=_LARGEST_JWKS,
            connect_to=connect_to,
        )
        if answer.status != HTTPStatus.OK:
            raise JwksNotServedError(f"{jwks_uri}: status {answer.status}")
        served = {key["kid"] for key in json.loads(answer.body)["keys"]}
    except NoAnswerError as error:
        # What caused it says more than its kind, where it says anything.
        raise JwksNotServedError(f"{jwks_uri}: {error} {error.__cause__ or ''}".rstrip()) from error
    except (ValueError, KeyError, TypeError) as error:
        raise JwksNotServedError(f"{jwks_uri}: {error}") from error
    if not kids <= served:
        raise JwksNotServedError(f"{jwks_uri} does not serve {', '.join(sorted(kids - served))}")
