"use strict";
(function () {
  var id = function (name) { return document.getElementById(name); };
  var all = function (query, root) { return Array.prototype.slice.call((root || document).querySelectorAll(query)); };
  var fields = ["text", "verdict", "level", "role"].map(id), shown = id("shown");
  var cases = all(".case").map(function (e) {
    return { e: e, words: (e.querySelector("summary").textContent + " " + e.querySelector(".facts").textContent).toLowerCase() };
  });
  var clauses = all("#coverage tbody tr").map(function (e) { return { e: e, words: e.textContent.toLowerCase() }; });

  function apply() {
    var text = fields[0].value.trim().toLowerCase(), verdict = fields[1].value, level = fields[2].value, role = fields[3].value, n = 0;
    var right = function (e) { return !verdict || (verdict[0] === "!" ? e.dataset.verdict !== verdict.slice(1) : e.dataset.verdict === verdict); };
    var strong = function (e) { return !level || e.dataset.level === level; };
    cases.forEach(function (c) {
      var fits = (!text || c.words.indexOf(text) >= 0) && strong(c.e) && right(c.e) && (!role || c.e.dataset.role === role);
      c.e.hidden = !fits; if (fits) n++;
    });
    clauses.forEach(function (c) { c.e.hidden = !((!text || c.words.indexOf(text) >= 0) && strong(c.e) && right(c.e)); });
    all("main > section.cases").forEach(function (s) { s.hidden = !s.querySelector(".case:not([hidden])"); });
    all(".sources").forEach(function (s) { s.hidden = !s.querySelector("tbody tr:not([hidden])"); });
    shown.textContent = n + " of " + cases.length + " cells shown";
  }

  /* Messages lie compressed in the page; the first one that is opened unpacks them all. */
  var messages = null;
  function unpacked() {
    if (!messages) {
      var text = atob(id("messages").textContent.trim()), bytes = new Uint8Array(text.length);
      for (var i = 0; i < text.length; i++) { bytes[i] = text.charCodeAt(i); }
      messages = new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))).json();
    }
    return messages;
  }
  function fill(pre) {
    if (pre.dataset.filled) { return Promise.resolve(); }
    pre.dataset.filled = "1";
    return Promise.resolve().then(unpacked).then(function (list) {
      pre.textContent = "";
      list[+pre.dataset.message].forEach(function (piece) {
        var node = document.createTextNode(piece.t);
        if (piece.m) { var mark = document.createElement("mark"); mark.appendChild(node); node = mark; }
        pre.appendChild(node);
      });
      var mark = pre.querySelector("mark");
      if (mark) { pre.scrollTop = mark.offsetTop - pre.offsetTop - pre.clientHeight / 3; }
    }, function () {
      pre.textContent = "This browser cannot unpack the messages of this page; a current Firefox, Chrome, Edge or Safari can. The bytes are in the evidence.";
    });
  }
  document.addEventListener("toggle", function (event) {
    var pre = event.target.open && event.target.querySelector(":scope > pre[data-message]");
    if (pre) { fill(pre); }
  }, true);

  function reveal() {
    /* A case with a matrix has no element of its own name: its first cell stands for it. */
    var name = decodeURIComponent(location.hash.slice(1));
    var target = name && (id(name) || document.querySelector("[id^='" + CSS.escape(name) + "__']"));
    if (!target) { return; }
    if (target.closest("[hidden]")) { fields.forEach(function (f) { f.value = ""; }); apply(); }
    for (var e = target; e; e = e.parentElement) { if (e.tagName === "DETAILS") { e.open = true; } }
    var inner = target.classList.contains("row") && target.querySelector("details");
    if (inner) { inner.open = true; }
    target.scrollIntoView();
  }

  /* On paper everything that did not pass is open. */
  var opened = [];
  window.addEventListener("beforeprint", function () {
    opened = all(".case:not([open])").filter(function (e) { return ["fail", "warn", "open"].indexOf(e.dataset.verdict) >= 0; });
    opened = opened.concat(all("#repairs details:not([open])"));
    opened.forEach(function (e) { e.open = true; });
  });
  window.addEventListener("afterprint", function () { opened.forEach(function (e) { e.open = false; }); });

  fields.forEach(function (f) { f.addEventListener("input", apply); });
  id("filters").addEventListener("submit", function (event) { event.preventDefault(); });
  id("toggle").addEventListener("click", function () {
    var open = id("toggle").getAttribute("aria-pressed") !== "true";
    cases.forEach(function (c) { if (!c.e.hidden) { c.e.open = open; } });
    id("toggle").setAttribute("aria-pressed", open);
    id("toggle").textContent = open ? "Close all" : "Open all";
  });
  window.addEventListener("hashchange", reveal);
  apply();
  reveal();
})();
