/**
 * When a lesson's news is about the student's camera.
 *
 * Every act of the teacher and every reconnecting brings the whole lesson. Only its pauses concern
 * the camera: whoever turned it down would otherwise be asked again with each marker.
 */

/**
 * @param {{paused: boolean}} before   the lesson as the page knew it
 * @param {{paused: boolean}} now
 * @returns {"off"|"on"|""}   off with every word of a pause, on when one has ended
 */
export function cameraAfter(before, now) {
  if (now.paused) return "off";
  return before.paused ? "on" : "";
}
