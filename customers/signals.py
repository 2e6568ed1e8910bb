"""What this room announces. Sent by verbs inside their transaction, never by saving a row.

Arguments of `became_member` and `became_contact`: sender=Customer, customer, on (the true
local date), cause (the contract, or None), by (a User or None), quiet (True: no e-mail).
"""

from django.dispatch import Signal

became_member = Signal()
became_contact = Signal()
suspended = Signal()
reinstated = Signal()
# sender=Invitation, invitation, token (the link's secret, nowhere else to be had), by
invited = Signal()
# Told before a team gets another payer or discount: sender=Team, team, payer (who will pay, or
# None), by
team_changing = Signal()
