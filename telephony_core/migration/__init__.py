"""Moving numbers from one connection to another without losing one, and every other change of many numbers.

    inventory ──> assess ──> plan (a file) ──> apply ──> verify ──> [cut over at the carrier] ──> release
    table ─────────────────────┤                 └── interrupted: run it again      └── rollback
    selection + settings ──────┘

Each step is a function that returns a model, which prints itself (``lines()``, ``str``) and dumps to JSON; async
functions have a twin for ordinary code. What this module exports is supported.
"""

from telephony_core.errors.migration import (
    ContradictoryAnswers,
    InDoubt,
    ManualActionRequired,
    NotInService,
    StalePlan,
    VerificationFailed,
)
from telephony_core.migration.assessment.assess import AssessedNumber, Assessment, assess_inventory
from telephony_core.migration.assessment.target import TargetAccount, asurvey, survey
from telephony_core.migration.changeset.import_planner import plan_imports
from telephony_core.migration.changeset.restore import NotRestorable
from telephony_core.migration.changeset.set_planner import SettingsUpdate, plan_settings
from telephony_core.migration.changeset.table import RowProblem, Table, TableRefused, read_table
from telephony_core.migration.deprovision.deprovision import DeprovisionOptions
from telephony_core.migration.deprovision.forecast import Forecast
from telephony_core.migration.deprovision.procedure import ModifiedExternally, NotShown
from telephony_core.migration.deprovision.release import (
    NotReleasable,
    apreview_release,
    arelease_plan,
    preview_release,
    release_plan,
)
from telephony_core.migration.deprovision.report import (
    Deprovisioned,
    DeprovisionPreview,
    DeprovisionReport,
    LeftAlone,
)
from telephony_core.migration.deprovision.rollback import (
    SourceGone,
    apreview_rollback,
    arollback_plan,
    preview_rollback,
    rollback_plan,
)
from telephony_core.migration.inventory.diff import InventoryDiff, diff
from telephony_core.migration.inventory.inventory import Inventory, atake_inventory, take_inventory
from telephony_core.migration.journal.claim_rules import NumberClaimed
from telephony_core.migration.journal.claims import PlanElsewhere
from telephony_core.migration.journal.entries import Action, Entry, Phase
from telephony_core.migration.journal.memory import MemoryJournals
from telephony_core.migration.journal.protocol import CampaignJournal, Journal, JournalStore
from telephony_core.migration.journal.sqlite_file import Superseded
from telephony_core.migration.journal.sqlite_journals import SqliteJournals
from telephony_core.migration.journal.store import JournalError, JournalLocked, SqliteJournal
from telephony_core.migration.lots.lot import Lot, LotDone, in_lots
from telephony_core.migration.lots.run import run_lot
from telephony_core.migration.lots.site import Site
from telephony_core.migration.mapping.draft import draft_map
from telephony_core.migration.mapping.map_file import MapError, MigrationMap
from telephony_core.migration.move.effects import MigrationTask
from telephony_core.migration.move.state import MigrationState
from telephony_core.migration.move.steps import move_number
from telephony_core.migration.plan.allowances import Allowance
from telephony_core.migration.plan.model import Plan, PlanKind, PlannedNumber, Selection, Settings
from telephony_core.migration.plan.planner import make_plan
from telephony_core.migration.plan.store import LoadedPlan, MemoryPlans, PlanFolder, PlanStore, load_plan, save_plan
from telephony_core.migration.plan.verification import FieldVerification, VerificationResult
from telephony_core.migration.rendering.plan_page import plan_page
from telephony_core.migration.rendering.run_page import migration_page
from telephony_core.migration.run.apply import ApplyOptions, aapply_plan, apply_plan
from telephony_core.migration.run.apply_report import ApplyReport, NumberOutcome
from telephony_core.migration.run.events import Event, EventKind
from telephony_core.migration.run.secret_resolver import SecretSource
from telephony_core.migration.run.status import MigrationRun, NumberRun, aread_run, read_run
from telephony_core.migration.run.stopping import Failure, Interrupted, Stopped, StopRules
from telephony_core.migration.run.verify import VerifyOptions, averify_plan, verify_plan
from telephony_core.migration.run.verify_report import NumberVerification, VerifyReport

__all__ = [
    "Action",
    "Allowance",
    "ApplyOptions",
    "ApplyReport",
    "AssessedNumber",
    "Assessment",
    "CampaignJournal",
    "ContradictoryAnswers",
    "DeprovisionOptions",
    "DeprovisionPreview",
    "DeprovisionReport",
    "Deprovisioned",
    "Entry",
    "Event",
    "EventKind",
    "Failure",
    "FieldVerification",
    "Forecast",
    "InDoubt",
    "Interrupted",
    "Inventory",
    "InventoryDiff",
    "Journal",
    "JournalError",
    "JournalLocked",
    "JournalStore",
    "LeftAlone",
    "LoadedPlan",
    "Lot",
    "LotDone",
    "ManualActionRequired",
    "MapError",
    "MemoryJournals",
    "MemoryPlans",
    "MigrationMap",
    "MigrationRun",
    "MigrationState",
    "MigrationTask",
    "ModifiedExternally",
    "NotInService",
    "NotReleasable",
    "NotRestorable",
    "NotShown",
    "NumberClaimed",
    "NumberOutcome",
    "NumberRun",
    "NumberVerification",
    "Phase",
    "Plan",
    "PlanElsewhere",
    "PlanFolder",
    "PlanKind",
    "PlanStore",
    "PlannedNumber",
    "RowProblem",
    "SecretSource",
    "Selection",
    "Settings",
    "SettingsUpdate",
    "Site",
    "SourceGone",
    "SqliteJournal",
    "SqliteJournals",
    "StalePlan",
    "StopRules",
    "Stopped",
    "Superseded",
    "Table",
    "TableRefused",
    "TargetAccount",
    "VerificationFailed",
    "VerificationResult",
    "VerifyOptions",
    "VerifyReport",
    "aapply_plan",
    "apply_plan",
    "apreview_release",
    "apreview_rollback",
    "aread_run",
    "arelease_plan",
    "arollback_plan",
    "assess_inventory",
    "asurvey",
    "atake_inventory",
    "averify_plan",
    "diff",
    "draft_map",
    "in_lots",
    "load_plan",
    "make_plan",
    "migration_page",
    "move_number",
    "plan_imports",
    "plan_page",
    "plan_settings",
    "preview_release",
    "preview_rollback",
    "read_run",
    "read_table",
    "release_plan",
    "rollback_plan",
    "run_lot",
    "save_plan",
    "survey",
    "take_inventory",
    "verify_plan",
]
