from bookings.models.assignments import Assignment
from bookings.models.booking import Booking, LateFee, State
from bookings.models.checkins import CheckIn
from bookings.models.credits import CreditEntry, CreditGrant, PlanCredit, SharedCredit
from bookings.models.feeds import ResourceFeed
from bookings.models.hours import Closure, OpeningHours, Weekday
from bookings.models.resource_types import Rate, ResourceType, ResourceTypeTaxRate
from bookings.models.resources import Resource, ResourcePicture
from bookings.models.series import Scope, Series

__all__ = [
    "Assignment",
    "Booking",
    "CheckIn",
    "Closure",
    "CreditEntry",
    "CreditGrant",
    "LateFee",
    "OpeningHours",
    "PlanCredit",
    "Rate",
    "Resource",
    "ResourceFeed",
    "ResourcePicture",
    "ResourceType",
    "ResourceTypeTaxRate",
    "Scope",
    "Series",
    "SharedCredit",
    "State",
    "Weekday",
]
