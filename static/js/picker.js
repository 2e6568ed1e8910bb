// Whoever is chosen in a customer picker stays chosen whatever its search still brings: the choice
// says for which words it was made.
{
  document.addEventListener("change", (event) => {
    const choices = event.target.closest(".picker__found");
    if (!choices || event.target.type !== "radio") return;
    const box = choices.closest(".picker").querySelector("input[type=search]");
    let asked = choices.querySelector("input[type=hidden]");
    if (!asked) {
      asked = document.createElement("input");
      asked.type = "hidden";
      asked.name = `${event.target.name}_asked`;
      choices.prepend(asked);
    }
    asked.value = box.value.trim();
  });
}
