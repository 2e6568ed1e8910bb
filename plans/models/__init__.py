from plans.models.cancellations import CallOff, Cancellation
from plans.models.contracts import Contract, PriceStep
from plans.models.events import ContractEvent, HeldAnnouncement
from plans.models.freezes import Freeze
from plans.models.imports import CustomerImport, ImportRow
from plans.models.plan_changes import PlanChange
from plans.models.plans import Plan, PlanPrice, PlanTaxRate, TeamDefaultPlan

__all__ = [
    "CallOff",
    "Cancellation",
    "Contract",
    "ContractEvent",
    "CustomerImport",
    "Freeze",
    "HeldAnnouncement",
    "ImportRow",
    "Plan",
    "PlanChange",
    "PlanPrice",
    "PlanTaxRate",
    "PriceStep",
    "TeamDefaultPlan",
]
