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
  }
  document.addEventListener("change", () => setTimeout(tell, 0));
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
    if (button) button.click();
  }

  function decline() {
    const details = (chosen().length ? bulk : here() >= 0 && rows[here()])?.querySelector?.("details.decline");
    if (!details) return;
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
