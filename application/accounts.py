"""The merchant accounts of this process, and who may take money through which of them.

What the configuration says may change while use cases run: all of them hold this one object,
ask it anew each time, and find either the old accounts or the new ones, never a mixture.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from application.circuit import Circuit, Circuits
from application.guarded import guarded
from application.ports import Account, Unavailable
from domain.errors import AccountRequired, MethodNotOffered
from domain.method import TERMS, Method, Provider


class NotConfigured(Unavailable, KeyError):
    """An account that was taken out before this process began: its orders wait for it."""

    def __str__(self) -> str:
        return f"account {self.args[0]} is not configured"


@dataclass(frozen=True, slots=True)
class AppPolicy:
    """What one app may use; an app without a policy may use every account."""

    accounts: frozenset[str] | None = None  # None: all of them
    defaults: Mapping[Provider, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Held:
    """Everything that is swapped at once."""

    offered: Mapping[str, Account]
    apps: Mapping[str, AppPolicy]
    retired: Mapping[str, Account]  # not configured any more; their open orders still need them


class Accounts(Mapping[str, Account]):
    """Accounts by name, those included that were taken out of the configuration meanwhile.

    Each of them is asked through its circuit only, whoever asks.
    """

    def __init__(
        self,
        accounts: Mapping[str, Account],
        apps: Mapping[str, AppPolicy] | None = None,
        *,
        circuits: Circuits | None = None,
    ) -> None:
        self._circuits = circuits or Circuits()
        self._held = _Held({}, {}, {})
        self.replace(accounts, apps)

    def __getitem__(self, name: str) -> Account:
        """Raises NotConfigured."""
        held = self._held
        account = held.offered.get(name) or held.retired.get(name)
        if account is None:
            raise NotConfigured(name)
        return account

    def __iter__(self) -> Iterator[str]:
        held = self._held
        return iter([*held.offered, *held.retired])

    def __len__(self) -> int:
        held = self._held
        return len(held.offered) + len(held.retired)

    def for_payment(self, app: str, method: Method, named: str | None = None) -> Account:
        """The account a new payment goes through. Raises AccountRequired, MethodNotOffered."""
        account = self.for_app(app, TERMS[method].provider, named)
        if method not in account.methods:
            raise MethodNotOffered(method, account.name)
        return account

    def for_app(self, app: str, provider: Provider, named: str | None = None) -> Account:
        """The account the app named, its default, or its only one. Raises AccountRequired.

        One that the app may not use is answered like one that does not exist.
        """
        held = self._held
        policy = held.apps.get(app, AppPolicy())
        choices = {
            name: account
            for name, account in held.offered.items()
            if account.provider is provider and (policy.accounts is None or name in policy.accounts)
        }
        wanted = named or policy.defaults.get(provider) or _only(choices)
        if wanted not in choices:
            raise AccountRequired(provider.value, tuple(choices))
        return choices[wanted]

    def replace(
        self, accounts: Mapping[str, Account], apps: Mapping[str, AppPolicy] | None = None
    ) -> frozenset[str]:
        """Offer these from now on; the names that are retired by it.

        A retired account takes no new payments. It answers for its open orders, closes and
        refunds them and reads their callbacks, until it is offered again or the process ends.
        """
        known = {name: self[name] for name in self}
        offered = {
            name: self._guarded(account, known.get(name)) for name, account in accounts.items()
        }
        retired = {name: account for name, account in known.items() if name not in accounts}
        gone = frozenset(self._held.offered).difference(accounts)
        self._held = _Held(offered, dict(apps or {}), retired)
        return gone

    def circuit(self, name: str) -> Circuit:
        """The circuit of the account with this name."""
        return self._circuits.of(name)

    def _guarded(self, account: Account, known: Account | None) -> Account:
        """Behind its circuit; the one we know already if nothing about it changed."""
        fresh = guarded(account, self.circuit(account.name))
        return known if known == fresh else fresh


def _only(choices: Mapping[str, Account]) -> str:
    return next(iter(choices)) if len(choices) == 1 else ""
