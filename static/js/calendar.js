// In the calendar one draws across free time to book it, pulls a booking to move it, and its end to
// lengthen it; with the keyboard Alt and the arrows do the same. Nothing is saved here: each of
// these opens the form with the new times, where price and refusals are shown.
{
  const MINUTE = 60000;

  const table = (element) => element.closest("table[data-calendar]");
  const rowOf = (element) => element.closest("tr.calendar__row");
  const rowsOf = (calendar) => [...calendar.querySelectorAll("tr.calendar__row")];

  // The part of a row that is time, without the name.
  const track = (row) => {
    const name = row.firstElementChild.getBoundingClientRect();
    const whole = row.getBoundingClientRect();
    return { left: name.right, width: whole.right - name.right, top: whole.top, height: whole.height };
  };

  const bounds = (row) => [Date.parse(row.dataset.start), Date.parse(row.dataset.end)];
  const step = (row) => Number(row.dataset.step) * MINUTE;

  const timeAt = (row, x) => {
    const [start, end] = bounds(row);
    const box = track(row);
    const part = Math.min(1, Math.max(0, (x - box.left) / box.width));
    return start + part * (end - start);
  };

  const snapped = (row, time, round = Math.round) => {
    const [start] = bounds(row);
    return start + round((time - start) / step(row)) * step(row);
  };

  const clock = (row, time) => {
    // Rows are minutes on the wall; what is written in the head is what is read here.
    const [start] = bounds(row);
    const first = row.closest("table").querySelector(".calendar__hour").textContent.split(":");
    const minutes = Number(first[0]) * 60 + Number(first[1]) + (time - start) / MINUTE;
    const pad = (value) => String(value).padStart(2, "0");
    return `${pad(Math.floor(minutes / 60) % 24)}:${pad(Math.round(minutes % 60))}`;
  };

  let ghost = null;
  const draw = (row, from, until) => {
    const frame = row.closest(".calendar__frame");
    ghost ??= document.createElement("div");
    ghost.className = "calendar__ghost";
    if (ghost.parentElement !== frame) frame.append(ghost);
    const [start, end] = bounds(row);
    const box = track(row);
    const outer = frame.getBoundingClientRect();
    const at = (time) => ((Math.min(end, Math.max(start, time)) - start) / (end - start)) * box.width;
    ghost.style.setProperty("left", `${box.left - outer.left + frame.scrollLeft + at(from)}px`);
    ghost.style.setProperty("width", `${Math.max(6, at(until) - at(from))}px`);
    ghost.style.setProperty("top", `${box.top - outer.top + frame.scrollTop + 2}px`);
    ghost.style.setProperty("height", `${box.height - 4}px`);
    ghost.textContent = `${clock(row, from)} – ${clock(row, until)}`;
  };

  const wipe = () => {
    ghost?.remove();
    for (const one of document.querySelectorAll(".is-moving")) one.classList.remove("is-moving");
  };

  const open = (address, row, from, until) => {
    const query = new URLSearchParams({
      resource: row.dataset.resource,
      start: new Date(from).toISOString(),
      end: new Date(until).toISOString(),
    });
    const link = document.createElement("a");
    link.href = `${address}?${query}`;
    link.dataset.dialog = "";
    link.hidden = true;
    document.body.append(link);
    link.click();
    link.remove();
  };

  // By mouse or pen. A finger scrolls; it presses free time to book, and bookings to read them.
  let pull = null;
  let justPulled = false;

  document.addEventListener("pointerdown", (event) => {
    if (event.button || event.pointerType === "touch") return;
    const free = event.target.closest("[data-free]");
    const booking = event.target.closest("[data-booking]");
    const target = free ?? booking;
    if (!target || !table(target)?.dataset.mayBook) return;
    const row = rowOf(target);
    const x = event.clientX;
    pull = { target, row, x, moved: false, pointer: event.pointerId };
    if (free) {
      const least = Date.parse(free.dataset.from);
      const most = Date.parse(free.dataset.until);
      pull = { ...pull, kind: "new", least, most, from: snapped(row, timeAt(row, x), Math.floor) };
    } else {
      const from = Date.parse(booking.dataset.from);
      const until = Date.parse(booking.dataset.until);
      const atEnd = booking.getBoundingClientRect().right - x < 9;
      pull = { ...pull, kind: atEnd ? "end" : "move", from, until, grip: timeAt(row, x) - from };
    }
  });

  // The browser would drag the link itself.
  document.addEventListener("dragstart", (event) => {
    if (event.target.closest?.("[data-free], [data-booking]")) event.preventDefault();
  });

  document.addEventListener("pointermove", (event) => {
    if (!pull || event.pointerId !== pull.pointer) return;
    if (!pull.moved && Math.abs(event.clientX - pull.x) < 5 && rowUnder(event, pull) === pull.row) {
      return;
    }
    pull.moved = true;
    if (pull.kind === "new") {
      const other = timeAt(pull.row, event.clientX);
      const forward = other >= pull.from;
      const edge = snapped(pull.row, other, forward ? Math.ceil : Math.floor);
      const begin = forward ? pull.from : edge;
      const finish = forward ? edge : pull.from + step(pull.row);
      pull.now = [Math.max(begin, pull.least), Math.min(finish, pull.most)];
      pull.over = pull.row;
    } else if (pull.kind === "end") {
      const until = snapped(pull.row, timeAt(pull.row, event.clientX));
      pull.now = [pull.from, Math.max(until, pull.from + step(pull.row))];
      pull.over = pull.row;
      pull.target.classList.add("is-moving");
    } else {
      const over = rowUnder(event, pull) ?? pull.over ?? pull.row;
      const shift = bounds(over)[0] - bounds(pull.row)[0];
      const from = snapped(over, timeAt(pull.row, event.clientX) - pull.grip + shift);
      pull.now = [from, from + (pull.until - pull.from)];
      pull.over = over;
      pull.target.classList.add("is-moving");
    }
    draw(pull.over, ...pull.now);
  });

  const rowUnder = (event, { row }) => {
    const rows = rowsOf(table(row));
    return rows.find((one) => {
      const box = one.getBoundingClientRect();
      return event.clientY >= box.top && event.clientY < box.bottom;
    });
  };

  document.addEventListener("pointerup", (event) => {
    if (!pull || event.pointerId !== pull.pointer) return;
    const done = pull;
    pull = null;
    wipe();
    if (!done.moved || !done.now) return;
    justPulled = true;
    setTimeout(() => (justPulled = false));
    if (done.now[0] >= done.now[1]) return;
    const address = done.kind === "new" ? table(done.row).dataset.new : done.target.dataset.booking;
    open(address, done.over, ...done.now);
  });

  document.addEventListener("pointercancel", () => {
    pull = null;
    wipe();
  });

  // A press on free time books from where it was pressed.
  document.addEventListener(
    "click",
    (event) => {
      const link = event.target.closest("[data-free], [data-booking]");
      if (!link) return;
      if (justPulled) {
        event.preventDefault();
        event.stopPropagation();
        return;
      }
      if (!("free" in link.dataset) || event.ctrlKey || event.metaKey || event.shiftKey) return;
      const row = rowOf(link);
      if (!row || !table(row).dataset.mayBook || !event.clientX) return;
      event.preventDefault();
      event.stopPropagation();
      const least = Date.parse(link.dataset.from);
      const most = Date.parse(link.dataset.until);
      const from = Math.max(least, snapped(row, timeAt(row, event.clientX), Math.floor));
      open(table(row).dataset.new, row, from, Math.min(most, from + 60 * MINUTE));
    },
    true,
  );

  // By keyboard.
  let held = null;

  document.addEventListener("keydown", (event) => {
    const booking = event.target.closest?.("[data-booking]");
    if (!booking) return;
    if (event.key === "Escape" && held) {
      held = null;
      wipe();
      event.preventDefault();
      return;
    }
    if (event.key === "Enter" && held?.booking === booking) {
      event.preventDefault();
      const { row, from, until } = held;
      held = null;
      wipe();
      open(booking.dataset.booking, row, from, until);
      return;
    }
    const moves = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: 0, ArrowDown: 0 };
    if (!event.altKey || !(event.key in moves)) return;
    event.preventDefault();
    if (held?.booking !== booking) {
      held = {
        booking,
        row: rowOf(booking),
        from: Date.parse(booking.dataset.from),
        until: Date.parse(booking.dataset.until),
      };
    }
    const by = moves[event.key] * step(held.row);
    if (by && event.shiftKey) {
      held.until = Math.max(held.from + step(held.row), held.until + by);
    } else if (by) {
      held.from += by;
      held.until += by;
    } else {
      const rows = rowsOf(table(held.row));
      const next = rows[rows.indexOf(held.row) + (event.key === "ArrowUp" ? -1 : 1)];
      if (!next) return;
      const shift = bounds(next)[0] - bounds(held.row)[0];
      held = { ...held, row: next, from: held.from + shift, until: held.until + shift };
    }
    booking.classList.add("is-moving");
    draw(held.row, held.from, held.until);
    ghost.scrollIntoView({ block: "nearest", inline: "nearest" });
  });

  document.addEventListener("focusout", (event) => {
    if (held && event.target === held.booking) {
      held = null;
      wipe();
    }
  });
}
