"""Ways to break a stack or what is around it; a world mends itself after each test."""

import json
import time
from collections.abc import Callable
from typing import Any

from operate.doctor import jwks_checks
from tests.doctor.server import Answer, as_json
from tests.doctor.world import EMAIL, OTHER_KEY, World
from tests.identity.key_server import public_jwk
from tests.loopback import Request, Response

OTHER_JWK = public_jwk(OTHER_KEY, kid="other", alg="ES256", use="sig")


def jwks_is(answer: Answer) -> Callable[[World], None]:
    return lambda world: world.serve_instead("jwks_uri", answer)


def jwks_has(change: Callable[[list[dict[str, Any]]], object]) -> Callable[[World], None]:
    def break_it(world: World) -> None:
        document = world.jwks()
        change(document["keys"])
        world.serve_instead("jwks_uri", lambda _: as_json(document))

    return break_it


POWERSYNC_WAITS = jwks_checks.PATIENCE


def slow_jwks(world: World) -> None:
    document = world.jwks()

    def slowly(_: Request) -> Response:
        time.sleep(POWERSYNC_WAITS + 0.2)
        return as_json(document)

    world.serve_instead("jwks_uri", slowly)
    world.undo.callback(setattr, jwks_checks, "PATIENCE", jwks_checks.PATIENCE)
    jwks_checks.PATIENCE = POWERSYNC_WAITS


def nobody_at(output: str) -> Callable[[World], None]:
    return lambda world: world.outputs.update({output: "http://127.0.0.1:9/nobody"})


def token_endpoint(status: int, error: str = "", **headers: str) -> Callable[[World], None]:
    body = {"error": error, "error_description": "told"} if error else {"message": "x"}
    return lambda world: world.serve_instead(
        "token_url", lambda _: as_json(body, status, **headers)
    )


def gives(**claims: object) -> Callable[[World], None]:
    """Have `/token` answer a token with other claims."""

    def break_it(world: World) -> None:
        token = world.token(**claims)
        world.serve_instead("token_url", lambda _: as_json({"token": token}))

    return break_it


def login(path: str, answer: Answer) -> Callable[[World], None]:
    return lambda world: world.login.broken.update({path: answer})


DISCOVERY = "/found/.well-known/openid-configuration"


def discovered_issuer(change: Callable[[str], str]) -> Callable[[World], None]:
    def break_it(world: World) -> None:
        found = f"{world.login.origin}/found"
        world.login.broken[DISCOVERY] = lambda _: as_json({"issuer": change(found)})

    return break_it


def powersync(path: str, answer: Answer) -> Callable[[World], None]:
    return lambda world: world.powersync.broken.update({path: answer})


def refusing(code: str) -> Answer:
    error = {"code": code, "status": 401, "description": "told", "name": "AuthorizationError"}
    return lambda _: as_json({"error": error}, 401)


CHECKPOINT = "/write-checkpoint2.json"


def powersync_with_other_keys(world: World) -> None:
    keys = {"keys": [OTHER_JWK]}
    world.stand_in.broken["/other-jwks"] = lambda _: as_json(keys)
    world.powersync_with(jwks_uri=f"{world.stand_in.origin}/other-jwks")


def powersync_without_keys(world: World) -> None:
    world.powersync_with(jwks_uri=f"{world.stand_in.origin}/nothing-here")


def powersync_ahead(world: World) -> None:
    world.powersync_with()
    world.instance_now = time.time() + 600


def powersync_elsewhere(url: str) -> Callable[[World], None]:
    """Have `powersyncUrl` lead elsewhere, as deployed and as configured."""

    def break_it(world: World) -> None:
        world.config_file.write_text(world.config.replace(world.powersync.origin, url))
        for name in ("auth", "auth-anonymous"):
            change_variables(world, name, POWERSYNC_URL=url, AUDIENCES=json.dumps([url]))
        world.outputs["audience"] = [url]

    return break_it


def change_variables(world: World, function: str, **changes: str) -> None:
    client = world.stack.aws.client("lambda")
    name = world.outputs["rotate_function_name"].removesuffix("rotate") + function
    before = client.get_function_configuration(FunctionName=name)["Environment"]["Variables"]

    def change(variables: dict[str, str]) -> None:
        client.update_function_configuration(
            FunctionName=name, Environment={"Variables": variables}
        )

    world.undo.callback(change, before)
    change({**before, **changes})


def other_memory(world: World) -> None:
    client = world.stack.aws.client("lambda")
    name = world.outputs["rotate_function_name"].removesuffix("rotate") + "jwks"
    before = client.get_function_configuration(FunctionName=name)["MemorySize"]
    world.undo.callback(client.update_function_configuration, FunctionName=name, MemorySize=before)
    client.update_function_configuration(FunctionName=name, MemorySize=3008)


def no_key_ring(world: World) -> None:
    client, arn = world.stack.aws.client("secretsmanager"), world.outputs["signing_secret_arn"]
    client.delete_secret(SecretId=arn, RecoveryWindowInDays=7)
    world.undo.callback(client.restore_secret, SecretId=arn)


def unfinished_rotation(world: World) -> None:
    def left_behind(document: dict[str, Any]) -> None:
        since = document["now"] - 600
        document["change_in_progress"] = {"version_id": "x", "since": since}

    world.status = left_behind


def rotated_long_ago(world: World) -> None:
    def older(document: dict[str, Any]) -> None:
        for key in document["keys"]:
            if key["signing_since"] is not None:
                key["signing_since"] -= 40 * 86_400

    world.status = older


def other_cors(world: World) -> None:
    client = world.stack.aws.client("apigatewayv2")
    (api,) = client.get_apis()["Items"]
    before = api["CorsConfiguration"]
    world.undo.callback(client.update_api, ApiId=api["ApiId"], CorsConfiguration=before)
    other = {**before, "AllowOrigins": ["https://app.example.com:8443"]}
    client.update_api(ApiId=api["ApiId"], CorsConfiguration=other)


def alarm(world: World) -> None:
    client = world.stack.aws.client("cloudwatch")
    name = world.outputs["rotate_function_name"].removesuffix("rotate") + "api-failed"
    world.undo.callback(client.set_alarm_state, AlarmName=name, StateValue="OK", StateReason="test")
    client.set_alarm_state(AlarmName=name, StateValue="ALARM", StateReason="test")


def unsubscribed(world: World) -> None:
    client = world.stack.aws.client("sns")
    (found,) = client.list_subscriptions()["Subscriptions"]
    topic = found["TopicArn"]
    world.undo.callback(client.subscribe, TopicArn=topic, Protocol="email", Endpoint=EMAIL)
    client.unsubscribe(SubscriptionArn=found["SubscriptionArn"])


def unconfirmed(world: World) -> None:
    """The embedded AWS takes every subscription for confirmed; SNS says this of one that is not."""
    waiting = {"Subscriptions": [{"Endpoint": EMAIL, "SubscriptionArn": "PendingConfirmation"}]}

    class Sns:
        def get_paginator(self, _: str) -> "Sns":
            return self

        def paginate(self, **_: str) -> list[object]:
            return [waiting]

    world.clients["sns"] = Sns()


def wrong_password(world: World) -> None:
    world.outputs["local"]["password"] = "Aa1-another-password"


def no_route(world: World) -> None:
    world.outputs["anonymous_token_url"] += "/nowhere"
