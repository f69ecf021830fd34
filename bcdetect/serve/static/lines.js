// A table as text: what was pasted as CSV, and one row of it with the header above.

const quoted = (cell) => (/[",\r\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell);

export const csvLine = (cells) => cells.map(quoted).join(",");

// Text for a cell, with an apostrophe in front where a spreadsheet would take it for a formula (bcdetect/table.py).
export function plain(text) {
  const number = /^[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?$/;
  return text && /^[=+\-@\t\r]/.test(text) && !number.test(text) ? `'${text}` : text;
}

// Cells that come out of a spreadsheet are separated by tabs; anything else stays as it is.
export function asCsv(pasted) {
  const first = pasted.split(/\r\n|\n|\r/).find((line) => line.trim()) ?? "";
  if (!first.includes("\t")) return pasted;
  return pasted.split(/\r\n|\n|\r/).map((line) => csvLine(line.split("\t"))).join("\n");
}

// The header and row `at` of `rows`, each of which knows the line it begins on, as the server counts lines.
export function rowWithHeader(text, rows, at) {
  const lines = text.match(/[^\r\n]*(?:\r\n|\n|\r)|[^\r\n]+$/g) ?? [];
  const part = (first, end) => lines.slice(first - 1, end - 1).join("");
  return part(1, rows[0].line) + part(rows[at].line, rows[at + 1]?.line ?? lines.length + 1);
}
