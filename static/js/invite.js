/**
 * The join sheet: counts who has joined while it is looked at, and locks or unlocks the door.
 * Works on the invite page and wherever lesson/join_sheet.html is included.
 */

import { post } from "./post.js";

const COUNT_EVERY_MS = 2000;

function showLock(button, locked) {
  button.setAttribute("aria-pressed", String(locked));
  const label = button.querySelector("[data-label]") ?? button;
  label.textContent = locked ? button.dataset.unlockWords : button.dataset.lockWords;
}

async function count(sheet) {
  if (document.hidden || !sheet.offsetParent) return;
  const response = await fetch(sheet.dataset.joinedUrl, { headers: { Accept: "application/json" } });
  if (!response.ok) return;
  const { joined, locked } = await response.json();
  sheet.querySelector("[data-joined]").textContent = joined;
  showLock(sheet.querySelector("[data-lock]"), locked);
}

async function toggleLock(sheet, button) {
  const locked = button.getAttribute("aria-pressed") === "true";
  const error = sheet.querySelector("[data-lock-error]");
  error.hidden = true;
  try {
    await post(locked ? button.dataset.unlock : button.dataset.lock);
    showLock(button, !locked);
  } catch (problem) {
    error.hidden = false;
    error.textContent = problem.message;
  }
}

export function watchSheet(sheet) {
  const button = sheet.querySelector("[data-lock]");
  button.addEventListener("click", () => toggleLock(sheet, button));
  // A missed count is made good by the next one.
  return setInterval(() => count(sheet).catch(() => {}), COUNT_EVERY_MS);
}

for (const sheet of document.querySelectorAll(".join-sheet")) watchSheet(sheet);
