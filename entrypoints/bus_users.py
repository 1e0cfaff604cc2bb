"""What an app needs to read its events from NATS: a consumer, and a user in the server's file."""

from application.ports import Unavailable
from entrypoints.errors import SettingsError
from entrypoints.event_platform import opened
from entrypoints.platform_settings import Nats

TEXT = """
Its events on NATS: stream BASEPAY_EVENTS, durable pull consumer {consumer},
inbox prefix {inbox}. Add this user to authorization.users of every
server's configuration (`nats server passwd` hashes the password), and reload it:

{user}

basepay's own user there may do more, and is the only one that may:

{basepay}"""


async def add_bus_user(nats: Nats, app: str) -> str:
    """Make the app's consumer; what operators must do besides. Raises SettingsError."""
    from adapters.nats.declared import app_consumer, declare_app
    from adapters.nats.permissions import BASEPAY_USER, app_user, inbox_of, new_password
    from adapters.nats.platform import FAILURES

    platform = await opened(nats)
    try:
        await declare_app(platform.context(), app)
    except (Unavailable, *FAILURES):
        raise SettingsError(
            f"nats.url: does not answer, so {app} was not added; try again when it is up"
        ) from None
    finally:
        await platform.aclose()
    return TEXT.format(
        consumer=app_consumer(app),
        inbox=inbox_of(app),
        user=app_user(app, new_password()),
        basepay=BASEPAY_USER,
    )
