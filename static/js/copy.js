// <button data-copy="id" data-copied="Copied"> puts what stands in a text box onto the clipboard.
{
  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-copy]");
    const box = button && document.getElementById(button.dataset.copy);
    if (!box) return;
    box.select();
    try {
      await navigator.clipboard.writeText(box.value);
    } catch {
      return; // It stays selected: the keyboard copies it.
    }
    const words = button.querySelector("span") ?? button;
    const before = words.textContent;
    words.textContent = button.dataset.copied;
    setTimeout(() => (words.textContent = before), 2000);
  });
}
