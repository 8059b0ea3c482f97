"""One program for every provider, as a type checker sees it in an application. Checked by `make types`, never run."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Iterator
from typing import assert_type

from telephony_core import (
    PUBLISHED,
    AgentRef,
    AsyncTelephony,
    InboundUpdate,
    NumberIdentity,
    NumberImport,
    NumberStatus,
    OutboundUpdate,
    PhoneNumber,
    Release,
    SideEffect,
    Telephony,
)
from telephony_core.errors import UnsupportedField


def sync(provider: str, agents: dict[str, str], wanted: NumberImport) -> None:
    with Telephony(provider, timeout=10.0) as telephony:
        assert_type(telephony, Telephony)
        assert_type(telephony.list_numbers(), Iterator[PhoneNumber])
        for number in telephony.list_numbers(status=NumberStatus.ACTIVE):
            assert_type(number.identity, NumberIdentity)
            assert_type(number.status, NumberStatus)
            assert_type(number.label, str | None)

        number = telephony.find_number("070-1111-2222")
        number = telephony.get_number(number.id)
        number = telephony.import_number(wanted)
        number = telephony.update_label(number, None)
        number = telephony.update_sip(
            number, outbound=OutboundUpdate(address="pbx.example.com:5060", username="trunk", password="not a secret")
        )
        number = telephony.assign_agents(
            number, inbound=AgentRef(agents[provider], version=PUBLISHED), allow={SideEffect.PUBLISHES}
        )
        assert_type(number, PhoneNumber)
        try:
            telephony.update_sip(number.id, inbound=InboundUpdate(allowed_addresses=["203.0.113.7"]))
        except UnsupportedField as error:
            logging.warning("%s: %s; %s", error.provider, error.field, error.remedy)
            assert_type(error.field, str)
        assert_type(telephony.release(number), Release)
        assert_type(telephony.with_options(timeout=60.0, max_retries=0), Telephony)


async def asynchronous(provider: str) -> None:
    async with AsyncTelephony(provider) as telephony:
        assert_type(telephony.list_numbers(), AsyncIterator[PhoneNumber])
        async for number in telephony.list_numbers():
            assert_type(await telephony.update_label(number, "reception"), PhoneNumber)
        assert_type(await telephony.find_number("070-1111-2222"), PhoneNumber)
