'use strict';
// sets: 5000 rooms an iteration, each with a Set and a Map of a few entries, the last 20000 kept.
// Made by membench. By hand: node --max-old-space-size=256 --expose-gc --trace-gc FILE
const fs = require('fs');

fs.writeSync(1, `@membench {"start":{"node":"${process.versions.node}","v8":"${process.versions.v8}"}}\n`);

function sample(iteration, label) {
  const time = process.uptime() * 1000;
  const m = process.memoryUsage();
  fs.writeSync(1, `@membench {"sample":{"iteration":${iteration},"label":"${label}","timeMs":${time},"rss":${m.rss},"heapTotal":${m.heapTotal},"heapUsed":${m.heapUsed},"external":${m.external},"arrayBuffers":${m.arrayBuffers || 0}}}\n`);
}

// The generator that the simulation has too.
let random = 387697239;
function draw(from, to) {
  random ^= random << 13;
  random ^= random >>> 17;
  random ^= random << 5;
  return from + (Math.imul(random, -1640531535) >>> 1) % (to - from + 1);
}

function set1() {
  const set = new Set();
  for (let i = draw(1, 20); i > 0; i--) {
    set.add(i);
  }
  return set;
}

function map1(n) {
  const map = new Map();
  for (let i = draw(1, 10); i > 0; i--) {
    map.set(i, n);
  }
  return map;
}

const rooms = new Array(20000);
let n = 0;
let iteration = 0;

sample(iteration, 'start');
for (let round0 = 0; round0 < 20; round0++) {
  iteration++;
  for (let i = 0; i < 5000; i++) {
    rooms[n % 20000] = { id: n, members: set1(), scores: map1(n) };
    n++;
  }
  sample(iteration, 'iteration');
}

fs.writeSync(1, `@membench {"end":{"timeMs":${process.uptime() * 1000}}}\n`);
