"use strict";

// A button with data-copies="ID" copies that element's text. Our content security policy allows no
// inline script, so the pages only name what is to be copied.
document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copies]");
  if (!button) return;
  const source = document.getElementById(button.dataset.copies);
  try {
    await navigator.clipboard.writeText(source.textContent.trim());
    button.textContent = "Copied";
  } catch {
    // Without the right to the clipboard the text is at least selected.
    getSelection().selectAllChildren(source);
    button.textContent = "Selected";
  }
  setTimeout(() => (button.textContent = "Copy"), 1500);
});

// A session ends after some time without a request. Shortly before, the page asks how long it has
// (another tab may have been in use), says so, and offers to go on; what is typed stays in its form.

document.addEventListener("DOMContentLoaded", () => {
  const session = document.querySelector('meta[name="session"]');
  if (session) watchSession(session.dataset.url, Number(session.content));
});

function watchSession(url, idleSeconds) {
  const warning = Math.min(120, idleSeconds / 4);
  const ask = async (options) => {
    const answer = await fetch(url, { ...options, redirect: "error" });
    return (await answer.json()).seconds_left;
  };
  const wait = (seconds, next) => setTimeout(next, Math.max(seconds, 1) * 1000);
  const check = async () => {
    let left;
    try {
      left = await ask();
    } catch {
      left = 0;
    }
    if (left > warning) {
      wait(left - warning, check);
    } else {
      showSessionEnd(left, wait, check, ask);
    }
  };
  wait(idleSeconds - warning, check);
}

function showSessionEnd(left, wait, check, ask) {
  const box = document.createElement("div");
  box.className = "c-session-ends";
  box.setAttribute("role", "alert");
  const words = document.createElement("p");
  box.append(words);
  document.body.append(box);
  if (left <= 0) {
    words.textContent = "You are signed out: there was no click for too long. Keep a copy of what you have typed, and reload the page.";
    return;
  }
  const minutes = Math.ceil(left / 60);
  words.textContent = `You will be signed out in ${minutes === 1 ? "a minute" : `${minutes} minutes`}.`;
  const button = document.createElement("button");
  button.type = "button";
  button.className = "c-button c-primary";
  button.textContent = "Stay signed in";
  const end = wait(left, () => {
    box.remove();
    check();
  });
  button.addEventListener("click", async () => {
    clearTimeout(end);
    box.remove();
    const token = document.querySelector('input[name="csrfmiddlewaretoken"]');
    try {
      await ask({ method: "POST", headers: { "X-CSRFToken": token.value } });
    } catch {
      // Over already, which the next look says.
    }
    check();
  });
  box.append(button);
}

// Rows of a list: the box in the heading chooses all of the page, Shift chooses from the last one,
// Escape none. The form works without this script too.
function chooseRows(boxes) {
  const all = document.getElementById("action-toggle");
  const count = document.querySelector("[data-chosen-count]");
  let last = null;
  const show = () => {
    const chosen = boxes.filter((box) => box.checked).length;
    all.checked = chosen === boxes.length;
    all.indeterminate = chosen > 0 && !all.checked;
    count.textContent = `${chosen} chosen`;
    for (const box of boxes) box.closest("tr").classList.toggle("c-chosen-row", box.checked);
  };
  all.addEventListener("change", () => {
    for (const box of boxes) box.checked = all.checked;
    show();
  });
  for (const box of boxes) {
    box.addEventListener("click", (event) => {
      if (event.shiftKey && last && last !== box) {
        const ends = [boxes.indexOf(last), boxes.indexOf(box)].sort((a, b) => a - b);
        for (const between of boxes.slice(ends[0], ends[1] + 1)) between.checked = box.checked;
      }
      last = box;
      show();
    });
    box.addEventListener("keydown", (event) => {
      if (event.key === "Escape") all.form.reset();
    });
  }
  // The boxes are empty only after the form's own handling of the reset.
  all.form.addEventListener("reset", () => setTimeout(show));
  // Coming back to the page, the browser fills the boxes in again.
  window.addEventListener("pageshow", show);
}

document.addEventListener("DOMContentLoaded", () => {
  const boxes = [...document.querySelectorAll(".c-select")];
  if (boxes.length) chooseRows(boxes);
});
