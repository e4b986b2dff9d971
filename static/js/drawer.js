/**
 * One student, at the side of the page: this lesson so far, a new name, the way out. The state is
 * the page's own; the rest is read when the drawer opens and again with each slice. Percentages
 * are shown here and nowhere else.
 */

import { byId, make, setLine, setText } from "./dom.js";
import { drawSpark } from "./sparkline.js";

const WIDTH = 372;
const HEIGHT = 72;

function fillList(list, lines) {
  const items = lines.length ? lines : [list.dataset.none];
  list.replaceChildren(...items.map((line) => make("li", "", line)));
}

/**
 * @param {object} room
 * @param {(id: number) => object} room.student   row, values
 * @param {(id: number) => string} room.nameOf
 * @param {object} act   read(id), rename(id, name), remove(id)
 */
export function drawer(room, act) {
  const dialog = byId("drawer");
  const remove = byId("remove");
  const name = byId("rename-name");
  let shown = null;
  let known = "";

  /** "loading", "failed", "empty" or "there": one of them is in sight. */
  function soFarIs(state) {
    for (const part of dialog.querySelectorAll("[data-when]")) part.hidden = part.dataset.when !== state;
    byId("drawer-so-far").setAttribute("aria-busy", String(state === "loading"));
  }

  async function load() {
    const id = shown;
    try {
      const told = await act.read(id);
      if (id === shown) drawSoFar(told);
    } catch {
      if (id === shown) soFarIs("failed");
    }
  }

  function drawSoFar(told) {
    soFarIs(told.line.length ? "there" : "empty");
    drawSpark(byId("drawer-line"), told.line, WIDTH, HEIGHT);
    setText(byId("drawer-from"), told.from);
    setText(byId("drawer-until"), told.until);
    const line = byId("drawer-coverage").dataset.words;
    setLine(byId("drawer-coverage"), told.readable === null ? "" : line.replace("{share}", told.readable));
    fillList(byId("drawer-taps"), told.taps);
    fillList(byId("drawer-flags"), told.flags);
  }

  /** A new tap or flag does not wait for the next slice. */
  function newsOf(row) {
    return JSON.stringify([row.tap?.at, row.tap?.kind, row.flags]);
  }

  function draw() {
    const student = room.student(shown);
    if (!student) return dialog.close();
    const { row } = student;
    const reading = row.state === "reading";
    setText(byId("drawer-name"), room.nameOf(shown));
    byId("drawer-swatch").dataset.of = reading ? row.top : "unknown";
    setText(byId("drawer-words"), row.words);
    const sure = row.sure ? `${row.certainty}, ${Math.round(row.sure * 100)} %` : "";
    setText(byId("drawer-sure"), reading ? sure : "");
    if (newsOf(row) === known) return;
    known = newsOf(row);
    load();
  }

  function calm() {
    setText(remove, remove.dataset.remove);
    delete remove.dataset.asked;
    setLine(byId("drawer-error"), "");
  }

  async function attempt(work) {
    try {
      await work();
      setLine(byId("drawer-error"), "");
      return true;
    } catch (error) {
      setLine(byId("drawer-error"), error.message);
      return false;
    }
  }

  byId("rename").addEventListener("submit", (event) => {
    event.preventDefault();
    attempt(() => act.rename(shown, name.value));
  });

  remove.addEventListener("click", async () => {
    if (!remove.dataset.asked) {
      remove.dataset.asked = "yes";
      setText(remove, remove.dataset.sure);
    } else if (await attempt(() => act.remove(shown))) dialog.close();
  });

  byId("drawer-again").addEventListener("click", () => {
    soFarIs("loading");
    load();
  });

  dialog.addEventListener("close", () => {
    if (dialog.open) return; // The click that closed it has opened it for somebody else.
    const lost = document.activeElement === document.body || dialog.contains(document.activeElement);
    if (lost) room.student(shown)?.name.focus();
    shown = null;
  });
  // While the drawer is open the page behind it is not for the keyboard; a click there still counts.
  dialog.addEventListener("click", ({ target, clientX, clientY }) => {
    if (target !== dialog || clientX >= dialog.getBoundingClientRect().left) return;
    dialog.close();
    document.elementFromPoint(clientX, clientY)?.closest("a, button, summary")?.click();
  });

  return {
    open(id) {
      shown = id;
      known = "";
      calm();
      soFarIs("loading");
      fillList(byId("drawer-taps"), []);
      fillList(byId("drawer-flags"), []);
      name.value = room.student(id)?.row.name ?? "";
      byId("rename").hidden = room.namesHidden();
      draw();
      if (!dialog.open) dialog.showModal();
    },
    redraw: () => shown !== null && draw(),
    /** Ten more seconds are stored. */
    reload: () => shown !== null && load(),
  };
}
