"""One program for every provider: the play shows this file and runs it, only the words in `run(…)` change."""

from collections import Counter

from telephony_core import PUBLISHED, AgentRef, InboundUpdate, OutboundUpdate, Telephony, UnsupportedField


def run(provider: str, number: str, agent: str, password: str) -> str | None:
    """Gives the field that the provider does not take, if there is one."""
    with Telephony(provider) as telephony:
        print(dict(Counter(str(each.status) for each in telephony.list_numbers())))
        n = telephony.find_number(number)
        trunk = OutboundUpdate(address="pbx.example.com:5060", username="acme", password=password)
        n = telephony.update_sip(n, outbound=trunk)
        n = telephony.assign_agents(n, inbound=AgentRef(agent, version=PUBLISHED))
        print(f"{n.identity} calls out over {n.sip and n.sip.outbound.address}, and is answered by {agent}")
        try:
            n = telephony.update_sip(n, inbound=InboundUpdate(allowed_addresses=["203.0.113.7"]))
        except UnsupportedField as refusal:
            print(f"{refusal.provider} was sent nothing: {refusal.field}: {refusal.message}; {refusal.remedy}")
            return refusal.field
        print(f"{n.identity} takes calls from {n.sip and n.sip.inbound.allowed_addresses}")
        return None
