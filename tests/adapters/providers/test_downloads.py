"""Files from providers: written as they come, within their bounds, never waited for in vain."""

import httpx
import pytest

from adapters.providers.transport import DOWNLOAD_SECONDS, AiohttpTransport, save
from tests.adapters.providers.test_transport import READ, line


def answer(body: bytes, status: str = "200 OK", *, told: int | None = None) -> bytes:
    length = len(body) if told is None else told
    return f"HTTP/1.1 {status}\r\nContent-Length: {length}\r\n\r\n".encode() + body


@pytest.fixture
def download(run, tmp_path):
    def ask(*steps, most_bytes=1 << 30, seconds=30.0, **limits):
        async def story():
            async with line(list(steps)) as (_, url), AiohttpTransport() as transport:
                extensions = {"timeout": limits, DOWNLOAD_SECONDS: seconds}
                request = httpx.Request("GET", url + "/?token=c2lnbmVk", extensions=extensions)
                target = str(tmp_path / "bill")
                return await save(transport, request, target, most_bytes=most_bytes)

        return run(story())

    return ask


def test_a_file_larger_than_any_answer_arrives_whole(download, tmp_path):
    large = b"0123456789abcdef" * (1 << 18)  # 4 MiB

    got, words = download(READ, answer(large))

    assert (got.status_code, words) == (200, b"")
    assert (tmp_path / "bill").read_bytes() == large


def test_a_refusal_is_told_and_nothing_is_written(download, tmp_path):
    got, words = download(READ, answer(b'{"code":"NO_AUTH"}', "403 Forbidden"))

    assert (got.status_code, words) == (403, b'{"code":"NO_AUTH"}')
    assert not (tmp_path / "bill").exists()


CUT = pytest.param([READ, answer(b"half", told=9)], {}, httpx.ReadError, id="cut")
TROUBLES = [
    CUT,
    pytest.param([READ, answer(b"x" * 50)], {"most_bytes": 49}, httpx.ReadError, id="too long"),
    pytest.param(
        [READ, answer(b"x" * (1 << 17), "400 Bad Request")],
        {},
        httpx.ReadError,
        id="too many words",
    ),
    pytest.param(
        [READ, answer(b"half", told=9), 30.0], {"read": 0.2}, httpx.ReadTimeout, id="stalled"
    ),
    pytest.param(
        [READ, answer(b"", told=999), *[b"x", 0.05] * 400],
        {"seconds": 0.3},
        httpx.ReadTimeout,
        id="dribbling",
    ),
]


@pytest.mark.parametrize(("steps", "bounds", "error"), TROUBLES)
def test_a_file_that_does_not_come_whole_says_so_and_quotes_no_address(
    download, steps, bounds, error
):
    with pytest.raises(error) as failure:
        download(*steps, **bounds)

    assert "c2lnbmVk" not in str(failure.value)
