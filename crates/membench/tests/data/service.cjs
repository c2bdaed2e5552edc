'use strict';
// service: 10000 requests an iteration, 5000 sessions, one request in 20 leaks.
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

// Flat strings are read out of bytes, as a program reads them from a file or a socket.
const bytes = Buffer.alloc(500, 'x');

// What nothing keeps is stored here all the same: the optimizer would not allocate it otherwise.
const sink = { last: null };

function map1(n) {
  const map = new Map();
  for (let i = draw(1, 6); i > 0; i--) {
    map.set(i, 'value' + n);
  }
  return map;
}

class Session {
  constructor(n) {
    this.id = n;
    this.user = 'user' + n;
    this.started = n + 0.5;
    this.data = map1(n);
  }
}

function session(n) {
  return new Session(n);
}

function request(n) {
  return { id: n, url: '/api/orders/' + n, headers: { p0: n, p1: n + 1, p2: n + 2, p3: n + 3, p4: n + 4, p5: n + 5, p6: n + 6, p7: n + 7 }, body: bytes.toString('latin1', 0, draw(50, 500)) };
}

async function main() {
  const live = new Map();
  const audit = [];
  let n = 0;
  let iteration = 0;

  sample(iteration, 'start');
  for (let round1 = 0; round1 < 60; round1++) {
    iteration++;
    for (let round2 = 0; round2 < 10; round2++) {
      for (let i = 0; i < 900; i++) {
        sink.last = request(n);
        n++;
      }
      for (let i = draw(50, 150); i > 0; i--) {
        const thing = request(n);
        if (n % 20 === 0) audit.push(thing);
        n++;
      }
      for (let i = 0; i < 100; i++) {
        live.set(n, session(n));
        live.delete(n - 5000);
        n++;
      }
    }
    await new Promise((resolve) => setTimeout(resolve, 5));
    sample(iteration, 'iteration');
  }

  fs.writeSync(1, `@membench {"end":{"timeMs":${process.uptime() * 1000}}}\n`);
}

main();
