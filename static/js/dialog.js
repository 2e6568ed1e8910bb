// <a href="/some/form/" data-dialog> opens the page's part marked data-dialog-content in a
// dialog. Without script, with a middle click, or when anything goes wrong, it is a plain link.
// <button data-dialog-open="id"> opens a dialog that is already on the page.
{
  let newest = null; // The newest press: the answer to an earlier one comes too late.

  const plain = (event) =>
    event.defaultPrevented || event.button || event.metaKey || event.ctrlKey || event.shiftKey;

  document.addEventListener("click", async (event) => {
    const closer = event.target.closest("[data-dialog-close]");
    if (closer) {
      event.preventDefault();
      closer.closest("dialog")?.close();
      return;
    }

    const opener = event.target.closest("[data-dialog-open]");
    if (opener) {
      document.getElementById(opener.dataset.dialogOpen)?.showModal();
      return;
    }

    const link = event.target.closest("a[data-dialog]");
    const dialog = document.getElementById("dialog");
    if (!link || !dialog || plain(event)) return;
    event.preventDefault();
    link.setAttribute("aria-busy", "true");
    const press = (newest = {});
    try {
      const answer = await fetch(link.href, { headers: { "X-Dialog": "true" } });
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const content = page.querySelector("[data-dialog-content]");
      if (press !== newest) return;
      if (!answer.ok || answer.redirected || !content) throw new Error("not for a dialog");
      const heading = content.dataset.dialogTitle ?? page.querySelector("h1")?.textContent ?? "";
      dialog.querySelector("[data-dialog-heading]").textContent = heading.trim();
      const body = dialog.querySelector("[data-dialog-body]");
      body.replaceChildren(...content.childNodes);
      // A form without an action would be sent to the page beneath.
      for (const form of body.querySelectorAll("form:not([action])")) {
        form.action = link.href;
      }
      if (!dialog.open) dialog.showModal();
      window.htmx?.process(body);
      body.querySelector("[autofocus], input:not([type=hidden]), select, textarea")?.focus();
    } catch {
      if (press === newest) location.assign(link.href);
    } finally {
      link.removeAttribute("aria-busy");
    }
  });

  // A click on what lies behind closes it; typing is not lost to a slip inside.
  document.addEventListener("mousedown", (event) => {
    if (event.target instanceof HTMLDialogElement && event.target.open) {
      const box = event.target.getBoundingClientRect();
      const inside =
        event.clientX >= box.left && event.clientX <= box.right &&
        event.clientY >= box.top && event.clientY <= box.bottom;
      if (!inside) event.target.close();
    }
  });
}
