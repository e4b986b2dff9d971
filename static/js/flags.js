/**
 * Who to look at. The server sends whole panels; nothing moves under the pointer: while it, or
 * the focus, is in the panel, new and gone cards wait, and only words that changed are updated.
 */

import { button, byId, make, setLine, setText } from "./dom.js";

/**
 * @param {object} act
 * @param {(id: number) => Promise<void>} act.dismiss
 * @param {(id: number) => Promise<void>} act.snooze
 * @param {(id: number, useful: boolean) => Promise<void>} act.verdict
 * @param {(student: number) => void} act.open
 * @param {(student: number) => string} nameOf   as shown: hidden names stay hidden here too
 */
export function flagPanel(act, nameOf) {
  const panel = byId("flags");
  const list = byId("flag-cards");
  const words = list.dataset;
  const cards = new Map();
  let newest = { flags: [], more: 0, folded: null };
  let unfolded = false;
  let inside = false;

  function build(flag) {
    const card = make("article", "flag fade-in");
    const head = make("p", "flag-head");
    const name = button("", "flag-name", () => flag.student && act.open(flag.student));
    const kind = make("span", "flag-kind");
    const since = make("span", "meta number");
    head.append(name, kind, since);
    const reason = make("p", "meta flag-reason");
    const buttons = make("div", "flag-buttons");
    const useful = make("span", "flag-useful meta", words.useful);
    const yes = button(words.yes, "link", () => rate(true));
    const no = button(words.no, "link", () => rate(false));
    useful.append(yes, no);
    buttons.append(
      button(words.dismiss, "button small quiet", () => leave(act.dismiss)),
      button(words.snooze, "button small quiet", () => leave(act.snooze)),
      useful,
    );
    card.append(head, reason, buttons);

    async function rate(useful) {
      await act.verdict(flag.id, useful);
      rated(useful ? "useful" : "not");
    }

    function rated(verdict) {
      yes.setAttribute("aria-pressed", String(verdict === "useful"));
      no.setAttribute("aria-pressed", String(verdict === "not"));
    }

    async function leave(how) {
      await how(flag.id);
      card.remove();
      cards.delete(flag.id);
      drawCounts();
    }

    return { card, name, kind, since, reason, rated };
  }

  function fill({ card, name, kind, since, reason, rated }, flag) {
    rated(flag.verdict ?? "");
    const shown = flag.student ? nameOf(flag.student) || flag.name : "";
    const said = flag.name && shown ? flag.reason.replaceAll(flag.name, shown) : flag.reason;
    card.dataset.kind = flag.kind;
    card.toggleAttribute("data-tentative", Boolean(flag.tentative));
    setLine(name, shown);
    setText(kind, flag.title);
    setText(since, flag.words_since);
    setText(reason, `${said} ${flag.suggestion}`);
  }

  function wanted() {
    const folded = unfolded ? (newest.folded?.flags ?? []) : [];
    return [...newest.flags, ...folded];
  }

  function changes() {
    const ids = wanted().map((flag) => flag.id);
    return ids.length !== cards.size || ids.some((id) => !cards.has(id));
  }

  function drawCounts() {
    const count = cards.size + (newest.more ?? 0);
    setText(byId("flag-count"), count ? `(${count})` : "");
    byId("flags-none").hidden = count > 0 || Boolean(newest.folded && !unfolded);
    setLine(byId("flags-more"), newest.more_words ?? "");
    byId("flags-folded").hidden = !newest.folded || unfolded;
    setText(byId("flags-folded-words"), newest.folded?.words ?? "");
  }

  function place() {
    const flags = wanted();
    for (const [id, { card }] of cards) {
      if (flags.some((flag) => flag.id === id)) continue;
      card.remove();
      cards.delete(id);
    }
    flags.forEach((flag, at) => {
      if (!cards.has(flag.id)) cards.set(flag.id, build(flag));
      const { card } = cards.get(flag.id);
      if (list.children[at] !== card) list.insertBefore(card, list.children[at] ?? null);
    });
  }

  function draw() {
    const waiting = inside && cards.size > 0 && changes();
    if (!waiting) place();
    for (const flag of wanted()) if (cards.has(flag.id)) fill(cards.get(flag.id), flag);
    byId("flags-waiting").hidden = !waiting;
    drawCounts();
  }

  function enter(yes) {
    if (inside === yes) return;
    inside = yes;
    if (!yes) draw();
  }

  panel.addEventListener("pointerenter", (event) => event.pointerType === "mouse" && enter(true));
  panel.addEventListener("pointerleave", () => enter(panel.contains(document.activeElement)));
  panel.addEventListener("focusin", (event) => event.target.matches(":focus-visible") && enter(true));
  panel.addEventListener("focusout", (event) => {
    if (!panel.contains(event.relatedTarget) && !panel.matches(":hover")) enter(false);
  });
  byId("show-waiting").addEventListener("click", () => {
    place();
    draw();
  });
  byId("show-folded").addEventListener("click", () => {
    unfolded = true;
    place();
    draw();
  });

  return {
    show(message) {
      newest = message;
      draw();
    },
    redraw: draw,
    get count() {
      return cards.size + (newest.more ?? 0);
    },
    of: (student) => wanted().filter((flag) => flag.student === student),
  };
}
