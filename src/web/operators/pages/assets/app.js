// Makes pages quick. They work without it, and nothing is decided here: no key sends a vote.
// Elements say what keys do with them: data-go="q" is where `g q` goes, data-key="a" is what `a` moves the focus to,
// data-open is the link of an item in a list.
"use strict";
(() => {
  const find = (selector, within = document) => within.querySelector(selector);
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];
  const dialog = find("#keys");

  // Keys can be switched off: who dictates, or leans on the keyboard, types letters without meaning them.
  const keysAreOff = () => {
    try { return localStorage.getItem("keys") === "off"; } catch { return false; }
  };
  const setKeys = (on) => {
    try { localStorage.setItem("keys", on ? "on" : "off"); } catch { /* not kept then */ }
  };

  // --- Lists: j and k move the focus from case to case.
  const items = () => all("[data-open]");
  const itemOf = (element) => element && element.closest("li");
  const current = () => {
    const item = itemOf(document.activeElement);
    return item ? find("[data-open]", item) : null;
  };
  const move = (step) => {
    const links = items();
    if (!links.length) { return; }
    const at = links.indexOf(current());
    const next = at < 0 ? (step > 0 ? 0 : links.length - 1) : Math.min(Math.max(at + step, 0), links.length - 1);
    links[next].focus();
    itemOf(links[next]).scrollIntoView({ block: "nearest" });
  };
  const pick = () => {
    const item = itemOf(document.activeElement);
    const box = item && find('input[type="checkbox"]', item);
    if (box) {
      box.checked = !box.checked;
      showSelected();
    }
  };

  // --- What is selected survives a renewal of the list, unless the case has changed: then its value is another one.
  let kept = new Set();
  const boxes = () => all('input[form="bulk"]');
  const showSelected = () => {
    const number = boxes().filter((box) => box.checked).length;
    const bulk = find("#bulk");
    const told = find("#selected");
    if (bulk) { bulk.classList.toggle("ready", number > 0); }
    if (told) { told.textContent = number ? `(${number})` : ""; }
  };
  document.addEventListener("change", (event) => {
    if (event.target.matches('input[form="bulk"]')) { showSelected(); }
  });
  document.addEventListener("htmx:beforeSwap", (event) => {
    if (event.detail.target && event.detail.target.id === "list") {
      kept = new Set(boxes().filter((box) => box.checked).map((box) => box.value));
    }
  });
  document.addEventListener("htmx:afterSwap", () => {
    for (const box of boxes()) { box.checked = kept.has(box.value); }
    showSelected();
  });

  // --- The form of a vote goes when there is nothing to vote on any more. Until then it stays as it is: somebody may be writing
  // in it, and it is bound to what was shown with it.
  document.addEventListener("htmx:oobBeforeSwap", (event) => {
    const { target, fragment } = event.detail;
    if (target.id === "offer" && find("form", target) && find("form", fragment)) { event.detail.shouldSwap = false; }
  });

  // --- Keys.
  let going = 0;
  const go = (letter) => {
    const link = find(`[data-go="${letter}"]`);
    if (link) { link.click(); }
  };
  const actions = {
    j: () => move(1),
    k: () => move(-1),
    o: () => { const link = current(); if (link) { link.click(); } },
    x: pick,
    "/": () => { const search = find("#q"); if (search) { search.focus(); search.select(); } else { go("q"); } },
    a: () => focusOn("a"),
    r: () => focusOn("r"),
    g: () => { going = Date.now(); },
    "?": () => help(),
  };
  const focusOn = (key) => {
    const target = find(`[data-key="${key}"]`);
    if (target) {
      target.scrollIntoView({ block: "center" });
      target.focus();
    }
  };
  const help = () => { if (dialog && !dialog.open) { dialog.showModal(); } };
  const types = (element) => element && (element.isContentEditable || element.matches("input:not([type=checkbox]):not([type=radio]), textarea, select"));
  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) { return; }
    if (types(event.target)) {
      if (event.key === "Escape" && event.target.id === "q") { event.target.blur(); }
      return;
    }
    if ((dialog && dialog.open) || keysAreOff()) { return; }
    if (going && Date.now() - going < 1500 && "qpl".includes(event.key)) {
      going = 0;
      event.preventDefault();
      go(event.key);
      return;
    }
    going = 0;
    if (Object.hasOwn(actions, event.key)) {
      event.preventDefault();
      actions[event.key]();
    }
  });

  // --- The help, which is of no use without us.
  const button = find("[data-help]");
  if (button && dialog) {
    button.hidden = false;
    button.addEventListener("click", help);
    const on = find("#keys-on");
    if (on) {
      on.checked = !keysAreOff();
      on.addEventListener("change", () => setKeys(on.checked));
    }
  }
  showSelected();
})();
