import logging
import re

import pytest


@pytest.fixture
def lines(caplog):
    caplog.set_level(logging.INFO, "basepay.access")
    return lambda: [
        record.getMessage() for record in caplog.records if record.name == "basepay.access"
    ]


def test_a_request_is_one_line_in_the_log(shop, order, lines):
    response = shop.post("/v1/payments", order, key="k1")

    [line] = lines()
    request_id = response.headers["x-request-id"]
    pattern = r"method=POST path=/v1/payments status=201 ms=\d+\.\d request_id=(\w+) caller=shop"
    match = re.fullmatch(pattern, line)
    assert match
    assert match[1] == request_id


def test_the_log_holds_no_bodies_keys_or_queries(shop, order, lines):
    shop.post("/v1/payments?token=t0ken", order, key="k1-secret")

    [line] = lines()
    for secret in ("t0ken", "k1-secret", "shop-key", "Two cups"):
        assert secret not in line


@pytest.mark.parametrize("path", ["/nothing", "/v1/payments", "/healthz"])
def test_what_never_reached_a_route_is_logged_too(stranger, lines, path):
    response = stranger.get(path)

    assert f"path={path} status={response.status_code} " in lines()[0]
    assert lines()[0].endswith("caller=-")


def test_a_path_can_not_forge_a_line(stranger, lines):
    stranger.get("/x%0Amethod=GET%20path=/forged")

    [line] = lines()
    assert "\n" not in line
    assert line.count(" path=") == 1


@pytest.mark.parametrize("id", ["a", "7f0c3d1e-5a52", "trace:1.2_3", "x" * 128])
def test_a_sane_request_id_is_taken_over(stranger, id):
    response = stranger.send("GET", "/healthz", headers={"X-Request-Id": id})

    assert response.headers["x-request-id"] == id


@pytest.mark.parametrize("ids", [[], [""], ["a b"], ["x" * 129], ["-a"], ["a", "b"], ["a=b c=d"]])
def test_any_other_is_replaced(stranger, ids):
    headers = [("X-Request-Id", id) for id in ids]

    one, two = (stranger.send("GET", "/healthz", headers=headers) for _ in range(2))

    assert one.headers["x-request-id"] not in ids
    assert len(one.headers["x-request-id"]) == 32
    assert one.headers["x-request-id"] != two.headers["x-request-id"]
