"""Adapters that are wrong in one way each, and the case of the kit that is there for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from telephony_acme import mapping
from telephony_acme.adapter import AcmeProvider

from telephony_core.domain.lifecycle import NumberStatus, Origin, Release
from telephony_core.domain.number_identity import NumberIdentity
from telephony_core.domain.phone_number import PhoneNumber
from telephony_core.domain.sip import CredentialState, InboundSip, SipConfig
from telephony_core.errors import AnswerLost, NotFound, UnexpectedResponse
from telephony_core.provider.changes import AgentAssignment, NumberImport, SipUpdate
from telephony_core.provider.flow import Flow, Json, Request, Response, Semantics, call, path
from telephony_core.provider.port import ListQuery, Page
from telephony_core.provider.vendor_errors import ErrorEnvelope


class OnlyTheFirstPage(AcmeProvider):
    def _page(self, query: Sequence[tuple[str, str]]) -> Flow[Page[PhoneNumber]]:
        page = yield from super()._page(query)
        return Page(page.items, None)


class WithoutEndedNumbers(AcmeProvider):
    def list_page(self, query: ListQuery, cursor: str | None) -> Flow[Page[PhoneNumber]]:
        return self._page([] if cursor is None else [("after", cursor)])


class EverythingAtOnce(AcmeProvider):
    def list_page(self, query: ListQuery, cursor: str | None) -> Flow[Page[PhoneNumber]]:
        page = yield from super().list_page(query, cursor)
        numbers = list(page.items)
        while page.cursor is not None:
            page = yield from super().list_page(query, page.cursor)
            numbers += page.items
        return Page(numbers, None)


class Changed(AcmeProvider):
    """Reads, and then says something else."""

    def change(self, number: PhoneNumber) -> PhoneNumber:
        return number

    def _page(self, query: Sequence[tuple[str, str]]) -> Flow[Page[PhoneNumber]]:
        page = yield from super()._page(query)
        return Page([self.change(number) for number in page.items], page.cursor)

    def _number(self, method: str, where: str, semantics: Semantics, body: Json = None) -> Flow[PhoneNumber]:
        return self.change((yield from super()._number(method, where, semantics, body)))


class ClosedEnum(Changed):
    def change(self, number: PhoneNumber) -> PhoneNumber:
        known = number.status is not NumberStatus.UNKNOWN
        return number if known else number.model_copy(update={"status": NumberStatus.ACTIVE})


class SilentAboutProblems(Changed):
    def change(self, number: PhoneNumber) -> PhoneNumber:
        return number.model_copy(update={"problems": ()})


class GuessesLabels(Changed):
    def change(self, number: PhoneNumber) -> PhoneNumber:
        return number.model_copy(update={"label": "Acme"})


class KeepsSecrets(Changed):
    def change(self, number: PhoneNumber) -> PhoneNumber:
        return number.model_copy(update={"raw": {**number.raw, "password": "vendor-sent-secret"}})


class NamesSettingsByWhatTheyHold(Changed):
    def change(self, number: PhoneNumber) -> PhoneNumber:
        return number.model_copy(update={"unmodelled": tuple(map(str, {**number.raw}.values()))})


class ForgetsUnknownFields(Changed):
    def change(self, number: PhoneNumber) -> PhoneNumber:
        return number.model_copy(update={"raw": {}})


class Requesting(AcmeProvider):
    """Sends another request than it should."""

    def request(self, method: str, where: str, semantics: Semantics, body: Json) -> tuple[str, Semantics, Json]:
        return where, semantics, body

    def _number(self, method: str, where: str, semantics: Semantics, body: Json = None) -> Flow[PhoneNumber]:
        return super()._number(method, *self.request(method, where, semantics, body))


class UnescapedIds(Requesting):
    def get(self, id: str) -> Flow[PhoneNumber]:
        return self._number("GET", f"/numbers/{id}", Semantics.READ)


class RepeatsImports(Requesting):
    def request(self, method: str, where: str, semantics: Semantics, body: Json) -> tuple[str, Semantics, Json]:
        return where, Semantics.IDEMPOTENT if method == "POST" else semantics, body


class NeverRepeats(Requesting):
    def request(self, method: str, where: str, semantics: Semantics, body: Json) -> tuple[str, Semantics, Json]:
        return where, Semantics.ONCE if method == "PATCH" else semantics, body


class WritesAsReads(Requesting):
    def request(self, method: str, where: str, semantics: Semantics, body: Json) -> tuple[str, Semantics, Json]:
        return where, Semantics.READ, body


class MasksPasswords(Requesting):
    def request(self, method: str, where: str, semantics: Semantics, body: Json) -> tuple[str, Semantics, Json]:
        if isinstance(body, Mapping) and isinstance(digest := body.get("digest"), Mapping):
            body = {**body, "digest": {**digest, "password": str(digest["password"])}}
        return where, semantics, body


class DropsPorts(Requesting):
    def request(self, method: str, where: str, semantics: Semantics, body: Json) -> tuple[str, Semantics, Json]:
        if isinstance(body, Mapping) and isinstance(address := body.get("address"), Mapping):
            body = {**body, "address": {key: value for key, value in address.items() if key != "port"}}
        return where, semantics, body


class SaysTcp(Requesting):
    """Names a transport that nobody gave, as where that of the address before stays."""

    def request(self, method: str, where: str, semantics: Semantics, body: Json) -> tuple[str, Semantics, Json]:
        if isinstance(body, Mapping) and isinstance(address := body.get("address"), Mapping):
            body = {**body, "address": {"transport": "tcp", **address}}
        return where, semantics, body


class NullsWhatIsUnset(Requesting):
    def request(self, method: str, where: str, semantics: Semantics, body: Json) -> tuple[str, Semantics, Json]:
        return where, semantics, {"allowed": None, **body} if isinstance(body, Mapping) and method == "PATCH" else body


class DropsNulls(Requesting):
    def request(self, method: str, where: str, semantics: Semantics, body: Json) -> tuple[str, Semantics, Json]:
        if isinstance(body, Mapping) and method == "PATCH":
            body = {key: value for key, value in body.items() if value is not None}
        return where, semantics, body


class KeyInThePath(AcmeProvider):
    def list_page(self, query: ListQuery, cursor: str | None) -> Flow[Page[PhoneNumber]]:
        return self._page([("include_ended", self.config.api_key.get_secret_value())])


class ChokesOnErrors(AcmeProvider):
    def read_error(self, response: Response) -> ErrorEnvelope:
        import json

        return ErrorEnvelope(json.loads(response.body)["code"])


class DecidesOnCodesFirst(AcmeProvider):
    def read_error(self, response: Response) -> ErrorEnvelope:
        from telephony_core.errors import Conflict

        return ErrorEnvelope(kind=Conflict)


class RepeatsReleases(AcmeProvider):
    def release(self, number: PhoneNumber) -> Flow[Release]:
        yield from call(Request.of("DELETE", path("numbers", number.id), Semantics.IDEMPOTENT), self.read_error)
        return Release(
            provider="acme", id=number.id, identity=number.identity, status=NumberStatus.RELEASED, revocable=False
        )


class TakesTheAppOffAgain(AcmeProvider):
    def assign_agents(self, number: PhoneNumber, assignment: AgentAssignment) -> Flow[PhoneNumber]:
        yield from super().assign_agents(number, assignment)
        return (yield from self._number("PUT", path("numbers", number.id, "app"), Semantics.IDEMPOTENT, {"app": None}))


class NamesWhatWasAsked(AcmeProvider):
    """Puts the id that was asked about in place of the one that the answer names."""

    def get(self, id: str) -> Flow[PhoneNumber]:
        return (yield from super().get(id)).model_copy(update={"id": id})

    def update_sip(self, number: PhoneNumber, change: SipUpdate) -> Flow[PhoneNumber]:
        after = yield from super().update_sip(number, change)
        return after.model_copy(update={"id": number.id, "identity": number.identity})

    def import_number(self, change: NumberImport, identity: NumberIdentity) -> Flow[PhoneNumber]:
        return (yield from super().import_number(change, identity)).model_copy(update={"identity": identity})


class ReleasedAfterOneLook(AcmeProvider):
    """Takes one 404 for the end of a record."""

    def release(self, number: PhoneNumber) -> Flow[Release]:
        try:
            return (yield from super().release(number))
        except (AnswerLost, NotFound):
            return Release(
                provider="acme", id=number.id, identity=number.identity, status=NumberStatus.RELEASED, revocable=False
            )


class ImportsWithoutTrunk(AcmeProvider):
    def import_number(self, change: NumberImport, identity: NumberIdentity) -> Flow[PhoneNumber]:
        body: Json = {"e164": identity.e164, "trunk": {"address": {"host": "pbx.example.com"}}}
        return self._number("POST", path("numbers"), Semantics.ONCE, body)


class SettingsTakeTheAppOff(AcmeProvider):
    def update_sip(self, number: PhoneNumber, change: SipUpdate) -> Flow[PhoneNumber]:
        yield from super().update_sip(number, change)
        return (yield from self._number("PUT", path("numbers", number.id, "app"), Semantics.IDEMPOTENT, {"app": None}))


class WithItsNeighbours(AcmeProvider):
    """Takes the number of Ireland along with one of Bristol, as where numbers share a trunk."""

    def update_sip(self, number: PhoneNumber, change: SipUpdate) -> Flow[PhoneNumber]:
        yield from self._neighbours(number, mapping.trunk_body(change))
        return (yield from super().update_sip(number, change))

    def release(self, number: PhoneNumber) -> Flow[Release]:
        yield from self._neighbours(number, {"allowed": ["192.0.2.1"]})
        return (yield from super().release(number))

    def _neighbours(self, number: PhoneNumber, body: Json) -> Flow[None]:
        if number.identity.e164 == "+441174960005":
            for other in (yield from self._page(())).items:
                if other.identity.region == "IE":
                    yield from self._number("PATCH", path("numbers", other.id, "trunk"), Semantics.IDEMPOTENT, body)


class ChangedTrunk(Changed):
    def changed(self, sip: SipConfig) -> SipConfig:
        return sip

    def change(self, number: PhoneNumber) -> PhoneNumber:
        return number if number.sip is None else number.model_copy(update={"sip": self.changed(number.sip)})


class EmptyIsNoList(ChangedTrunk):
    def changed(self, sip: SipConfig) -> SipConfig:
        return sip.model_copy(update={"inbound": InboundSip(allowed_addresses=sip.inbound.allowed_addresses or None)})


class KnowsNoCredentials(ChangedTrunk):
    def changed(self, sip: SipConfig) -> SipConfig:
        return sip.model_copy(
            update={"outbound": sip.outbound.model_copy(update={"credentials": CredentialState.NONE})}
        )


class ClosedOrigins(Changed):
    def change(self, number: PhoneNumber) -> PhoneNumber:
        known = number.origin is not Origin.UNKNOWN
        return number if known else number.model_copy(update={"origin": Origin.IMPORTED})


class ShowsWhatItCannotRead(Changed):
    def change(self, number: PhoneNumber) -> PhoneNumber:
        return number.model_copy(update={"problems": tuple(f"{name} in {number.raw}" for name in number.problems)})


class EndsWhereItCannotRead(AcmeProvider):
    def _page(self, query: Sequence[tuple[str, str]]) -> Flow[Page[PhoneNumber]]:
        try:
            return (yield from super()._page(query))
        except UnexpectedResponse:
            return Page([], None)


BROKEN: Sequence[tuple[type[AcmeProvider], str]] = (
    (OnlyTheFirstPage, "test_list_follows_every_page"),
    (WithoutEndedNumbers, "test_list_shows_every_record_that_can_be_read"),
    (EverythingAtOnce, "test_list_asks_for_a_page_when_it_is_needed"),
    (ClosedEnum, "test_an_unknown_status_is_unknown_and_live_and_keeps_the_vendors_word"),
    (SilentAboutProblems, "test_a_field_of_the_wrong_type_is_named_in_problems"),
    (GuessesLabels, "test_a_field_that_is_not_readable_is_never_guessed"),
    (KeepsSecrets, "test_a_secret_that_the_vendor_sends_is_not_kept"),
    (NamesSettingsByWhatTheyHold, "test_no_value_of_a_vendor_is_a_name"),
    (ForgetsUnknownFields, "test_an_unknown_field_changes_nothing_and_stays_in_raw"),
    (UnescapedIds, "test_an_id_is_one_segment_of_a_path_whatever_it_holds"),
    (RepeatsImports, "test_an_import_that_left_no_trace_is_an_unknown_outcome_and_is_not_repeated"),
    (NeverRepeats, "test_a_setting_whose_answer_is_lost_is_sent_again"),
    (WritesAsReads, "test_a_change_of_which_every_answer_is_lost_is_not_told_as_none"),
    (MasksPasswords, "test_a_password_reaches_the_vendor_as_it_is"),
    (DropsPorts, "test_a_writable_field_reaches_the_vendor"),
    (SaysTcp, "test_an_address_without_a_transport_gets_the_declared_one_and_keeps_no_other"),
    (NullsWhatIsUnset, "test_writing_a_field_leaves_the_others"),
    (NullsWhatIsUnset, "test_a_value_is_sent_without_any_null_beside_it"),
    (DropsNulls, "test_a_clearable_field_is_cleared_by_none"),
    (KeyInThePath, "test_the_key_is_in_headers_only_and_goes_to_the_base_url_only"),
    (ChokesOnErrors, "test_reading_an_error_never_fails"),
    (DecidesOnCodesFirst, "test_a_status_has_one_meaning_whatever_the_body_is"),
    (RepeatsReleases, "test_a_release_that_never_happened_is_an_unknown_outcome_and_is_not_repeated"),
    (TakesTheAppOffAgain, "test_a_writable_field_reaches_the_vendor"),
    (ImportsWithoutTrunk, "test_import_carries_every_writable_field"),
    (NamesWhatWasAsked, "test_a_read_that_is_answered_with_another_record_is_refused"),
    (NamesWhatWasAsked, "test_nothing_is_written_after_a_read_that_was_answered_with_another_record"),
    (NamesWhatWasAsked, "test_a_change_that_is_answered_with_another_record_is_reconciled"),
    (NamesWhatWasAsked, "test_an_import_that_made_nothing_and_is_answered_with_another_record_stays_unknown"),
    (ReleasedAfterOneLook, "test_a_release_answered_with_not_found_while_the_record_is_listed_is_unknown"),
    (ReleasedAfterOneLook, "test_one_read_that_finds_nothing_does_not_prove_a_release"),
    (SettingsTakeTheAppOff, "test_writing_a_field_leaves_the_others"),
    (WithItsNeighbours, "test_writing_a_field_of_any_number_touches_nothing_else"),
    (WithItsNeighbours, "test_a_release_takes_no_other_number"),
    (EmptyIsNoList, "test_an_empty_allow_list_is_another_one_than_none"),
    (KnowsNoCredentials, "test_a_number_with_a_password_is_never_one_without"),
    (ClosedOrigins, "test_an_unknown_origin_is_unknown"),
    (ShowsWhatItCannotRead, "test_what_cannot_be_read_is_named_and_not_shown"),
    (EndsWhereItCannotRead, "test_list_with_a_cursor_that_cannot_be_read_does_not_end_early"),
)
"""An adapter, and the case that has to fail for it."""
