"""What is sent, and what is made of whatever comes back."""

import asyncio
import gzip
import json
import ssl
from datetime import timedelta

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from adapters.webhooks.answers import excerpt, silence
from application.webhook_ports import Post
from tests.adapters.webhooks.receiver import (
    answers,
    cuts,
    drips,
    keeps_silent,
    receiving,
    talks_nonsense,
)

SECRET, OLD = b"n" * 32, b"o" * 32
BODY = json.dumps({"id": "evt_1", "data": {"subject": "茶"}}, ensure_ascii=False).encode()


def a_post(url, *secrets):
    return Post(url, "evt_1", BODY, secrets or (SECRET,))


@pytest.fixture
def exchange(run, new_sender):
    """Send once to a receiver that follows the script; the answer, and the receiver."""

    def exchanged(script, *secrets, times=1, path="/hooks?shop=1", **patience):
        async def go():
            async with receiving(script) as receiver:
                post = a_post(f"http://127.0.0.1:{receiver.port}{path}", *secrets)
                *_, answer = [await sender.send(post) for _ in range(times)]
                return answer, receiver

        sender = new_sender(**patience)
        return run(go())

    return exchanged


def test_an_event_arrives_as_it_is_with_the_headers_of_the_standard(exchange):
    answer, receiver = exchange(answers(200, b"thank you"))

    assert (answer.status, answer.text, answer.accepted) == (200, "thank you", True)
    [request] = receiver.requests
    assert request.line == "POST /hooks?shop=1 HTTP/1.1"
    assert request.body == BODY
    assert request.headers["content-type"] == "application/cloudevents+json; charset=utf-8"
    assert request.headers["webhook-id"] == "evt_1"
    assert {"cookie", "accept-encoding", "authorization"}.isdisjoint(request.headers)


def test_the_library_of_the_standard_takes_the_signature(exchange):
    _, receiver = exchange(answers(204, b""))

    [request] = receiver.requests
    assert Webhook(SECRET).verify(request.body, request.headers) == json.loads(BODY)
    with pytest.raises(WebhookVerificationError):
        Webhook(OLD).verify(request.body, request.headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(SECRET).verify(request.body + b" ", request.headers)
    for name in ("webhook-id", "webhook-timestamp"):
        forged = request.headers | {name: request.headers[name] + "0"}
        with pytest.raises(WebhookVerificationError):
            Webhook(SECRET).verify(request.body, forged)


def test_during_a_rotation_both_secrets_verify(exchange):
    _, receiver = exchange(answers(204, b""), SECRET, OLD)

    [request] = receiver.requests
    for secret in (SECRET, OLD):
        Webhook(secret).verify(request.body, request.headers)


def test_connections_are_used_again(exchange):
    _, receiver = exchange(answers(200), times=3)

    assert (len(receiver.requests), receiver.connections) == (3, 1)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_no_redirect_is_followed(exchange, status):
    answer, receiver = exchange(answers(status, b"", Location="/elsewhere"))

    assert (answer.status, answer.accepted, len(receiver.requests)) == (status, False, 1)
    assert answer.text == "redirects are not followed, give the final URL"


@pytest.mark.parametrize(
    ("script", "text"),
    [
        (cuts, "the connection was cut before an answer came"),
        (talks_nonsense, "the answer is not HTTP"),
    ],
)
def test_no_answer_is_no_answer_and_says_why(exchange, script, text):
    answer, receiver = exchange(script)

    assert (answer.status, answer.text) == (None, text)
    assert len(receiver.requests) == 1  # and nothing was sent again


@pytest.mark.parametrize("script", [keeps_silent, drips])
def test_who_does_not_answer_in_time_is_not_waited_for(exchange, script):
    answer, receiver = exchange(script, total_seconds=0.5)

    assert (answer.status, answer.text) == (None, "no answer within 0.5 s")
    assert len(receiver.requests) <= 1


def test_of_a_huge_answer_only_the_beginning_is_read(exchange):
    written = 0

    async def ten_megabytes(writer):
        nonlocal written
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 10485760\r\n\r\n")
        for _ in range(160):
            writer.write(b"x" * 65_536)
            await writer.drain()
            written += 65_536

    answer, _ = exchange(ten_megabytes)

    assert answer.status == 200
    assert answer.text == "x" * 200
    assert written < 5 << 20  # what the sockets' buffers took; then the line was cut


def test_a_body_that_never_ends_delays_no_status(exchange, monkeypatch):
    monkeypatch.setattr("adapters.webhooks.sender.BODY_SECONDS", 0.1)

    async def trickles(writer):
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
        await writer.drain()
        await asyncio.sleep(60)

    answer, _ = exchange(trickles)

    assert (answer.status, answer.accepted) == (200, True)


def test_a_compressed_answer_stays_compressed(exchange):
    small = gzip.compress(b"hello " * 100_000)
    answer, _ = exchange(answers(200, small, Content_Encoding="gzip"))

    assert answer.status == 200
    assert "hello" not in answer.text


def test_nobody_listening_says_so(run, new_sender, free_port):
    answer = run(new_sender().send(a_post(f"http://127.0.0.1:{free_port}/")))

    assert answer.status is None
    assert answer.text.startswith("no connection: ")


def test_a_name_that_is_not_there_says_so(run, new_sender):
    async def nobody(host, port):
        raise OSError("not known")

    answer = run(new_sender(look_up=nobody).send(a_post("http://shop.example/")))

    assert (answer.status, answer.text) == (None, "the name does not resolve")


def test_a_certificate_that_nobody_vouches_for_is_not_accepted(run, new_sender, served_tls):
    async def go(sender):
        async with receiving(answers(200), tls=served_tls) as receiver:
            return await sender.send(a_post(f"https://127.0.0.1:{receiver.port}/")), receiver

    answer, receiver = run(go(new_sender()))

    assert answer.status is None
    assert answer.text == "TLS: self-signed certificate"
    assert receiver.requests == []


@pytest.mark.parametrize(("name", "good"), [("shop.example", True), ("other.example", False)])
def test_tls_is_verified_for_the_name_though_the_address_is_pinned(
    run, new_sender, served_tls, certificate, name, good
):
    async def loopback(host, port):
        return ["127.0.0.1"]

    async def go(sender):
        async with receiving(answers(200), tls=served_tls) as receiver:
            return await sender.send(a_post(f"https://{name}:{receiver.port}/")), receiver

    trusting = ssl.create_default_context(cafile=str(certificate))
    answer, receiver = run(go(new_sender(look_up=loopback, tls=trusting)))

    assert answer.accepted is good
    if good:
        assert receiver.requests[0].headers["host"] == f"shop.example:{receiver.port}"
    else:
        assert answer.text.startswith("TLS: Hostname mismatch")


@pytest.mark.parametrize(
    ("status", "told", "seconds"),
    [
        (429, "120", 120),
        (503, "Sat, 14 Mar 2026 04:10:00 GMT", 600),
        (503, "Sat, 14 Mar 2026 03:00:00 GMT", 0),
        (429, "soon", None),
        (429, "-5", None),
        (429, "٣", None),
        (500, "120", None),
        (200, "120", None),
    ],
)
def test_only_a_busy_receiver_may_ask_for_time(status, told, seconds):
    wanted = None if seconds is None else timedelta(seconds=seconds)

    assert silence(status, {"Retry-After": told}, at=1773460800.0) == wanted


def test_the_time_asked_for_comes_along(exchange):
    answer, _ = exchange(answers(429, b"", Retry_After="7"))

    assert answer.silence == timedelta(seconds=7)


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b"all\r\n\x1b[31m fine\x00", "all [31m fine"),
        (b'{"sent": "whsec_MfKQ9r8GKYqrTwjUPD8I+/=="}', '{"sent": "whsec_…"}'),
        (b"got v1,K5oZfzN95Z9UVu1EsfQmfVNQhnkZ2pj9o9NDN/H/pI4=!", "got v1,…!"),
        (b"Authorization: Bearer bp_123456", "Authorization: Bearer …"),
        (b"\xff\xfe", "\ufffd\ufffd"),
        (b"x" * 190 + b" whsec_AAAAAAAAAAAAAAAAAAAA", "x" * 190 + " whsec_…"),
    ],
)
def test_what_is_kept_of_an_answer_is_harmless(body, text):
    assert excerpt(200, body) == text


def test_a_post_shows_no_secret():
    shown = repr(a_post("https://shop.example/"))

    assert "nnn" not in shown
    assert "茶" not in shown
