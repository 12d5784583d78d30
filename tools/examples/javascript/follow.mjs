// Follows the users of all realms in Kafka: one line of JSON for each event, and a complaint where one is missing.
//
//     npm ci
//     BROKERS=localhost:9092 node follow.mjs              # from the beginning, until it is interrupted
//     BROKERS=localhost:9092 UNTIL_END=1 node follow.mjs  # ends when nothing has come for five seconds

import { randomUUID } from "node:crypto";
import kafkajs from "kafkajs";
import lz4 from "lz4js";

const { CompressionCodecs, CompressionTypes, Kafka, logLevel } = kafkajs;
// Records are compressed with LZ4, which KafkaJS leaves to others.
CompressionCodecs[CompressionTypes.LZ4] = () => ({
  compress: async ({ buffer }) => Buffer.from(lz4.compress(buffer)),
  decompress: async (buffer) => Buffer.from(lz4.decompress(buffer)),
});

const { BROKERS, GROUP, TOPIC = "identity.users.v1", UNTIL_END } = process.env;

const kafka = new Kafka({ brokers: BROKERS.split(","), clientId: "follow", logLevel: logLevel.ERROR });
const consumer = kafka.consumer({
  // Without a group of its own, it keeps no place, and begins anew each time.
  groupId: GROUP ?? `follow-${randomUUID()}`,
  // What was begun and given up is not shown.
  readUncommitted: false,
});

// What of each stream was seen in this topic. Partitions come in any order among one another: the chain is whole once
// each event names one before it that was seen, too.
const streams = new Map();

let idle;
const wait = () => {
  clearTimeout(idle);
  if (UNTIL_END) idle = setTimeout(end, 5_000);
};

async function end() {
  await consumer.disconnect();
  let missing = 0;
  for (const [stream, { seen, named }] of streams) {
    const seqs = [...named].filter((seq) => seq !== 0 && !seen.has(seq));
    if (seqs.length > 0) console.error(`events are missing: ${stream} ${seqs}`);
    missing += seqs.length;
  }
  process.exitCode = missing > 0 ? 1 : 0;
}

async function eachMessage({ message }) {
  clearTimeout(idle);
  const headers = Object.fromEntries(Object.entries(message.headers).map(([name, value]) => [name, value.toString()]));
  const stream = `${headers.ce_realmid}/${headers.ce_lane}`;
  if (!streams.has(stream)) streams.set(stream, { seen: new Set(), named: new Set() });
  const { seen, named } = streams.get(stream);
  seen.add(Number(headers.ce_seq));
  named.add(Number(headers.ce_previousseq));
  const event = {
    id: headers.ce_id,
    type: headers.ce_type,
    time: headers.ce_time,
    subject: headers.ce_subject,
    data: JSON.parse(message.value),
  };
  console.log(JSON.stringify(event));
  wait();
}

consumer.on(consumer.events.GROUP_JOIN, wait);
consumer.on(consumer.events.CRASH, ({ payload }) => {
  if (!payload.restart) process.exit(1);
});
process.once("SIGINT", end);

await consumer.connect();
await consumer.subscribe({ topic: TOPIC, fromBeginning: true });
await consumer.run({ autoCommit: GROUP !== undefined, eachMessage });
