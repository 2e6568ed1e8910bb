"""What this room announces, inside the transaction of the verb that did it.

sender is the record's class, by a User or None for the system. `invoice_issued` carries `send`:
whether it goes to the customer by e-mail now (a billing run sends later, see `Delivery`).
`to_be_sent` asks for the e-mail of a `Delivery`, with its invoice or credit note and `link`, the
path of the private page.
"""

from django.dispatch import Signal

charged = Signal()  # charge, by
invoice_issued = Signal()  # invoice, by, send
credit_note_issued = Signal()  # credit_note, by
payment_recorded = Signal()  # payment, by
to_be_sent = Signal()  # delivery, link
