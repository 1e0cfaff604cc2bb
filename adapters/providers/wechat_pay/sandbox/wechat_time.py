"""Instants as WeChat Pay writes them: RFC 3339 in Beijing time, whole seconds (§1.5)."""

from datetime import datetime, timedelta, timezone

BEIJING = timezone(timedelta(hours=8))


def wechat_time(at: datetime) -> str:
    """Write an instant as `yyyy-MM-DDTHH:mm:ss+08:00`."""
    return at.astimezone(BEIJING).isoformat(timespec="seconds")
