// Tables of the class "sortable": a button in each head sorts, a field filters long ones.
// Without this script they are plain tables.
"use strict";

(() => {
  const FILTER_FROM = 16; // rows

  const read = (row, column) => row.cells[column].textContent.trim();

  // figures come before words, and what is missing comes last whatever the direction
  const compare = (a, b, sign) => {
    const gone = [a, b].map((text) => text === "–" || text === "");
    if (gone[0] || gone[1]) return gone[0] - gone[1];
    const [x, y] = [a, b].map((text) => parseFloat(text.replace("−", "-")));
    if (Number.isNaN(x) && Number.isNaN(y)) return sign * a.localeCompare(b);
    if (Number.isNaN(x) || Number.isNaN(y)) return Number.isNaN(x) - Number.isNaN(y);
    return sign * (x - y);
  };

  const sort = (table, head) => {
    const column = head.cellIndex;
    const rising = head.getAttribute("aria-sort") !== "ascending";
    for (const other of head.parentNode.cells) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", rising ? "ascending" : "descending");
    const body = table.tBodies[0];
    const rows = [...body.rows];
    rows.sort((a, b) => compare(read(a, column), read(b, column), rising ? 1 : -1));
    body.append(...rows);
    rows.forEach((row, place) => {
      row.classList.toggle("row-even", place % 2 === 0);
      row.classList.toggle("row-odd", place % 2 === 1);
    });
  };

  const addButtons = (table) => {
    for (const head of table.tHead.rows[0].cells) {
      const button = document.createElement("button");
      button.type = "button";
      button.title = "Sort by this column";
      const content = head.querySelector("p") || head;
      button.append(...content.childNodes);
      content.append(button);
      button.addEventListener("click", () => sort(table, head));
    }
  };

  const addFilter = (table) => {
    const label = document.createElement("label");
    const field = document.createElement("input");
    const count = document.createElement("span");
    label.className = "table-filter";
    field.type = "search";
    count.setAttribute("role", "status");
    label.append("Show rows with ", field, count);
    field.addEventListener("input", () => {
      const wanted = field.value.trim().toLowerCase();
      let shown = 0;
      for (const row of table.tBodies[0].rows) {
        row.hidden = !row.textContent.toLowerCase().includes(wanted);
        shown += !row.hidden;
      }
      count.textContent = wanted ? ` ${shown} of ${table.tBodies[0].rows.length}` : "";
    });
    const frame = table.closest(".pst-scrollable-table-container") || table;
    frame.before(label);
  };

  document.addEventListener("DOMContentLoaded", () => {
    for (const table of document.querySelectorAll("table.sortable")) {
      addButtons(table);
      if (table.tBodies[0].rows.length >= FILTER_FROM) addFilter(table);
    }
  });
})();
