// The frame around the views: which one is shown, whether the grid is heard, and who is logged in.
import { link, logIn, logOut, refreshSession, session } from "./api.js";
import { h, problem, text } from "./ui.js";
import { now } from "./now.js";
import { stream } from "./stream.js";
import { events } from "./events.js";
import { trial } from "./trial.js";
import { grid } from "./grid.js";

const views = { now, stream, events, try: trial, grid };
const [main, status, account] = ["view", "status", "account"].map(id => document.getElementById(id));
let leave = () => {};

/** A view fills the element and returns what ends it. */
function show() {
  const [path, query] = location.hash.slice(2).split("?");
  const [name, ...rest] = path.split("/");
  const view = views[name] ? name : "now";
  leave();
  leave = () => {};
  for (const item of document.querySelectorAll("nav a")) {
    const isHere = item.hash === `#/${view}` || view === "stream" && item.hash === "#/now";
    isHere ? item.setAttribute("aria-current", "page") : item.removeAttribute("aria-current");
  }
  main.replaceChildren();
  document.title = `${{ now: "Now", stream: decodeURIComponent(rest[0] ?? ""), events: "Events", try: "Try it", grid: "Grid" }[view]} · Dass.Grid`;
  const isOpen = view === "grid" ? session.admin : session.tenant;
  if (!isOpen) {
    main.append(door(view === "grid"));
    return;
  }
  leave = views[view](main, rest.map(decodeURIComponent), new URLSearchParams(query)) ?? leave;
}

function door(isAdmin) {
  return h("div", { className: "card empty" },
    h("h1", {}, isAdmin ? "For administrators" : session.needsKey ? "This grid needs a key" : "Not by this name"),
    h("p", { className: "soft" }, !session.needsKey
      ? "A grid without keys answers to localhost and 127.0.0.1 only, so that no page from elsewhere can use it."
      : isAdmin
      ? "Silos, devices and draining need an admin key of this grid."
      : "Log in with the API key of a tenant. The browser keeps a sealed cookie that scripts cannot read."),
    session.needsKey && h("button", { type: "button", className: "primary", onclick: () => askForKey(isAdmin) }, "Enter a key"));
}

function askForKey(isAdmin) {
  const key = h("input", { type: "password", required: true, autocomplete: "off", spellcheck: false, name: "key" });
  const refusal = h("div");
  const dialog = h("dialog", { "aria-labelledby": "key-title", onclose: () => dialog.remove() },
    h("form", {
      onsubmit: async event => {
        event.preventDefault();
        try {
          await logIn(key.value);
          dialog.close();
        } catch (error) {
          refusal.replaceChildren(problem(error));
          key.select();
        }
      },
    },
    h("h2", { id: "key-title" }, isAdmin ? "Admin key" : "API key"),
    h("label", {}, "Key", key),
    refusal,
    h("div", { className: "row" },
      h("button", { type: "button", onclick: () => dialog.close() }, "Cancel"),
      h("button", { type: "submit", className: "primary" }, "Log in"))));
  document.body.append(dialog);
  dialog.showModal();
}

account.addEventListener("click", () => session.tenant || session.admin ? logOut() : askForKey(false));
addEventListener("session", () => {
  account.hidden = !session.needsKey;
  const names = [session.tenant, session.admin && "admin"].filter(Boolean).join(" + ");
  text(account, names ? `Log out ${names}` : "Log in");
  show();
});
addEventListener("link", () => {
  status.dataset.state = link.state;
  text(status, { live: "Live", lost: "Connection lost, trying again …" }[link.state] ?? "");
});
addEventListener("hashchange", () => {
  show();
  main.focus({ preventScroll: true });
  scrollTo(0, 0);
});

async function begin() {
  try {
    await refreshSession();
  } catch (error) {
    main.replaceChildren(problem(error));
    setTimeout(begin, 3000);
  }
}
begin();
