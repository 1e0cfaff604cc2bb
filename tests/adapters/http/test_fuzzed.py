"""The API against its own document: whatever it is sent, it answers as it says."""

import asyncio
from hashlib import sha256

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import positive_data_acceptance

from adapters.http.app import API_ROUTES, create_http
from application.records import Caller
from tests.builders import NOON
from tests.worlds import MemoryWorld

few = settings(
    max_examples=6,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture(scope="module")
def operations():
    world = MemoryWorld()
    key_hash = sha256(b"shop-key").hexdigest()
    asyncio.run(world.app.directory.add_key(Caller("shop"), key_hash, NOON))
    documented = schemathesis.openapi.from_asgi("/schema/openapi.json", create_http(world.app))
    found = {}
    for each in documented.get_all_operations():
        assert isinstance(each, Ok), each
        operation = each.ok()
        found[operation.definition.raw["operationId"]] = operation
    return found


@pytest.mark.parametrize("mode", GenerationMode)
@pytest.mark.parametrize("name", [route.fn.__name__ for route in API_ROUTES])
def test_the_api_keeps_its_word(operations, name, mode):
    @few
    @given(case=operations[name].as_strategy(generation_mode=mode))
    def keeps_its_word(case):
        # What a method needs and what an app may see goes beyond a schema: 422 is right then.
        case.call_and_validate(
            headers={"Authorization": "Bearer shop-key"},
            excluded_checks=[positive_data_acceptance],
        )

    keeps_its_word()
