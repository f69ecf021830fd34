// A CSV file as far as a form has to know it: the names of its columns, and the values of one.
const READ = 4 * 2 ** 20; // bytes
const CELL = / *(?:"((?:[^"]+|"")*)"?|([^,\r\n]*))(,|\r\n|\n|\r|$)/y;

// Rows of cells; ends where the text is no CSV, which the server then says better.
export function* records(text) {
  let row = [];
  CELL.lastIndex = 0;
  while (CELL.lastIndex < text.length) {
    const found = CELL.exec(text);
    if (!found) return;
    row.push((found[1]?.replaceAll('""', '"') ?? found[2]).trim());
    if (found[3] === ",") continue;
    yield row;
    row = [];
  }
}

export class Sheet {
  constructor(text) {
    this.rows = [...records(text)].filter((row) => row.some(Boolean));
    this.columns = (this.rows.shift() ?? []).filter(Boolean);
  }

  // The beginning of a file. Its last row may be cut off, and is left out then.
  static async of(file) {
    const text = (await file.slice(0, READ).text()).replace(/^\ufeff/, "");
    return new Sheet(file.size > READ ? text.slice(0, text.lastIndexOf("\n")) : text);
  }

  // Each value of a column once.
  values(column) {
    const at = this.columns.indexOf(column);
    return [...new Set(this.rows.map((row) => row[at]))].filter(Boolean);
  }
}
