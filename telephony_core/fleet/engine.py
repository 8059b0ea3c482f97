"""Telling Temporal what is to be done: connecting to it, submitting a plan, stopping and approving its campaign.

Where it is, and with what certificate or key, is said by Temporal's own variables (``TEMPORAL_ADDRESS``,
``TEMPORAL_NAMESPACE``, ``TEMPORAL_API_KEY``, ``TEMPORAL_TLS_…``) or its configuration file.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from temporalio.client import Client, WorkflowHandle, WorkflowQueryFailedError
from temporalio.common import Priority, WorkflowIDReusePolicy
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.envconfig import ClientConfig
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from telephony_core.errors import ConfigurationError, MigrationError, OutcomeUnknown, TelephonyError, instead_of
from telephony_core.fleet.campaign import Approval, Campaign, CampaignProgress, CampaignWorkflow
from telephony_core.fleet.database import tenant_name
from telephony_core.migration.journal.claims import note_in_fleet
from telephony_core.migration.plan.store import LoadedPlan, PlanStore


class EngineUnavailable(MigrationError):
    """Temporal cannot be reached, or does not answer.

    Cause: it is not running, the address is another one, or no worker is there that could answer.

    Remedy: see whether it runs where ``TEMPORAL_ADDRESS`` says; what is under way there goes on by itself.
    """


class NotSubmitted(MigrationError):
    """The plan is not under way in this fleet.

    Cause: it was never submitted there, by this tenant.

    Remedy: submit it with `telephony fleet submit`, or name the tenant that did.
    """


async def connect() -> Client:
    """A client of Temporal. Raises `EngineUnavailable`, or `ConfigurationError` for settings that do not fit."""
    with instead_of((RuntimeError, ValueError, TypeError, OSError), _unusable):
        config = ClientConfig.load_client_connect_config()
    config["target_host"] = where = config.get("target_host") or "localhost:7233"
    with instead_of((RuntimeError, ValueError, RPCError), lambda error: _away(error, where)):
        return await Client.connect(**config, data_converter=pydantic_data_converter)


def _unusable(error: Exception) -> ConfigurationError:
    return ConfigurationError(
        f"the settings of Temporal's client cannot be used ({type(error).__name__})",
        remedy="correct TEMPORAL_… or its file",
    )


def _away(error: Exception, where: str) -> EngineUnavailable:
    reason = error.message.partition("\n")[0][:200] if isinstance(error, RPCError) else "no connection"
    return EngineUnavailable(
        f"Temporal at {where} does not answer ({reason})", remedy="see whether it runs there, or set TEMPORAL_ADDRESS"
    )


def demand_fit(loaded: LoadedPlan) -> None:
    """Refuse a plan that no fleet can carry out, before anything is kept of it.

    Raises `ConfigurationError` for secrets that no worker can read: nobody can be asked there, and its variables are
    not the tenant's; `MigrationError` for a plan that was begun on this machine.
    """
    kinds = [(trunk, text.partition(":")[0]) for trunk in loaded.plan.trunks for text in trunk.references]
    if wrong := [f"{trunk.name} ({kind}:)" for trunk, kind in kinds if kind in ("prompt", "env")]:
        raise ConfigurationError(
            f"{loaded.name}: workers of a fleet cannot read the secrets of {', '.join(wrong)}",
            remedy="make the plan with file: references, relative to the folder of the tenant at the workers",
        )
    if loaded.path is not None and loaded.journal_path.exists():
        raise MigrationError(
            f"{loaded.name} was begun on this machine, and its journal lies beside it",
            remedy="finish it here with `telephony apply`, or make a new plan of what is left",
        )


@dataclass(frozen=True, slots=True)
class Campaigns:
    """The campaigns of one tenant."""

    client: Client
    tenant: str

    def __post_init__(self) -> None:
        tenant_name(self.tenant)

    async def submit(self, loaded: LoadedPlan, plans: PlanStore) -> bool:
        """Keep a plan and start its campaign; one that is under way goes on with what was stopped or failed.

        Returns whether it was started or told to go on; not so where it has ended. Raises what `demand_fit` raises,
        `JournalError`, `EngineUnavailable`, and `OutcomeUnknown` where no answer came.
        """
        demand_fit(loaded)
        campaign = Campaign.of(loaded, self.tenant)
        await plans.put(loaded.plan)
        if loaded.path is not None:
            note_in_fleet(loaded, self.tenant)
        try:
            with _explained():
                await self.client.start_workflow(
                    CampaignWorkflow.run,
                    args=[campaign, None],
                    id=self.id(loaded.checksum),
                    task_queue=loaded.plan.target.connection,
                    # A plan that is through is not begun again; one that somebody ended at the engine is.
                    id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE_FAILED_ONLY,
                    task_timeout=timedelta(seconds=5),  # after which the next step of a campaign has lost its worker
                    start_signal="resume",  # one call, whether it is new, was stopped or waits for a decision
                    priority=Priority(fairness_key=self.tenant[:64]),  # the engine takes no longer one
                )
        except WorkflowAlreadyStartedError:
            return False
        return True

    async def stop(self, checksum: str) -> None:
        """Let the numbers in hand be finished and start no other one.

        Raises `NotSubmitted`, `EngineUnavailable`, and `OutcomeUnknown` where no answer came.
        """
        with _explained(checksum):
            await self._of(checksum).signal(CampaignWorkflow.stop)

    async def approve(self, checksum: str, approval: Approval) -> None:
        """Let a campaign that waits for it go on.

        Raises `NotSubmitted`, `EngineUnavailable`, and `OutcomeUnknown` where no answer came.
        """
        with _explained(checksum):
            await self._of(checksum).signal(CampaignWorkflow.approve, approval)

    async def progress(self, checksum: str) -> CampaignProgress:
        """How far a campaign is, as a worker of its account tells. Raises `NotSubmitted`, `EngineUnavailable`."""
        with _explained(checksum, asked=True):
            # Without a worker of its account nobody answers.
            return await self._of(checksum).query(CampaignWorkflow.progress, rpc_timeout=timedelta(seconds=10))

    def id(self, checksum: str) -> str:
        """The same for whoever submits it, so that it is found and not started twice."""
        return f"{self.tenant}/{checksum}/apply"

    def _of(self, checksum: str) -> WorkflowHandle[Any, Any]:
        return self.client.get_workflow_handle(self.id(checksum))


def _explained(checksum: str = "", *, asked: bool = False) -> instead_of[RPCError | WorkflowQueryFailedError]:
    """Errors of the engine as ours; with a checksum, of what the campaign of that plan was told, or ``asked``."""
    return instead_of((RPCError, WorkflowQueryFailedError), lambda error: _failure(error, checksum, asked))


def _failure(error: RPCError | WorkflowQueryFailedError, checksum: str, asked: bool) -> TelephonyError:
    if isinstance(error, WorkflowQueryFailedError):
        reason = "its workers are of another version"
    elif error.status is RPCStatusCode.NOT_FOUND:
        return NotSubmitted(
            f"no campaign of the plan {checksum} is under way for this tenant",
            remedy="submit it with `telephony fleet submit`, or say in TELEPHONY_TENANT whose it is",
        )
    elif error.status in (RPCStatusCode.DEADLINE_EXCEEDED, RPCStatusCode.CANCELLED):
        if not asked:  # an engine that was held up does it afterwards
            return OutcomeUnknown(
                "Temporal did not answer in time, so what was asked of it may still be done",
                remedy="see whether it runs, and run the same command again, which does nothing twice",
            )
        reason = "no worker of its account answers"
    else:
        reason = error.message.partition("\n")[0][:200]
    return EngineUnavailable(
        f"Temporal did not do it ({reason})",
        remedy="see whether it and a worker (`telephony fleet work`) run; what is under way goes on by itself",
    )
