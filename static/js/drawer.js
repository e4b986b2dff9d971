/**
 * One student, at the side of the page: what is known of this lesson, a new name, the way out.
 * Percentages are shown here and nowhere else.
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
 * @param {(id: number) => object[]} room.flagsOf
 * @param {object} act   rename(id, name), remove(id)
 */
export function drawer(room, act) {
  const dialog = byId("drawer");
  const remove = byId("remove");
  const name = byId("rename-name");
  let shown = null;

  function coverage(values) {
    const first = values.findIndex((value) => value !== null);
    if (first < 0) return "";
    const since = values.slice(first);
    const read = since.filter((value) => value !== null).length;
    const line = byId("drawer-coverage").dataset.words;
    return line.replace("{share}", Math.round((100 * read) / since.length));
  }

  function draw() {
    const student = room.student(shown);
    if (!student) return dialog.close();
    const { row, values } = student;
    const reading = row.state === "reading";
    setText(byId("drawer-name"), room.nameOf(shown));
    byId("drawer-swatch").dataset.of = reading ? row.top : "unknown";
    setText(byId("drawer-words"), row.words);
    const sure = row.sure ? `${row.certainty}, ${Math.round(row.sure * 100)} %` : "";
    setText(byId("drawer-sure"), reading ? sure : "");
    drawSpark(byId("drawer-line"), values, WIDTH, HEIGHT);
    setText(byId("drawer-coverage"), coverage(values));
    fillList(byId("drawer-taps"), row.tap ? [row.tap.words] : []);
    const flags = room.flagsOf(shown);
    fillList(byId("drawer-flags"), flags.map((flag) => `${flag.title} · ${flag.words_since}`));
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

  dialog.addEventListener("close", () => (shown = null));
  // While the drawer is open the page behind it is not for the keyboard; a click there still counts.
  dialog.addEventListener("click", ({ target, clientX, clientY }) => {
    if (target !== dialog || clientX >= dialog.getBoundingClientRect().left) return;
    dialog.close();
    document.elementFromPoint(clientX, clientY)?.closest("a, button, summary")?.click();
  });

  return {
    open(id) {
      shown = id;
      calm();
      name.value = room.student(id)?.row.name ?? "";
      byId("rename").hidden = room.namesHidden();
      draw();
      if (!dialog.open) dialog.showModal();
    },
    redraw: () => shown !== null && draw(),
  };
}
