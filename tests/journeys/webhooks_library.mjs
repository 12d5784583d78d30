// Webhooks as their receivers verify them: by the library `standardwebhooks`, which we did not write. JOURNEY holds deliveries, each
// with a secret, headers and a body; of each it is said whether it is believed.
import { Webhook } from "standardwebhooks";

const deliveries = JSON.parse(process.env.JOURNEY);
const believed = deliveries.map(({ secret, headers, body }) => {
  try {
    return typeof new Webhook(secret).verify(body, headers) === "object";
  } catch {
    return false;
  }
});
console.log(JSON.stringify(believed));
