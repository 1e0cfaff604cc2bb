"""What moments mean: how far a clock is off, how long a certificate still holds."""

from datetime import datetime, timedelta

from entrypoints.checkup.finding import Finding, bad, good, look

#: Providers refuse at five minutes. Date headers tell whole seconds, and answers travel.
TOLERATED = timedelta(seconds=5)
REFUSED = timedelta(minutes=4)

#: Renewing takes a person at the provider's site, and days if documents are asked for.
SOON = timedelta(days=30)

BY_NTP = "let this machine follow NTP"


def clock_finding(skew: timedelta | None) -> Finding:
    """How far our clock is from the provider's; `skew`: ours minus theirs."""
    if skew is None:
        return look("the provider told no time", f"see for yourself: date -u; {BY_NTP}")
    seconds = round(abs(skew).total_seconds())
    words = f"{seconds} s {'ahead of' if skew > timedelta(0) else 'behind'} the provider's"
    if abs(skew) >= REFUSED:
        return bad(f"{words}: signatures are refused at 300 s", BY_NTP)
    if abs(skew) > TOLERATED:
        return look(words, BY_NTP)
    return good("agrees with the provider's")


def expiry_finding(ends_at: datetime, *, now: datetime, renew: str) -> Finding:
    """How long a certificate still holds."""
    day = f"{ends_at:%Y-%m-%d}"
    if ends_at <= now:
        return bad(f"expired on {day}", renew)
    if ends_at - now < SOON:
        return look(f"ends in {(ends_at - now).days} days, on {day}", renew)
    return good(f"holds until {day}")
