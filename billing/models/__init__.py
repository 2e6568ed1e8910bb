from billing.models.accounts import Account, AccountEntry
from billing.models.charges import BilledCycle, Charge, ChargeVoid
from billing.models.claims import Claim, ClaimCancellation, ClaimSettlement
from billing.models.crediting import CreditNote, CreditNoteLine
from billing.models.documents import Delivery, Document, InvoiceLink
from billing.models.invoices import Invoice, InvoiceLine, Settlement
from billing.models.numbering import Series
from billing.models.paying import Allocation, Payment, WriteOff
from billing.models.products import Product, ProductTaxRate
from billing.models.runs import BillingRun, BillingRunItem, DepositReturn, Reminder
from billing.models.subscriptions import Subscription

__all__ = [
    "Account",
    "AccountEntry",
    "Allocation",
    "BilledCycle",
    "BillingRun",
    "BillingRunItem",
    "Charge",
    "ChargeVoid",
    "Claim",
    "ClaimCancellation",
    "ClaimSettlement",
    "CreditNote",
    "CreditNoteLine",
    "Delivery",
    "DepositReturn",
    "Document",
    "Invoice",
    "InvoiceLine",
    "InvoiceLink",
    "Payment",
    "Product",
    "ProductTaxRate",
    "Reminder",
    "Series",
    "Settlement",
    "Subscription",
    "WriteOff",
]
