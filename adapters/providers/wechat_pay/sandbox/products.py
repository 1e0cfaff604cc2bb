"""What can be prepaid: how its order shows, which link leads the payer there (§3.1, §3.3)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

#: The kinds of app id, as `settings.AppIds` names them.
OFFICIAL_ACCOUNT, MINI_PROGRAM, APP = "official_account", "mini_program", "app"
ANY_APP_ID = (OFFICIAL_ACCOUNT, MINI_PROGRAM, APP)


@dataclass(frozen=True, slots=True)
class Product:
    """One way to be led to an order."""

    name: str  # the last step of its path
    trade_type: str
    link: str  # the one field of a good answer
    link_lives: timedelta
    app_id_kinds: tuple[str, ...] = ANY_APP_ID


PRODUCTS: Mapping[str, Product] = {
    each.name: each
    for each in (
        Product("native", "NATIVE", "code_url", timedelta(hours=2)),
        Product(
            "jsapi", "JSAPI", "prepay_id", timedelta(hours=2), (OFFICIAL_ACCOUNT, MINI_PROGRAM)
        ),
        Product("app", "APP", "prepay_id", timedelta(hours=2), (APP,)),
        Product("h5", "MWEB", "h5_url", timedelta(minutes=5)),
    )
}

#: A payment code is charged, not prepaid; its orders are these in the book.
CODE, MICROPAY = "code", "MICROPAY"
