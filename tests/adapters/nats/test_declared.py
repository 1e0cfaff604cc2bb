"""Streams are declared once, and a server that has others is told apart."""

import pytest

from adapters.nats.declared import DAY, EVENTS, STREAMS, StreamDiffers
from adapters.nats.platform import Platform
from adapters.nats.syncing import loses_power_cuts
from application.ports import Unavailable
from tests.adapters.nats.reading import back
from tests.servers.nats import NatsServer


def test_what_is_missing_is_made(run, platform):
    made = run(platform.context().streams_info())

    assert {stream.config.name for stream in made} == {stream.name for stream in STREAMS}
    assert run(platform.context().stream_info(EVENTS)).config.max_age == 8 * DAY


def test_declaring_again_changes_nothing(run, platform, connect):
    created = run(platform.context().stream_info(EVENTS)).created
    connect()

    assert run(platform.context().stream_info(EVENTS)).created == created


def test_a_stream_that_keeps_longer_is_left_alone(run, platform, connect):
    run(platform.context().update_stream(name=EVENTS, subjects=["basepay.events.>"], max_age=0))
    connect()

    assert run(platform.context().stream_info(EVENTS)).config.max_age == 0


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"max_age": DAY}, "max_age is 86400 s, expected at least 691200 s"),
        ({"subjects": ["basepay.>"]}, "subjects is .'basepay.>'., expected .'basepay.events.>'."),
        ({"discard": "new"}, "discard is new, expected old"),
    ],
)
def test_a_stream_that_differs_stops_the_start(run, platform, nats_server, change, told):
    context = platform.context()
    for stream in STREAMS:
        run(context.delete_stream(stream.name))
    run(context.add_stream(**{"name": EVENTS, "subjects": ["basepay.events.>"]} | change))
    late = Platform(nats_server.url())

    with pytest.raises(StreamDiffers, match=f"stream {EVENTS}: .*{told}.*nats stream edit"):
        run(late.open(patience=30))
    with pytest.raises(Unavailable):
        late.context()
    run(late.aclose())


def test_a_server_that_is_down_does_not_stop_the_start(run, nats_server):
    nats_server.kill()
    platform = Platform(nats_server.url())
    run(platform.open(patience=0.05))
    with pytest.raises(Unavailable):
        run(platform.ping())
    nats_server.start()

    run(back(platform))
    run(platform.ping())
    run(platform.aclose())


def test_a_server_that_acknowledges_before_it_writes_is_told(run, nats_server, free_port):
    careful = NatsServer(sync="always")
    try:
        assert run(loses_power_cuts(careful.monitor_url)) is None
    finally:
        careful.remove()
    assert "sync_interval: always" in run(loses_power_cuts(nats_server.monitor_url))
    assert "not set" in run(loses_power_cuts(None))
    assert "does not tell" in run(loses_power_cuts(f"http://127.0.0.1:{free_port}"))
