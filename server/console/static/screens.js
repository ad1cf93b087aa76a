// A screen looks after itself: it fetches the piece of the page that changes, turns the codes over at their second, and goes on without
// network for as long as the prefetched codes last. Times are the server's: the difference to this clock is taken with every piece.
"use strict";

const shown = document.getElementById("shown");
const line = document.getElementById("line");
const from = document.body.dataset.from;
const every = Number(document.body.dataset.every) * 1000;
const TURN = 12000; // a page of activities stays so long
let skew = 0;       // server's time less ours
let asked = 0;      // ours, when it was last asked
let asking = false;
let slotShown = 0;
let online = true;

const now = () => Date.now() + skew;

function took() {
  const piece = shown.querySelector("[data-now]");
  if (!piece) return;
  skew = Number(piece.dataset.now) - Date.now();
  turnPages();
}

// The slot that has begun last; one that is over still counts for as long again, then none is left.
function current(image) {
  const slots = JSON.parse(image.dataset.slots);
  if ("always" in image.dataset) return { picture: slots[0][1], begin: 0, left: Infinity };
  const step = Number(shown.querySelector("[data-step]").dataset.step) * 1000;
  const begun = slots.filter((slot) => slot[0] <= now());
  const slot = begun.length ? begun[begun.length - 1] : slots[0];
  const end = slots[slots.length - 1][0] + 2 * step;
  return { picture: slot[1], begin: slot[0], left: end - now() };
}

function turnCodes() {
  let left = Infinity;
  shown.querySelectorAll("img[data-slots]").forEach((image) => {
    const slot = current(image);
    const gone = slot.left <= 0;
    if (image.getAttribute("src") !== slot.picture) image.src = slot.picture;
    image.hidden = gone;
    image.parentElement.querySelector(".gone").hidden = !gone;
    left = Math.min(left, slot.left);
    if (slot.begin > slotShown) { slotShown = slot.begin; ask(); } // a full ten minutes ahead from the beginning of each slot
  });
  tell(left);
}

function tell(left) {
  const minutes = Math.ceil(left / 60000);
  const words = online ? line.dataset.live : left <= 0 ? line.dataset.gone : left === Infinity ? "没有网络，正在重连" : `${line.dataset.away}${minutes} 分钟`;
  const signed = `${online ? "●" : left <= 0 ? "✕" : "◷"} ${words}`;
  if (line.textContent !== signed) line.textContent = signed;
  line.className = online ? "" : "away";
}

function turnPages() {
  const pages = shown.querySelectorAll(".page");
  const open = Math.floor(now() / TURN) % Math.max(1, pages.length);
  pages.forEach((page, at) => { page.hidden = at !== open; });
  const clock = shown.querySelector(".clock");
  if (clock) clock.textContent = new Date(now() + 8 * 3600000).toISOString().slice(11, 16); // Shanghai, wherever the screen thinks it is
}

async function ask() {
  if (asking) return;
  asking = true;
  asked = Date.now();
  try {
    const answer = await fetch(from, { cache: "no-store", signal: AbortSignal.timeout(8000) });
    if (answer.ok || answer.status === 404) {
      shown.innerHTML = await answer.text();
      took();
      online = true;
      turnCodes();
    } else online = false;
  } catch {
    online = false;
  }
  asking = false;
}

function tick() {
  turnCodes();
  turnPages();
  if (Date.now() - asked >= every) ask();
}

async function stayAwake() {
  try { await navigator.wakeLock.request("screen"); } catch { /* the browser has none, or says no */ }
}

document.addEventListener("visibilitychange", () => { if (!document.hidden) { stayAwake(); ask(); } });
const full = document.getElementById("full");
if (document.fullscreenEnabled) {
  full.hidden = false;
  full.addEventListener("click", () => document.documentElement.requestFullscreen());
  document.addEventListener("fullscreenchange", () => { full.hidden = Boolean(document.fullscreenElement); });
}
took();
stayAwake();
tick();
setInterval(tick, 1000);
