"""All checks of a stack, side by side, within a time that nothing can stretch."""

import queue
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from operate.doctor.aws_checks import alarm_checks, rotation_checks
from operate.doctor.checks import Check, untold
from operate.doctor.configured import configuration, origins, setting
from operate.doctor.instance_checks import cors_checks, powersync_checks
from operate.doctor.jwks_checks import PATIENCE, jwks_checks
from operate.doctor.login_checks import configured_providers
from operate.doctor.provider_checks import provider_checks
from operate.doctor.site import Once, Site
from operate.doctor.token_checks import anonymous_check, user_check
from operate.errors import OperatorError

if TYPE_CHECKING:
    from operate.doctor.deployed_checks import Plan

TIME_LIMIT = 13.0
"""Seconds from the start of the command; what has not ended by then is left behind."""

LEAST_TIME = 4.0
"""Seconds to look at a stack, where the machine or the Pulumi CLI took long to begin: PowerSync's
patience with the keys, and one more to tell of it."""

Progress = Callable[[list[str]], None]
"""Is told what is still being looked at."""


@dataclass(frozen=True, slots=True)
class Part:
    """Checks that are made one after another; `name` stands for them where they do not end."""

    name: str
    work: Callable[[], Iterable[Check]]


def time_left(gone: float) -> float:
    """Seconds to look at a stack, when as many are gone since the command began."""
    return max(LEAST_TIME, TIME_LIMIT - gone)


def examine(
    site: Site,
    time_limit: float,
    progress: Progress = lambda _: None,
    plan: "Plan | None" = None,
) -> list[Check]:
    """Every check of a stack, in the order of the path from the keys to a sync.

    `time_limit` is in seconds, for all of it.
    """
    give_up_at = time.monotonic() + time_limit
    first, *others = parts(site, give_up_at, plan)
    # Alone, as its speed is measured. It goes on beside the others where it takes too long.
    jwks = threading.Thread(target=site.prepare, daemon=True)
    jwks.start()
    progress([first.name])
    jwks.join(min(PATIENCE + 1, time_limit / 2))
    return run([first, *others], progress, give_up_at - time.monotonic())


def parts(site: Site, give_up_at: float, plan: "Plan | None" = None) -> list[Part]:
    """What is looked at, until then by `time.monotonic()`."""
    configured = Once(lambda: configuration(site))

    def cors() -> Iterator[Check]:
        try:
            yield from cors_checks(site, lambda: origins(configured()))
        except OperatorError as error:
            yield untold("cors", str(error))

    def alarms() -> Iterator[Check]:
        try:
            email = setting(configured(), "alarmEmail")
        except OperatorError:
            email = ""
        yield from alarm_checks(site, email)

    def current() -> Iterator[Check]:
        try:
            # It plans with Pulumi, which an operator need not have installed for anything else.
            from operate.doctor import deployed_checks  # noqa: PLC0415

            planned = plan or deployed_checks.planned_functions
            yield deployed_checks.current_check(site, configured, planned)
        except ModuleNotFoundError as error:
            yield untold("stack.current", f"{error.name} is not installed here", "make setup")
        except OperatorError as error:
            yield untold("stack.current", str(error))

    return [
        Part("jwks", lambda: jwks_checks(site)),
        Part("token.anonymous", lambda: anonymous_check(site)),
        Part("token.user", lambda: user_check(site)),
        Part("provider", lambda: _providers(site, give_up_at)),
        Part("rotation", lambda: rotation_checks(site)),
        Part("powersync", lambda: powersync_checks(site)),
        Part("cors", cors),
        Part("alarms", alarms),
        Part("stack.current", current),
    ]


def _providers(site: Site, give_up_at: float) -> Iterator[Check]:
    try:
        _, settings = configured_providers(site)
    except OperatorError as error:
        yield untold("provider", str(error))
        return
    yield from run(
        [
            Part(f"provider.{provider.name}", lambda provider=provider: provider_checks(provider))  # type: ignore[misc]
            for provider in settings
        ],
        lambda _: None,
        # One that hangs does not keep the others from being told.
        give_up_at - time.monotonic() - 1,
    )


def run(work: list[Part], progress: Progress, time_limit: float) -> list[Check]:
    """Do the parts side by side; the checks are in the order of the parts.

    Threads that hang are left behind: they are daemons, and end with the process.
    """
    results: queue.Queue[tuple[int, list[Check]]] = queue.Queue()
    for index, part in enumerate(work):
        threading.Thread(target=_do, args=(index, part, results), daemon=True).start()
    done: dict[int, list[Check]] = {}
    give_up_at = time.monotonic() + time_limit
    while len(done) < len(work):
        progress([part.name for index, part in enumerate(work) if index not in done])
        try:
            index, checks = results.get(timeout=max(0.0, give_up_at - time.monotonic()))
        except queue.Empty:
            break
        done[index] = checks
    late = f"no answer within {max(0.0, round(time_limit, 1)):g} s"
    return [
        check
        for index, part in enumerate(work)
        for check in done.get(index, [untold(part.name, late)])
    ]


def _do(index: int, part: Part, results: "queue.Queue[tuple[int, list[Check]]]") -> None:
    checks: list[Check] = []
    try:
        checks.extend(part.work())
    except Exception as error:  # noqa: BLE001 - the other checks are to be told all the same
        kind = type(error).__name__
        checks.append(
            untold(part.name, f"doctor itself failed here: {kind}: {error}", "please report this")
        )
    results.put((index, checks))
