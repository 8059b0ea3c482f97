"""Does this trunk answer, does its certificate hold, are its credentials accepted? And what does that not prove?"""

from telephony_core.preflight.bounds import Limits, Timing
from telephony_core.preflight.check import acheck_trunk, check_trunk
from telephony_core.preflight.credentials import TrunkCredentials
from telephony_core.preflight.report import (
    Certificate,
    Seen,
    Step,
    StepReport,
    Transport,
    TrunkReport,
    VantagePoint,
    Verdict,
)
from telephony_core.preflight.resolve import NameService, NamesUnavailable, Naptr, NoSuchName, Srv

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
