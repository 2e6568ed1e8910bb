// The cross on a message.
{
  document.addEventListener("click", (event) => {
    const cross = event.target.closest("[data-dismiss]");
    if (!cross) return;
    cross.closest(".alert")?.remove();
    document.querySelector("main")?.focus({ preventScroll: true });
  });
}
