/**
 * Files out of a Debian package. dpkg-deb undoes the package's compression; the tar stream is read here, so that the
 * work ends with the last wanted file: /boot comes first in a kernel package of 300 MB.
 * Source of the layout: POSIX.1-1988 ustar header, 512-byte blocks.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { fail } from "@pv/elf";
import { missingTool } from "./process.js";

const BLOCK = 512;
/** No kernel image is that large: a wanted file that says so is damaged. */
const MAX_FILE = 256 * 2 ** 20;

export interface Member {
  /** Without a leading `./`. */
  readonly name: string;
  readonly bytes: Buffer;
}

/** Which regular files are wanted, by their names, and how many there are. */
export interface Wanted {
  readonly is: (name: string) => boolean;
  readonly count: number;
  /** For people. */
  readonly description: string;
}

/** Files of a package in its order. PV5004 without dpkg-deb, PV1001 if one is missing. */
export async function extractMembers(deb: string, wanted: Wanted): Promise<readonly Member[]> {
  const child = spawn("dpkg-deb", ["--fsys-tarfile", deb], { stdio: ["ignore", "pipe", "ignore"] });
  const ended = once(child, "close").catch((error: Error) => {
    throw missingTool("dpkg-deb", error);
  });
  // Failures surface where `ended` is awaited.
  ended.catch(() => undefined);
  let found: readonly Member[];
  try {
    found = await findMembers(child.stdout, wanted);
  } finally {
    child.kill("SIGKILL");
    await ended;
  }
  if (found.length < wanted.count)
    fail("PV1001", `the package does not hold ${wanted.description}: it is damaged or of an unknown layout`);
  return found;
}

/** Reads a tar stream up to the end of the last wanted file. */
export async function findMembers(tar: AsyncIterable<Buffer>, { is, count }: Wanted): Promise<readonly Member[]> {
  const found: Member[] = [];
  let head = Buffer.alloc(0);
  /** Bytes of an unwanted file, with its padding, still to skip. */
  let skip = 0;
  let wanted: { name: string; size: number; parts: Buffer[]; missing: number } | undefined;
  for await (const chunk of tar) {
    let at = 0;
    while (at < chunk.length) {
      if (skip > 0) {
        const step = Math.min(skip, chunk.length - at);
        skip -= step;
        at += step;
      } else if (wanted !== undefined) {
        const step = Math.min(wanted.missing, chunk.length - at);
        wanted.parts.push(chunk.subarray(at, at + step));
        wanted.missing -= step;
        at += step;
        if (wanted.missing > 0) continue;
        found.push({ name: wanted.name, bytes: Buffer.concat(wanted.parts, wanted.size) });
        if (found.length === count) return found;
        skip = -wanted.size & (BLOCK - 1);
        wanted = undefined;
      } else {
        const step = Math.min(BLOCK - head.length, chunk.length - at);
        head = Buffer.concat([head, chunk.subarray(at, at + step)]);
        at += step;
        if (head.length < BLOCK) continue;
        const { name, size, regular } = readHeader(head);
        head = Buffer.alloc(0);
        if (regular && size > 0 && is(name)) {
          if (size > MAX_FILE) fail("PV1001", `the package says that ${name} has ${size} bytes`);
          wanted = { name, size, parts: [], missing: size };
        } else {
          skip = Math.ceil(size / BLOCK) * BLOCK;
        }
      }
    }
  }
  return found;
}

function readHeader(block: Buffer): { name: string; size: number; regular: boolean } {
  const name = text(block, 0, 100).replace(/^\.\//, "");
  const size = Number.parseInt(text(block, 124, 12).trim() || "0", 8);
  if (!Number.isSafeInteger(size) || size < 0) fail("PV1001", "the package's archive is damaged");
  const type = block[156]!;
  return { name, size, regular: type === 0 || type === 0x30 };
}

function text(block: Buffer, at: number, length: number): string {
  const field = block.toString("latin1", at, at + length);
  const end = field.indexOf("\0");
  return end < 0 ? field : field.slice(0, end);
}
