"""The secrets of the tests about secrets, and everything in which one could come out."""

from __future__ import annotations

import json
import logging
import pickle
import traceback
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

import pytest
from pydantic import ValidationError

from telephony_core import InboundUpdate, NumberImport, OutboundUpdate
from telephony_core.cli.failures import error_data
from telephony_core.errors import TelephonyError
from telephony_core.provider.registry import registry
from telephony_core.testing import new_emulator
from telephony_core.testing.contract.account import ContractAccount
from tests.reliability.figures import figures
from tests.vendors import SHIPPED, VENDORS, address_at

CANARY = "canary"
KEY = "k-canary-key-0123456789/+=="
PASSWORD = 'p"canary\\<word>&ä %2F+canary'
"""With everything that is written otherwise in JSON, in HTML and in a URL."""
IN_ADDRESS = "sip:front:a-canary-word@pbx.example.com:5060"

TRUNK = OutboundUpdate(address="pbx.example.com:5060", username="acme", password=PASSWORD)
NEW = {slug: VENDORS[slug].own[3] for slug in SHIPPED}


def trunk_at(slug: str) -> OutboundUpdate:
    return OutboundUpdate(address=address_at(slug, "pbx.example.com:5060"), username="acme", password=PASSWORD)


def assert_hidden(*shown: object) -> None:
    """Nothing of any canary, not even a piece."""
    for text in shown:
        figures.count(5, "texts searched for canaries")
        assert CANARY not in str(text), text


def everything_of(error: BaseException) -> Iterator[object]:
    """Whatever a log, a crash report or a script would show of an error, and of what stands behind it."""
    yield "".join(traceback.format_exception(error))
    link: BaseException | None = error
    while link is not None:
        yield from (str(link), repr(link), repr(link.args), repr(vars(link)), repr(getattr(link, "__notes__", ())))
        if isinstance(link, TelephonyError):
            yield from (
                json.dumps(error_data(link)),
                json.dumps(error_data(link), ensure_ascii=False),
                pickle.dumps(link),
            )
        if isinstance(link, ValidationError):
            yield repr(link.errors())
        link = link.__cause__ or link.__context__


@contextmanager
def listening(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Every logger at DEBUG, those of the HTTP libraries included; what they said is searched at the end."""
    with caplog.at_level(logging.DEBUG):
        yield
    assert_hidden(caplog.text, *(repr(vars(record)) for record in caplog.records))


@contextmanager
def account(slug: str, mode: str) -> Iterator[ContractAccount]:
    """A fresh account whose key is a canary, with a client of either kind."""
    emulator = type(new_emulator(slug))(api_key=KEY)
    with closing(ContractAccount(registry.spec(slug), emulator, "sync" if mode == "sync" else "async")) as opened:
        yield opened


def writes(opened: ContractAccount) -> list[Callable[[], object]]:
    """The operations that carry a password."""
    number = next(n for n in opened.client.list_numbers() if n.origin == "imported" and n.status == "active")
    slug = opened.spec.slug
    trunk = trunk_at(slug)
    imported = NumberImport(number=NEW[slug], label="New", inbound=InboundUpdate(allow_any=True), outbound=trunk)
    return [
        lambda: opened.client.import_number(imported),
        lambda: opened.client.update_sip(number, outbound=trunk),
    ]
