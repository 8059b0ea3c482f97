"""Does this trunk answer, does its certificate hold, are its credentials accepted? And what does that not prove?"""

from telephony_core.sip_check.check import acheck_trunk, check_trunk
from telephony_core.sip_check.limits import Limits, Timing
from telephony_core.sip_check.network.server_location import (
    NameService,
    NamesUnavailable,
    Naptr,
    NoAddress,
    NoSuchName,
    Srv,
)
from telephony_core.sip_check.protocol.credentials import TrunkCredentials
from telephony_core.sip_check.report import (
    Certificate,
    CheckStep,
    CheckVerdict,
    Observation,
    StepReport,
    Transport,
    TrunkReport,
    VantagePoint,
)

__all__ = [
    "Certificate",
    "CheckStep",
    "CheckVerdict",
    "Limits",
    "NameService",
    "NamesUnavailable",
    "Naptr",
    "NoAddress",
    "NoSuchName",
    "Observation",
    "Srv",
    "StepReport",
    "Timing",
    "Transport",
    "TrunkCredentials",
    "TrunkReport",
    "VantagePoint",
    "acheck_trunk",
    "check_trunk",
]
