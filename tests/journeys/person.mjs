// The person of the journeys: plain requests, a cookie jar, and forms that are filled.
// Rule protected: nothing is sent to a page of another origin; the first address there is the answer.
/** A browser: cookies, redirects within the platform, one form. */
export class Person {
  #cookies = new Map();
  #journey;

  constructor(journey) {
    this.#journey = journey;
  }

  async request(url, init = {}) {
    const cookie = [...this.#cookies].map(([name, value]) => `${name}=${value}`).join("; ");
    const response = await fetch(url, { ...init, redirect: "manual", headers: { ...init.headers, ...(cookie && { cookie }) } });
    for (const set of response.headers.getSetCookie()) {
      const [, name, value] = /^([^=]+)=([^;]*)/.exec(set);
      if (/max-age=0/i.test(set)) this.#cookies.delete(name);
      else this.#cookies.set(name, value);
    }
    const location = response.headers.get("location");
    if (!location) return response;
    const next = new URL(location, url);
    return next.href.startsWith(this.#journey.issuer) ? this.request(next) : next;
  }

  /** The form of a page, filled. */
  async #fill(page, fields) {
    const html = await page.text();
    const plain = (text) => text.replace(/&#(\d+);/g, (_, code) => String.fromCharCode(code)).replace(/&amp;/g, "&");
    const action = plain(/<form method="post" action="([^"]+)"/.exec(html)[1]);
    const flow = plain(/name="flow" value="([^"]+)"/.exec(html)[1]);
    const body = new URLSearchParams({ flow, ...fields });
    return this.request(new URL(action, page.url), { method: "POST", body });
  }

  async signIn(url) {
    const page = await this.request(url);
    const { username, password } = this.#journey;
    return page instanceof URL ? page : this.#fill(page, { username, password });
  }

  /** Says yes to what the page asks. */
  allow(page) {
    return this.#fill(page, { decision: "allow" });
  }
}
