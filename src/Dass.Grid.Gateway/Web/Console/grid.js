// The grid itself, for administrators: silos with their devices and streams, draining, and the models.
import { call } from "./api.js";
import { bytes, figures, h, meter, problem, say, text } from "./ui.js";

const States = {
  SILO_STATE_ACTIVE: ["takes streams", "good"], SILO_STATE_DRAINING: ["draining", "warn"],
  SILO_STATE_STARTING: ["starting", "soft"], SILO_STATE_STOPPING: ["stopping", "warn"],
};

export function grid(main) {
  const [totals, silos, gateways, models, trouble] = [
    figures(), h("ul", { className: "silos" }), h("p", { className: "soft" }), h("tbody"), h("div"),
  ];
  const cards = new Map();
  main.append(
    h("h1", {}, "Grid"), totals.element, trouble,
    h("h2", {}, "Silos"), silos, gateways,
    h("section", { "aria-labelledby": "models" }, h("h2", { id: "models" }, "Models"),
      h("div", { className: "wide" }, h("table", {},
        h("thead", {}, h("tr", {}, ["Model", "Labels", "Hash", "Note"].map(name => h("th", { scope: "col" }, name)))), models))));

  let asking = false; // a gateway that is slow is not asked again before it has answered
  async function refresh() {
    if (asking) {
      return;
    }
    asking = true;
    try {
      const all = (await call("/v1/admin/silos")).silos;
      const working = all.filter(silo => silo.slots > 0), others = all.filter(silo => silo.slots === 0);
      const sum = of => working.reduce((total, silo) => total + of(silo), 0);
      totals.set({
        Silos: `${working.length}`,
        "Live streams": `${sum(silo => silo.streams)}`,
        "In real time": working.every(silo => silo.realtimeStreams > 0) ? `up to ${Math.floor(sum(silo => Math.min(silo.slots, silo.realtimeStreams)))}` : "–",
        "Busiest device": working.length ? `${Math.round(100 * Math.max(...working.map(silo => silo.busy)))} %` : "–",
      });
      for (const [name, card] of cards) {
        if (!working.some(silo => silo.name === name)) {
          card.element.remove();
          cards.delete(name);
        }
      }
      for (const silo of working) {
        fill(silo);
      }
      text(gateways, others.length ? `Without models: ${others.map(silo => silo.name).join(", ")}` : "");
      trouble.replaceChildren();
    } catch (error) {
      trouble.replaceChildren(problem(error));
    } finally {
      asking = false;
    }
  }

  function fill(silo) {
    if (!cards.has(silo.name)) {
      const card = { facts: figures(), state: h("span", { className: "state small" }), busy: meter("Busy"), held: meter("Streams"), device: h("p", { className: "soft small" }) };
      card.button = h("button", { type: "button", onclick: () => drain(card) });
      card.element = h("li", { className: "card" },
        h("div", { className: "row" }, h("h3", {}, silo.name), card.state),
        card.device, card.held.element, card.busy.element, card.facts.element, card.button);
      cards.set(silo.name, card);
      silos.append(card.element);
    }
    const card = cards.get(silo.name), [words, tone] = States[silo.state] ?? ["?", "soft"];
    card.silo = silo;
    text(card.state, words);
    card.state.dataset.tone = tone;
    text(card.device, `${silo.devices.join(", ")}, ${bytes(Number(silo.deviceMemoryBytes))} · ${silo.models.join(", ")}`);
    const room = silo.realtimeStreams > 0 ? Math.min(silo.slots, silo.realtimeStreams) : silo.slots;
    card.held.set(silo.streams / room, `${silo.streams} streams`, silo.streams > room ? "bad" : "");
    card.busy.set(silo.busy, `${Math.round(100 * silo.busy)} % busy`, silo.busy > 0.9 ? "bad" : silo.busy > 0.7 ? "warn" : "");
    card.facts.set({
      "In real time": silo.realtimeStreams > 0 ? `${Math.floor(silo.realtimeStreams)}` : "–", Slots: `${silo.slots}`, "Waiting chunks": `${silo.queuedSteps}`,
    });
    const isDraining = silo.state === "SILO_STATE_DRAINING";
    text(card.button, isDraining ? "Take streams again" : "Drain");
    card.button.setAttribute("aria-label", `${card.button.textContent}: ${silo.name}`);
    card.button.hidden = silo.state !== "SILO_STATE_ACTIVE" && !isDraining;
  }

  function drain(card) {
    const { silo } = card, callOff = silo.state === "SILO_STATE_DRAINING";
    const order = async () => {
      try {
        fill(await call(`/v1/admin/silos/${encodeURIComponent(silo.name)}:drain`, { method: "POST", body: { callOff } }));
        say(callOff ? `${silo.name} takes streams again` : `${silo.name} hands its streams over`);
      } catch (error) {
        trouble.replaceChildren(problem(error));
      }
    };
    if (callOff) {
      order();
      return;
    }
    const dialog = h("dialog", { "aria-labelledby": "drain-title", onclose: () => dialog.remove() },
      h("h2", { id: "drain-title" }, "Drain this silo?"),
      h("p", { className: "soft" }, `Its ${silo.streams} streams move to the other silos with their memory, and new ones go there. Clients notice a moment's pause at most. It goes on running, and can take streams again.`),
      h("div", { className: "row" },
        h("button", { type: "button", onclick: () => dialog.close() }, "Cancel"),
        h("button", {
          type: "button", className: "primary",
          onclick: () => {
            dialog.close();
            order();
          },
        }, "Drain")));
    document.body.append(dialog);
    dialog.showModal();
  }

  call("/v1/models").then(answer => models.replaceChildren(...answer.models.map(model => h("tr", {},
    h("td", {}, model.name, model.isDefault ? h("span", { className: "soft small" }, " (default)") : ""),
    h("td", {}, `${model.offeredLabelCount || model.labelCount}`), h("td", { className: "small" }, model.hash.slice(0, 12)), h("td", { className: "soft small" }, model.note))))).catch(() => {
    models.closest("section").hidden = true; // it takes a tenant's key
  });
  refresh();
  const timer = setInterval(refresh, 2000);
  return () => clearInterval(timer);
}
