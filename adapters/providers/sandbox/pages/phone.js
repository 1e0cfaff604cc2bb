const at = id => document.getElementById(id);
const call = (method, path, body) => fetch(path, { method, body: body && JSON.stringify(body),
                                                   headers: { "Content-Type": "application/json" } });
// What the merchant's site said last stays, however often its part is drawn again.
let siteSaid = "";
const tellSite = () => {
  const place = document.querySelector(".said-by-site");
  if (place) { place.textContent = siteSaid; }
};

// What the server drew last, by id: a part is drawn again when the server has news of it.
const drawn = Object.fromEntries(
  ["clock", "faults", "chosen", "callbacks", "orders"].map(id => [id, at(id).innerHTML]));
const refresh = async () => {
  const page = new DOMParser().parseFromString(await (await fetch(location)).text(), "text/html");
  for (const id in drawn) {
    const fresh = page.getElementById(id).innerHTML;
    // Nobody is interrupted while typing; the next look draws it.
    const typing = document.activeElement?.matches("input") && at(id).contains(document.activeElement);
    if (fresh !== drawn[id] && !typing) { at(id).innerHTML = drawn[id] = fresh; tellSite(); }
  }
};
setInterval(() => document.hidden || refresh().catch(() => {}), 1000);

// What leaves the order open is told in place; the rest shows on what is drawn afresh.
const DONE = { scan: "已扫码 · Scanned", password: "停在输密码 · Stopped at the password",
               decline: "没有付款 · Left unpaid" };
const act = async ({ act }, { order, provider }) => {
  const answer = await call("POST", "/sandbox/payer/" + act, { provider_order_no: order, provider });
  const problem = answer.ok ? "" : (await answer.json()).detail;
  await refresh();
  if (!at("said")) { return; }
  at("said").className = problem ? "bad" : "good";
  const left = document.querySelector("#chosen [data-act]") && DONE[act];
  at("said").textContent = problem || left || at("said").textContent;
};
// Runs one deed of a button or form: no second press meanwhile, and silence is told.
const deed = async (button, say, doing) => {
  button.disabled = true;
  await doing().catch(() => say("没有连上 · Not reachable"));
  button.disabled = false;
};
const sayHere = text => {
  if (at("said")) { at("said").className = "bad"; at("said").textContent = text; }
};
const sayAtSite = text => { siteSaid = text; tellSite(); };
const atSite = async (path, body) => {
  const answer = await call("POST", "/sandbox/merchant/" + path, body);
  await refresh();
  sayAtSite(answer.ok ? "" : (await answer.json()).detail);
};
const mend = ({ mend }, { order, provider }, { refund }) => atSite("mend", {
  provider, provider_order_no: order, provider_refund_no: refund, arrives: mend === "true" });
const turn = async ({ step }, { provider }) => {
  const answer = await call("POST", "/sandbox/keys", { provider, step });
  at("turned").className = answer.ok ? "" : "bad";
  at("turned").textContent = answer.ok ? "✓ " + step.replaceAll("_", " ") : (await answer.json()).detail;
};

document.addEventListener("click", async ({ target }) => {
  const button = target.closest("button");
  const of = name => button.closest(`[data-${name}]`).dataset;
  if (button?.id === "clear") { await call("DELETE", "/sandbox/faults"); await refresh(); }
  if (button?.dataset.act) { deed(button, sayHere, () => act(button.dataset, of("order"))); }
  if (button?.dataset.mend) { deed(button, sayAtSite, () => mend(button.dataset, of("order"), of("refund"))); }
  if (button?.dataset.step) { deed(button, text => { at("turned").textContent = text; }, () => turn(button.dataset, of("provider"))); }
  if (button?.dataset.code === "new") { deed(button, () => {}, showCode); }
  if (button?.dataset.code === "copy") { copyCode(button); }
});

// A fen is a whole number: yuan are read as text, never multiplied as fractions.
const fen = yuan => {
  const [whole, part = ""] = yuan.split(".");
  return Number(whole + part.padEnd(2, "0"));
};
document.addEventListener("submit", event => {
  const form = event.target, button = form.querySelector("button");
  if (form.matches(".typed, .refund-on-site")) {
    event.preventDefault();
    document.activeElement.blur();
  }
  if (form.matches(".typed")) {
    deed(button, sayHere, () => act(form.dataset, form.closest("[data-order]").dataset));
  }
  if (form.matches(".refund-on-site")) {
    const { order, provider } = form.closest("[data-order]").dataset;
    deed(button, sayAtSite, () => atSite("refund", {
      provider, provider_order_no: order, amount: fen(form.yuan.value), reason: form.reason.value }));
  }
});

const wallet = at("wallet");
const showCode = async () => {
  const chosen = [...wallet.querySelectorAll("select")].map(({ name, value }) => `${name}=${value}`);
  const { auth_code, bars } = await (await fetch("/sandbox/payment-code?" + chosen.join("&"))).json();
  let place = 0;
  const rects = [...bars].map(Number).map((width, turn) => {
    const rect = turn % 2 ? "" : `<rect x="${place}" width="${width}" height="1"/>`;
    place += width;
    return rect;
  });
  const svg = wallet.querySelector("svg");
  svg.setAttribute("viewBox", `0 0 ${place} 1`);
  svg.innerHTML = rects.join("");
  at("auth-code").dataset.digits = auth_code;
  at("auth-code").textContent = auth_code.match(/.{1,4}/g).join(" ");
  wallet.querySelector("figure").hidden = false;
  wallet.querySelector("[data-code=copy]").disabled = false;
};
const copyCode = async button => {
  const code = at("auth-code"), words = button.innerHTML;
  try {
    await navigator.clipboard.writeText(code.dataset.digits);
    button.innerHTML = "✓ 已复制<br>Copied";
  } catch {  // without https there is no clipboard: mark the digits for the hand
    getSelection().selectAllChildren(code);
    button.innerHTML = "已选中<br>Marked";
  }
  setTimeout(() => { button.innerHTML = words; }, 1500);
};
wallet.addEventListener("change", () => wallet.querySelector("figure").hidden || showCode());

const arm = at("arm");
const fit = () => arm.querySelectorAll("[data-of]").forEach(label => {
  label.hidden = label.control.disabled = !label.dataset.of.split(" ").includes(arm.kind.value);
});
arm.kind.addEventListener("change", fit);
fit();
arm.addEventListener("submit", async event => {
  event.preventDefault();
  const asked = Object.fromEntries([...new FormData(arm)].filter(([, value]) => value));
  for (const name of ["seconds", "status", "times"]) {
    if (asked[name]) { asked[name] = Number(asked[name]); }
  }
  const answer = await call("POST", "/sandbox/faults", { times: null, ...asked });
  at("refused").textContent = answer.ok ? "" : (await answer.json()).detail;
  await refresh();
});
