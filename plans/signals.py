"""What this room announces, each exactly once, in date order, in the transaction that records
it, on the day on which it truly happened.

Arguments: sender=Contract, contract, on (the local date), by (a User or None), quiet (True for
imported contracts: no e-mail). `contract_ended` carries the day after the last day,
`contract_resumed` the day after the last frozen one.

A preview does the deed and rolls it back, so receivers touch nothing but the database; what goes
outside goes through the outbox.
"""

from django.dispatch import Signal

contract_started = Signal()
contract_ended = Signal()
contract_frozen = Signal()
contract_resumed = Signal()

# Decisions, told when they are made: sender=Contract, contract, by. A contract that was given its
# last day carries it in `ends_on`; one whose cancellation was withdrawn, what holds again.
contract_cancelled = Signal()
cancellation_withdrawn = Signal()

# Told after any decision about a contract (signed, cancelled, called off, frozen, resumed, moved to
# another plan, given another price, or one of these taken back): sender=Contract, contract, by, on
# (the day of the decision), due_before (the cycles that had fallen due by then, as they were),
# signed (the contract that was signed by it, if one was). Those that depend on the days of the
# customer's contracts look at all of them again; a refusal that they raise takes the decision back.
contract_changed = Signal()
# Sent before contracts are deleted together with their import: sender=Contract, contracts (keys).
contracts_taken_back = Signal()
# Told before a plan gets another price for days that have come: sender=Plan, plan, on, by. What was
# due by then is settled at the price that held.
price_changing = Signal()
