'use strict';
// phases: 4 batches: 5 iterations of 40000 rows, then everything is dropped and the process rests.
// Made by membench. By hand: node --max-old-space-size=256 --expose-gc --trace-gc FILE
const fs = require('fs');

fs.writeSync(1, `@membench {"start":{"node":"${process.versions.node}","v8":"${process.versions.v8}"}}\n`);

function sample(iteration, label) {
  const time = process.uptime() * 1000;
  const m = process.memoryUsage();
  fs.writeSync(1, `@membench {"sample":{"iteration":${iteration},"label":"${label}","timeMs":${time},"rss":${m.rss},"heapTotal":${m.heapTotal},"heapUsed":${m.heapUsed},"external":${m.external},"arrayBuffers":${m.arrayBuffers || 0}}}\n`);
}

async function main() {
  let rows = [];
  let n = 0;
  let iteration = 0;

  sample(iteration, 'start');
  for (let round1 = 0; round1 < 4; round1++) {
    // load
    for (let round2 = 0; round2 < 5; round2++) {
      iteration++;
      for (let i = 0; i < 40000; i++) {
        rows.push({ id: n, name: 'row' + n, cells: [n, n + 1, n + 2] });
        n++;
      }
      sample(iteration, 'iteration');
    }
    // release
    rows = [];
    await new Promise((resolve) => setTimeout(resolve, 50));
    sample(iteration, 'cleared');
  }

  fs.writeSync(1, `@membench {"end":{"timeMs":${process.uptime() * 1000}}}\n`);
}

main();
