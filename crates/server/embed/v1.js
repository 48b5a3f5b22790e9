// Goodword on the company's own site: remembers whose link a visitor followed, and hands it to the form. The address of
// this file is fixed, and so is what it promises; see docs/your-site.md.
(() => {
  'use strict';
  const tag = document.currentScript;
  if (!tag || window.Goodword) return;
  const server = new URL(tag.src).origin;
  const KEY = 'goodword_ref';
  const WINDOW_MS = __WINDOW_MS__;
  const FIRST_WINS = __FIRST_WINS__;
  let mayStore = tag.dataset.consent !== 'wait';
  let refused = false;
  let memory = null;

  const stores = [
    {
      get: () => localStorage.getItem(KEY),
      set: (text) => localStorage.setItem(KEY, text),
      drop: () => localStorage.removeItem(KEY),
    },
    {
      get: () => (document.cookie.match(/(?:^|; )goodword_ref=([^;]*)/) || [])[1],
      set: (text, seconds) => {
        document.cookie = KEY + '=' + encodeURIComponent(text) + ';path=/;samesite=lax;max-age=' + seconds;
      },
      drop: () => (document.cookie = KEY + '=;path=/;max-age=0'),
    },
  ];

  // Each visit is the time at which it stops to count, the code and where the link stood: 1790000000000.CODE|source
  const parse = (text) => {
    const [, until, ref, source] = /^(\d+)\.([^|]+)\|?(.*)$/.exec(decodeURIComponent(text || '')) || [];
    return ref && until > Date.now() ? { ref, source, until: +until } : null;
  };
  const load = () => {
    if (memory && memory.until > Date.now()) return memory;
    if (!mayStore) return null;
    for (const store of stores) {
      try {
        const visit = parse(store.get());
        if (visit) return visit;
      } catch (e) { /* Storage is refused: the next one. */ }
    }
    return null;
  };
  const save = (visit) => {
    memory = visit;
    if (!mayStore) return;
    const text = visit.until + '.' + encodeURIComponent(visit.ref + (visit.source ? '|' + visit.source : ''));
    for (const store of stores) {
      try {
        store.set(text, Math.floor((visit.until - Date.now()) / 1000));
        return;
      } catch (e) { /* The next one. */ }
    }
  };
  const known = () => load() || { ref: '', source: '' };

  const fill = () => {
    for (const form of document.querySelectorAll('form[data-goodword],[data-goodword] form')) {
      const { ref, source } = known();
      for (const [name, value] of [['ref', ref], ['ref_source', source]]) {
        let field = form.querySelector('input[name="' + name + '"]');
        if (!field && (value || name === 'ref')) {
          field = make('input', { type: 'hidden', name });
          form.append(field);
        }
        if (field && field.value !== value) field.value = value;
      }
    }
    document.querySelectorAll('[data-goodword-form]:empty').forEach(render);
  };
  // Links of another system carry the code under another name: data-params="via fpr".
  const NAMES = ['ref'].concat((tag.dataset.params || '').split(' ')).filter(Boolean);
  const place = (named) => {
    if (named) return named.slice(0, 60);
    try {
      const { hostname } = new URL(document.referrer);
      return hostname === location.hostname || hostname === new URL(server).hostname ? '' : hostname.slice(0, 253);
    } catch (e) {
      return '';
    }
  };
  let seen = null;
  const look = () => {
    const asked = new URLSearchParams(location.search);
    const code = NAMES.map((name) => asked.get(name)).find((it) => it && it.length < 65 && !it.includes('|'));
    if (code && code !== seen && !refused) {
      seen = code;
      if (!(FIRST_WINS && load())) save({ ref: code, source: place(asked.get('ref_source')), until: Date.now() + WINDOW_MS });
    }
    fill();
  };

  const make = (name, attributes, ...inside) => {
    const element = document.createElement(name);
    for (const key in attributes) element.setAttribute(key, attributes[key]);
    element.append(...inside);
    return element;
  };
  const FIELDS = [
    ['name', 'Name', 'text', 'name'],
    ['email', 'Email', 'email', 'email'],
    ['phone', 'Phone', 'tel', 'tel'],
    ['telegram', 'Telegram', 'text', 'off'],
    ['message', 'What do you need?', '', 'off'],
  ];
  let forms = 0;
  const render = (place) => {
    const id = 'goodword-' + ++forms + '-';
    const began = Date.now();
    const submission = Array.from(crypto.getRandomValues(new Uint8Array(16)), (n) => n.toString(16)).join('-');
    const form = make('form', { class: 'goodword-form', novalidate: '' });
    const inputs = {};
    const notes = {};
    for (const [name, label, type, complete] of FIELDS) {
      const input = make(type ? 'input' : 'textarea', { id: id + name, name, autocomplete: complete, class: 'goodword-input' });
      if (type) input.type = type;
      if (name === 'name') input.required = true;
      inputs[name] = input;
      notes[name] = make('span', { id: id + name + '-error', class: 'goodword-error' });
      form.append(make('div', { class: 'goodword-field' }, make('label', { for: id + name }, label), input, notes[name]));
    }
    const trap = make('input', { name: 'leave_empty', tabindex: '-1', autocomplete: 'off' });
    const button = make('button', { class: 'goodword-button' }, 'Send');
    const said = make('p', { class: 'goodword-message', role: 'alert' });
    form.append(make('div', { hidden: '' }, trap), said, button);
    place.append(form);

    const show = (problem) => {
      trap.value = '';
      const wrong = problem.fields || [];
      let first = null;
      for (const name in inputs) {
        const found = wrong.find((it) => it.field === name);
        notes[name].textContent = found ? found.detail : '';
        if (found) {
          inputs[name].setAttribute('aria-invalid', 'true');
          inputs[name].setAttribute('aria-describedby', notes[name].id);
          first = first || inputs[name];
        } else {
          inputs[name].removeAttribute('aria-invalid');
          inputs[name].removeAttribute('aria-describedby');
        }
      }
      said.textContent = first ? '' : problem.detail;
      if (first) first.focus();
    };
    form.addEventListener('submit', async (event) => {
      event.preventDefault();
      if (button.disabled) return;
      button.disabled = true;
      const lead = { submission, ref: known().ref, source: known().source, leave_empty: trap.value, elapsed_ms: Date.now() - began };
      for (const name in inputs) lead[name] = inputs[name].value;
      try {
        const answer = await fetch(server + '/api/v1/public/leads', {
          method: 'POST',
          credentials: 'omit',
          headers: { 'Content-Type': 'application/json' },
          body: JSON.stringify(lead),
        });
        const told = await answer.json();
        if (answer.ok) {
          const thanks = make('p', { class: 'goodword-thanks', role: 'status', tabindex: '-1' },
            'Thank you. Your client number is ' + told.client + '.');
          form.replaceWith(thanks);
          thanks.focus();
        } else show(told);
      } catch (e) {
        show({ detail: 'That could not be sent. Nothing is lost: please press Send once more.' });
      }
      button.disabled = false;
    });
  };

  window.Goodword = {
    consent(given) {
      mayStore = !!given;
      refused = !given;
      if (given) {
        seen = null;
        if (memory) save(memory);
      } else {
        memory = null;
        for (const store of stores) try { store.drop(); } catch (e) { /* Nothing was kept there. */ }
      }
      look();
    },
  };
  for (const name of ['pushState', 'replaceState']) {
    const before = history[name];
    history[name] = function (...given) {
      const result = before.apply(this, given);
      look();
      return result;
    };
  }
  addEventListener('popstate', look);
  addEventListener('pageshow', look);
  document.addEventListener('submit', fill, true);
  new MutationObserver(fill).observe(document.documentElement, { childList: true, subtree: true });
  look();
})();
