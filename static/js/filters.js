// Addresses of filtered lists stay short: what is empty is not part of them, and a filter that
// changes starts at the first page.
{
  document.addEventListener("htmx:configRequest", (event) => {
    if (!event.target.closest("form.filters")) return;
    const parameters = event.detail.parameters;
    for (const [name, value] of Object.entries(parameters)) {
      if (value === "" || name === "after" || name === "before") delete parameters[name];
    }
  });

  // Without htmx (or before it is there) the browser sends the form: the same.
  document.addEventListener("submit", (event) => {
    if (!event.target.matches("form.filters")) return;
    const left = [...event.target.elements].filter((field) => field.name && !field.value);
    for (const field of left) field.disabled = true;
    setTimeout(() => left.forEach((field) => (field.disabled = false)));
  });

  // "/" goes to the search box, as people know it.
  document.addEventListener("keydown", (event) => {
    if (event.key !== "/" || event.metaKey || event.ctrlKey || event.altKey) return;
    if (event.target.closest("input, select, textarea, [contenteditable], dialog")) return;
    const box = document.querySelector("main input[type=search]");
    if (!box) return;
    event.preventDefault();
    box.focus();
    box.select();
  });
}
