"""An error carries what each surface says: a program's words and the command line's."""

from __future__ import annotations

import copy
import pickle

import pytest

from telephony_core import InboundUpdate
from telephony_core.errors import InvalidInput, NotAllowed, NotFound, Remedy, cli_words, joined

REMEDY = Remedy("pass `allow_any=True`", cli="say --allow-any")


def test_a_remedy_is_a_text_for_programs_with_the_words_of_the_command_line():
    assert REMEDY == "pass `allow_any=True`"
    assert (cli_words(REMEDY), cli_words("wait"), cli_words(None)) == ("say --allow-any", "wait", None)


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda one: pickle.loads(pickle.dumps(one))])
def test_a_copy_of_a_remedy_has_both_wordings(copied):
    assert copied(REMEDY) == REMEDY
    assert copied(REMEDY).cli == "say --allow-any"
    error = copied(NotAllowed("it is open", allowance="allow_any", remedy=REMEDY))
    assert str(error) == "it is open; pass `allow_any=True`"
    assert error.cli_text == "it is open; say --allow-any"


def test_several_remedies_are_one_in_either_wording():
    both = joined(["wait", REMEDY, "wait"])
    assert both == "wait; pass `allow_any=True`"
    assert cli_words(both) == "wait; say --allow-any"
    assert joined(["wait"]) == "wait"
    assert joined([]) is None


def test_a_secret_is_taken_out_of_both_wordings():
    error = NotFound("no canary", remedy=Remedy("find(canary)", cli="find canary"))
    error.scrub(lambda text: text.replace("canary", "…"))
    assert (str(error), error.cli_text) == ("no …; find(…)", "no …; find …")


def test_a_refused_value_keeps_both_wordings():
    with pytest.raises(NotAllowed) as caught:
        InboundUpdate(allowed_addresses=["0.0.0.0/0"])
    assert "allow_any=True" in str(caught.value)
    assert "--allow-any" in caught.value.cli_text
    from telephony_core import OutboundUpdate

    with pytest.raises(InvalidInput) as refused:
        OutboundUpdate(username="")
    assert "give None to clear it" in str(refused.value)
    assert "--clear-" in refused.value.cli_text
