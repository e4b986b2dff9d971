/**
 * The students as rows or tiles, never ranked. Rows are keyed: a row that did not change is not
 * touched, and a row moves only when its name does.
 */

import { make, memory, setText } from "./dom.js";
import { icon, setIcon } from "./icon.js";
import { drawSpark, sparkNode } from "./sparkline.js";

const TAP_ICONS = {
  hand: "hand",
  lost: "circle-help",
  got_it: "circle-check",
  too_fast: "rabbit",
  too_slow: "turtle",
};

/**
 * @param {HTMLElement} list
 * @param {(id: number) => void} open   a row was clicked
 */
export function studentList(list, open) {
  const students = new Map();
  let hidden = memory.get("hide-names") === "yes";
  let order = memory.get("student-order") ?? "name";
  let sought = "";

  function build(id) {
    const li = make("li", "student");
    const name = make("button", "student-name");
    name.type = "button";
    name.addEventListener("click", () => open(id));
    const state = make("span", "student-state");
    const swatch = make("span", "swatch");
    const sign = icon("user");
    const words = make("span", "student-words number");
    state.append(swatch, sign, words);
    const spark = sparkNode("spark");
    const tap = make("span", "student-tap");
    const tapIcon = icon("hand");
    const tapWords = make("span");
    tap.append(tapIcon, tapWords);
    tap.hidden = true;
    li.append(name, state, spark, tap, icon("chevron-right"));
    return { id, li, name, swatch, sign, words, spark, tap, tapIcon, tapWords, row: {}, values: [] };
  }

  /** Numbers go by joining, so that they stay with a student while names are hidden. */
  function alias(id) {
    const byJoining = [...students.values()].sort((a, b) => joining(a, b));
    return list.dataset.student.replace("{number}", byJoining.findIndex((each) => each.id === id) + 1);
  }

  function shownName(id) {
    const student = students.get(id);
    return student ? (hidden ? alias(id) : student.row.name) : "";
  }

  const joining = (a, b) => a.row.joined - b.row.joined || a.id - b.id;
  const naming = (a, b) => a.row.name.localeCompare(b.row.name) || a.id - b.id;

  function arrange() {
    const sorted = [...students.values()].sort(order === "name" && !hidden ? naming : joining);
    sorted.forEach(({ li }, at) => {
      if (list.children[at] !== li) list.insertBefore(li, list.children[at] ?? null);
    });
    drawNames();
  }

  function drawNames() {
    let found = 0;
    for (const { id, li, name, row } of students.values()) {
      setText(name, shownName(id));
      const match = hidden || row.name.toLocaleLowerCase().includes(sought);
      li.hidden = !match;
      found += match;
    }
    list.hidden = !students.size;
    return found;
  }

  function drawState(student) {
    const { li, swatch, sign, words, row } = student;
    const reading = row.state === "reading";
    li.dataset.state = row.state;
    li.toggleAttribute("data-flagged", Boolean(row.flags?.length));
    swatch.hidden = !reading;
    sign.toggleAttribute("hidden", reading);
    if (reading) swatch.dataset.of = row.top ?? row.token;
    else setIcon(sign, row.icon ?? "user");
    setText(words, row.words);
  }

  function drawTap({ tap, tapIcon, tapWords, row }) {
    tap.hidden = !row.tap;
    if (!row.tap) return;
    tap.dataset.kind = row.tap.kind;
    setIcon(tapIcon, TAP_ICONS[row.tap.kind] ?? "hand");
    setText(tapWords, row.tap.words);
  }

  function put(row) {
    const known = students.get(row.id);
    const student = known ?? build(row.id);
    const moved = !known || known.row.name !== row.name;
    student.row = { ...student.row, ...row };
    students.set(row.id, student);
    drawState(student);
    drawTap(student);
    return moved;
  }

  return {
    rows(rows) {
      if (rows.map(put).some(Boolean)) arrange();
    },
    gone(ids) {
      for (const id of ids) {
        students.get(id)?.li.remove();
        students.delete(id);
      }
      if (ids.length) drawNames();
    },
    sparklines(lines) {
      for (const [id, values] of Object.entries(lines)) {
        const student = students.get(Number(id));
        if (!student) continue;
        student.values = values;
        drawSpark(student.spark, values);
      }
    },
    hideNames(yes) {
      hidden = yes;
      memory.set("hide-names", yes ? "yes" : "no");
      arrange();
    },
    order(by) {
      order = by;
      memory.set("student-order", by);
      arrange();
    },
    search(text) {
      sought = text.trim().toLocaleLowerCase();
      return drawNames();
    },
    shownName,
    get: (id) => students.get(id),
    ids: () => [...students.keys()],
    get size() {
      return students.size;
    },
    get namesHidden() {
      return hidden;
    },
  };
}
