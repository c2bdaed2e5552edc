'use strict';
// finalizers: 20000 registered handles an iteration: first in one job without a pause, then with the event loop between.
// Made by membench. By hand: node --max-old-space-size=256 --expose-gc --trace-gc FILE
const fs = require('fs');

fs.writeSync(1, `@membench {"start":{"node":"${process.versions.node}","v8":"${process.versions.v8}"}}\n`);

function sample(iteration, label) {
  const time = process.uptime() * 1000;
  const m = process.memoryUsage();
  fs.writeSync(1, `@membench {"sample":{"iteration":${iteration},"label":"${label}","timeMs":${time},"rss":${m.rss},"heapTotal":${m.heapTotal},"heapUsed":${m.heapUsed},"external":${m.external},"arrayBuffers":${m.arrayBuffers || 0}}}\n`);
}

let finalized = 0;
const registry = new FinalizationRegistry(() => { finalized++; });
function withFinalizer(thing, n) {
  registry.register(thing, n);
  return thing;
}

function handle(n) {
  return withFinalizer({ fd: n, name: 'socket' + n }, n);
}

async function main() {
  const open = new Array(1000);
  let n = 0;
  let iteration = 0;

  sample(iteration, 'start');
  // one long job: no finalizer runs
  for (let round1 = 0; round1 < 10; round1++) {
    iteration++;
    for (let i = 0; i < 20000; i++) {
      open[n % 1000] = handle(n);
      n++;
    }
    sample(iteration, 'iteration');
  }
  // the same with pauses
  for (let round1 = 0; round1 < 10; round1++) {
    iteration++;
    for (let i = 0; i < 20000; i++) {
      open[n % 1000] = handle(n);
      n++;
    }
    await new Promise((resolve) => setTimeout(resolve, 10));
    sample(iteration, 'iteration');
  }

  fs.writeSync(1, `@membench {"end":{"timeMs":${process.uptime() * 1000}}}\n`);
}

main();
