// What of a page would shut a person out: text too faint, controls without a name, targets too small, headings that skip.
() => {
  const found = [];
  const seen = (node) => {
    const box = node.getBoundingClientRect();
    return box.width > 1 && box.height > 1 && node.checkVisibility({ opacityProperty: true, visibilityProperty: true });
  };
  const called = (node) => `${node.tagName.toLowerCase()}${node.id ? `#${node.id}` : ""} "${(node.textContent || "").trim().slice(0, 30)}"`;
  const hidden = (node) => node.closest("[aria-hidden=true], :disabled, .visually-hidden, .skip");

  const brush = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
  const rgba = (colour) => {
    brush.clearRect(0, 0, 1, 1);
    brush.fillStyle = colour;
    brush.fillRect(0, 0, 1, 1);
    return [...brush.getImageData(0, 0, 1, 1).data];
  };
  const over = (front, back) => front.slice(0, 3).map((v, i) => (v * front[3] + back[i] * (255 - front[3])) / 255);
  const behind = (node) => {
    const layers = [];
    for (let each = node; each; each = each.parentElement) {
      const style = getComputedStyle(each);
      if (style.backgroundImage !== "none") return null; // a gradient: to be looked at
      const colour = rgba(style.backgroundColor);
      if (colour[3]) layers.push(colour);
      if (colour[3] === 255) break;
    }
    return layers.reverse().reduce((back, front) => over(front, back), rgba("Canvas").slice(0, 3));
  };
  const luminance = (colour) => {
    const [r, g, b] = colour.map((v) => v / 255).map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const contrast = (a, b) => {
    const [low, high] = [luminance(a), luminance(b)].sort((x, y) => x - y);
    return (high + 0.05) / (low + 0.05);
  };

  const top = document.querySelector("dialog[open]") ?? document.body;
  const faint = new Set();
  for (const node of top.querySelectorAll("*")) {
    const own = [...node.childNodes].some((child) => child.nodeType === 3 && child.data.trim());
    if (!own || hidden(node) || !seen(node) || ["OPTION", "OPTGROUP"].includes(node.tagName)) continue;
    const style = getComputedStyle(node);
    const back = behind(node);
    if (!back) continue;
    const colour = over(rgba(node.closest("svg") ? style.fill : style.color), back);
    const large = parseFloat(style.fontSize) >= 24 || (parseFloat(style.fontSize) >= 18.66 && Number(style.fontWeight) >= 700);
    const ratio = contrast(colour, back);
    if (ratio < (large ? 3 : 4.49)) faint.add(`contrast ${ratio.toFixed(1)}: ${called(node)}`);
  }
  found.push(...[...faint].slice(0, 8));

  for (const node of top.querySelectorAll("button, a[href], input, select, textarea, summary, [tabindex='0']")) {
    if (!seen(node) || hidden(node) || node.type === "hidden") continue;
    const labels = [...(node.labels ?? [])].map((label) => label.textContent.trim()).join("");
    const by = (node.getAttribute("aria-labelledby") ?? "").split(" ").map((id) => document.getElementById(id)?.textContent ?? "").join("");
    const text = ["INPUT", "SELECT", "TEXTAREA"].includes(node.tagName) ? "" : node.textContent.trim();
    if (!(labels || by || text || node.getAttribute("aria-label") || node.title)) found.push(`no name: ${called(node)}`);
    const box = (node.labels?.length && ["radio", "checkbox"].includes(node.type) ? node.labels[0] : node).getBoundingClientRect();
    const inline = node.tagName === "A" && getComputedStyle(node).display === "inline";
    if (!inline && !node.closest("svg") && Math.min(box.width, box.height) < 24)
      found.push(`a target of ${box.width.toFixed(0)} x ${box.height.toFixed(0)}: ${called(node)}`);
    if (node.closest("[aria-hidden=true]")) found.push(`hidden but reached by Tab: ${called(node)}`);
  }

  let level = 0;
  for (const node of top.querySelectorAll("h1, h2, h3, h4, h5, h6")) {
    if (!node.checkVisibility()) continue; // those for screen readers alone count
    const next = Number(node.tagName[1]);
    if (level && next > level + 1) found.push(`heading ${next} behind ${level}: ${called(node)}`);
    level = next;
  }
  const ids = [...document.querySelectorAll("[id]")].map((node) => node.id);
  found.push(...new Set(ids.filter((id, i) => ids.indexOf(id) !== i).map((id) => `twice: #${id}`)));
  for (const node of document.querySelectorAll("img")) if (!node.hasAttribute("alt")) found.push("a picture without alt");
  return found;
}
