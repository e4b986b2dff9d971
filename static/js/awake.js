/** A phone that dims takes the camera away; the lock is held only while the page is looked at. */

let lock = null;
let asking = false;

/** @param {boolean} wanted   the camera is on */
export async function stayAwake(wanted) {
  if (!wanted || document.hidden) {
    lock?.release();
    lock = null;
    return;
  }
  if (lock || asking || !navigator.wakeLock) return;
  asking = true;
  lock = await navigator.wakeLock.request("screen").catch(() => null);
  asking = false;
  lock?.addEventListener("release", () => (lock = null));
}
