/** What a teacher does goes over http, not over the socket: it has an answer, and it may fail. */

function token() {
  return document.querySelector("[name=csrfmiddlewaretoken]")?.value ?? "";
}

/**
 * @param {string} url
 * @param {object} [fields]
 * @returns {Promise<object>} the answer; throws an Error with the server's words
 */
export async function post(url, fields = {}) {
  const response = await fetch(url, {
    method: "POST",
    headers: { "Content-Type": "application/json", "X-CSRFToken": token(), Accept: "application/json" },
    body: JSON.stringify(fields),
  });
  const answer = await response.json().catch(() => ({}));
  if (!response.ok) throw new Error(answer.error || response.statusText || String(response.status));
  return answer;
}
