// BullMQ as an entrant of Warren's bench: answers requests, one JSON object a line (bench/peer_protocol.go).
// Publishing and running share the process, each on connections of its own.

import { createRequire } from "node:module";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { Queue, Worker } from "bullmq";

const CONCURRENCY = 10;
const BULK = 1000; // jobs in one call of addBulk
const NAME = "bench";

const [host, port] = process.env.BENCH_URL.split(":");
const connection = { host, port: Number(port), maxRetriesPerRequest: null };
const payload = { pad: "x".repeat(Number(process.env.BENCH_PAYLOAD) - '{"pad":""}'.length) };
const options = { removeOnComplete: true, removeOnFail: true };
const queue = new Queue(NAME, { connection });

const now = () => process.hrtime.bigint();
const seconds = (ns) => Number(ns > 0n ? ns : 1n) / 1e9;

async function enqueue(count, delay) {
  for (let done = 0; done < count; ) {
    const jobs = Array.from({ length: Math.min(BULK, count - done) }, () => ({
      name: "task",
      data: payload,
      opts: delay > 0 ? { ...options, delay } : options,
    }));
    await queue.addBulk(jobs);
    done += jobs.length;
  }
}

// running is the worker, which is closed after the answer, so that its memory can be looked at before.
let running;

// work starts a worker that calls started for each job, and returns when it is ready.
async function work(started) {
  running = new Worker(NAME, async (job) => started(job.name), { connection, concurrency: CONCURRENCY });
  running.on("error", (error) => process.stderr.write(`${error}\n`));
  await running.waitUntilReady();
}

// counter counts jobs and resolves done at the goal.
function counter(goal) {
  const c = { count: 0, first: 0n, last: 0n };
  c.done = new Promise((resolve) => {
    c.started = () => {
      c.last = now();
      if (c.count === 0) c.first = c.last;
      if (++c.count === goal) {
        c.goal = c.last;
        resolve();
      }
    };
  });
  return c;
}

async function awaitUpTo(done, limit) {
  const over = new AbortController();
  await Promise.race([done, sleep(limit, undefined, { signal: over.signal }).catch(() => {})]);
  over.abort();
}

async function metered(count, limit, publishing) {
  const c = counter(count);
  await work(c.started);
  const began = now();
  if (publishing) await enqueue(count, 0);
  await awaitUpTo(c.done, limit);
  return { count: Math.min(c.count, count), seconds: seconds((c.goal ?? c.last) - (publishing ? began : c.first)) };
}

async function timed(count, rate, delay, limit) {
  const since = [];
  const passed = [];
  const c = counter(count);
  await work((name) => {
    passed.push(Number(now() - since[Number(name)]));
    c.started();
  });
  const begin = now();
  for (let number = 0; number < count; number++) {
    const wait = (number * 1000) / rate - Number(now() - begin) / 1e6;
    if (wait > 0) await sleep(wait);
    const by = Math.floor(Math.random() * (delay + 1)); // whole milliseconds are what BullMQ takes
    since[number] = now() + BigInt(by) * 1000000n;
    await queue.add(String(number), payload, delay > 0 ? { ...options, delay: by } : options);
  }
  await awaitUpTo(c.done, limit);
  return { count: passed.length, seconds: 0, times_ns: passed };
}

async function perform({ do: what, count, delay_ms: delay = 0, rate = 0, limit_ms: limit = 0 }) {
  switch (what) {
    case "enqueue": {
      const began = now();
      await enqueue(count, delay);
      return { count, seconds: seconds(now() - began) };
    }
    case "drain":
      return metered(count, limit, false);
    case "both":
      return metered(count, limit, true);
    case "latency":
      return timed(count, rate, 0, limit);
    case "delays":
      return timed(count, rate, delay, limit);
    default:
      throw new Error(`${what} is no request`);
  }
}

const version = createRequire(import.meta.url)("bullmq/package.json").version;
const say = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);
await queue.waitUntilReady();
say({ versions: `BullMQ ${version}, Node.js ${process.versions.node}` });
for await (const line of createInterface({ input: process.stdin })) {
  try {
    say(await perform(JSON.parse(line)));
  } catch (error) {
    say({ count: 0, seconds: 0, error: String(error) });
  }
  await running?.close();
  running = undefined;
}
await queue.close();
