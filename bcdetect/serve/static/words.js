// A word that is explained: a link to the page Words, and where a script runs what it says there opens beside the word.
import { el } from "./core.js";

const [GAP, LEAST] = [6, 8]; // pixels from the word, and from the window's edge
let page = null; // the page Words, once it was asked for

// The same as `word` of the templates.
export const word = (name, text) => el("a", { class: "word", href: `/words#${name}` }, text);

async function meaning(link) {
  page ??= fetch("/words").then((answer) => answer.text());
  const words = new DOMParser().parseFromString(await page, "text/html");
  return words.getElementById(decodeURIComponent(link.hash.slice(1)));
}

// Below the word, or above it where there is no room; it scrolls with the page, as the word does.
function place(box, link) {
  const [there, { width, height }] = [link.getClientRects()[0], box.getBoundingClientRect()];
  const fits = there.bottom + GAP + height <= innerHeight || there.top - GAP - height < 0;
  const left = Math.max(LEAST, Math.min(there.left, document.documentElement.clientWidth - width - LEAST));
  box.style.left = `${left + scrollX}px`;
  box.style.top = `${(fits ? there.bottom + GAP : there.top - GAP - height) + scrollY}px`;
}

async function open(link) {
  const found = await meaning(link).catch(() => null);
  if (!link.isConnected) return; // another answer has taken its place
  if (!found) return location.assign(link.href); // no answer, or logged out: the page itself says more
  const title = el("b", {}, found.querySelector("dfn").textContent);
  const more = el("a", { href: link.href }, "All words");
  const close = () => box.hidePopover();
  const box = el(
    "div",
    { class: "meaning", popover: "auto", role: "dialog", "aria-label": title.textContent, tabindex: "-1" },
    el("p", {}, title),
    [...found.querySelectorAll("dd > p")].map((one) => document.importNode(one, true)),
    el("p", { class: "row" }, more, el("button", { type: "button", class: "plain small", onclick: close }, "Close")),
  );
  box.addEventListener("toggle", (event) => event.newState === "closed" && box.remove());
  box.addEventListener("focusout", ({ relatedTarget: next }) => {
    if (next && !box.contains(next)) close(); // it would lie over what has the focus now
  });
  link.after(box); // behind the word, so that Tab goes on from there, and inside a dialog that is open
  box.showPopover();
  place(box, link);
  box.focus(); // only now: it would be scrolled to where it first stood
}

// By the time of its click a word that is open has been closed, as by a press anywhere: that click opens nothing.
let closing = null;
document.addEventListener("pointerdown", ({ target }) => {
  const link = target.closest?.("a.word");
  closing = link?.nextElementSibling?.matches(".meaning") ? link : null;
});

// A click with a key asks for a tab of its own, as with any link.
document.addEventListener("click", (event) => {
  const link = event.target.closest?.("a.word");
  const plain = event.button === 0 && !event.ctrlKey && !event.metaKey && !event.shiftKey && !event.altKey;
  if (!link || !plain || !HTMLElement.prototype.showPopover) return;
  event.preventDefault();
  const shut = link === closing;
  closing = null;
  if (!shut) open(link);
});
