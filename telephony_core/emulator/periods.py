"""When a monthly billing period ends."""

from __future__ import annotations

import calendar
from datetime import datetime


def period_end(start: datetime, now: datetime) -> datetime:
    """The first monthly anniversary of ``start`` after ``now``; a short month ends it on its last day.

    >>> from datetime import UTC
    >>> period_end(datetime(2026, 1, 31, tzinfo=UTC), datetime(2026, 2, 10, tzinfo=UTC)).isoformat()
    '2026-02-28T00:00:00+00:00'
    """
    months = max(1, (now.year - start.year) * 12 + now.month - start.month)
    while True:
        years, month = divmod(start.month - 1 + months, 12)
        year = start.year + years
        # From the first day and not from the end before: 31 January, 28 February, 31 March.
        day = min(start.day, calendar.monthrange(year, month + 1)[1])
        end = start.replace(year=year, month=month + 1, day=day)
        if end > now:
            return end
        months += 1
