'use strict';
// build-tool: 60 modules an iteration go into a cache; each brings tokens and a syntax tree that live for the iteration.
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
const bytes = Buffer.alloc(20000, 'x');

function token(n) {
  return { kind: n, start: n + 1, end: n + 2 };
}

function grown1(n) {
  const object = {};
  object.p0 = n;
  object.p1 = n + 1;
  object.p2 = n + 2;
  object.p3 = n + 3;
  object.p4 = n + 4;
  object.p5 = n + 5;
  object.p6 = n + 6;
  object.p7 = n + 7;
  object.p8 = n + 8;
  object.p9 = n + 9;
  object.p10 = n + 10;
  object.p11 = n + 11;
  return object;
}

function source(n) {
  return { path: 'src/module' + n, text: bytes.toString('latin1', 0, draw(2000, 20000)), exports: grown1(n) };
}

function array1(n) {
  const array = [];
  for (let i = draw(100, 1500); i > 0; i--) {
    array.push(token(n));
  }
  return array;
}

function array2(n) {
  const array = [];
  for (let i = 0; i < 3; i++) {
    array.push(n);
  }
  return array;
}

function tree1(depth, n) {
  if (depth === 0) return null;
  return { value: array2(n), left: tree1(depth - 1, n), right: tree1(depth - 1, n) };
}

const modules = new Map();
let work = [];
let n = 0;
let iteration = 0;

sample(iteration, 'start');
for (let round0 = 0; round0 < 25; round0++) {
  iteration++;
  for (let round1 = 0; round1 < 60; round1++) {
    modules.set(n, source(n));
    n++;
    work.push(array1(n));
    n++;
    work.push(tree1(7, n));
    n++;
  }
  sample(iteration, 'iteration');
  work = [];
}

fs.writeSync(1, `@membench {"end":{"timeMs":${process.uptime() * 1000}}}\n`);
