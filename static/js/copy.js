// <button data-copy="id" data-copied="Copied"> puts what stands in a text box, or the text of an
// element, onto the clipboard.
{
  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-copy]");
    const box = button && document.getElementById(button.dataset.copy);
    if (!box) return;
    if (box.select) box.select();
    else getSelection().selectAllChildren(box);
    try {
      await navigator.clipboard.writeText(box.value ?? box.textContent);
    } catch {
      return; // It stays selected: the keyboard copies it.
    }
    const words = button.querySelector("span") ?? button;
    const before = words.textContent;
    words.textContent = button.dataset.copied;
    setTimeout(() => (words.textContent = before), 2000);
  });
}
