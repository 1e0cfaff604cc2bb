import json
import re

import msgspec
import pytest
from jsonschema_rs import Draft7Validator, Draft202012Validator, ValidationError

from adapters.http import schemas
from adapters.http.asyncapi import EXAMPLES, MEANINGS, SUBJECTS
from adapters.nats.events import subject_of
from application.views import event_view, to_json
from domain.bill_day import bill_day
from domain.events import EventType
from domain.method import Method
from tests.asking import HAS_NO_BALANCE, an_order_by

REFERENCE = re.compile(r'"\$ref": ?"#/([^"]+)"')


@pytest.fixture
def document(stranger):
    response = stranger.get("/schema/asyncapi.json")
    assert response.headers["content-type"] == "application/vnd.aai.asyncapi+json;version=3.0.0"
    return response.json()


def schema_of(document, part):
    """A part of the document as a JSON Schema, with what it refers to."""
    return Draft202012Validator({**part, "components": document["components"]})


def test_every_type_is_told_on_its_subject_and_to_webhooks(document):
    channels = document["channels"]
    on_nats = [name for each, _ in SUBJECTS.values() for name in channels[each]["messages"]]

    assert sorted(on_nats) == sorted(EventType) == sorted(MEANINGS)
    assert sorted(channels["webhooks"]["messages"]) == sorted(EventType)


def test_every_channel_is_sent_to(document):
    sent = {each["channel"]["$ref"] for each in document["operations"].values()}

    assert sent == {f"#/channels/{name}" for name in document["channels"]}
    assert {each["action"] for each in document["operations"].values()} == {"send"}


def test_every_reference_leads_somewhere(document):
    references = set(REFERENCE.findall(json.dumps(document)))

    assert references
    for reference in references:
        place = document
        for step in reference.split("/"):
            assert step in place, reference
            place = place[step]


def test_every_schema_reads_the_same_in_the_dialect_of_asyncapi(document):
    """Which is draft 7 with additions; nothing here may need a later one."""
    for name, schema in document["components"]["schemas"].items():
        Draft7Validator(schema | {"components": document["components"]})
        assert not re.search(r'"(?:\$defs|prefixItems|unevaluated\w+)"', json.dumps(schema)), name


@pytest.mark.parametrize("type", EXAMPLES)
def test_an_example_is_a_message_of_its_type(document, type):
    [message] = [
        messages[type]
        for channel, _ in SUBJECTS.values()
        if type in (messages := document["channels"][channel]["messages"])
    ]

    schema_of(document, message["payload"]).validate(EXAMPLES[type])


async def everything(world):
    """Payments and refunds that end in each way there is, one of them late."""
    for number, end in enumerate(("arrives", "bounces", "closes")):
        payment_id = await world.paid(order_no=f"SO-{number}")
        answer = await world.refund(payment_id, key=f"r{number}", refund_no=f"RF-{number}")
        refund = msgspec.json.decode(answer.body)
        getattr(world.wechat, f"refund_{end}")(refund["provider_refund_no"])
        await world.callback("refund", refund["provider_refund_no"])
    code = an_order_by(Method.WECHAT_CODE, wallet=HAS_NO_BALANCE)
    await world.pay("k-refused", order_no="SO-3", **code | {"method": Method.WECHAT_CODE})
    forgotten = msgspec.json.decode((await world.pay("k-late", order_no="SO-4")).body)
    await world.sweep_after(hours=3)
    world.wechat.payer_pays(forgotten["provider_order_no"])
    await world.callback("payment", forgotten["provider_order_no"])
    await world.settle()
    return [json.loads(to_json(event_view(message))) for message in await world.events()]


def test_what_is_really_published_is_what_is_described(run, world, document):
    events = run(everything(world))

    assert {event["type"] for event in events} == set(EventType)
    assert True in {event["late"] for event in events}
    for event in events:
        word = event["type"].split(".")[1]
        channel, kind = SUBJECTS[word]
        message = document["channels"][channel]["messages"][event["type"]]
        schema_of(document, message["payload"]).validate(event)
        assert set(event) == set(schemas.Event.__struct_fields__)
        assert set(event["data"]) == set(kind.__struct_fields__)


def test_what_operators_are_told_is_what_is_described(run, world, document):
    day = bill_day(world.clock.now())
    world.clock.advance(2 * 86_400)
    asked = run(world.app.reconcile.start("wechat-main", day, by="olga"))
    run(world.app.reconcile.execute(asked))
    [message] = run(world.store.outbox.waiting(10))
    event = json.loads(to_json(event_view(message)))
    channel = document["channels"]["reconciliations"]

    assert channel["address"] == subject_of(message)
    payload = channel["messages"][event["type"]]["payload"]
    schema_of(document, payload).validate(event)
    with pytest.raises(ValidationError):
        schema_of(document, payload).validate(event | {"data": {"id": "rec_1"}})


@pytest.mark.parametrize(
    "change",
    [
        {"type": "basepay.payment.closed"},
        {"sequence": "2"},
        {"late": None},
        {"id": 7},
        {"data": {}},
        {"data": EXAMPLES[EventType.PAYMENT_SUCCEEDED]["data"] | {"status": "closed"}},
        {"data": EXAMPLES[EventType.REFUND_SUCCEEDED]["data"]},
    ],
)
def test_what_is_not_described_is_not_valid(document, change):
    payload = document["channels"]["payments"]["messages"]["basepay.payment.succeeded"]["payload"]
    event = EXAMPLES[EventType.PAYMENT_SUCCEEDED] | change

    with pytest.raises(ValidationError):
        schema_of(document, payload).validate(event)
