"use strict";

// The reference, from the document that this server makes.
SwaggerUIBundle({
  url: "/v1/openapi.json",
  dom_id: "#swagger",
  docExpansion: "list",
  defaultModelsExpandDepth: 0,
  tagsSorter: "alpha",
  tryItOutEnabled: false,
  displayRequestDuration: true,
  // No validator on a foreign host is told about this API.
  validatorUrl: null,
  // Try it here, wherever the page was opened from: the same server answers.
  requestInterceptor: (request) => {
    const target = new URL(request.url, location.href);
    request.url = location.origin + target.pathname + target.search;
    return request;
  },
  onComplete: () => setTimeout(goToTag, 400),
});

function tagSection(name) {
  return document.getElementById("operations-tag-" + name.replaceAll(" ", "_"));
}

// A tag's place exists only once the reference is drawn.
function goToTag() {
  for (const link of document.querySelectorAll("nav a[data-tag]")) {
    if (link.hash === location.hash) tagSection(link.dataset.tag)?.scrollIntoView();
  }
}
addEventListener("hashchange", goToTag);
for (const link of document.querySelectorAll("nav a[data-tag]")) {
  link.addEventListener("click", () => setTimeout(goToTag, 0));
}

// Code can be copied.
for (const block of document.querySelectorAll("main > section > pre")) {
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = "Copy";
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(block.querySelector("code").textContent);
    button.textContent = "Copied";
    setTimeout(() => (button.textContent = "Copy"), 1500);
  });
  block.append(button);
}

// Where the reader is.
const links = new Map(
  [...document.querySelectorAll('nav a[href^="#"]:not([data-tag])')].map((a) => [a.hash.slice(1), a]),
);
const watcher = new IntersectionObserver(
  (entries) => {
    for (const entry of entries) {
      if (!entry.isIntersecting) continue;
      for (const [id, link] of links) link.classList.toggle("here", id === entry.target.id);
    }
  },
  { rootMargin: "-10% 0px -80% 0px" },
);
for (const section of document.querySelectorAll("main > section")) watcher.observe(section);
