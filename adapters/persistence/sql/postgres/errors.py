"""What PostgreSQL and the way to it say, in our words."""

import asyncpg

from application.ports import AlreadyExists, LostUpdate, Unavailable

#: Nothing was kept, and whoever reads again and decides again may be luckier.
_LOST = (
    asyncpg.DivisionByZeroError,  # how a unit says that a row was changed meanwhile
    asyncpg.SerializationError,
    asyncpg.DeadlockDetectedError,
)

#: Classes of SQLSTATE that say something about the machine, not about our statement: connection,
#: a stand-by that can only read, authorization, resources, operators, system, locks.
_OUT_OF_ORDER = ("08", "25006", "28", "3D", "53", "57", "58", "55P03")

#: The server ends our connection, and what was under way with it.
_ENDED = ("08", "57P")

#: What the way to the server says; asyncpg calls a lost connection an InterfaceError.
_OFF_THE_LINE = (OSError, TimeoutError, asyncpg.InterfaceError, asyncpg.InternalClientError)


class LineCut(Unavailable):
    """The connection was lost on the way; whether anything was kept is not known here."""


class RuleBroken(Exception):
    """A row that must not be stored: our own mistake. Names the rule, and nothing of the row."""


def translated(error: Exception) -> Exception:
    """Our word for it; what is our own mistake (a wrong statement) stays as it is."""
    if isinstance(error, asyncpg.UniqueViolationError):
        return AlreadyExists(str(error.constraint_name))
    if isinstance(error, _LOST):
        return LostUpdate("the row was changed meanwhile")
    if isinstance(error, asyncpg.IntegrityConstraintViolationError):
        return RuleBroken(str(error.constraint_name or error.column_name))
    if isinstance(error, asyncpg.PostgresError) and str(error.sqlstate).startswith(_OUT_OF_ORDER):
        kind = LineCut if str(error.sqlstate).startswith(_ENDED) else Unavailable
        return kind(f"the database is out of order: {error.args[0]}")
    if isinstance(error, TimeoutError):
        return Unavailable("the database takes too long to answer")
    if _off_the_line(error):
        return LineCut(f"the database does not answer: {type(error).__name__}")
    return error


def spoils(error: Exception) -> bool:
    """Whether its connection must not be used again: it is cut, or leads to a stand-by."""
    return isinstance(error, asyncpg.ReadOnlySQLTransactionError) or _off_the_line(error)


def _off_the_line(error: Exception) -> bool:
    """What asyncpg raises for a value that does not fit is a ValueError besides."""
    return isinstance(error, _OFF_THE_LINE) and not isinstance(error, ValueError)
