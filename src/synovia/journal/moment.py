"""Times as the journal writes them: UTC, ISO 8601, with seconds or microseconds."""

import re
from datetime import UTC, datetime, timedelta

__all__ = ["instant", "is_instant", "stamp"]

_AT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{6})?Z")


def is_instant(text: str) -> bool:
    """Whether a text is a time in UTC as the journal writes it.

    Examples
    --------
    >>> is_instant("2025-03-01T09:30:00Z"), is_instant("2025-03-01 09:30")
    (True, False)
    """
    if not _AT.fullmatch(text):
        return False
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True


def instant(at: str) -> str:
    """A time of an event with microseconds, so that texts sort as times do.

    Examples
    --------
    >>> instant("2025-03-01T09:30:00Z")
    '2025-03-01T09:30:00.000000Z'
    """
    return at if "." in at else f"{at[:-1]}.000000Z"


def stamp(now: datetime, latest: str = "") -> str:
    """The time to write on a new event: now, and never at or before the latest event.

    A clock that was set back, or a colleague's that runs ahead, then cannot put a correction before what
    it corrects.

    Parameters
    ----------
    now : datetime
        The present, with its time zone.
    latest : str
        Time of the journal's latest event, empty when there is none.

    Examples
    --------
    >>> from datetime import UTC, datetime
    >>> stamp(datetime(2025, 3, 1, 9, 30, tzinfo=UTC))
    '2025-03-01T09:30:00.000000Z'
    >>> stamp(datetime(2025, 3, 1, 9, 30, tzinfo=UTC), "2025-03-01T09:45:00Z")
    '2025-03-01T09:45:00.000001Z'
    """
    moment = now.astimezone(UTC)
    if latest:
        moment = max(moment, datetime.fromisoformat(latest) + timedelta(microseconds=1))
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
