/** Small hands for making and changing nodes; text only, and only when it changed. */

export const byId = (id) => document.getElementById(id);

/** `make("p", "meta", "words")` */
export function make(tag, className = "", text = "") {
  const node = document.createElement(tag);
  if (className) node.className = className;
  if (text !== "") node.textContent = text;
  return node;
}

export function setText(node, text) {
  const wanted = String(text ?? "");
  if (node && node.textContent !== wanted) node.textContent = wanted;
}

/** Words for a node, hidden while there are none. */
export function setLine(node, text) {
  setText(node, text);
  node.hidden = !text;
}

export function button(label, className, press) {
  const node = make("button", className, label);
  node.type = "button";
  node.addEventListener("click", press);
  return node;
}

/** What this browser remembers of the page's choices; one that stores nothing forgets. */
export const memory = {
  get(key) {
    try {
      return localStorage.getItem(key);
    } catch {
      return null;
    }
  },
  set(key, value) {
    try {
      localStorage.setItem(key, value);
    } catch {
      // Private windows may refuse; the choice then lasts until the page is closed.
    }
  },
};
