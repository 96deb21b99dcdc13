/**
 * Reading input and writing output. Output files appear whole or not at all, and never replace an input.
 *
 * The file is written beside its final place and renamed there. Where the path is a symbolic link, the file that it
 * points to is replaced, not the link.
 */
import { randomBytes } from "node:crypto";
import { constants } from "node:fs";
import { access, open, readFile, realpath, rename, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { diagnostic, fail, InputError } from "@pv/elf";
import { interruptible } from "./interrupt.js";

/** Bytes. No machine here has more memory, and Node reads no larger file at once. */
const MAX_INPUT = 2 ** 31 - 1;

/** Reads an input file. Errors: PV9001 (not there, no regular file, too large), PV1002 (empty). */
export async function readInput(path: string): Promise<Uint8Array> {
  // A device or a pipe may have no end.
  const about = await stat(path).catch((error: unknown) => unreadable(path, reasonOf(error)));
  if (about.isDirectory()) unreadable(path, "it is a folder");
  if (!about.isFile()) unreadable(path, "it is no regular file");
  if (about.size > MAX_INPUT) unreadable(path, `it has ${about.size} bytes, more than ${MAX_INPUT}`);
  const bytes = await readFile(path).catch((error: unknown) => unreadable(path, reasonOf(error)));
  if (bytes.length === 0) fail("PV1002", `${path} is empty`);
  // A plain view: `slice` of a Node Buffer would not copy.
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function unreadable(path: string, why: string): never {
  return fail("PV9001", `cannot read ${path}: ${why}`, undefined, "Check the path and its permissions.");
}

/**
 * Checks a path to write to, before the long work: gives the path to hand to `writeOutput`. Errors: PV9001 (it is one of
 * the inputs), PV5005 (no folder to write to, or something there that is no regular file).
 */
export async function checkOutput(path: string, inputs: readonly string[]): Promise<string> {
  const there = await stat(path, { bigint: true }).catch(() => undefined);
  for (const input of inputs) {
    const other = await stat(input, { bigint: true }).catch(() => undefined);
    if (there !== undefined && other !== undefined && there.ino === other.ino && there.dev === other.dev) {
      fail("PV9001", `${path} is the input ${input} itself`, undefined, "Give another path to write to.");
    }
  }
  if (there?.isDirectory()) fail("PV5005", `cannot write ${path}: it is a folder`);
  if (there !== undefined && !there.isFile()) fail("PV5005", `cannot write ${path}: it is no regular file`);
  const target = there === undefined ? path : await realpath(path);
  const folder = dirname(target);
  const about = await stat(folder).catch((error: unknown) => unwritable(path, error));
  if (!about.isDirectory()) fail("PV5005", `cannot write ${path}: ${folder} is no folder`);
  await access(folder, constants.W_OK).catch((error: unknown) => unwritable(path, error));
  return target;
}

/** Writes a file, replacing one that is there. Errors: PV5005; `Interrupted`. No error leaves anything behind. */
export async function writeOutput(path: string, bytes: Uint8Array): Promise<void> {
  const temporary = join(dirname(path), `.previrt-${randomBytes(6).toString("hex")}.tmp`);
  await interruptible(async (signal) => {
    try {
      const file = await open(temporary, "wx");
      try {
        await file.writeFile(bytes, { signal });
        await file.sync();
      } finally {
        await file.close();
      }
      signal.throwIfAborted();
      await rename(temporary, path);
    } catch (error) {
      await rm(temporary, { force: true }).catch(() => undefined);
      unwritable(path, error);
    }
  });
}

function unwritable(path: string, error: unknown): never {
  throw new InputError(diagnostic("PV5005", `cannot write ${path}: ${reasonOf(error)}`));
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: "no such file or folder",
  ENOTDIR: "a part of the path is no folder",
  EISDIR: "it is a folder",
  EACCES: "permission denied",
  EPERM: "not permitted",
  ELOOP: "too many symbolic links",
  ENAMETOOLONG: "the name is too long",
  ENOSPC: "the disk is full",
  EDQUOT: "the quota is used up",
  EFBIG: "the file would be too large",
  EIO: "the device failed",
  EROFS: "the file system is read-only",
  ENXIO: "there is no such device",
};

/** A system error in words. */
export function reasonOf(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  return (code !== undefined && REASONS[code]) || message;
}
