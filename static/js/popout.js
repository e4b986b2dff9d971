/**
 * The pulse in a small window that stays on top, for teaching full screen: word, arrow, coverage
 * and the number of flags. No names.
 */

import { make, setText } from "./dom.js";
import { pulseView } from "./pulse.js";

const SIZE = { width: 320, height: 160 };

async function smallWindow() {
  if (window.documentPictureInPicture) return window.documentPictureInPicture.requestWindow(SIZE);
  return window.open("", "pulse", `popup,width=${SIZE.width},height=${SIZE.height}`);
}

/** A window made by script has no style of its own; the same files do, from the same address. */
function dress(doc) {
  doc.documentElement.lang = document.documentElement.lang;
  const sheets = [...document.querySelectorAll("link[rel=stylesheet]")];
  doc.head.replaceChildren(
    ...sheets.map((sheet) => {
      const link = doc.createElement("link");
      link.rel = "stylesheet";
      link.href = sheet.href;
      return link;
    }),
  );
  doc.title = document.title;
  doc.body.className = "pop-out";
}

/** @param {() => void} changed   the window was opened or closed: tell it everything again */
export function popOut(source, flagTitle, changed) {
  let shown = null;

  async function open() {
    if (shown) return close();
    const own = await smallWindow();
    if (!own) return;
    dress(own.document);
    const root = own.document.importNode(source, true);
    const flags = make("p", "pop-out-flags");
    const main = make("main");
    main.append(make("h1", "offscreen", document.title), root, flags);
    own.document.body.replaceChildren(main);
    shown = { own, view: pulseView(root), flags };
    own.addEventListener("pagehide", forget);
    changed();
  }

  function forget() {
    shown = null;
    changed();
  }

  function close() {
    shown?.own.close();
    forget();
  }

  return {
    open,
    close,
    get isOpen() {
      return Boolean(shown);
    },
    tell(what, value) {
      shown?.view[what](value);
    },
    flags(count) {
      if (shown) setText(shown.flags, count ? `${flagTitle}: ${count}` : "");
    },
  };
}
