// OpenID Connect Session Management 1.0, section 3.2: an application's frame asks whether the session is the one of its last answer.
// Rule protected: who asks is told only about what was computed for its own origin.
const name = document.documentElement.dataset.cookie;

function browserState() {
  const pair = document.cookie.split("; ").find((one) => one.startsWith(`${name}=`));
  return pair?.slice(name.length + 1);
}

async function salted(clientId, origin, state, salt) {
  const text = new TextEncoder().encode(`${clientId} ${origin} ${state} ${salt}`);
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", text));
  const base64 = btoa(String.fromCharCode(...hash));
  return `${base64.replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "")}.${salt}`;
}

async function judged(data, origin) {
  const [clientId, told, ...more] = typeof data === "string" ? data.split(" ") : [];
  const salt = /^[\w-]{43}\.([\w-]+)$/.exec(told ?? "")?.[1];
  if (!clientId || !salt || more.length > 0) return "error";
  const state = browserState();
  if (state === undefined) {
    // No session; or a browser that keeps cookies from frames of other sites, where nothing can be said.
    return (await document.hasStorageAccess()) ? "changed" : "error";
  }
  return (await salted(clientId, origin, state, salt)) === told ? "unchanged" : "changed";
}

addEventListener("message", async ({ data, origin, source }) => {
  if (!source || source === window || origin === "null") return;
  source.postMessage(await judged(data, origin).catch(() => "error"), origin);
});
