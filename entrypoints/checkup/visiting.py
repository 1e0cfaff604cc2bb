"""Go to an address as a stranger would, and tell what is there."""

import re
from dataclasses import dataclass

import httpx

from adapters.providers.transport import exchange
from entrypoints.checkup.finding import Finding, bad, good, look

HEADERS = {"Accept": "*/*", "Accept-Encoding": "identity", "User-Agent": "basepay-doctor"}


@dataclass(frozen=True, slots=True)
class Visit:
    """What answered, or why nothing did."""

    url: str
    status: int = 0
    body: bytes = b""
    media_type: str = ""
    trouble: str = ""


async def visit(transport: httpx.AsyncBaseTransport, url: str, *, method: str = "GET") -> Visit:
    """Ask once; nothing is followed, TLS is verified."""
    try:
        answer, body = await exchange(transport, httpx.Request(method, url, headers=HEADERS))
    except httpx.HTTPError as error:
        return Visit(url, trouble=plain(str(error) or type(error).__name__))
    media_type = answer.headers.get("content-type", "").partition(";")[0]
    return Visit(url, answer.status_code, body.strip(), media_type)


def plain(trouble: str) -> str:
    """The reason alone, out of what the network library says."""
    found = re.search(r"\[(?:Errno -?\d+\] )?([^\[\]]*)\]?$", trouble)
    reason = found[1] if found else trouble
    return "nothing listens there" if reason.startswith("Connect call failed") else reason


def provider_finding(url: str, *, answers: bool, said: str) -> Finding:
    """Whether a provider can be called from here at all; `said`: what the network library says."""
    if answers:
        return good(f"{url} answers")
    return bad(
        f"{url} does not answer ({plain(said)})",
        "let this machine connect to it: firewall, DNS, proxy",
    )


def unreached(seen: Visit, mend: str) -> Finding:
    """Nothing answered. From here that proves little, but a bad certificate is bad for all."""
    if "certificate" in seen.trouble.lower():
        return bad(
            f"{seen.url}: its certificate is not trusted", "install a public CA's certificate"
        )
    return look(f"{seen.url} can't be reached from here ({seen.trouble})", mend)
