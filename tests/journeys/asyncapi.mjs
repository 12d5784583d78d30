// Reads our AsyncAPI document with the parser of the AsyncAPI initiative, which validates it first. `JOURNEY`: {"url"}.
import { Parser } from "@asyncapi/parser";

const { url } = JSON.parse(process.env.JOURNEY);
const document = await (await fetch(url)).text();
const { document: parsed, diagnostics } = await new Parser().parse(document);
const errors = diagnostics.filter((diagnostic) => diagnostic.severity === 0);
if (!parsed || errors.length > 0) {
  console.error(JSON.stringify(errors.slice(0, 5), null, 1));
  process.exit(1);
}
const names = (channel) => channel.messages().all().map((message) => message.name());
const channels = Object.fromEntries(parsed.channels().all().map((channel) => [channel.id(), names(channel)]));
console.log(JSON.stringify({ version: parsed.version(), channels }));
