"""Money in fen, and the exact way between fen and the decimal yuan of Alipay and the bills."""

from dataclasses import dataclass
from decimal import Context, Decimal, DecimalException, Inexact, InvalidOperation, Overflow
from typing import Self

CNY = "CNY"

#: Refuses what it would have to round, and exponents that would fill the memory with digits.
_EXACTLY = Context(prec=28, Emin=-28, Emax=28, traps=[Inexact, InvalidOperation, Overflow])


@dataclass(frozen=True, slots=True)
class Money:
    """An amount in fen, 1/100 yuan. Amounts of different currencies never mix.

    There is no `order=True`: it would compare currencies alphabetically.
    """

    fen: int
    currency: str = CNY

    @classmethod
    def from_yuan(cls, text: str) -> Self:
        """Read decimal yuan exactly: "88.88" is 8888 fen. Raises ValueError."""
        try:
            fen = Decimal(text).scaleb(2, _EXACTLY)
            whole = fen == fen.to_integral_value()
        except DecimalException:
            raise ValueError(f"not an amount in yuan: {text!r}") from None
        if not fen.is_finite() or not whole:
            raise ValueError(f"not a whole number of fen: {text!r}")
        return cls(int(fen))

    def to_yuan(self) -> str:
        """Write decimal yuan with two places: 8888 fen is "88.88"."""
        sign = "-" if self.fen < 0 else ""
        return f"{sign}{abs(self.fen) // 100}.{abs(self.fen) % 100:02d}"

    def __str__(self) -> str:
        return f"{self.to_yuan()} {self.currency}"

    def __add__(self, other: Self) -> Self:
        return type(self)(self.fen + self._same(other).fen, self.currency)

    def __sub__(self, other: Self) -> Self:
        return type(self)(self.fen - self._same(other).fen, self.currency)

    def __lt__(self, other: Self) -> bool:
        return self.fen < self._same(other).fen

    def __le__(self, other: Self) -> bool:
        return self.fen <= self._same(other).fen

    def __bool__(self) -> bool:
        return self.fen != 0

    def _same(self, other: Self) -> Self:
        if self.currency != other.currency:
            raise ValueError(f"{self.currency} and {other.currency} do not mix")
        return other


ZERO = Money(0)
