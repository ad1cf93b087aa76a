// The queue of duties: how many are chosen, the keys (they can be switched off, WCAG 2.1.4), and the seconds left to undo.
"use strict";

(() => {
  const rows = [...document.querySelectorAll("[data-duty]")];
  const dialog = document.getElementById("keys");
  const bulk = document.getElementById("bulk");
  const boxes = () => [...document.querySelectorAll('input[name="pick"][type="checkbox"]')];
  const chosen = () => boxes().filter((box) => box.checked);

  function tell() {
    const line = document.querySelector("[data-chosen]");
    if (bulk) bulk.classList.toggle("some", chosen().length > 0);
    if (line) line.textContent = chosen().length ? `已选 ${chosen().length} 条` : "勾选几条，一次办完";
    document.querySelectorAll("[data-word]").forEach(say);
    fit();
  }

  // The buttons for many say what the buttons of the ticked lines say; where none of these has such a button, there is none for many.
  function say(span) {
    span.dataset.page ||= span.textContent;
    const { word, otherwise, page } = span.dataset;
    const words = [...new Set(chosen().map((box) => box.dataset[word]).filter(Boolean))];
    if (!chosen().length) span.textContent = page;
    else span.textContent = `${page.startsWith("确定") ? "确定" : ""}${words.length && words.length < 3 ? words.join("、") : otherwise}所选`;
    span.closest("button, details").hidden = chosen().length > 0 && words.length === 0;
  }

  // A ready-made reason is for lines of its own kind: the others of the page go, and where several kinds are ticked one writes one's own.
  function fit() {
    const select = document.getElementById("why-all");
    if (!select) return;
    const declined = chosen().filter((box) => box.dataset.no);
    select.querySelectorAll("optgroup").forEach((group) => {
      group.hidden = group.disabled = !declined.every((box) => box.value.startsWith(`${group.dataset.kind}.`));
    });
    const usable = (option) => !option.parentElement.disabled;
    if (!select.value || !usable(select.selectedOptions[0])) [...select.options].find(usable).selected = true;
  }
  document.addEventListener("change", (event) => { if (event.target.type === "checkbox") setTimeout(tell, 0); });
  window.addEventListener("pageshow", tell);

  // Enter on a box chooses nothing and decides nothing; in the reason for many it means what its button says.
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.isComposing) return;
    if (event.target.matches('input[name="pick"]')) event.preventDefault();
    if (event.target.matches('#bulk input[name="more"]')) {
      event.preventDefault();
      bulk.querySelector("button.danger").click();
    }
  });

  if (!dialog) return;
  document.querySelectorAll("[data-keys]").forEach((button) => {
    button.hidden = false;
    button.addEventListener("click", () => dialog.showModal());
  });
  const on = document.getElementById("keys-on");
  on.checked = localStorage.getItem("keys") !== "off";
  on.addEventListener("change", () => localStorage.setItem("keys", on.checked ? "on" : "off"));

  const here = () => rows.indexOf(document.activeElement && document.activeElement.closest("[data-duty]"));
  const typing = (target) => target.closest("select, textarea, dialog, [contenteditable]") || (target.tagName === "INPUT" && target.type !== "checkbox");

  function go(step) {
    if (!rows.length) return;
    const to = Math.min(Math.max(here() + step, 0), rows.length - 1);
    rows[to].focus();
    rows[to].scrollIntoView({ block: "nearest" });
  }

  function mark() {
    const box = here() >= 0 && rows[here()].querySelector('input[type="checkbox"]');
    if (!box) return;
    box.checked = !box.checked;
    box.dispatchEvent(new Event("change", { bubbles: true }));
  }

  function approve() {
    const button = chosen().length ? bulk.querySelector('button[value="approve"]') : here() >= 0 && rows[here()].querySelector("form[data-approve] button");
    if (button && !button.hidden) button.click();
  }

  function decline() {
    const details = (chosen().length ? bulk : here() >= 0 && rows[here()])?.querySelector?.("details.decline");
    if (!details || details.hidden) return;
    details.open = true;
    details.querySelector("select").focus();
  }

  function open() {
    const link = here() >= 0 && rows[here()].querySelector("th a, a[data-open]");
    if (link) link.click();
  }

  function undo() {
    const button = document.querySelector("form[data-undo] button");
    if (button) button.click();
  }

  const keys = { j: () => go(1), k: () => go(-1), x: mark, a: approve, d: decline, o: open, u: undo };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || event.repeat && event.key !== "j" && event.key !== "k") return;
    if (typing(event.target) || !on.checked) return;
    if (event.key === "?") dialog.showModal();
    else if (keys[event.key]) keys[event.key]();
    else return;
    event.preventDefault();
  });
})();
