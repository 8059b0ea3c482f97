"""Does this trunk answer, does its certificate hold, are its credentials accepted? And what does that not prove?"""

from telephony_core.sip_check.check import acheck_trunk, check_trunk
from telephony_core.sip_check.limits import Limits, Timing
from telephony_core.sip_check.network.server_location import NameService, NamesUnavailable, Naptr, NoSuchName, Srv
from telephony_core.sip_check.protocol.credentials import TrunkCredentials
from telephony_core.sip_check.report import (
    Certificate,
    Seen,
    Step,
    StepReport,
    Transport,
    TrunkReport,
    VantagePoint,
    Verdict,
)

__all__ = [
    "Certificate",
    "Limits",
    "NameService",
    "NamesUnavailable",
    "Naptr",
    "NoSuchName",
    "Seen",
    "Srv",
    "Step",
    "StepReport",
    "Timing",
    "Transport",
    "TrunkCredentials",
    "TrunkReport",
    "VantagePoint",
    "Verdict",
    "acheck_trunk",
    "check_trunk",
]
