"""What this room announces, inside the transaction of the verb that did it.

sender=Booking, booking, by (a User or None for the system). A tentative booking is made first and
approved later; what it costs is owed from then on. `booking_changed` carries `before`, the values
that changed (`bookings.models.booking.Change`), `booking_changed` and `booking_cancelled` the
`fee` for what was given up too late (a `LateFee`, or None).
"""

from django.dispatch import Signal

booking_made = Signal()
booking_approved = Signal()
booking_changed = Signal()
booking_cancelled = Signal()
booking_restored = Signal()
booking_not_used = Signal()
# Told when all is locked that a deed about these bookings may touch: sender=Booking, bookings,
# customers (keys). Later rooms lock what they will need, all at once.
bookings_changing = Signal()
