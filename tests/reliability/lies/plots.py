"""What goes wrong during one call, as data that hypothesis can draw and make smaller."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from hypothesis import strategies as st

from tests.reliability.lies.lying_backend import Acts, Lie, Odd, Sort, What
from tests.reliability.lies.strangers import Deed

ODD_ANSWERS = (What.REDIRECT, What.INTERIM, What.BROKEN, What.SILENCE)
PICK = st.integers(min_value=0, max_value=10**6)


@dataclass(frozen=True)
class Plot:
    """One lie, as data; see `Lie`."""

    what: What
    on: Sort
    acts: Acts
    skip: int
    times: int
    late: float
    pick: int
    odd: Odd | None = None

    def lie(self) -> Lie:
        return Lie(self.what, self.on, self.acts, self.skip, self.times, self.late, self.pick, odd=self.odd)


def plots(whats: Sequence[What], on: Sort, acts: Sequence[Acts]) -> st.SearchStrategy[Plot]:
    return st.builds(
        Plot,
        st.sampled_from(whats),
        st.just(on),
        st.sampled_from(acts),
        skip=st.sampled_from([0, 0, 1, 2] if on in (Sort.READ, Sort.LIST) else [0, 0, 1]),
        times=st.sampled_from([1, 2, 9]) if on in (Sort.READ, Sort.LIST) else st.sampled_from([1, 1, 2]),
        late=st.sampled_from([30.0, 300.0, 600.0]),
        pick=st.integers(0, 9),
    )


MISNAMING = (What.ANOTHER, What.OTHER_NUMBER, What.OTHER_ID)
READING = plots((*MISNAMING, What.NOT_FOUND, *ODD_ANSWERS), Sort.READ, [Acts.AT_ONCE])
LISTING = plots((What.ANOTHER, What.NOT_FOUND, *ODD_ANSWERS), Sort.LIST, [Acts.AT_ONCE])
CHANGING = plots((*MISNAMING, *ODD_ANSWERS), Sort.CHANGE, [*Acts])
ENDING = plots((*MISNAMING, *ODD_ANSWERS), Sort.END, [*Acts]) | plots(
    (What.NOT_FOUND,), Sort.END, [Acts.AT_ONCE, Acts.NEVER]
)
CREATING = plots((What.ANOTHER, What.OTHER_NUMBER, *ODD_ANSWERS), Sort.CREATE, [*Acts])
COMING_OUT = st.builds(
    Plot, st.just(What.TRUTH), st.just(Sort.CREATE), st.just(Acts.AT_ONCE), st.integers(0, 1), st.just(1), st.just(0.0),
    st.just(0), st.sampled_from(Odd),
)  # fmt: skip


Plots: TypeAlias = st.SearchStrategy[tuple[Plot, ...]]


def some(*kinds: st.SearchStrategy[Plot]) -> Plots:
    """One lie or two, now and then none."""
    one = st.one_of(*kinds)
    return st.one_of(st.tuples(one), st.tuples(one, one), st.tuples(one), st.just(()))


@dataclass(frozen=True)
class Meddling:
    """A stranger is at work once ``after`` requests were answered."""

    after: int
    end: str
    deed: Deed
    pick: int


@dataclass(frozen=True)
class Trouble:
    """What goes wrong during one command of a migration."""

    here: tuple[Plot, ...] = ()
    """Lies of the source."""
    there: tuple[Plot, ...] = ()
    """Lies of the target."""
    meanwhile: Meddling | None = None
    ended_after: float | None = None
    """Seconds after which somebody ends it."""
    from_the_start: bool = True
    """Whether what it shows before it starts is lied about too."""


DEEDS = st.sampled_from(Deed)
MEDDLING = st.none() | st.builds(
    Meddling, st.integers(1, 16), st.sampled_from(["source", "target"]), DEEDS, st.integers(0, 5)
)
MISMADE = plots((What.OTHER_ID,), Sort.CREATE, [*Acts])


def trouble(
    here: st.SearchStrategy[tuple[Plot, ...]], there: st.SearchStrategy[tuple[Plot, ...]]
) -> st.SearchStrategy[Trouble]:
    return st.builds(
        Trouble,
        here=here,
        there=there,
        meanwhile=MEDDLING,
        ended_after=st.sampled_from([None, None, None, None, 0.3, 5.0, 200.0]),
        from_the_start=st.sampled_from([False, False, True]),
    )


LOOKS = some(READING, READING, READING, LISTING)
APPLYING = trouble(LOOKS, some(CREATING, CREATING, MISMADE, COMING_OUT, CHANGING, CHANGING, READING, LISTING))
VERIFYING = trouble(some(LISTING), some(LISTING))
ROLLING_BACK = trouble(LOOKS, some(ENDING, ENDING, READING, READING, LISTING))
RELEASING = trouble(some(ENDING, ENDING, READING, READING, LISTING), LOOKS)


def named(name: str, troubles: st.SearchStrategy[Trouble]) -> st.SearchStrategy[tuple[str, Trouble]]:
    return st.tuples(st.just(name), troubles)


ROLLBACK, RELEASE = named("rollback", ROLLING_BACK), named("release", RELEASING)
COMMANDS = st.one_of(ROLLBACK, RELEASE, named("apply", APPLYING), named("verify", VERIFYING), ROLLBACK, RELEASE)
