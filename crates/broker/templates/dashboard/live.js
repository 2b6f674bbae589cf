// Keeps what is marked `data-live` as the broker has it: asks for the page again every few seconds, and changes what has
// changed, so that focus, scrolling and what is folded out stay as they are. Without it, a reload does the same.
(() => {
  'use strict';
  const EVERY = 3000;
  const SLOWEST = 30000;
  const regions = [...document.querySelectorAll('[data-live]')];
  const pause = document.getElementById('pause');
  const stale = document.getElementById('stale');
  if (regions.length === 0) return;

  const fresh = (node) => document.importNode(node, true);

  function match(old, next) {
    if (old.isEqualNode(next)) return;
    if (old.nodeType !== next.nodeType || old.nodeName !== next.nodeName) {
      old.replaceWith(fresh(next));
    } else if (old.nodeType === Node.TEXT_NODE) {
      old.data = next.data;
    } else {
      attributes(old, next);
      children(old, next);
    }
  }

  function attributes(old, next) {
    for (const { name } of [...old.attributes]) {
      // What somebody has folded out stays so.
      if (!next.hasAttribute(name) && name !== 'open') old.removeAttribute(name);
    }
    for (const { name, value } of next.attributes) {
      if (old.getAttribute(name) !== value) old.setAttribute(name, value);
    }
  }

  // Rows have ids: one that moves stays the same row, so that nobody who is about to open it opens another.
  function children(old, next) {
    const kept = new Map([...old.children].filter((it) => it.id).map((it) => [it.id, it]));
    const wanted = new Set([...next.children].map((it) => it.id));
    for (const [id, it] of kept) if (!wanted.has(id)) it.remove();
    let at = old.firstChild;
    for (const node of [...next.childNodes]) {
      const same = node.id ? kept.get(node.id) : undefined;
      if (same && same !== at) old.insertBefore(same, at);
      if (same) {
        at = same.nextSibling;
        match(same, node);
      } else if (at && !at.id && !node.id) {
        const following = at.nextSibling;
        match(at, node);
        at = following;
      } else {
        old.insertBefore(fresh(node), at);
      }
    }
    while (at) {
      const following = at.nextSibling;
      at.remove();
      at = following;
    }
  }

  let isPaused = false;
  let isAsking = false;
  let wait = EVERY;
  let timer;

  async function update() {
    if (isPaused || isAsking || document.hidden) return;
    isAsking = true;
    try {
      const reply = await fetch(location.href, { cache: 'no-store', redirect: 'manual', signal: AbortSignal.timeout(10000) });
      if (reply.type === 'opaqueredirect') {
        // The session has ended: the page itself leads to where one signs in.
        location.reload();
        return;
      }
      if (!reply.ok) throw new Error(`${reply.status}`);
      const page = new DOMParser().parseFromString(await reply.text(), 'text/html');
      const next = page.querySelectorAll('[data-live]');
      // Paused while it was asked for: what somebody reads stays.
      if (!isPaused) regions.forEach((region, number) => next[number] && match(region, next[number]));
      stale.hidden = true;
      wait = EVERY;
    } catch {
      stale.hidden = false;
      wait = Math.min(wait * 2, SLOWEST);
    } finally {
      isAsking = false;
    }
    plan();
  }

  function plan() {
    clearTimeout(timer);
    if (!isPaused && !document.hidden) timer = setTimeout(update, wait);
  }

  document.addEventListener('visibilitychange', () => {
    clearTimeout(timer);
    if (!document.hidden) update();
  });
  pause.addEventListener('click', () => {
    isPaused = !isPaused;
    pause.setAttribute('aria-pressed', String(isPaused));
    clearTimeout(timer);
    if (!isPaused) update();
  });
  pause.hidden = false;
  plan();
})();
