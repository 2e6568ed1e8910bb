from django.urls import path

from panel.views import components, contracts, customers, decisions, home, imports, plans

app_name = "panel"

urlpatterns = [
    path("", home.home, name="home"),
    path("customers/", customers.customers, name="customers"),
    path("customers/new/", customers.new, name="customer_new"),
    path("customers/archive/", customers.bulk_archive, name="customers_archive"),
    path("customers/<int:pk>/", customers.customer, name="customer"),
    path("customers/<int:pk>/edit/", customers.edit, name="customer_edit"),
    path("customers/<int:pk>/notes/", customers.notes, name="customer_notes"),
    path("customers/<int:pk>/archive/", customers.archive, name="customer_archive"),
    path("customers/<int:pk>/restoring/", customers.restore, name="customer_restore"),
    path("customers/<int:pk>/deletion/", customers.discard, name="customer_discard"),
    path("customers/<int:pk>/contracts/new/", contracts.new, name="contract_new"),
    path("contracts/", contracts.contracts, name="contracts"),
    path("contracts/<int:pk>/", contracts.contract, name="contract"),
    path("contracts/<int:pk>/cancellation/", decisions.cancellation, name="contract_cancellation"),
    path(
        "contracts/<int:pk>/cancellation/withdrawal/",
        decisions.cancellation_withdrawal,
        name="contract_cancellation_withdrawal",
    ),
    path("contracts/<int:pk>/calling-off/", decisions.calling_off, name="contract_calling_off"),
    path("contracts/<int:pk>/plan-change/", decisions.plan_change, name="contract_plan_change"),
    path(
        "contracts/<int:pk>/plan-change/withdrawal/",
        decisions.plan_change_withdrawal,
        name="contract_plan_change_withdrawal",
    ),
    path("contracts/<int:pk>/freeze/", decisions.freeze, name="contract_freeze"),
    path("contracts/<int:pk>/resumption/", decisions.resumption, name="contract_resumption"),
    path("contracts/<int:pk>/price-steps/", decisions.price_step, name="contract_price_step"),
    path("plans/", plans.plans, name="plans"),
    path("plans/new/", plans.new, name="plan_new"),
    path("plans/<int:pk>/", plans.plan, name="plan"),
    path("plans/<int:pk>/edit/", plans.edit, name="plan_edit"),
    path("plans/<int:pk>/prices/new/", plans.price, name="plan_price"),
    path("plans/<int:pk>/archive/", plans.archive, name="plan_archive"),
    path("imports/", imports.imports, name="imports"),
    path("imports/<int:pk>/", imports.show, name="import"),
    path("imports/<int:pk>/columns/", imports.mapping, name="import_mapping"),
    path("imports/<int:pk>/application/", imports.apply, name="import_apply"),
    path("imports/<int:pk>/progress/", imports.progress, name="import_progress"),
    path("imports/<int:pk>/undoing/", imports.undo, name="import_undo"),
    path("imports/<int:pk>/failed-rows.csv", imports.failed_rows, name="import_failed_rows"),
    path("components/", components.components, name="components"),
]
