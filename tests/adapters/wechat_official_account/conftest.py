import pytest

from tests.adapters.wechat_official_account.line import WeChatWorld


@pytest.fixture
def wechat() -> WeChatWorld:
    return WeChatWorld()
