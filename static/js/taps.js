/**
 * The taps: Lost, Got it, Too fast, Too slow, and a raised hand.
 *
 * A tap is made here, with its own id, so that sending it twice changes nothing; it is kept until
 * the server has stored it. It fades by itself, and pressing it again takes it back.
 */

const LOOK_EVERY_MS = 15_000;

/** `crypto.randomUUID` exists only on https; taps work everywhere. */
export function newId() {
  if (crypto.randomUUID) return crypto.randomUUID();
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

/**
 * @param {HTMLElement} root   holds one .tap[data-tap] per kind
 * @param {{keep: Function, settle: Function}} socket
 * @param {{after: Function}} clock
 */
export function tapGrid(root, socket, clock, fadesMs) {
  const active = new Map();
  const places = new Map();
  for (const place of root.querySelectorAll("[data-tap]")) places.set(place.dataset.tap, place);

  function words(tap) {
    if (!tap.saved) return root.dataset.waiting;
    const minutes = Math.ceil((tap.at + fadesMs - Date.now()) / 60_000);
    if (minutes <= 1) return root.dataset.soon;
    return root.dataset.sent.replace("{minutes}", minutes);
  }

  function draw(kind) {
    const place = places.get(kind);
    const tap = active.get(kind);
    const line = place.querySelector(".tap-sent");
    place.toggleAttribute("data-active", Boolean(tap));
    place.querySelector(".tap-button").setAttribute("aria-pressed", String(Boolean(tap)));
    line.hidden = !tap;
    const text = tap ? words(tap) : "";
    const told = line.querySelector("[data-words]");
    if (told.textContent !== text) told.textContent = text;
  }

  function press(kind) {
    if (active.has(kind)) return undo(kind);
    const tap = { id: newId(), at: Date.now(), saved: false };
    active.set(kind, tap);
    socket.keep(tap.id, { tap: kind, id: tap.id });
    draw(kind);
  }

  function undo(kind) {
    const tap = active.get(kind);
    if (!tap) return;
    active.delete(kind);
    socket.keep(tap.id, { undo: tap.id });
    draw(kind);
  }

  function kindOf(id) {
    return [...active].find(([, tap]) => tap.id === id)?.[0];
  }

  function saved(id) {
    socket.settle(id);
    const kind = kindOf(id);
    if (!kind) return;
    active.get(kind).saved = true;
    draw(kind);
  }

  /** What the server still holds, after a reload or a reconnect. */
  function restore(taps) {
    for (const { id, kind, at } of taps) {
      if (places.has(kind)) active.set(kind, { id, at: at * 1000, saved: true });
    }
    for (const kind of places.keys()) draw(kind);
  }

  function fade() {
    for (const [kind, tap] of active) {
      if (Date.now() - tap.at >= fadesMs) active.delete(kind);
      draw(kind);
    }
    clock.after(LOOK_EVERY_MS, fade);
  }

  root.addEventListener("click", (event) => {
    const kind = event.target.closest("[data-tap]")?.dataset.tap;
    if (!kind) return;
    if (event.target.closest("[data-undo]")) undo(kind);
    else if (event.target.closest(".tap-button")) press(kind);
  });
  clock.after(LOOK_EVERY_MS, fade);

  return { restore, saved, undone: (id) => socket.settle(id), press };
}
