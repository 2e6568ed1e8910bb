"""Signals of spaces, sent inside the transaction of the verb that did it.

`tax_changed`: what decides the tax of charges is another from a day on. sender is the class of
`changed`: a location, plan, product, resource type or customer. `from_on` is the first day (None:
since always), `by` a User or None.

`location_changing`: settings of a location are about to change. sender=Location, location, changes
(field: new value). A receiver returns what stands against that, as a list of `Problem`.
"""

from django.dispatch import Signal

tax_changed = Signal()
location_changing = Signal()
