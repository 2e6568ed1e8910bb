// <form data-bulk>: counts the ticked rows, ticks all, and ticks ranges with Shift.
{
  const rows = (form) => [...form.querySelectorAll('tbody input[type="checkbox"]:not(:disabled)')];
  let last = null;

  const show = (form) => {
    const all = rows(form);
    const ticked = all.filter((box) => box.checked).length;
    for (const place of form.querySelectorAll("[data-bulk-count]")) {
      place.textContent = ticked;
    }
    const head = form.querySelector("[data-bulk-all]");
    if (head) {
      head.checked = ticked > 0 && ticked === all.length;
      head.indeterminate = ticked > 0 && ticked < all.length;
    }
  };

  document.addEventListener("click", (event) => {
    const form = event.target.closest("form[data-bulk]");
    if (!form) return;
    if (event.target.closest("[data-bulk-none]")) {
      for (const box of rows(form)) box.checked = false;
      show(form);
      return;
    }
    if (!event.target.matches('tbody input[type="checkbox"]')) return;
    const all = rows(form);
    const here = all.indexOf(event.target);
    const there = all.indexOf(last);
    if (event.shiftKey && there >= 0) {
      for (const box of all.slice(Math.min(here, there), Math.max(here, there) + 1)) {
        box.checked = event.target.checked;
      }
    }
    last = event.target;
  });

  document.addEventListener("change", (event) => {
    const form = event.target.closest("form[data-bulk]");
    if (!form) return;
    if (event.target.matches("[data-bulk-all]")) {
      for (const box of rows(form)) box.checked = event.target.checked;
    }
    show(form);
  });

  // The browser remembers ticks when one goes back to a page.
  const showEverywhere = () => document.querySelectorAll("form[data-bulk]").forEach(show);
  window.addEventListener("pageshow", showEverywhere);
  document.addEventListener("htmx:afterSettle", showEverywhere);
}
