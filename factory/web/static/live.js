// Keeps an open page fresh. The server says that something has changed; this fetches the page again and moves what differs into
// the elements marked data-live. Nodes are changed in place, so focus, selection and scroll stay where they are.
"use strict";
(() => {
  const LEAST_MS = 1000; // between two fetches
  const REST = 4; // a fetch is followed by at least this many times its own duration of rest, so a large fleet is not asked without end
  const RETRY_MS = 15000; // after the server has refused a stream
  const ANNOUNCE_MS = 20000; // between two sentences to a screen reader
  const body = document.body;
  const ahead = Number(body.dataset.now) - Date.now() / 1000; // how far the server's clock is ahead of ours

  // --- relative times: says the same as fmt.py ---
  const steps = [[60, 1, "s"], [3600, 60, "min"], [86400, 3600, "h"], [30 * 86400, 86400, "d"]];
  const ago = (ts) => {
    const past = Date.now() / 1000 + ahead - ts, apart = Math.abs(past);
    if (apart < 2) return "just now";
    for (const [below, unit, name] of steps) {
      if (apart < below) return past >= 0 ? `${Math.floor(apart / unit)} ${name} ago` : `in ${Math.floor(apart / unit)} ${name}`;
    }
    return new Date(ts * 1000).toISOString().slice(0, 10);
  };
  const tick = () => {
    for (const each of document.querySelectorAll("time[data-ts]")) {
      const text = ago(Number(each.dataset.ts));
      if (each.textContent !== text) each.textContent = text;
    }
  };

  // --- morph: make `old` equal to `fresh`, touching only what differs; children are matched by data-key, else by place ---
  const keyOf = (node) => (node.dataset && node.dataset.key) || (node.id || null);
  const morph = (old, fresh) => {
    if (old.isEqualNode(fresh)) return;
    if (old.nodeName !== fresh.nodeName) return old.replaceWith(fresh);
    if (old.nodeType !== Node.ELEMENT_NODE) {
      old.nodeValue = fresh.nodeValue;
      return;
    }
    for (const { name } of [...old.attributes]) if (!fresh.hasAttribute(name)) old.removeAttribute(name);
    for (const { name, value } of fresh.attributes) if (old.getAttribute(name) !== value) old.setAttribute(name, value);
    morphChildren(old, fresh);
  };
  const morphChildren = (old, fresh) => {
    const keyed = new Map([...old.children].filter(keyOf).map((child) => [keyOf(child), child]));
    let at = old.firstChild;
    for (const child of [...fresh.childNodes]) {
      const same = keyOf(child) ? keyed.get(keyOf(child)) : at && !keyOf(at) ? at : null;
      if (!same) {
        old.insertBefore(child, at);
      } else if (same === at) {
        at = at.nextSibling;
        morph(same, child);
      } else {
        old.insertBefore(same, at);
        morph(same, child);
      }
    }
    while (at) {
      const next = at.nextSibling;
      at.remove();
      at = next;
    }
  };

  // --- fetching what has changed ---
  const announcer = document.getElementById("announcer");
  let announced = 0;
  const announce = () => {
    const text = document.querySelector("[data-announce]")?.dataset.announce;
    if (!text || text === announcer.textContent || Date.now() - announced < ANNOUNCE_MS) return;
    announced = Date.now();
    announcer.textContent = text;
  };
  const urlOf = (element) => element.dataset.live || location.pathname + location.search;
  const refresh = async () => {
    const places = [...document.querySelectorAll("[data-live]")];
    for (const url of new Set(places.map(urlOf))) {
      const answer = await fetch(url, { credentials: "same-origin" });
      if (answer.redirected) return location.reload(); // the session has ended
      if (!answer.ok) continue;
      const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
      for (const old of places.filter((place) => urlOf(place) === url)) {
        const next = fresh.getElementById(old.id);
        if (next) morph(old, document.adoptNode(next));
      }
    }
    tick();
    announce();
  };
  let fetching = false, wanted = false, next = 0;
  const changed = async () => {
    wanted = true;
    if (fetching || document.hidden) return;
    fetching = true;
    while (wanted && !document.hidden) {
      await new Promise((done) => setTimeout(done, Math.max(0, next - Date.now())));
      wanted = false;
      const began = Date.now();
      await refresh().catch(() => show("off")); // the stream comes back when the server does, and asks again
      next = Date.now() + Math.max(LEAST_MS, REST * (Date.now() - began));
    }
    fetching = false;
  };

  // --- the stream ---
  const sign = document.querySelector("[data-live-state]");
  const show = (state) => {
    if (!sign) return;
    sign.dataset.liveState = state;
    sign.lastElementChild.textContent = state === "on" ? "live" : "reconnecting";
  };
  const listen = () => {
    const stream = new EventSource(body.dataset.events);
    stream.onopen = () => show("on");
    stream.addEventListener("change", (event) => {
      body.dataset.events = body.dataset.events.replace(/after=\d+/, `after=${event.data}`);
      changed();
    });
    stream.onerror = () => {
      show("off");
      if (stream.readyState !== EventSource.CLOSED) return; // the browser tries again by itself
      setTimeout(() => { changed(); listen(); }, RETRY_MS);
    };
    addEventListener("pagehide", () => stream.close(), { once: true });
  };
  if (body.dataset.events) listen();
  document.addEventListener("visibilitychange", () => { if (wanted) changed(); });
  addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });
  setInterval(tick, 5000);
  tick();

  // --- a form that asks for something asks once ---
  for (const form of document.querySelectorAll("form[data-once]")) {
    form.addEventListener("submit", () => { for (const button of form.querySelectorAll("button")) button.disabled = true; });
  }
})();
