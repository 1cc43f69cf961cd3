// Calls of the gateway that served this page. What a page may do comes from its session's cookies.

export class Refusal extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

export const session = { tenant: null, admin: false, needsKey: null };

const HiddenFor = 10_000; // ms

let ahead = 0; // of the gateway's clock before this machine's, in ms

/** The time of day where the grid runs, in ms since 1970; the browser's own clock may be wrong. */
export const now = () => Date.now() + ahead;

export async function call(path, { method = "GET", body, signal } = {}) {
  const sent = Date.now();
  const answer = await fetch(path, {
    method, signal, credentials: "same-origin", cache: "no-store",
    ...(body && { headers: { "content-type": "application/json" }, body: JSON.stringify(body) }),
  });
  const date = Date.parse(answer.headers.get("date") ?? ""); // whole seconds
  if (date) {
    const apart = date + 500 - (sent + Date.now()) / 2;
    ahead = Math.abs(apart) > 2000 ? apart : 0;
  }
  const json = await answer.json().catch(() => ({}));
  if (!answer.ok) {
    if (answer.status === 401) {
      await refreshSession();
    }
    throw new Refusal(answer.status, json.message ?? `The gateway answers ${answer.status}.`);
  }
  return json;
}

/** All pages of a list. */
export async function* pages(path, { most = Infinity, signal } = {}) {
  let token = "";
  for (let page = 0; page < most; page++) {
    const answer = await call(`${path}${path.includes("?") ? "&" : "?"}page_token=${encodeURIComponent(token)}`, { signal });
    yield answer;
    token = answer.nextPageToken;
    if (!token) {
      return;
    }
  }
}

async function takeSession(answer) {
  const state = await answer.json().catch(() => ({}));
  if (!answer.ok) {
    throw new Refusal(answer.status, state.message ?? `The gateway answers ${answer.status}.`);
  }
  const changed = session.tenant !== state.tenant || session.admin !== state.admin || session.needsKey !== state.needsKey;
  Object.assign(session, { tenant: state.tenant ?? null, admin: state.admin, needsKey: state.needsKey });
  if (changed) {
    dispatchEvent(new Event("session"));
  }
}

const ask = (method, body) => fetch("/v1/session", {
  method, credentials: "same-origin", cache: "no-store",
  ...(body && { headers: { "content-type": "application/json" }, body: JSON.stringify(body) }),
});

export const refreshSession = async () => takeSession(await ask("GET"));
export const logIn = async key => takeSession(await ask("POST", { key }));
export const logOut = async () => takeSession(await ask("DELETE"));

// Whether the grid can be heard, for the header; each subscription says what it sees.
export const link = { state: "" };
function setLink(state) {
  if (link.state !== state) {
    link.state = state;
    dispatchEvent(new Event("link"));
  }
}

/**
 * A subscription by server-sent events. The browser takes up a broken one where it was; one that was refused, e.g. by a gateway that
 * starts, is begun again here.
 * @param {() => string} query of /v1/subscribe, asked for each beginning
 * @param {(kind: string, message: object) => void} on
 * @returns {() => void} ends it
 */
export function subscribe(query, on) {
  let source, timer, wait = 500, over = false;
  const open = () => {
    source?.close();
    source = new EventSource(`/v1/subscribe?${query()}`);
    source.onopen = () => {
      wait = 500;
      setLink("live");
    };
    for (const kind of ["subscribed", "tags", "dropped", "gap", "newModel", "events", "ended"]) {
      source.addEventListener(kind, event => on(kind, JSON.parse(event.data)));
    }
    source.addEventListener("error", event => {
      const last = event.data && JSON.parse(event.data); // the server's own word; of a gateway that stops the header tells enough
      if (last && last.code !== 14) {
        on("refused", last);
      }
      if (source.readyState !== EventSource.OPEN) {
        setLink("lost");
      }
      if (source.readyState === EventSource.CLOSED) {
        timer = setTimeout(async () => {
          await refreshSession().catch(() => {}); // a session that is over asks for its key, and ends this view
          over || document.hidden || open();
        }, wait);
        wait = Math.min(2 * wait, 10_000);
      }
    });
  };
  // A browser has six connections to a gateway for all of its tabs: those that are not looked at hold none.
  const look = () => {
    clearTimeout(timer);
    if (document.hidden) {
      timer = setTimeout(() => source.close(), HiddenFor);
    } else if (source.readyState === EventSource.CLOSED) {
      open();
    }
  };
  document.addEventListener("visibilitychange", look);
  open();
  look();
  return () => {
    over = true;
    document.removeEventListener("visibilitychange", look);
    clearTimeout(timer);
    source.close();
    setLink("");
  };
}
