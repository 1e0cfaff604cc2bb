"""How routes reach the use cases."""

from typing import TypeAlias

from litestar.di import NamedDependency, Provide
from litestar.params import SkipValidation

from application.app import App

#: Validating it at every request would tell nothing new.
TheApp: TypeAlias = NamedDependency[SkipValidation[App]]


def provide(app: App) -> dict[str, Provide]:
    """The dependencies of every route."""
    return {
        "app": Provide(lambda: app, use_cache=True, sync_to_thread=False),
        "payer_logins": Provide(lambda: app.payer_logins, sync_to_thread=False),
        "domain_proofs": Provide(lambda: app.domain_proofs, sync_to_thread=False),
    }
