// A button beside each command that copies it; without a script, or where a browser forbids it, a click selects the whole.
import { el, say } from "./core.js";

if (navigator.clipboard)
  for (const command of document.querySelectorAll("pre.command")) {
    const copy = async () => {
      await navigator.clipboard.writeText(command.textContent);
      say("Copied");
      setTimeout(() => say(""), 1500);
    };
    command.after(el("button", { class: "plain small", type: "button", onclick: copy }, "Copy"));
  }
