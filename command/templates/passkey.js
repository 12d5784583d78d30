// The passkeys of the hosted pages (Web Authentication Level 3): asks the browser for what a page's form names, and sends its answer by that
// form. `data-passkey` is `get` or `create`, `data-options` what it is called with, as JSON; with `data-autofill` passkeys are offered
// among what the browser fills in, too. Nothing is kept, and nothing is sent anywhere else.

const form = document.querySelector("form[data-passkey]");
const answer = form.elements.namedItem("passkey");
const trouble = form.querySelector("[data-trouble]");
const asks = form.dataset.passkey;
let waiting = new AbortController();

const decode = (text) =>
  Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (letter) => letter.charCodeAt(0));

const encode = (buffer) =>
  btoa(Array.from(new Uint8Array(buffer), (byte) => String.fromCharCode(byte)).join(""))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replaceAll("=", "");

/** The options, with bytes where the browser wants them. */
function options() {
  const { publicKey } = JSON.parse(form.dataset.options);
  publicKey.challenge = decode(publicKey.challenge);
  if (publicKey.user) publicKey.user.id = decode(publicKey.user.id);
  for (const list of ["allowCredentials", "excludeCredentials"]) {
    for (const credential of publicKey[list] ?? []) credential.id = decode(credential.id);
  }
  return publicKey;
}

/** A credential as `toJSON` writes it, which not every browser has. */
function written(credential) {
  const response = { clientDataJSON: encode(credential.response.clientDataJSON) };
  for (const part of ["attestationObject", "authenticatorData", "signature", "userHandle"]) {
    if (credential.response[part]) response[part] = encode(credential.response[part]);
  }
  const known = ["ble", "hybrid", "internal", "nfc", "usb"];
  const transports = credential.response.getTransports?.().filter((transport) => known.includes(transport));
  if (transports) response.transports = transports;
  return JSON.stringify({
    id: credential.id,
    rawId: encode(credential.rawId),
    type: credential.type,
    response,
    clientExtensionResults: {},
  });
}

function send(credential) {
  answer.value = written(credential);
  form.requestSubmit();
}

/** Offers passkeys among what the browser fills in, until a button is pressed. */
async function autofill() {
  if (!("autofill" in form.dataset) || !(await PublicKeyCredential.isConditionalMediationAvailable?.())) return;
  waiting = new AbortController();
  const { signal } = waiting;
  try {
    send(await navigator.credentials.get({ publicKey: options(), mediation: "conditional", signal }));
  } catch {
    // Given up for the button, or by the person: the form is there all the same.
  }
}

async function ask() {
  waiting.abort();
  trouble.hidden = true;
  try {
    send(await navigator.credentials[asks]({ publicKey: options() }));
  } catch {
    trouble.hidden = false;
    autofill();
  }
}

if (window.PublicKeyCredential) {
  form.hidden = false;
  // A page that comes back out of the browser's own cache has no answer yet.
  window.addEventListener("pageshow", () => (answer.value = ""));
  form.addEventListener("submit", (event) => {
    if (answer.value) return;
    event.preventDefault();
    ask();
  });
  autofill();
}
