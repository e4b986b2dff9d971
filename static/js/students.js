/**
 * The students as rows or tiles, never ranked. Rows are keyed: a row that did not change is not
 * touched, and a row moves only when its name does.
 */

import { make, memory, setText } from "./dom.js";
import { icon, setIcon } from "./icon.js";
import { drawSpark, sparkNode } from "./sparkline.js";

/** What of a row its words and sign are drawn from; how sure it is shows in the drawer only. */
const SHOWN = ["state", "words", "token", "icon", "top"];

const TAP_ICONS = {
  hand: "hand",
  lost: "circle-help",
  got_it: "circle-check",
  too_fast: "rabbit",
  too_slow: "turtle",
};

const MANY = 60;
const STEP_S = 10;
const POINTS = 60;
/** How far out of sight a small line is drawn already, so that scrolling never shows a blank one. */
const NEAR = { rootMargin: "300px" };

export function withTail(values, steps, tail) {
  const empty = Array(POINTS).fill(null);
  const moved = [...(values.length ? values : empty), ...empty].slice(Math.min(steps, POINTS));
  return [...moved.slice(0, POINTS - tail.length), ...tail];
}

/**
 * @param {HTMLElement} list
 * @param {(id: number) => void} open   a row was clicked
 */
export function studentList(list, open) {
  const students = new Map();
  let hidden = memory.get("hide-names") === "yes";
  let order = memory.get("student-order") ?? "name";
  let sought = "";
  let linesUntil = 0;
  const studentOf = new WeakMap();
  const near = new IntersectionObserver((entries) => {
    for (const { target, isIntersecting } of entries) {
      const student = studentOf.get(target);
      student.isNear = isIntersecting;
      if (isIntersecting) drawSpark(student.spark, student.values);
    }
  }, NEAR);

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
    const parts = { id, li, name, swatch, sign, words, spark, tap, tapIcon, tapWords };
    const student = { ...parts, row: {}, values: [], isNear: false };
    studentOf.set(li, student);
    near.observe(li);
    return student;
  }

  const joining = (a, b) => a.row.joined - b.row.joined || a.id - b.id;
  const collate = new Intl.Collator().compare;
  const naming = (a, b) => collate(a.row.name, b.row.name) || a.id - b.id;

  /** Numbers go by joining, so that they stay with a student while names are hidden. */
  function number() {
    [...students.values()].sort(joining).forEach((student, at) => (student.number = at + 1));
  }

  function shownName(id) {
    const student = students.get(id);
    if (!student) return "";
    return hidden ? list.dataset.student.replace("{number}", student.number) : student.row.name;
  }

  function arrange() {
    const sorted = [...students.values()].sort(order === "name" && !hidden ? naming : joining);
    let place = list.firstElementChild;
    for (const { li } of sorted) {
      if (li === place) place = place.nextElementSibling;
      else list.insertBefore(li, place);
    }
    list.toggleAttribute("data-many", sorted.length > MANY);
    number();
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
    if (li.dataset.state !== row.state) {
      li.dataset.state = row.state;
      swatch.hidden = !reading;
      sign.toggleAttribute("hidden", reading);
    }
    const expression = row.top ?? row.token;
    if (!reading) setIcon(sign, row.icon ?? "user");
    else if (swatch.dataset.of !== expression) swatch.dataset.of = expression;
    setText(words, row.words);
  }

  function drawTap({ tap, tapIcon, tapWords, row }) {
    tap.hidden = !row.tap;
    if (!row.tap) return;
    tap.dataset.kind = row.tap.kind;
    setIcon(tapIcon, TAP_ICONS[row.tap.kind] ?? "hand");
    setText(tapWords, row.tap.words);
  }

  function drawLine(student, values) {
    if (!student) return;
    student.values = values;
    if (student.isNear) drawSpark(student.spark, values);
  }

  function put(row) {
    const known = students.get(row.id);
    const student = known ?? build(row.id);
    const before = student.row;
    student.row = { ...before, ...row };
    students.set(row.id, student);
    if (SHOWN.some((key) => before[key] !== student.row[key])) drawState(student);
    if (row.tap !== undefined) drawTap(student);
    return before.name !== student.row.name;
  }

  return {
    rows(rows) {
      if (rows.map(put).some(Boolean)) arrange();
    },
    gone(ids) {
      for (const id of ids) {
        const student = students.get(id);
        if (!student) continue;
        near.unobserve(student.li);
        student.li.remove();
        students.delete(id);
      }
      if (!ids.length) return;
      number();
      drawNames();
    },
    /** @param {number} until   the moment at which lines told whole end, in epoch seconds */
    endAt(until) {
      linesUntil = until;
    },
    sparklines(lines) {
      for (const [id, values] of Object.entries(lines)) drawLine(students.get(Number(id)), values);
    },
    /** Every line moves on to `until`, and takes the new values at its end. */
    tails({ until, of: tails }) {
      const steps = Math.max(0, (until - linesUntil) / STEP_S);
      linesUntil = until;
      for (const student of students.values()) {
        const tail = tails[student.id];
        if (!steps && !tail) continue;
        drawLine(student, withTail(student.values, steps, tail ?? []));
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
