"""Whatever URL an app gives, nobody inside hears of it: somebody listens, and waits in vain."""

import asyncio
import socket
from contextlib import suppress

import pytest

from adapters.webhooks.resolver import CheckedResolver
from adapters.webhooks.rules import AddressRefused, Rules
from application.webhook_ports import Post, UrlRefused
from tests.adapters.webhooks.corpus import INSIDE_V4, INSIDE_V6, NAMES, URLS, spellings
from tests.adapters.webhooks.receiver import answers, receiving

#: As generous as rules can be without naming a network, so that only the address decides.
GENEROUS = Rules(any_port=True, plain_http=True)
PUBLIC = "93.184.215.14"


async def look_up(host, port):
    """The names of the corpus; for others the machine's own word, as if there were no guard."""
    if host in NAMES:
        return NAMES[host]
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [each[4][0] for each in found]


def a_post(url):
    return Post(url, "evt_1", b"{}", [b"s" * 32])


def test_the_corpus_is_large_enough_to_mean_something():
    assert len(set(URLS)) >= 200


def test_no_url_of_the_corpus_reaches_anybody_inside(run, new_sender):
    async def go():
        sender = new_sender(GENEROUS, look_up=look_up)
        async with (
            receiving(answers(200)) as receiver,
            receiving(answers(200), host="::1") as receiver6,
        ):
            reached = []
            for url in URLS:
                for port in (receiver.port, receiver6.port):
                    answer = await sender.send(a_post(url.replace("{port}", str(port))))
                    if not answer.text.startswith(("not sent: ", "the name does not resolve")):
                        reached.append((url, answer))
            return reached, receiver.connections + receiver6.connections

    reached, connections = run(go())

    assert reached == []
    assert connections == 0


def test_no_url_of_the_corpus_is_even_accepted(run, new_sender):
    async def go():
        sender = new_sender(GENEROUS, look_up=look_up)
        accepted = []
        for url in URLS:
            with suppress(UrlRefused):
                accepted.append(await sender.check(url.replace("{port}", "8080")))
        return accepted

    assert run(go()) == []


def test_the_listener_would_hear_if_somebody_came(run, new_sender):
    async def go():
        sender = new_sender(Rules(networks=("127.0.0.0/8",), any_port=True, plain_http=True))
        async with receiving(answers(200)) as receiver:
            answer = await sender.send(a_post(f"http://127.0.0.1:{receiver.port}/"))
            return answer.status, receiver.connections

    assert run(go()) == (200, 1)


def test_a_name_that_turns_inside_after_the_check_is_refused(run, new_sender):
    told = [[PUBLIC], ["127.0.0.1"], ["::1"]]

    async def rebound(host, port):
        return told.pop(0)

    async def go():
        sender = new_sender(GENEROUS, look_up=rebound)
        async with receiving(answers(200)) as receiver:
            url = f"http://shop.example:{receiver.port}/"
            assert await sender.check(url) == url
            answers_ = [await sender.send(a_post(url)) for _ in range(2)]
            return answers_, receiver.connections

    refused, connections = run(go())

    assert {answer.text for answer in refused} == {
        "not sent: the URL does not lead to a public address"
    }
    assert connections == 0


def test_the_name_is_looked_up_once_a_connection_so_that_nothing_can_turn_in_between(
    run, new_sender
):
    looks = []

    async def counted(host, port):
        looks.append(host)
        return ["127.0.0.1"]

    async def go():
        loopback = Rules(networks=("127.0.0.0/8",), any_port=True, plain_http=True)
        sender = new_sender(loopback, look_up=counted)
        async with receiving(answers(200)) as receiver:
            await sender.send(a_post(f"http://shop.example:{receiver.port}/"))
            return receiver.requests[0].headers["host"], receiver.port

    host, port = run(go())

    assert looks == ["shop.example"]
    assert host == f"shop.example:{port}"


def test_a_resolver_that_checks_nothing_meets_the_last_gate(run, new_sender, monkeypatch):
    """Both gates hold alone: here the first stands open."""
    monkeypatch.setattr(CheckedResolver, "resolve", unchecked)

    async def go():
        sender = new_sender(GENEROUS)
        async with receiving(answers(200)) as receiver:
            answer = await sender.send(a_post(f"http://shop.example:{receiver.port}/"))
            return answer.text, receiver.connections

    assert run(go()) == ("not sent: the URL does not lead to a public address", 0)


async def unchecked(self, host, port=0, family=socket.AF_UNSPEC):
    return [
        {
            "hostname": host,
            "host": "127.0.0.1",
            "port": port,
            "family": socket.AF_INET,
            "proto": 0,
            "flags": 0,
        }
    ]


def test_a_redirect_inside_is_not_followed(run, new_sender):
    async def go():
        loopback = Rules(networks=("127.0.0.0/8",), any_port=True, plain_http=True)
        sender = new_sender(loopback)
        async with receiving(answers(200)) as inside:
            elsewhere = f"http://127.0.0.1:{inside.port}/admin"
            async with receiving(answers(307, b"", Location=elsewhere)) as outside:
                answer = await sender.send(a_post(f"http://127.0.0.1:{outside.port}/"))
            return answer.status, inside.connections

    assert run(go()) == (307, 0)


@pytest.mark.parametrize("address", [*INSIDE_V4, *(each.replace("%25", "%") for each in INSIDE_V6)])
def test_no_address_inside_is_taken(address):
    with pytest.raises(AddressRefused):
        Rules().check(address)


@pytest.mark.parametrize(
    "address",
    (
        "1.1.1.1 93.184.215.14 100.63.255.255 100.128.0.1 126.255.255.255 172.32.0.1 192.0.1.1"
        " 223.255.255.254 2606:4700::1111 2400:3200::1 2001:4860::8888"
    ).split(),
)
def test_public_addresses_are_taken(address):
    Rules().check(address)


@pytest.mark.parametrize(
    ("url", "read"),
    [
        ("https://shop.example", "https://shop.example:443/"),
        ("HTTPS://Shop.Example/Hooks?a=%7E", "https://shop.example:443/Hooks?a=%7E"),
        ("https://shop.example:443/a/../b", "https://shop.example:443/a/../b"),
        ("https://xn--fiq228c.example/", "https://xn--fiq228c.example:443/"),
        ("https://1.1.1.1:80/", "https://1.1.1.1:80/"),
        ("https://[2606:4700::1111]/", "https://[2606:4700::1111]:443/"),
        ("https://127.0.0.1.nip.example/", "https://127.0.0.1.nip.example:443/"),
    ],
)
def test_an_ordinary_url_is_read_as_it_is_written(url, read):
    target = Rules().read(url)

    assert f"{target.scheme}://{target.raw_authority}{target.raw_path_qs}" in (
        read,
        read.replace(":443", ""),
    )


@pytest.mark.parametrize(
    ("rules", "url", "expected"),
    [
        (Rules(), "http://shop.example/", "an https URL"),
        (Rules(), "https://shop.example:8443/", "one of the ports 443, 80"),
        (Rules(ports=(8443,)), "https://shop.example:9443/", "one of the ports 443, 80, 8443"),
        (Rules(any_port=True), "https://shop.example:0/", "one of the ports"),
        (Rules(any_port=True), "https://shop.example:65536/", "one of the ports"),
        (Rules(), "https://user@shop.example/", "without user and password"),
        (Rules(), "https://shop.example/#top", "without a fragment"),
        (Rules(), "https://商店.example/", "all of them ASCII"),
        (Rules(), "https://shop.example/" + "a" * 500, "at most 512 characters"),
        (Rules(), "https://2130706433/", "usual spelling"),
        (Rules(), "https://10.0.0.1/", "leads to a public address"),
        (Rules(networks=("10.0.0.0/8",)), "https://11.0.0.1:22/", "one of the ports"),
        (Rules(networks=("10.0.0.0/8",)), "https://192.168.0.1/", "leads to a public address"),
    ],
)
def test_a_refused_url_hears_what_it_should_be(rules, url, expected):
    with pytest.raises(UrlRefused, match=expected):
        rules.read(url)


def test_what_is_configured_is_allowed():
    assert Rules(ports=(8443,)).read("https://shop.example:8443/").port == 8443
    assert Rules(networks=("10.0.0.0/8",)).read("https://10.0.0.1/").host == "10.0.0.1"
    Rules(networks=("fd00::/8",)).check("fd00::1")
    for inside in ("127.0.0.1", "::ffff:10.0.0.1"):
        with pytest.raises(AddressRefused):
            Rules(networks=("10.0.0.0/8",)).check(inside)


@pytest.mark.parametrize("spelled", [each for each in spellings("1.1.1.1") if "%" not in each])
def test_an_odd_spelling_is_refused_even_of_a_public_address(spelled):
    with pytest.raises(UrlRefused):
        Rules().read(f"https://{spelled}/")
