// A form that is on its way says so and is not sent twice.
{
  const release = (root) => {
    for (const form of root.querySelectorAll("form[data-sent]")) delete form.dataset.sent;
    for (const button of root.querySelectorAll(".button[aria-busy]")) {
      button.removeAttribute("aria-busy");
    }
  };

  document.addEventListener("submit", (event) => {
    const form = event.target;
    // Forms that only ask may be sent as often as one likes, and downloads leave the page as it is.
    if (form.method !== "post" || form.hasAttribute("data-repeatable")) return;
    if (form.dataset.sent) {
      event.preventDefault();
      return;
    }
    // Later listeners may still stop it.
    setTimeout(() => {
      if (event.defaultPrevented) return;
      form.dataset.sent = "true";
      event.submitter?.setAttribute("aria-busy", "true");
    });
  });

  // Nor does it ask any more what it would bring.
  document.addEventListener("htmx:beforeRequest", (event) => {
    if (event.target.closest("form")?.dataset.sent) event.preventDefault();
  });

  // Coming back to a kept page finds its buttons at rest.
  window.addEventListener("pageshow", () => release(document));
}
