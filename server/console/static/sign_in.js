// The phone agreed: go on without a click.
"use strict";

function goOn() {
  const go = document.querySelector("#scan [data-go]");
  if (go) go.form.requestSubmit(go);
}
document.addEventListener("htmx:afterSwap", goOn);
document.addEventListener("DOMContentLoaded", goOn);
