// The workloads in JavaScript, for node: the same work and the same checksums as the Rust peers.
// Arguments: workload, scale as JSON. Prints one line of JSON. mark-* need --expose-gc.
'use strict';

const [workload, scaleText] = process.argv.slice(2);
const scale = JSON.parse(scaleText);
const MIN_DEPTH = 4;
const RING = 4096;
const LEAVES = 1000;
const COLLECTIONS = 4;
const PAYLOAD_DEPTH = 5;

let state = 0x9e3779b9 | 0;
function random() {
  state ^= state << 13;
  state ^= state >>> 17;
  state ^= state << 5;
  return state >>> 0;
}

function cpuMs() {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e3;
}

const collectionsMs = [];
function timeCollections() {
  for (let round = 0; round < COLLECTIONS; round++) {
    const before = cpuMs();
    globalThis.gc();
    collectionsMs.push(cpuMs() - before);
  }
}

class TreeNode {
  constructor(left, right) {
    this.left = left;
    this.right = right;
  }
}

function build(depth) {
  if (depth === 0) return new TreeNode(null, null);
  return new TreeNode(build(depth - 1), build(depth - 1));
}

function count(tree) {
  return tree.left === null ? 1 : 1 + count(tree.left) + count(tree.right);
}

function trees() {
  let total = count(build(scale.depth + 1));
  const longLived = build(scale.depth);
  for (let depth = MIN_DEPTH; depth <= scale.depth; depth += 2) {
    const times = 1 << (scale.depth - depth + MIN_DEPTH);
    for (let i = 0; i < times; i++) total += count(build(depth));
  }
  return total + count(longLived);
}

class Words2 {
  constructor(n) {
    this.a = n;
    this.last = n + 1;
  }
}
class Words3 {
  constructor(n) {
    this.a = n;
    this.b = n + 1;
    this.last = n + 2;
  }
}
class Words4 {
  constructor(n) {
    this.a = n;
    this.b = n + 1;
    this.c = n + 2;
    this.last = n + 3;
  }
}
class Words5 {
  constructor(n) {
    this.a = n;
    this.b = n + 1;
    this.c = n + 2;
    this.d = n + 3;
    this.last = n + 4;
  }
}

function churn() {
  const rings = [0, 1, 2, 3].map(() => new Array(RING).fill(null));
  let total = 0;
  for (let n = 0; n < scale.churn; n++) {
    const ring = rings[n & 3];
    const place = (n >>> 2) % RING;
    const oldest = ring[place];
    if (oldest !== null) total += oldest.last;
    switch (n & 3) {
      case 0: ring[place] = new Words2(n); break;
      case 1: ring[place] = new Words3(n); break;
      case 2: ring[place] = new Words4(n); break;
      default: ring[place] = new Words5(n);
    }
  }
  for (const ring of rings) for (const object of ring) if (object !== null) total += object.last;
  return total;
}

function markList() {
  let head = null;
  for (let n = 0; n < scale.live; n++) head = { next: head, value: n };
  timeCollections();
  let sum = 0;
  for (; head !== null; head = head.next) sum += head.value;
  return sum;
}

class GraphNode {
  constructor(value) {
    this.left = null;
    this.right = null;
    this.other = null;
    this.value = value;
  }
}

function makeGraph() {
  const nodes = new Array(scale.live);
  for (let n = 0; n < scale.live; n++) nodes[n] = new GraphNode(n);
  const order = new Uint32Array(scale.live);
  for (let n = 0; n < scale.live; n++) order[n] = n;
  for (let n = scale.live - 1; n > 0; n--) {
    const other = random() % (n + 1);
    const kept = order[n];
    order[n] = order[other];
    order[other] = kept;
  }
  for (let place = 0; place < scale.live; place++) {
    const node = nodes[order[place]];
    if (2 * place + 1 < scale.live) node.left = nodes[order[2 * place + 1]];
    if (2 * place + 2 < scale.live) node.right = nodes[order[2 * place + 2]];
    node.other = nodes[random() % scale.live];
  }
  return nodes[order[0]];
}

function sumOfGraph(node) {
  if (node === null) return 0;
  return node.value + node.other.value + sumOfGraph(node.left) + sumOfGraph(node.right);
}

function markGraph() {
  const root = makeGraph();
  timeCollections();
  return sumOfGraph(root);
}

function markTree() {
  const arrays = Math.floor(scale.live / LEAVES);
  const root = new Array(arrays);
  for (let branch = 0; branch < arrays; branch++) {
    const array = new Array(LEAVES);
    for (let place = 0; place < LEAVES; place++) array[place] = { value: branch * LEAVES + place };
    root[branch] = array;
  }
  timeCollections();
  let sum = 0;
  for (const array of root) for (const leaf of array) sum += leaf.value;
  return sum;
}

class Small {
  constructor(field) {
    this.field = field;
  }
}

function oldnew() {
  const old = new Array(scale.old);
  for (let n = 0; n < scale.old; n++) old[n] = new Small(null);
  for (let n = 0; n < scale.stores; n++) {
    const fresh = { number: n };
    old[random() % scale.old].field = fresh;
  }
  let total = 0;
  for (const object of old) if (object.field !== null) total += object.field.number;
  return total;
}

// Top-down splaying after Sleator and Tarjan, "Self-Adjusting Binary Search Trees", 1985.
class SplayNode {
  constructor(key, payload) {
    this.key = key;
    this.payload = payload;
    this.left = null;
    this.right = null;
  }
}

let root = null;

function splay(key) {
  if (root === null) return;
  const dummy = new SplayNode(0, null);
  let left = dummy;
  let right = dummy;
  let current = root;
  for (;;) {
    if (key < current.key) {
      let child = current.left;
      if (child === null) break;
      if (key < child.key) {
        current.left = child.right;
        child.right = current;
        current = child;
        child = current.left;
        if (child === null) break;
      }
      right.left = current;
      right = current;
      current = child;
    } else if (key > current.key) {
      let child = current.right;
      if (child === null) break;
      if (key > child.key) {
        current.right = child.left;
        child.left = current;
        current = child;
        child = current.right;
        if (child === null) break;
      }
      left.right = current;
      left = current;
      current = child;
    } else {
      break;
    }
  }
  left.right = current.left;
  right.left = current.right;
  current.left = dummy.right;
  current.right = dummy.left;
  root = current;
}

function payload(depth, tag) {
  if (depth === 0) {
    return { array: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9], string: 'String for key ' + tag + ' in leaf node' };
  }
  return { left: payload(depth - 1, tag), right: payload(depth - 1, tag) };
}

function insertNew() {
  let key;
  do {
    key = random() >>> 2;
    splay(key);
  } while (root !== null && root.key === key);
  const node = new SplayNode(key, payload(PAYLOAD_DEPTH, String(key)));
  splay(key);
  if (root !== null) {
    if (root.key < key) {
      node.left = root;
      node.right = root.right;
      root.right = null;
    } else {
      node.right = root;
      node.left = root.left;
      root.left = null;
    }
  }
  root = node;
  return key;
}

function greatestBelow(key) {
  splay(key);
  if (root.key < key) return root.key;
  let node = root.left;
  if (node === null) return null;
  while (node.right !== null) node = node.right;
  return node.key;
}

function remove(key) {
  splay(key);
  const { left, right } = root;
  if (left === null) {
    root = right;
    return;
  }
  root = left;
  splay(key);
  root.right = right;
}

function splayChecksum(node) {
  if (node === null) return 0;
  let leaf = node.payload;
  for (let depth = 0; depth < PAYLOAD_DEPTH; depth++) leaf = leaf.left;
  return node.key + leaf.array[9] + leaf.string.length + splayChecksum(node.left) + splayChecksum(node.right);
}

function splayTree() {
  for (let n = 0; n < scale.nodes; n++) insertNew();
  for (let n = 0; n < scale.replacements; n++) {
    const key = insertNew();
    const victim = greatestBelow(key);
    remove(victim === null ? key : victim);
  }
  return splayChecksum(root);
}

const programs = {
  bt16: trees,
  bt18: trees,
  churn,
  'mark-list': markList,
  'mark-graph': markGraph,
  'mark-tree': markTree,
  oldnew,
  splay: splayTree,
};

const checksum = programs[workload]();
const middle = collectionsMs.slice(1).sort((a, b) => a - b)[(COLLECTIONS - 1) >> 1];
process.stdout.write(
  JSON.stringify({
    workload,
    peer: '',
    checksum,
    cpu_ms: middle ?? cpuMs(),
    peak_rss_kb: process.resourceUsage().maxRSS,
  }) + '\n',
);
