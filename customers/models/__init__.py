from customers.models.customer import Customer
from customers.models.exemptions import Exemption
from customers.models.feeds import CalendarFeed
from customers.models.invitations import Invitation
from customers.models.registrations import Registration
from customers.models.status import StatusChange
from customers.models.suspensions import Suspension
from customers.models.teams import Team, TeamMembership
from customers.models.timeline import TimelineEntry
from customers.models.users import StaffRole, User

__all__ = [
    "CalendarFeed",
    "Customer",
    "Exemption",
    "Invitation",
    "Registration",
    "StaffRole",
    "StatusChange",
    "Suspension",
    "Team",
    "TeamMembership",
    "TimelineEntry",
    "User",
]
