"""Signals of billing, sent inside the transaction of the verb that did it.

sender is the record's class, by a User or None for the system. `invoice_issued` is sent once for
each invoice, by a billing run as by hand. `to_be_sent` asks for the e-mail of a `Delivery`, with
its invoice or credit note and `link`, the path of the private page. `to_be_sent_together` asks for
one e-mail of several deliveries to one address, each with its link.
"""

from django.dispatch import Signal

charged = Signal()  # charge, by
invoice_issued = Signal()  # invoice, by
credit_note_issued = Signal()  # credit_note, by
payment_recorded = Signal()  # payment, by
to_be_sent = Signal()  # delivery, link
to_be_sent_together = Signal()  # deliveries, links
