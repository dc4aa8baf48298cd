// The architecture table: one row a layer, sortable, with bars, and the formula behind each number.

const COLUMNS = [
  { key: "order", title: "Layer" },
  { key: "kind", title: "Kind" },
  { key: "output", title: "Output" },
  { key: "parameters", title: "Parameters", bar: true },
  { key: "multiply_adds", title: "Multiply-adds", bar: true },
  { key: "bytes", title: "Memory", bar: true, memory: true },
  { key: "field", title: "Sees", field: true },
];

function render({ model, el }) {
  const { root, live, say } = frame(el, "Architecture table", "architecture");
  const rows = model.get("rows"), total = model.get("total");
  let sort = { key: "order", down: false }, active = 0;
  const limits = Object.fromEntries(COLUMNS.filter(({ bar }) => bar).map(({ key }) => [key, Math.max(1, ...rows.map((row) => row[key] ?? 0))]));
  const body = make("tbody", {});
  const detail = make("div", { class: "cvn-detail" });
  const headers = COLUMNS.map((column) => {
    const arrow = make("span", { class: "cvn-arrow", "aria-hidden": true });
    const press = () => {
      sort = sort.key === column.key ? { key: column.key, down: !sort.down } : { key: column.key, down: Boolean(column.bar || column.field) };
      showRows();
      say(`Sorted by ${column.title}, ${sort.down ? "largest first" : "smallest first"}.`);
    };
    return { column, arrow, node: make("th", { scope: "col", class: column.bar || column.field ? "cvn-right" : null }, make("button", { type: "button", onclick: press, title: `Sort by ${column.title.toLowerCase()}` }, column.title, arrow)) };
  });
  const cell = (column, row) => {
    const value = row[column.key];
    if (column.key === "order") return make("th", { scope: "row" }, row.name);
    if (column.field) return make("td", { class: "cvn-right" }, row.field_text || "–");
    if (!column.bar) return make("td", { class: column.key === "output" ? "cvn-math" : null }, value);
    const part = (value ?? 0) / limits[column.key];
    return make("td", { class: "cvn-bar-cell" }, make("span", { class: `cvn-meter cvn-meter-${column.key}`, style: `width: calc((100% - 8px) * ${part.toFixed(4)})` }), make("span", { class: "cvn-amount" }, value === null ? "?" : column.memory ? memory(value) : short(value)));
  };
  root.append(
    make("div", { class: "cvn-scroll" }, make("table", {},
      make("caption", {}, model.get("caption")),
      make("thead", {}, make("tr", {}, headers.map(({ node }) => node))), body,
      make("tfoot", {}, make("tr", {}, make("th", { scope: "row", colspan: 3 }, "Total"),
        make("td", { class: "cvn-right" }, grouped(total.parameters)), make("td", { class: "cvn-right" }, grouped(total.multiply_adds)),
        make("td", { class: "cvn-right" }, memory(total.bytes)), make("td", {}))))),
    detail, live);

  function explain(row, aloud) {
    const lines = layerLines(row);
    detail.replaceChildren(make("b", {}, `${row.name} · ${row.kind}`), ...lines.map(layerLine));
    if (aloud) say(`${row.name}, ${row.kind}. ${lines.map((each) => each.join(": ")).join(". ")}`);
  }

  function showRows() {
    for (const { column, arrow, node } of headers) {
      const here = column.key === sort.key;
      arrow.textContent = here ? (sort.down ? " ▼" : " ▲") : "";
      if (here) node.setAttribute("aria-sort", sort.down ? "descending" : "ascending");
      else node.removeAttribute("aria-sort");
    }
    const order = (row) => (sort.key === "field" ? row.field ?? -1 : row[sort.key] ?? -1);
    const compare = (one, other) => {
      const [a, b] = [order(one), order(other)];
      return (typeof a === "string" ? a.localeCompare(b, "en", { numeric: true }) : a - b) * (sort.down ? -1 : 1) || one.order - other.order;
    };
    const sorted = [...rows].sort(compare);
    body.replaceChildren(...sorted.map((row, i) => make("tr", {
      tabindex: i === active ? 0 : -1, onmouseenter: () => explain(row, false), onfocus: () => { active = i; explain(row, true); },
      onkeydown: (event) => {
        const next = { ArrowDown: i + 1, ArrowUp: i - 1, Home: 0, End: rows.length - 1 }[event.key];
        if (next === undefined) return;
        event.preventDefault();
        event.stopPropagation();
        const target = body.children[clamp(next, 0, rows.length - 1)];
        event.currentTarget.tabIndex = -1;
        target.tabIndex = 0;
        target.focus();
      },
    }, COLUMNS.map((column) => cell(column, row)))));
    if (sorted.length) explain(sorted[Math.min(active, sorted.length - 1)], false);
  }
  showRows();
}
