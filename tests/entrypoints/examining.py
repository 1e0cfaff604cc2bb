"""Ask the doctor about a deployment."""

from adapters.providers.transport import AiohttpTransport
from entrypoints.checkup.finding import Finding, State
from entrypoints.doctor import _asked, checks_of
from tests.entrypoints.deployment import Deployment

GOOD, LOOK, BAD = State.GOOD, State.LOOK, State.BAD

Findings = dict[tuple[str, str], Finding]


async def examine(deployment: Deployment) -> Findings:
    """What was found, by subject and title."""
    deployment.write()
    transport = AiohttpTransport()
    try:
        checks = list(checks_of(deployment.path, transport))
        found = await _asked(checks, tell_each=False)
    finally:
        await transport.aclose()
    return {(c.about, c.title): finding for c, finding in zip(checks, found, strict=True)}


def wrong(findings: Findings, state: State = BAD) -> set[tuple[str, str]]:
    """Which are in this state."""
    return {which for which, finding in findings.items() if finding.state is state}
