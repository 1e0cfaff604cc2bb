"""Text for payers, as a provider takes it: one rule for both.

What a provider would refuse is left out: characters of four UTF-8 bytes (emoji) and controls;
its forbidden signs become spaces; runs of white space become one; what is too long is cut.
Only text of which nothing remains is refused. The order itself keeps the app's own words.
"""

from domain.errors import FieldError, InvalidRequest


def plain(text: str, *, forbidden: str = "", limit: int) -> str:
    """Return what is left of `text`, at most `limit` characters; maybe nothing."""
    spaced = text.translate(dict.fromkeys(map(ord, forbidden), " "))
    kept = (c for c in spaced if c <= "\uffff" and (c.isprintable() or c.isspace()))
    return " ".join("".join(kept).split())[:limit].strip()


def plain_subject(subject: str, *, forbidden: str = "", limit: int) -> str:
    """Likewise for a subject. Raises InvalidRequest if nothing remains."""
    text = plain(subject, forbidden=forbidden, limit=limit)
    if not text:
        signs = f" or one of {' '.join(forbidden)}" if forbidden else ""
        raise InvalidRequest(FieldError("subject", f"a character that is not an emoji{signs}"))
    return text
