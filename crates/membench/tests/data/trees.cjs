'use strict';
// trees: one tree of depth 16 that stays, 40 trees of depth 10 an iteration that do not.
// Made by membench. By hand: node --max-old-space-size=256 --expose-gc --trace-gc FILE
const fs = require('fs');

fs.writeSync(1, `@membench {"start":{"node":"${process.versions.node}","v8":"${process.versions.v8}"}}\n`);

function sample(iteration, label) {
  const time = process.uptime() * 1000;
  const m = process.memoryUsage();
  fs.writeSync(1, `@membench {"sample":{"iteration":${iteration},"label":"${label}","timeMs":${time},"rss":${m.rss},"heapTotal":${m.heapTotal},"heapUsed":${m.heapUsed},"external":${m.external},"arrayBuffers":${m.arrayBuffers || 0}}}\n`);
}

// What nothing keeps is stored here all the same: the optimizer would not allocate it otherwise.
const sink = { last: null };

function tree1(depth, n) {
  if (depth === 0) return null;
  return { value: n, left: tree1(depth - 1, n), right: tree1(depth - 1, n) };
}

function tree2(depth, n) {
  if (depth === 0) return null;
  return { value: n, left: tree2(depth - 1, n), right: tree2(depth - 1, n) };
}

const standing = [];
let n = 0;
let iteration = 0;

sample(iteration, 'start');
standing.push(tree1(16, n));
n++;
for (let round0 = 0; round0 < 20; round0++) {
  iteration++;
  for (let i = 0; i < 40; i++) {
    sink.last = tree2(10, n);
    n++;
  }
  sample(iteration, 'iteration');
}

fs.writeSync(1, `@membench {"end":{"timeMs":${process.uptime() * 1000}}}\n`);
