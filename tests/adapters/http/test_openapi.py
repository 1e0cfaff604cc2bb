import json
import re
from importlib.metadata import files

import msgspec
import pytest
from jsonschema_rs import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator

from adapters.http import one_fen, payments, refunds, schemas
from adapters.http.app import API_ROUTES
from adapters.http.errors import ANSWERS
from adapters.http.examples import EXAMPLES
from adapters.http.health import ROUTES as HEALTH_ROUTES
from adapters.http.reconciliations import XLSX
from adapters.http.requests import PaymentRequest, RefundRequest
from application.records import Incident
from application.views import event_view, incident_view, payment_view, refund_view
from domain.events import IncidentKind
from domain.method import TERMS, Method
from domain.outcome import Failure
from tests.asking import an_order_by
from tests.builders import NOON, a_payment, a_refund

#: What is no JSON, by operation.
FILES = {
    "export_csv": "text/csv",
    "export_workbook": XLSX,
    "draw_month": "image/svg+xml",
}


@pytest.fixture
def document(stranger):
    response = stranger.get("/schema/openapi.json")
    assert response.headers["content-type"] == "application/vnd.oai.openapi+json"
    return response.json()


@pytest.fixture
def operations(document):
    return [each for path in document["paths"].values() for each in path.values()]


def test_the_document_is_valid_openapi_3_1(document):
    assert document["openapi"].startswith("3.1")
    assert list(OpenAPIV31SpecValidator(document).iter_errors()) == []


def test_every_route_is_described_once(document, operations):
    told = {(path, method) for path, each in document["paths"].items() for method in each}
    real = {
        (path.replace(":str}", "}"), method.lower())
        for route in [*API_ROUTES, *one_fen.ROUTES, *HEALTH_ROUTES]
        for path in route.paths
        for method in route.http_methods
    }

    assert told == real
    assert len({each["operationId"] for each in operations}) == len(told)


def test_every_operation_says_what_it_does_and_how_it_fails(operations):
    for operation in operations:
        assert operation["summary"]
        assert operation["tags"]
        statuses = set(operation["responses"])
        assert statuses & {"200", "201", "202"}
        if operation.get("security") != []:
            assert {"401", "422", "500", "503"} <= statuses
        if "requestBody" in operation:
            assert {"400", "403", "413", "415"} <= statuses
        if "Idempotency-Key" in json.dumps(operation.get("parameters", [])):
            assert "409" in statuses


def test_every_answer_is_json_or_a_problem(operations):
    for operation in operations:
        for status, answer in operation["responses"].items():
            ready = operation["operationId"] == "readyz"
            good = FILES.get(operation["operationId"], "application/json")
            media_type = good if ready or status < "3" else "application/problem+json"
            assert list(answer["content"]) == [media_type]
            assert answer["description"]


def test_every_code_is_told_somewhere(operations):
    told = json.dumps(operations)

    for _, code in ANSWERS.values():
        assert f"`{code.format(kind='payment')}`" in told


def test_every_field_an_app_sends_has_its_meaning_and_limits(document):
    for name in ("PaymentRequest", "RefundRequest"):
        schema = document["components"]["schemas"][name]
        assert schema["additionalProperties"] is False
        for field, told in schema["properties"].items():
            assert re.search("description|\\$ref", json.dumps(told)), field


def test_every_pattern_is_one_that_every_language_reads(document):
    for pattern in re.findall(r'"pattern": ("(?:[^"\\]|\\.)*")', json.dumps(document)):
        Draft202012Validator({"pattern": json.loads(pattern)}, validate_formats=True)


def test_query_parameters_are_told_where_they_are_used_only(document, operations):
    assert not [name for name in document["components"]["schemas"] if name.endswith("Query")]
    [listed] = [each for each in operations if each["operationId"] == "list_payments"]
    assert "cursor" in {each["name"] for each in listed["parameters"]}


def test_summaries_are_plain_text(operations):
    assert not [each["summary"] for each in operations if "`" in each["summary"]]


@pytest.mark.parametrize("kind", EXAMPLES)
def test_an_example_has_every_field_of_its_kind(document, kind):
    [example] = document["components"]["schemas"][kind.__name__]["examples"]

    assert set(example) == set(kind.__struct_fields__)
    msgspec.convert(example, kind)


def test_the_example_event_carries_a_payment(document):
    [example] = document["components"]["schemas"]["Event"]["examples"]

    assert set(example["data"]) == set(schemas.Payment.__struct_fields__)
    msgspec.convert(example["data"], schemas.Payment)


@pytest.mark.parametrize(
    ("example", "kind"), [(payments.EXAMPLE, PaymentRequest), (refunds.EXAMPLE, RefundRequest)]
)
def test_the_examples_are_accepted(example, kind):
    msgspec.convert(example, kind)  # raises what it does not accept


FAILURE = Failure("refused", "NOTENOUGH", "No balance", retryable=True)


@pytest.mark.parametrize(
    ("view", "kind"),
    [
        (payment_view(a_payment(metadata={"a": "b"}, failure=FAILURE)), schemas.Payment),
        (refund_view(a_refund(failure=FAILURE)), schemas.Refund),
        (
            incident_view(Incident("inc_1", IncidentKind.DEAD_CALLBACK, "shop", None, "x", NOON)),
            schemas.Incident,
        ),
    ],
)
def test_what_is_answered_is_what_is_described(view, kind):
    assert set(view) == set(kind.__struct_fields__)
    msgspec.convert(view, kind)


def test_events_are_what_is_described(run, world):
    run(world.paid())
    run(world.settle())
    [message] = run(world.events())

    view = event_view(message)
    assert set(view) == set(schemas.Event.__struct_fields__)
    msgspec.convert(view, schemas.Event)
    msgspec.convert(view["data"], schemas.Payment)


def test_every_action_is_described(shop, order):
    for method in Method:
        wanted = order | an_order_by(method) | {"order_no": method.replace("_", "-")}
        action = shop.post("/v1/payments", wanted, key=method).json()["action"]
        assert msgspec.convert(action, schemas.Action).type is TERMS[method].action


def test_problems_are_what_is_described(shop):
    for response in (shop.get("/nothing"), shop.get("/v1/payments?x=1")):
        assert set(response.json()) <= set(schemas.Problem.__struct_fields__)
        msgspec.convert(response.json(), schemas.Problem)


def test_the_page_loads_nothing_from_another_host(stranger):
    page = stranger.get("/schema")

    assert page.headers["content-type"].startswith("text/html")
    assert "default-src 'self'" in page.headers["content-security-policy"]
    loaded = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert len(loaded) == 4
    for address in loaded:
        assert address.startswith("/schema/")
        assert stranger.get(address).status_code == 200


def test_the_bare_address_leads_to_the_page(stranger):
    entered = stranger.get("/")

    assert entered.status_code == 302
    assert entered.headers["location"] == "/schema"


def test_the_page_reads_our_document(stranger):
    assert '"/schema/openapi.json"' in stranger.get("/schema/start.js").text


def test_the_assets_are_those_of_the_wheel(stranger):
    [bundle] = [
        file for file in files("flask-swagger-ui") or () if file.name == "swagger-ui-bundle.js"
    ]

    response = stranger.get("/schema/swagger-ui-bundle.js")
    assert response.content == bundle.read_binary()
    assert response.headers["content-type"].startswith("text/javascript")


@pytest.mark.parametrize("name", ["index.html", "..%2Fapp.py", "swagger-ui.js", "%00"])
def test_nothing_else_is_served_from_there(stranger, name):
    assert stranger.get(f"/schema/{name}").status_code == 404
