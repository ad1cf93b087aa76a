// What the pages do beyond HTML: close an open menu, choose all rows, keyboard shortcuts. Everything works without it.
"use strict";

document.addEventListener("click", (event) => {
  document.querySelectorAll("details.own[open]").forEach((menu) => {
    if (!menu.contains(event.target)) menu.open = false;
  });
});

// <input type="checkbox" data-all="name"> chooses every check-box of that name in the same form.
document.addEventListener("change", (event) => {
  const all = event.target.dataset && event.target.dataset.all;
  if (!all) return;
  const within = event.target.closest("form, table, main");
  within.querySelectorAll(`input[type="checkbox"][name="${all}"]`).forEach((box) => { box.checked = event.target.checked; });
});

// A form is sent once: its buttons rest until the answer is there.
document.addEventListener("submit", (event) => {
  const buttons = event.target.querySelectorAll("button:not([type=button]):not([hidden])");
  setTimeout(() => buttons.forEach((button) => { button.disabled = true; }), 0);
  setTimeout(() => buttons.forEach((button) => { button.disabled = false; }), 8000);
});

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") document.querySelectorAll("details.own[open]").forEach((menu) => { menu.open = false; });
});

// A refused form: to the first field that is wrong, else to the sentence that says what is (nobody tabs through the menu again).
const refused = document.querySelector("main .wrong :is(input, select, textarea)") || document.querySelector("#said .problem");
if (refused) {
  if (refused.tabIndex < 0) refused.tabIndex = -1;
  refused.focus();
}

// The seconds left to take a decision back; afterwards the button goes, the sentence stays.
document.querySelectorAll("form[data-undo]").forEach((form) => {
  const left = form.querySelector("[data-seconds]");
  let seconds = Number(left.dataset.seconds);
  left.setAttribute("aria-hidden", "true");
  const ticking = setInterval(() => {
    seconds -= 1;
    left.textContent = `（${seconds} 秒）`;
    if (seconds > 0) return;
    clearInterval(ticking);
    form.remove();
  }, 1000);
});
