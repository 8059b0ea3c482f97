"""The mark ``turns(name=count)``: of a cross product, the values of one parameter take turns.

Every combination of the other parameters is tried with one of the ``count`` values, the next combination with the next
value; with each of them in the long run. So every combination of the others is tried, and a value of theirs meets at
most as many of those that take turns as it has combinations. A test without others is tried with every value, unless
the mark says where to ``start``: then with one of them.
"""

from __future__ import annotations

from collections import defaultdict

import pytest

_VALUES: defaultdict[tuple[str, str], dict[int, int]] = defaultdict(dict)
"""The values of each parameter of each test, by their identity, in order of appearance."""


def pytest_itemcollected(item: pytest.Item) -> None:
    """Whatever has not its turn is long."""
    mark = item.get_closest_marker("turns")
    if mark is not None and isinstance(item, pytest.Function) and not _has_its_turn(item, **mark.kwargs):
        item.add_marker(pytest.mark.long)


def _has_its_turn(item: pytest.Function, start: int | None = None, **turning: int) -> bool:
    ((name, count),) = turning.items()
    places = _places(item)
    if name not in places or (start is None and len(places) == 1):
        return True
    turn = sum(places.values()) - places[name]
    if start is not None:
        turn += start + sum(map(ord, item.originalname))  # the next test begins with another value
    return places[name] % count == turn % count


def _places(item: pytest.Function) -> dict[str, int]:
    test = item.nodeid.partition("[")[0]
    given = item.callspec.params if hasattr(item, "callspec") else {}
    found: dict[str, int] = {}
    for name, value in given.items():
        values = _VALUES[test, name]
        found[name] = values.setdefault(id(value), len(values))
    return found
