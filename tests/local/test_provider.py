"""The provider's process: what goes wrong in it is told on this side."""

from collections.abc import Iterator
from contextlib import closing

import pytest

from local.aws import Aws
from local.door.published import Published
from local.emulator import Emulator
from local.provider import Provider, ProviderError
from local.resource import Resource

REGION = "us-east-1"


def topic(name: str) -> Resource:
    return Resource("aws:sns/topic:Topic", name, f"urn:{name}", {"name": name})


@pytest.fixture(scope="module")
def emulator() -> Iterator[Emulator]:
    with Emulator() as emulator:
        yield emulator


@pytest.fixture
def provider(emulator: Emulator) -> Iterator[Provider]:
    with closing(Provider()) as provider:
        provider.begin(emulator.endpoint, REGION, Published())
        yield provider


def test_it_makes_what_is_asked_for_and_tells_of_it(emulator: Emulator) -> None:
    told: list[str] = []
    published = Published(url="http://door")
    with closing(Provider()) as provider:
        provider.begin(
            emulator.endpoint, REGION, published, progress=lambda made: told.append(made.name)
        )
        created = provider.create(topic("news"))
        assert created.outputs == {"arn": created.id, "name": "news"}
        component = Resource("powersync-auth:index:HttpApi", "c", "urn:c", {}, custom=False)
        assert provider.create(component).id == ""
        inputs = {"name": "api", "protocolType": "HTTP"}
        api = provider.create(Resource("aws:apigatewayv2/api:Api", "api", "urn:api", inputs))
        assert api.outputs["apiEndpoint"] == "http://door"
        assert published.api_id is None
        stage = {"apiId": api.id, "name": "$default", "autoDeploy": True, "routeSettings": []}
        provider.create(Resource("aws:apigatewayv2/stage:Stage", "stage", "urn:stage", stage))
    topics = Aws(emulator.endpoint, REGION).client("sns").list_topics()["Topics"]
    assert {"TopicArn": created.id} in topics
    assert told == ["news", "api", "stage"]
    assert published.api_id == api.id


def test_what_cannot_be_made_says_why(provider: Provider) -> None:
    with pytest.raises(ProviderError, match=r"cannot make this type.*aws:sqs/queue:Queue"):
        provider.create(Resource("aws:sqs/queue:Queue", "q", "urn:q", {}))
    policy = {"name": "p", "role": "nobody", "policy": "{}"}
    with pytest.raises(ProviderError, match="NoSuchEntity"):
        provider.create(Resource("aws:iam/rolePolicy:RolePolicy", "p", "urn:p", policy))
    with pytest.raises(ProviderError, match="cannot answer this data source"):
        provider.invoke("aws:sqs/getQueue:getQueue", {}, "")
    assert provider.create(topic("later")).id


def test_when_it_has_ended_nothing_waits_for_it(provider: Provider) -> None:
    provider.close()
    with pytest.raises(ProviderError, match="has ended"):
        provider.create(topic("late"))
    provider.close()


def test_it_ends_before_it_has_been_told_anything() -> None:
    with closing(Provider()):
        pass
