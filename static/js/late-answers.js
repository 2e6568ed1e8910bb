// An htmx answer that arrives late changes nothing that somebody has entered since it was asked
// for. If it is older than the form's values it is dropped and asked for again. Otherwise it is
// shown, and what was ticked or typed in the part that it replaces is kept, with the focus.
{
  const FIELDS = "input:not([type=hidden]), select, textarea, details";
  const BOXES = ["checkbox", "radio"];
  const PRESSED = ["checkbox", "radio", "button", "submit", "reset", "image", "file"];

  const before = new WeakMap(); // request: what each field was when it was sent
  const kept = new WeakMap(); // request: what to enter again once its answer is shown
  const newest = new WeakMap(); // element: its newest request

  // The parts of the page that an answer replaces.
  const partsOf = (element, target) => {
    const list = element.closest("[hx-select-oob]")?.getAttribute("hx-select-oob") ?? "";
    const others = list.split(",").map((part) => part.split(":")[0].trim()).filter(Boolean);
    return [target, ...others.map((selector) => document.querySelector(selector))].filter(Boolean);
  };

  // Once it is replaced, a part is found by its id.
  const shown = (part) => (part.isConnected ? part : document.getElementById(part.id));

  const stateOf = (field) => {
    if (field.tagName === "DETAILS") return field.open;
    if (BOXES.includes(field.type)) return field.checked;
    if (field.tagName === "SELECT") return [...field.options].map((option) => option.selected).join();
    return field.value;
  };

  const isTyped = (field) =>
    field.matches("textarea, input") && !PRESSED.includes(field.type) && field === document.activeElement;

  // What an element is known by after it has been replaced, and its place among those like it.
  const nameOf = (element) => {
    if (element.id) return element.id;
    if (BOXES.includes(element.type)) return `${element.name}=${element.value}`;
    if (element.name) return element.name;
    if (element.tagName === "DETAILS") return element.querySelector("summary")?.textContent.trim();
    return element.getAttribute("href") ?? element.textContent.trim();
  };
  const alike = (part, { tag, name }) =>
    [...part.querySelectorAll(tag)].filter((element) => nameOf(element) === name);
  const placeOf = (part, element) => {
    const place = { part, tag: element.tagName, name: nameOf(element) };
    return { ...place, index: alike(part, place).indexOf(element) };
  };
  const again = (place) => {
    const part = shown(place.part);
    return part && alike(part, place)[place.index];
  };

  const enter = (place, { state, selected }) => {
    const field = again(place);
    if (!field) return;
    if (field.tagName === "DETAILS") field.open = state;
    else if (BOXES.includes(field.type)) field.checked = state;
    else if (field.tagName === "SELECT") {
      for (const option of field.options) option.selected = selected.includes(option.value);
    } else field.value = state;
  };

  // Nobody waits any more: its form is gone, its dialog was closed, or it is being sent.
  const isOver = (element) =>
    !element.isConnected || element.closest("dialog:not([open])") || element.closest("form[data-sent]");
  const dropIfOver = (event) => {
    if (event.target === event.currentTarget && isOver(event.target)) event.preventDefault();
  };

  document.addEventListener("htmx:beforeRequest", (event) => {
    const { target, xhr, requestConfig } = event.detail;
    const { elt } = requestConfig;
    if (isOver(elt)) {
      event.preventDefault();
      return;
    }
    // Heard by the element itself, which may be gone from the page by then.
    elt.addEventListener("htmx:beforeOnLoad", dropIfOver);
    const fields = new Set(partsOf(elt, target).flatMap((part) => [...part.querySelectorAll(FIELDS)]));
    for (const field of elt.closest("form")?.elements ?? []) if (field.matches(FIELDS)) fields.add(field);
    before.set(xhr, new Map([...fields].map((field) => [field, stateOf(field)])));
    newest.set(elt, xhr);
  });

  document.addEventListener("htmx:beforeSwap", (event) => {
    const { target, xhr, requestConfig } = event.detail;
    const { elt, verb, path } = requestConfig;
    const form = elt.closest("form");
    const parts = partsOf(elt, target);
    const partOf = (field) => parts.find((part) => part.contains(field));
    const changed = [...(before.get(xhr) ?? [])]
      .filter(([field, state]) => field.isConnected && stateOf(field) !== state)
      .map(([field]) => field);

    // Words that are still being typed elsewhere in the form are no answer's business yet.
    const asks = elt === form || elt.hasAttribute("hx-include");
    const isOlder = (field) =>
      asks && field.tagName !== "DETAILS" && field.form === form && (partOf(field) || !isTyped(field));
    if (changed.some(isOlder)) {
      event.detail.shouldSwap = false;
      setTimeout(() => {
        if (newest.get(elt) !== xhr || !elt.isConnected) return;
        window.htmx.ajax(verb, path, { source: elt }).catch(() => {});
      });
      return;
    }

    const focus = document.activeElement;
    kept.set(xhr, {
      entered: changed.filter(partOf).map((field) => [
        placeOf(partOf(field), field),
        { state: stateOf(field), selected: [...(field.selectedOptions ?? [])].map((option) => option.value) },
      ]),
      focus: focus && partOf(focus) && placeOf(partOf(focus), focus),
      caret: isTyped(focus) && [focus.selectionStart, focus.selectionEnd, focus.selectionDirection],
    });
  });

  document.addEventListener("htmx:afterSwap", (event) => {
    const keep = kept.get(event.detail.xhr);
    if (!keep) return;
    kept.delete(event.detail.xhr);
    for (const [place, entry] of keep.entered) enter(place, entry);
    if (!keep.focus || (document.activeElement && document.activeElement !== document.body)) return;
    const element = again(keep.focus);
    element?.focus({ preventScroll: true });
    if (element?.setSelectionRange && keep.caret?.[0] != null) element.setSelectionRange(...keep.caret);
  });
}
