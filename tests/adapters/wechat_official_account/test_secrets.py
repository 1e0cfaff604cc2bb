import logging

import httpx
import pytest

from adapters.wechat_official_account.config import Credentials, OfficialAccountConfig
from application.official_account_ports import AppKind, Token
from tests.adapters.wechat_official_account.line import SECRET, SECRET_CALLS
from tests.builders import NOON


def chain(error):
    """Everything that a traceback or a log could show of an error."""
    while error is not None:
        yield from (str(error), repr(error), repr(vars(error)))
        error = error.__cause__ or error.__context__


@pytest.fixture(params=sorted(SECRET_CALLS))
def failing(request, run, wechat, caplog):
    """Make one of the calls fail as told; everything said about it."""

    def fail(spoil):
        token = run(wechat.account.tokens.access_token())
        spoil(wechat.line)
        with caplog.at_level(logging.DEBUG), pytest.raises(Exception) as caught:  # noqa: PT011
            run(SECRET_CALLS[request.param](wechat))
        told = " ".join(chain(caught.value)) + caplog.text
        return told, [SECRET, token, "the-code"]

    return fail


def breaks(error_of):
    def spoil(line):
        async def before(request):
            raise error_of(request)

        line.before_answer = before

    return spoil


def echoes(line):
    """A server, or somebody between, that quotes everything it was sent."""

    async def before(request):
        quoted = f"{request.url} {request.content.decode()}".replace('"', "'")
        line.says(b'{"errcode":40013,"errmsg":"%s"}' % quoted.encode())

    line.before_answer = before


def answers_in_its_way(line):
    async def before(request):
        line.says(b'{"openid": 7, "was": "%s"}' % str(request.url).encode())

    line.before_answer = before


@pytest.mark.parametrize(
    "spoil",
    [
        breaks(lambda request: httpx.ReadError(f"cut: {request.url}", request=request)),
        breaks(lambda request: httpx.ConnectTimeout(f"{request.url}", request=request)),
        echoes,
        answers_in_its_way,
    ],
    ids=["cut", "late", "echo", "nonsense"],
)
def test_no_secret_is_told_by_a_call_that_fails(failing, spoil):
    told, secrets = failing(spoil)

    assert [secret for secret in secrets if secret in told] == []


def test_no_secret_is_told_by_what_holds_it(wechat):
    held = [
        Credentials("wx1", SECRET),
        OfficialAccountConfig(official_account=Credentials("wx1", SECRET)),
        Token(SECRET, NOON),
        wechat.account,
        wechat.account.apps.logins[AppKind.OFFICIAL_ACCOUNT],
    ]

    assert [each for each in held if SECRET in repr(each)] == []


def test_a_bad_secret_is_refused_without_being_told():
    with pytest.raises(ValueError, match="app_secret") as caught:
        OfficialAccountConfig(official_account=Credentials("wx1", "with space"))

    assert "with space" not in str(caught.value)
