"""Where providers call us back: the shape of `public_url`, and whether basepay answers there."""

import ipaddress
from collections.abc import Iterator

import httpx

from application.ports import Account
from entrypoints.checkup.finding import Check, Finding, Once, bad, good, look
from entrypoints.checkup.visiting import Visit, unreached, visit
from entrypoints.settings import Settings

#: Endings of names that only a local network knows.
PRIVATE_NAMES = ("localhost", ".local", ".internal", ".lan", ".home.arpa")

ALIVE = b'{"status":"ok"}'


def callback_checks(
    settings: Settings, accounts: dict[str, Account], transport: httpx.AsyncBaseTransport
) -> Iterator[Check]:
    """The address, what answers there, and one callback address for each account."""
    alive = Once(lambda: visit(transport, f"{settings.public_url}/healthz"))

    async def shape() -> Finding:
        return _shape(settings)

    async def reached() -> Finding:
        return _reached(settings.public_url, await alive())

    yield Check("public_url", "shape", shape)
    yield Check("public_url", "reachable", reached)
    for name, account in accounts.items():
        yield _callback(settings.public_url, name, account, transport, alive)


def _shape(settings: Settings) -> Finding:
    """What providers accept as a notify_url. https, a public host; a query can't be configured."""
    url = httpx.URL(settings.public_url)
    judge = bad if settings.environment == "production" else look
    if url.scheme != "https":
        return judge(
            f"{settings.public_url} is not https", "put TLS before basepay, write https://"
        )
    if _private(url.host):
        return judge(f"{url.host} is not a public host", "name the host that the internet reaches")
    if url.port not in (None, 443):
        return look(
            f"port {url.port} is unusual",
            "prefer 443: some networks on the way let nothing else in",
        )
    return good(f"providers take {settings.public_url}: https, a public host, no query")


def _private(host: str) -> bool:
    try:
        return not ipaddress.ip_address(host).is_global
    except ValueError:
        return "." not in host or host.endswith(PRIVATE_NAMES)


def _reached(url: str, seen: Visit) -> Finding:
    if seen.trouble:
        return unreached(seen, f"start basepay; then open {url}/healthz from another network")
    if seen.status == 200 and seen.body == ALIVE:
        return good(f"basepay answers at {url}/healthz")
    if 300 <= seen.status < 400:
        return bad(
            f"{url} redirects (HTTP {seen.status}); providers do not follow",
            "write the final address as public_url",
        )
    if seen.status in (502, 503, 504):
        return bad(
            f"a proxy answers at {url} with HTTP {seen.status}, and basepay behind it does not",
            "start `basepay serve`, or point the proxy at http.host and http.port",
        )
    return bad(
        f"something else answers at {url}/healthz (HTTP {seen.status})",
        "let the proxy pass /callbacks/, /healthz, /MP_verify_* and /wechat/ to basepay",
    )


def _callback(
    public_url: str,
    name: str,
    account: Account,
    transport: httpx.AsyncBaseTransport,
    alive: Once[Visit],
) -> Check:
    """An empty callback is refused by basepay in the provider's own words, and by nobody else."""
    url = f"{public_url}/callbacks/{account.provider}/{name}"
    refusal = account.callbacks.reply(accepted=False)

    async def run() -> Finding:
        if (await alive()).trouble:
            return look(f"not asked: nothing answers for {url}", "see the line of public_url")
        seen = await visit(transport, url, method="POST")
        if (seen.status, seen.body) == (refusal.status, refusal.body):
            return good(f"{url} refuses what is not signed")
        if seen.status == 404:
            return bad(
                f"{url} is not known there (HTTP 404)",
                "let what runs there take this configuration, with the role `gateway`",
            )
        return bad(
            f"{url} answers HTTP {seen.status} instead of refusing an unsigned message",
            "let the proxy pass POST /callbacks/ on as it came: no login, no filter",
        )

    return Check(name, "callbacks", run)
