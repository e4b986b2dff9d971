/**
 * What every page does: menus close when you click elsewhere or press Esc, and a button that
 * copies says so. Everything else belongs to the page's own module.
 */

const COPIED_MS = 2000;

function closeMenus(except) {
  for (const menu of document.querySelectorAll("details[data-menu][open]")) {
    if (menu !== except) menu.open = false;
  }
}

document.addEventListener("click", (event) => {
  closeMenus(event.target.closest("details[data-menu]"));
  const item = event.target.closest(".menu-list a, .menu-list button");
  if (!item) return;
  item.closest("details").querySelector("summary").focus();
  closeMenus(null);
});

/** A menu that the focus has left would hide what has it now. */
document.addEventListener("focusout", ({ target, relatedTarget }) => {
  const menu = target.closest?.("details[data-menu][open]");
  if (menu && relatedTarget && !menu.contains(relatedTarget)) menu.open = false;
});

document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  const open = document.querySelector("details[data-menu][open]");
  if (!open) return;
  open.open = false;
  open.querySelector("summary").focus();
});

/** Copy through the selection where the clipboard API is missing: it needs https. */
function copyBySelection(text) {
  const field = document.createElement("textarea");
  field.value = text;
  field.className = "offscreen";
  document.body.append(field);
  field.select();
  const done = document.execCommand("copy");
  field.remove();
  return done;
}

async function copy(text) {
  if (!navigator.clipboard) return copyBySelection(text);
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copyBySelection(text);
  }
}

/** `<button data-copy="text" data-copied="Copied">Copy</button>` */
document.addEventListener("click", async (event) => {
  const button = event.target.closest("button[data-copy]");
  if (!button || !(await copy(button.dataset.copy))) return;
  const label = button.querySelector("[data-label]") ?? button;
  if (button.dataset.busy) return;
  button.dataset.busy = "yes";
  const before = label.textContent;
  label.textContent = button.dataset.copied ?? before;
  setTimeout(() => {
    label.textContent = before;
    delete button.dataset.busy;
  }, COPIED_MS);
});

document.addEventListener("click", (event) => {
  if (event.target.closest("[data-prints]")) window.print();
});

/** `<button data-opens="dialog-id">` shows a dialog; `<button data-closes>` closes its own. */
document.addEventListener("click", (event) => {
  const opener = event.target.closest("[data-opens]");
  if (opener) document.getElementById(opener.dataset.opens)?.showModal();
  const closer = event.target.closest("[data-closes]");
  if (closer) closer.closest("dialog")?.close();
});
