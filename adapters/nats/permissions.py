"""What one app may do on the bus: read its own events, and nothing else."""

import secrets

from adapters.nats.declared import EVENTS, app_consumer
from adapters.nats.platform import INBOX

#: Users of the server's configuration; `…` stands for what the operator puts there.
BASEPAY_USER = f"""\
{{ user: "basepay", password: "…",
  permissions: {{ publish: ">", subscribe: "{INBOX}.>" }} }}"""


def inbox_of(app: str) -> str:
    """Where an app hears answers; its own, so that no other app hears them too."""
    return f"_INBOX_{app}"


def app_user(app: str, password: str) -> str:
    """The app's user, as it stands among `authorization.users` of the server's configuration."""
    consumer = f"{EVENTS}.{app_consumer(app)}"
    publish = [
        f"$JS.API.CONSUMER.INFO.{consumer}",
        f"$JS.API.CONSUMER.MSG.NEXT.{consumer}",
        f"$JS.ACK.{consumer}.>",
    ]
    allowed = "".join(f'\n    "{subject}"' for subject in publish)
    return (
        f'{{ user: "{app}", password: "{password}", permissions: {{\n'
        f"  publish: [{allowed}\n  ]\n"
        f'  subscribe: "{inbox_of(app)}.>"\n'
        "} }"
    )


def new_password() -> str:
    """Shown once; the server's configuration may hold its bcrypt hash instead."""
    return secrets.token_urlsafe(24)
