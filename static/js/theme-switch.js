// Light, dark, or as the device has it. Remembered in this browser only.
{
  const root = document.documentElement;

  const show = () => {
    const current = root.dataset.theme ?? "system";
    for (const button of document.querySelectorAll("[data-theme-choice]")) {
      button.setAttribute("aria-pressed", String(button.dataset.themeChoice === current));
    }
  };

  document.addEventListener("click", (event) => {
    const choice = event.target.closest("[data-theme-choice]")?.dataset.themeChoice;
    if (!choice) return;
    if (choice === "system") {
      delete root.dataset.theme;
    } else {
      root.dataset.theme = choice;
    }
    try {
      if (choice === "system") {
        localStorage.removeItem("theme");
      } else {
        localStorage.setItem("theme", choice);
      }
    } catch {
      // Chosen for this page then.
    }
    show();
  });

  show();
}
