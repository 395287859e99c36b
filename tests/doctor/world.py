"""What doctor looks at, under a test's control: a stack, identity providers, a PowerSync."""

import copy
import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import jwt
import yaml
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from local.aws import root_session
from local.resource import Resource
from local.stack import LocalStack
from operate.doctor.checks import Check
from operate.doctor.deployed_checks import planned_functions
from operate.doctor.examination import examine
from operate.doctor.login_checks import login_verdict
from operate.doctor.site import Once, Site
from operate.doctor.token_checks import verdict_check
from operate.key_ring import Status
from operate.stacks import Stack
from tests.doctor.server import Answer, Server, as_json
from tests.identity.key_server import public_jwk, sign
from tests.js.verifier import PowerSyncInstance
from tests.loopback import Request, Response, serving
from tests.patience import PATIENT
from token_service.keys import ring_document

LOGIN_KEY = rsa.generate_private_key(65537, 2048)
OTHER_KEY = ec.generate_private_key(ec.SECP256R1())
ORIGIN = "https://app.example.com"
EMAIL = "on-call@example.com"
CLIENT = "the-app"


@dataclass
class World:
    """The stack and what is around it.

    Attributes:
        stack: On the embedded AWS.
        outputs: Its outputs, as doctor will read them.
        login: Two identity providers: one with `jwksUri`, one that is discovered at `/found`.
        powersync: In front of a verifier that judges as PowerSync does.
        stand_in: Answers whatever a test wants instead of the stack.
        clock_off: Seconds by which this machine's clock is wrong.
        status: Changes what the rotate function told.
        undo: What mends the stack.
    """

    stack: LocalStack
    login: Server
    powersync: Server
    stand_in: Server
    config_file: Path
    config: str
    outputs: dict[str, Any] = field(default_factory=dict)
    clock_off: float = 0
    instance: PowerSyncInstance | None = None
    instance_now: float | None = None
    status: Callable[[dict[str, Any]], None] | None = None
    session: Any = None
    clients: dict[str, object] = field(default_factory=dict)
    plans: dict[str, dict[str, Resource]] = field(default_factory=dict)
    undo: ExitStack = field(default_factory=ExitStack)

    def mend(self) -> None:
        self.undo.close()
        self.clients.clear()
        self.outputs = copy.deepcopy(self.stack.outputs)
        self.clock_off, self.instance_now, self.status = 0, None, None
        for server in (self.login, self.powersync, self.stand_in):
            server.broken.clear()
        self.config_file.write_text(self.config)

    def site(self) -> Site:
        outputs = self.outputs
        stack = Stack(
            name="local",
            secret_arn=outputs["signing_secret_arn"],
            jwks_parameter=outputs["jwks_parameter"],
            rotate_function=outputs["rotate_function_name"],
            session=self.session,
            outputs=outputs,
            endpoint=outputs["local"]["endpoint"],
        )
        site = Site(stack, lambda: time.time() + self.clock_off, PATIENT)
        if self.clients:
            real = site.client
            site.client = lambda service: self.clients.get(service) or real(service)  # type: ignore[method-assign]
        if self.status is not None:
            site.ring = Once(lambda: self._changed(Site(stack, time.time).ring()))
        return site

    def _changed(self, status: Status) -> Status:
        document = copy.deepcopy(dict(status.document))
        assert self.status is not None
        self.status(document)
        return Status(
            document["now"],
            document["keys"],
            document["rotation_possible_at"],
            document["change_in_progress"],
            document,
        )

    def examine(self) -> list[Check]:
        # The machine that runs the tests may be slow; that it ends in time has a test of its own.
        return examine(self.site(), PATIENT, plan=self._plan)

    def _plan(self, site: Site, configured: Mapping[str, str]) -> dict[str, Resource]:
        """As doctor plans; the same configuration is planned once, which takes a second."""
        key = json.dumps(dict(configured), sort_keys=True)
        if key not in self.plans:
            self.plans[key] = planned_functions(site, configured)
        return self.plans[key]

    def judge(self, encoded: str) -> Check:
        return verdict_check(self.site(), encoded)

    def judge_login(self, encoded: str) -> Check:
        return login_verdict(self.site(), encoded)

    def serve_instead(self, output: str, answer: Answer) -> None:
        """Have an output lead to the stand-in."""
        path = f"/{output}"
        self.stand_in.broken[path] = answer
        self.outputs[output] = self.stand_in.origin + path

    def jwks(self) -> dict[str, Any]:
        """The key set as it is served."""
        document: dict[str, Any] = httpx.get(self.stack.outputs["jwks_uri"], timeout=PATIENT).json()
        return document

    def token(self, header: Mapping[str, object] | None = None, /, **claims: object) -> str:
        """A token by the stack's own key, with claims changed; None takes one out."""
        secret = self.stack.aws.client("secretsmanager").get_secret_value(
            SecretId=self.stack.outputs["signing_secret_arn"]
        )
        current = ring_document.loads(secret["SecretString"]).current
        now = int(time.time())
        content: dict[str, Any] = {
            "iss": self.stack.outputs["issuer"],
            "sub": "alice",
            "aud": self.stack.outputs["audience"],
            "iat": now,
            "exp": now + 300,
            **claims,
        }
        content = {name: value for name, value in content.items() if value is not None}
        key = jwt.PyJWK({**current.private_jwk, "alg": current.alg}).key
        return sign(
            {"alg": current.alg, "kid": current.kid, **(header or {})}, content, key, current.alg
        )

    def login_token(self, key: Any = LOGIN_KEY, kid: str = "login", **claims: object) -> str:
        """A login token of the first provider, with claims changed; None takes one out."""
        now = int(time.time())
        content: dict[str, Any] = {
            "iss": f"{self.login.origin}/first",
            "sub": "alice",
            "aud": CLIENT,
            "scope": "openid sync",
            "iat": now,
            "exp": now + 600,
            **claims,
        }
        content = {name: value for name, value in content.items() if value is not None}
        alg = "RS256" if isinstance(key, rsa.RSAPrivateKey) else "ES256"
        return sign({"alg": alg, "kid": kid, "typ": "JWT"}, content, key, alg)

    def weak_keys(self) -> None:
        """The first provider signs with a key that is too short."""
        weak = rsa.generate_private_key(65537, 1024)
        keys = {"keys": [public_jwk(weak, kid="weak", alg="RS256", use="sig")]}
        self._first_has(keys)

    def private_keys(self) -> None:
        """The first provider publishes what nobody may know."""
        key = public_jwk(LOGIN_KEY, kid="login", alg="RS256", use="sig")
        self._first_has({"keys": [{**key, "d": key["n"]}]})

    def _first_has(self, keys: object) -> None:
        self.login.broken["/keys"] = lambda _: as_json(keys)

    def configure(self, key: str, value: object) -> None:
        """Change the configuration, and do not deploy it."""
        document = yaml.safe_load(self.config)
        document["config"][key] = value
        self.config_file.write_text(yaml.safe_dump(document))

    def powersync_answers(self, request: Request) -> Response:
        """As the service does: 401 with its code, or what was asked for."""
        _, _, token = request.headers.get("authorization", "").partition(" ")
        if self.instance is None:
            return Response(500)
        verdict = self.instance.verify(token, self.instance_now or time.time())
        if verdict.ok:
            return as_json({"data": {"write_checkpoint": "1"}})
        error = {"code": verdict.code, "status": 401, "description": verdict.error, "name": "x"}
        return as_json({"error": error}, 401)

    @contextmanager
    def _judging(self, jwks_uri: str, audience: str) -> Iterator[None]:
        before = self.instance
        with PowerSyncInstance(jwks_uri, [audience]) as self.instance:
            yield
        self.instance = before

    def powersync_with(self, jwks_uri: str | None = None, audience: str | None = None) -> None:
        """An instance with another configuration, until the test ends."""
        uri = jwks_uri or self.stack.outputs["jwks_uri"]
        aud = audience or self.stack.outputs["audience"][0]
        self.undo.enter_context(self._judging(uri, aud))


def _login_answers(server: Server) -> dict[str, Answer]:
    keys = {"keys": [public_jwk(LOGIN_KEY, kid="login", alg="RS256", use="sig")]}
    return {
        "/keys": lambda _: as_json(keys),
        "/found/keys": lambda _: as_json(keys),
        "/found/.well-known/openid-configuration": lambda _: as_json(
            {
                "issuer": f"{server.origin}/found",
                "jwks_uri": f"{server.origin}/found/keys",
                "userinfo_endpoint": f"{server.origin}/userinfo",
            }
        ),
        "/userinfo": lambda request: (
            Response(401)
            if request.headers["authorization"] == "Bearer doctor"
            else as_json({"sub": "alice"})
        ),
    }


def _configuration(login: Server, powersync: Server) -> dict[str, Any]:
    first = {
        "name": "first",
        "issuer": f"{login.origin}/first",
        "jwksUri": f"{login.origin}/keys",
        "audiences": [CLIENT],
        "requiredScopes": ["sync"],
        "claims": {"parameters": "settings"},
    }
    found = {
        "name": "found",
        "issuer": f"{login.origin}/found",
        "audiences": [CLIENT],
        "tokenUse": "id",
        "checkSession": {},
    }
    return {
        "powersyncUrl": powersync.origin,
        "identityProviders": [first, found],
        "corsOrigins": [ORIGIN],
        "alarmEmail": EMAIL,
    }


@contextmanager
def running(folder: Path) -> Iterator[World]:
    """Everything, deployed and well."""
    with ExitStack() as open_servers:
        login, powersync, stand_in = Server(), Server(), Server()
        for server in (login, powersync, stand_in):
            server.origin = open_servers.enter_context(serving(server.respond))
        login.answers = _login_answers(login)
        config_file = folder / "doctor.yaml"
        config = yaml.safe_dump({"config": _configuration(login, powersync)})
        config_file.write_text(config)
        stack = open_servers.enter_context(LocalStack(config_file=config_file))
        world = World(stack, login, powersync, stand_in, config_file, config)
        powersync.answers = {
            "/probes/liveness": lambda _: as_json({"ready": True}),
            "/write-checkpoint2.json": world.powersync_answers,
        }
        world.mend()
        world.session = root_session(stack.aws.region)
        world.instance = open_servers.enter_context(
            PowerSyncInstance(stack.outputs["jwks_uri"], stack.outputs["audience"])
        )
        yield world
