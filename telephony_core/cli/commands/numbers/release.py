"""`telephony numbers release`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from telephony_core.cli import failures, prompts, writes
from telephony_core.cli.options import common_options, examples, pass_session, yes_option
from telephony_core.cli.output.number import agent, moment
from telephony_core.cli.output.pasteable import pasteable
from telephony_core.cli.output.tables import print_facts, print_json, print_line
from telephony_core.cli.session import Session
from telephony_core.domain.lifecycle import NumberStatus, Origin, Release, SideEffect
from telephony_core.errors import WrongState
from telephony_core.provider.changes import NumberRelease

if TYPE_CHECKING:
    from collections.abc import Sequence

    from telephony_core.client import Telephony
    from telephony_core.domain.phone_number import PhoneNumber
    from telephony_core.provider.capabilities import Capabilities


@examples(
    "telephony numbers release 070-1111-2222 -p vox",
    "telephony numbers release 070-1111-2222 -p vox --check",
)
@writes.number_argument
@yes_option
@writes.allow_option(SideEffect.UNPUBLISHES)
@writes.check_option
@common_options
@pass_session
def command(session: Session, number: str, by_id: bool, yes: bool, allow: Sequence[str], check: bool) -> None:
    """Release a number.

    Asks first, and says what will be lost, when it takes effect and whether it can be revoked.
    """
    effects = frozenset(SideEffect(effect) for effect in allow)

    def change(target: PhoneNumber | str) -> NumberRelease:
        return NumberRelease(target, effects)

    with session.client() as client:
        record = writes.checked_record(session, client, number, by_id, check, "release", change)
        if not yes:
            record = _confirmed(session, client, record)
            # The record was read anew, and may have an agent or a state by now that forbids it.
            writes.refuse(client, change(record), "release")
        with session.writing(f"the release of {record.identity} (record {record.id})", record.id):
            released = client.release(record, allow=effects)
        done = outcome(released, record.origin)
        session.did(done)
    if session.json:
        print_json(released.model_dump(mode="json"))
    else:
        print_line(pasteable(done, session))
        print_facts([("  status", f"{record.status} → {released.status}")])


def _confirmed(session: Session, client: Telephony, record: PhoneNumber) -> PhoneNumber:
    """The record as it was when its release was confirmed: read again after the answer, which may have taken hours.

    Asks again where what was shown has changed. Raises `NotAllowed` after a no, and `WrongState` where the record
    is of another number now: that one was never shown.
    """
    while True:
        shown = consequences(record, client.capabilities, str(session.account))
        prompts.confirm(
            f"Release {record.identity} at {session.account}?",
            losing=f"releasing {record.identity} at {session.account}",
            explanation=shown,
        )
        # By its id: the record that was shown, and not whichever has the number now.
        now = client.get_number(record.id)
        if not now.identity.same_in_account(record.identity):
            raise WrongState(
                f"record {record.id} was of {record.identity} when it was shown, and is of {now.identity} now; nothing "
                "was released",
                remedy="look at both numbers before anything is released",
                provider=client.provider,
                operation="release",
            )
        record = now
        if consequences(now, client.capabilities, str(session.account)) == shown:
            return now
        failures.warn("it has changed since it was shown; what it is now:", session)


def consequences(number: PhoneNumber, capabilities: Capabilities, where: str) -> list[str]:
    """What releasing a number means: what is lost, when it takes effect, whether it can be revoked."""
    called = f", called {number.label!r}" if number.label else ""
    lines = [f"About to release {number.identity} at {where} ({number.status}, {number.origin}{called})."]
    lost = [f"the record {number.id}"]
    if number.sip is not None:
        address = number.sip.outbound.address
        # A password is never read, so credentials are gone unless somebody has them.
        lost.append(f"its trunk settings{f' ({address})' if address is not None else ''} and their credentials")
    agents = [agent(ref) for ref in (number.inbound_agent, number.outbound_agent) if ref is not None]
    if agents:
        lost.append(f"its agents ({', '.join(dict.fromkeys(agents))})")
    lines.append(f"  Lost: {'; '.join(lost)}.")
    # Linking rewrote its webhooks at the carrier, and no provider documents that unlinking sets them back.
    if number.origin is Origin.LINKED:
        lines.append(f"  This unlinks it: it stays at its carrier, {_ELSEWHERE}.")
    terms = capabilities.release.get(number.origin)
    if terms is None:
        return [*lines, "  When it takes effect, and whether it can be revoked, is not declared for such numbers."]
    when = "at once" if terms.effect == "immediate" else "at the end of the period that is paid"
    back = "it can be revoked until then" if terms.revocable else "it cannot be revoked"
    unsure = "" if terms.verified else " (by the provider's documentation; not verified)"
    return [*lines, f"  It takes effect {when}, and {back}{unsure}."]


_ELSEWHERE: Final = "where its calls have to be sent elsewhere then"


def outcome(release: Release, origin: Origin = Origin.UNKNOWN) -> str:
    """The result of a release, in a sentence."""
    match release.status:
        case NumberStatus.RELEASED if origin is Origin.LINKED:
            text = f"{release.identity} is unlinked; it is still at its carrier, {_ELSEWHERE}"
        case NumberStatus.RELEASED:
            text = f"{release.identity} is released"
        case NumberStatus.RELEASE_SCHEDULED:
            text = f"{release.identity} will be released"
        case _:
            text = f"the release of {release.identity} was accepted, and the provider does not say when it takes effect"
    when = f" ({moment(release.takes_effect_at)})" if release.takes_effect_at is not None else ""
    back = f"; `telephony numbers revoke-release {release.id}` revokes that" if release.revocable else ""
    return f"{text}{when}{back}"
