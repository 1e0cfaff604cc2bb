"""The simulators' own surface: the page, the clock, and where they refuse to run."""

import pytest

from adapters.clock import MovableClock
from adapters.providers.sandbox.app import SandboxInProduction, create_sandbox
from adapters.providers.wechat_pay.sandbox.simulator import WeChatPaySandbox


@pytest.mark.parametrize("environment", ["production", "prod", ""])
def test_simulators_refuse_to_run_in_production(environment):
    with pytest.raises(SandboxInProduction):
        create_sandbox(environment=environment, clock=MovableClock(), providers=[])


def test_two_sandboxes_on_one_directory_hand_out_the_same_credentials(tmp_path):
    def start():
        return create_sandbox(
            environment="dev",
            clock=MovableClock(),
            providers=[WeChatPaySandbox],
            data_directory=tmp_path,
        )

    first, second = (
        app.wire.provider_of("/v3/certificates").credentials("http://127.0.0.1")
        for app in (start(), start())
    )
    assert first == second
