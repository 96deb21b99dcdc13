/**
 * XXH64 with seed 0, the checksum of zstd frames. Source: xxHash's doc/xxhash_spec.md.
 *
 * 64-bit numbers are pairs of 32-bit halves, because BigInt arithmetic takes about 30 times as long; a product of which
 * the lower 64 bits are wanted is four products of 16-bit pieces. A value lives in an Int32Array as low, high.
 */
import { viewOf } from "../layout.js";

type Pair = readonly [low: number, high: number];

const P1: Pair = [0x85ebca87 | 0, 0x9e3779b1 | 0];
const P2: Pair = [0x27d4eb4f | 0, 0xc2b2ae3d | 0];
const P3: Pair = [0x9e3779f9 | 0, 0x165667b1 | 0];
const P4: Pair = [0xc2b2ae63 | 0, 0x85ebca77 | 0];
const P5: Pair = [0x165667c5 | 0, 0x27d4eb2f | 0];

/** Four lanes or one value, changed in place: `at` counts 32-bit halves. */
function add(v: Int32Array, at: number, low: number, high: number): void {
  const sum = (v[at] >>> 0) + (low >>> 0);
  v[at] = sum | 0;
  v[at + 1] = (v[at + 1] + high + (sum > 0xffffffff ? 1 : 0)) | 0;
}

function multiply(v: Int32Array, at: number, low: number, high: number): void {
  const a = v[at];
  const a0 = a & 0xffff;
  const a1 = a >>> 16;
  const b0 = low & 0xffff;
  const b1 = low >>> 16;
  const bottom = a0 * b0;
  const middle = a1 * b0 + (bottom >>> 16);
  const cross = a0 * b1 + (middle & 0xffff);
  const top = a1 * b1 + Math.floor(middle / 65536) + Math.floor(cross / 65536);
  v[at + 1] = (top + Math.imul(a, high) + Math.imul(v[at + 1], low)) | 0;
  v[at] = Math.imul(a, low);
}

function rotate(v: Int32Array, at: number, by: number): void {
  const [low, high] = by < 32 ? [v[at], v[at + 1]] : [v[at + 1], v[at]];
  const n = by & 31;
  v[at] = (low << n) | (high >>> (32 - n));
  v[at + 1] = (high << n) | (low >>> (32 - n));
}

function xorShift(v: Int32Array, by: number): void {
  const [low, high] = v;
  if (by < 32) {
    v[0] = low ^ ((low >>> by) | (high << (32 - by)));
    v[1] = high ^ (high >>> by);
  } else v[0] = low ^ (high >>> (by - 32));
}

/** One lane takes in eight bytes. */
function round(v: Int32Array, at: number, low: number, high: number, scratch: Int32Array): void {
  scratch[0] = low;
  scratch[1] = high;
  multiply(scratch, 0, P2[0], P2[1]);
  add(v, at, scratch[0], scratch[1]);
  rotate(v, at, 31);
  multiply(v, at, P1[0], P1[1]);
}

/** The lower 32 bits, which is what a zstd frame keeps. */
export function xxhash64Low(bytes: Uint8Array): number {
  const view = viewOf(bytes);
  const hash = new Int32Array(2);
  const scratch = new Int32Array(2);
  let at = 0;
  if (bytes.length >= 32) {
    const lanes = new Int32Array(8);
    for (const i of [0, 1]) add(lanes, i * 2, P2[0], P2[1]);
    add(lanes, 0, P1[0], P1[1]);
    const minusP1 = Int32Array.of(0, 0);
    add(minusP1, 0, ~P1[0], ~P1[1]);
    add(minusP1, 0, 1, 0);
    add(lanes, 6, minusP1[0], minusP1[1]);
    for (; at + 32 <= bytes.length; at += 32) {
      for (let lane = 0; lane < 8; lane += 2) {
        round(lanes, lane, view.getInt32(at + lane * 4, true), view.getInt32(at + lane * 4 + 4, true), scratch);
      }
    }
    for (const [i, by] of [1, 7, 12, 18].entries()) {
      const lane = lanes.slice(i * 2, i * 2 + 2);
      rotate(lane, 0, by);
      add(hash, 0, lane[0], lane[1]);
    }
    for (let lane = 0; lane < 8; lane += 2) {
      const merged = new Int32Array(2);
      round(merged, 0, lanes[lane], lanes[lane + 1], scratch);
      hash[0] ^= merged[0];
      hash[1] ^= merged[1];
      multiply(hash, 0, P1[0], P1[1]);
      add(hash, 0, P4[0], P4[1]);
    }
  } else add(hash, 0, P5[0], P5[1]);

  add(hash, 0, bytes.length | 0, Math.floor(bytes.length / 2 ** 32));
  for (; at + 8 <= bytes.length; at += 8) {
    const piece = new Int32Array(2);
    round(piece, 0, view.getInt32(at, true), view.getInt32(at + 4, true), scratch);
    hash[0] ^= piece[0];
    hash[1] ^= piece[1];
    rotate(hash, 0, 27);
    multiply(hash, 0, P1[0], P1[1]);
    add(hash, 0, P4[0], P4[1]);
  }
  if (at + 4 <= bytes.length) {
    const piece = Int32Array.of(view.getInt32(at, true), 0);
    multiply(piece, 0, P1[0], P1[1]);
    hash[0] ^= piece[0];
    hash[1] ^= piece[1];
    rotate(hash, 0, 23);
    multiply(hash, 0, P2[0], P2[1]);
    add(hash, 0, P3[0], P3[1]);
    at += 4;
  }
  for (; at < bytes.length; at++) {
    const piece = Int32Array.of(bytes[at], 0);
    multiply(piece, 0, P5[0], P5[1]);
    hash[0] ^= piece[0];
    hash[1] ^= piece[1];
    rotate(hash, 0, 11);
    multiply(hash, 0, P1[0], P1[1]);
  }
  xorShift(hash, 33);
  multiply(hash, 0, P2[0], P2[1]);
  xorShift(hash, 29);
  multiply(hash, 0, P3[0], P3[1]);
  xorShift(hash, 32);
  return hash[0] >>> 0;
}
