"""Moving numbers from one connection to another without losing one.

    inventory ──> assess ──> plan (a file) ──> apply ──> verify ──> [cut over at the carrier] ──> release
                                                 └── interrupted: run it again      └── rollback

Everything is a library call first: a function that returns a model which prints itself (``lines()``, ``str``) and dumps
to JSON. Each async function has a twin for ordinary code. What this module exports is supported; it is imported when it
is asked for, so that looking at one file does not load the rest.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from telephony_core.migration.apply import ApplyOptions, aapply_plan, apply_plan
    from telephony_core.migration.apply_report import ApplyReport, NumberOutcome
    from telephony_core.migration.assess import AssessedNumber, Assessment, assess_inventory
    from telephony_core.migration.claims import NumberClaimed, PlanElsewhere
    from telephony_core.migration.comparing import FieldVerdict, Verdict
    from telephony_core.migration.consents import Consent
    from telephony_core.migration.deprovision import DeprovisionOptions, NotShown
    from telephony_core.migration.deprovision_report import (
        Deprovisioned,
        DeprovisionPreview,
        DeprovisionReport,
        LeftAlone,
    )
    from telephony_core.migration.drift import InventoryDiff, diff
    from telephony_core.migration.entries import Action, Entry, Phase
    from telephony_core.migration.events import Event, EventKind
    from telephony_core.migration.forecast import Forecast
    from telephony_core.migration.inventory import Inventory, atake_inventory, take_inventory
    from telephony_core.migration.job import (
        CameOutDifferent,
        ContradictoryAnswers,
        InDoubt,
        Job,
        NeedsPerson,
        NotInService,
        PlanOvertaken,
    )
    from telephony_core.migration.journal import Journal, JournalError, JournalLocked, SqliteJournal
    from telephony_core.migration.map_draft import draft_map, save_map
    from telephony_core.migration.map_file import MapError, MigrationMap
    from telephony_core.migration.number_move import move
    from telephony_core.migration.plan import LoadedPlan, Plan, PlannedNumber, Settings, load_plan, save_plan
    from telephony_core.migration.planner import exit_status, make_plan
    from telephony_core.migration.progress import Standing
    from telephony_core.migration.release import (
        NotReleasable,
        apreview_release,
        arelease_plan,
        preview_release,
        release_plan,
    )
    from telephony_core.migration.report import plan_page
    from telephony_core.migration.rollback import (
        NotOurs,
        SourceGone,
        apreview_rollback,
        arollback_plan,
        preview_rollback,
        rollback_plan,
    )
    from telephony_core.migration.run_page import migration_page
    from telephony_core.migration.status import NumberRun, Run, read_run
    from telephony_core.migration.stopping import Interrupted, Stopped, StopRules
    from telephony_core.migration.target import Target, asurvey, survey
    from telephony_core.migration.verify import VerifyOptions, averify_plan, verify_plan
    from telephony_core.migration.verify_report import NumberVerification, VerifyReport

__all__ = [
    "Action",
    "ApplyOptions",
    "ApplyReport",
    "AssessedNumber",
    "Assessment",
    "CameOutDifferent",
    "Consent",
    "ContradictoryAnswers",
    "DeprovisionOptions",
    "DeprovisionPreview",
    "DeprovisionReport",
    "Deprovisioned",
    "Entry",
    "Event",
    "EventKind",
    "FieldVerdict",
    "Forecast",
    "InDoubt",
    "Interrupted",
    "Inventory",
    "InventoryDiff",
    "Job",
    "Journal",
    "JournalError",
    "JournalLocked",
    "LeftAlone",
    "LoadedPlan",
    "MapError",
    "MigrationMap",
    "NeedsPerson",
    "NotInService",
    "NotOurs",
    "NotReleasable",
    "NotShown",
    "NumberClaimed",
    "NumberOutcome",
    "NumberRun",
    "NumberVerification",
    "Phase",
    "Plan",
    "PlanElsewhere",
    "PlanOvertaken",
    "PlannedNumber",
    "Run",
    "Settings",
    "SourceGone",
    "SqliteJournal",
    "Standing",
    "StopRules",
    "Stopped",
    "Target",
    "Verdict",
    "VerifyOptions",
    "VerifyReport",
    "aapply_plan",
    "apply_plan",
    "apreview_release",
    "apreview_rollback",
    "arelease_plan",
    "arollback_plan",
    "assess_inventory",
    "asurvey",
    "atake_inventory",
    "averify_plan",
    "diff",
    "draft_map",
    "exit_status",
    "load_plan",
    "make_plan",
    "migration_page",
    "move",
    "plan_page",
    "preview_release",
    "preview_rollback",
    "read_run",
    "release_plan",
    "rollback_plan",
    "save_map",
    "save_plan",
    "survey",
    "take_inventory",
    "verify_plan",
]

_HOMES: Final = {
    "apply": (
        "ApplyOptions",
        "aapply_plan",
        "apply_plan",
    ),
    "apply_report": (
        "ApplyReport",
        "NumberOutcome",
    ),
    "assess": ("AssessedNumber", "Assessment", "assess_inventory"),
    "comparing": (
        "FieldVerdict",
        "Verdict",
    ),
    "claims": ("NumberClaimed", "PlanElsewhere"),
    "consents": ("Consent",),
    "deprovision": ("DeprovisionOptions", "NotShown"),
    "deprovision_report": ("DeprovisionPreview", "DeprovisionReport", "Deprovisioned", "LeftAlone"),
    "drift": (
        "InventoryDiff",
        "diff",
    ),
    "entries": (
        "Action",
        "Entry",
        "Phase",
    ),
    "events": (
        "Event",
        "EventKind",
    ),
    "forecast": ("Forecast",),
    "inventory": (
        "Inventory",
        "atake_inventory",
        "take_inventory",
    ),
    "job": (
        "CameOutDifferent",
        "ContradictoryAnswers",
        "InDoubt",
        "Job",
        "NeedsPerson",
        "NotInService",
        "PlanOvertaken",
    ),
    "journal": (
        "Journal",
        "JournalError",
        "JournalLocked",
        "SqliteJournal",
    ),
    "map_draft": (
        "draft_map",
        "save_map",
    ),
    "map_file": (
        "MapError",
        "MigrationMap",
    ),
    "number_move": ("move",),
    "plan": (
        "LoadedPlan",
        "Plan",
        "PlannedNumber",
        "Settings",
        "load_plan",
        "save_plan",
    ),
    "planner": (
        "exit_status",
        "make_plan",
    ),
    "progress": ("Standing",),
    "release": (
        "NotReleasable",
        "apreview_release",
        "arelease_plan",
        "preview_release",
        "release_plan",
    ),
    "report": ("plan_page",),
    "rollback": (
        "NotOurs",
        "SourceGone",
        "apreview_rollback",
        "arollback_plan",
        "preview_rollback",
        "rollback_plan",
    ),
    "run_page": ("migration_page",),
    "status": (
        "NumberRun",
        "Run",
        "read_run",
    ),
    "stopping": (
        "Interrupted",
        "Stopped",
        "StopRules",
    ),
    "target": (
        "Target",
        "asurvey",
        "survey",
    ),
    "verify": (
        "VerifyOptions",
        "averify_plan",
        "verify_plan",
    ),
    "verify_report": (
        "NumberVerification",
        "VerifyReport",
    ),
}
_HOME_OF: Final = {name: module for module, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> object:
    module = _HOME_OF.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(import_module(f"{__name__}.{module}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
