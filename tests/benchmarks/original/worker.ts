// Calls the function as Deno.serve would, without a network in between; the counterpart of
// worker.py. A line {"count": n} is answered by {"cpu": seconds, "wall": seconds, "statuses": […]}: the CPU time
// of the whole process, helper threads included.

import { cpuUsage, stdin } from "node:process";
import { createInterface } from "node:readline";

import { handler } from "./anonymous.ts";

function cpuSeconds(): number {
  const { user, system } = cpuUsage();
  return (user + system) / 1e6;
}

for await (const line of createInterface({ input: stdin })) {
  const { count } = JSON.parse(line);
  const statuses = new Set<number>();
  const started = performance.now();
  const began = cpuSeconds();
  for (let index = 0; index < count; index += 1) {
    const response = await handler(new Request("http://127.0.0.1/powersync-auth-anonymous"));
    await response.text();
    statuses.add(response.status);
  }
  const cpu = cpuSeconds() - began;
  const wall = (performance.now() - started) / 1000;
  console.log(JSON.stringify({ cpu, wall, statuses: [...statuses] }));
}
