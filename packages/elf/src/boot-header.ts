/**
 * The boot header of a bzImage: what a boot loader reads, and where the compressed kernel lies.
 *
 * A bzImage is real-mode code of `setup_sects` + 1 sectors (the header is inside the first two), then the protected-mode
 * code, which holds the payload. Source: Linux, Documentation/arch/x86/boot.rst, and arch/x86/boot/header.S.
 */
import { attempt, fail } from "./diagnostic.js";
import type { Result } from "./diagnostic.js";
import { viewOf } from "./layout.js";

export interface BootHeader {
  /** Boot protocol: 0x20f is 2.15. */
  readonly version: number;
  /** Size of the real-mode code in the file, bytes. */
  readonly setupSize: number;
  /** The whole version text: release, builder, build number. */
  readonly kernelVersion?: string;
  /** The payload's place in the file, bytes: compressed data and, unless it is gzip, 4 bytes with its unpacked size. */
  readonly payloadOffset: number;
  readonly payloadLength: number;
  /** Bytes; physical addresses that the kernel may be loaded at are multiples of it. */
  readonly kernelAlignment: number;
  readonly relocatable: boolean;
  /** Bit 0: has a 64-bit entry point; see XLF_* in the boot protocol. 0 before protocol 2.12. */
  readonly loadFlags64: number;
  /** Longest command line, bytes without the final zero. */
  readonly commandLineSize: number;
  /** Physical address that the kernel likes to be loaded at (protocol 2.10 on). */
  readonly preferredAddress?: number;
  /** Bytes of memory that it needs from there on (protocol 2.10 on). */
  readonly initSize?: number;
}

const SECTOR = 512;
const SETUP_SECTS = 0x1f1;
const BOOT_FLAG = 0x1fe;
const MAGIC = 0x202;
const VERSION = 0x206;
const KERNEL_VERSION = 0x20e;
const KERNEL_ALIGNMENT = 0x230;
const RELOCATABLE = 0x234;
const XLOADFLAGS = 0x236;
const CMDLINE_SIZE = 0x238;
const PAYLOAD_OFFSET = 0x248;
const PAYLOAD_LENGTH = 0x24c;
const PREF_ADDRESS = 0x258;
const INIT_SIZE = 0x260;
const HEADER_END = 0x268;

const HDRS = 0x53726448;

/** The payload's place is in the header since protocol 2.08 (Linux 2.6.26). */
const OLDEST_VERSION = 0x208;

/** Characters; longer version texts are cut. */
const MAX_VERSION_TEXT = 512;

/** True for a file that starts like a bzImage, whole or not. */
export function isBzImage(bytes: Uint8Array): boolean {
  if (bytes.length < BOOT_FLAG + 2) return false;
  const view = viewOf(bytes);
  if (view.getUint16(BOOT_FLAG, true) !== 0xaa55) return false;
  return bytes.length < MAGIC + 4 || view.getUint32(MAGIC, true) === HDRS;
}

/** Errors: PV1001 (cut off), PV1002 (empty), PV1003 (no bzImage, or one from before Linux 2.6.26). */
export function readBootHeader(bytes: Uint8Array): Result<BootHeader> {
  return attempt(() => parse(bytes));
}

function parse(bytes: Uint8Array): BootHeader {
  if (bytes.length === 0) fail("PV1002", "the file is empty");
  if (!isBzImage(bytes)) fail("PV1003", "the file has no Linux boot header");
  if (bytes.length < HEADER_END) fail("PV1001", `the boot header is cut off after ${bytes.length} bytes`, bytes.length);
  const view = viewOf(bytes);
  const version = view.getUint16(VERSION, true);
  if (version < OLDEST_VERSION) {
    const text = `${version >> 8}.${String(version & 0xff).padStart(2, "0")}`;
    fail(
      "PV1003",
      `boot protocol ${text} does not say where the kernel is`,
      VERSION,
      "Give a kernel from Linux 2.6.26 on.",
    );
  }
  // 0 stands for 4, for the sake of ancient loaders.
  const setupSize = ((bytes[SETUP_SECTS] || 4) + 1) * SECTOR;
  const payloadOffset = setupSize + view.getUint32(PAYLOAD_OFFSET, true);
  const payloadLength = view.getUint32(PAYLOAD_LENGTH, true);
  const end = payloadOffset + payloadLength;
  if (end > bytes.length) {
    const range = `0x${payloadOffset.toString(16)}..0x${end.toString(16)}`;
    fail(
      "PV1001",
      `the compressed kernel is at ${range}, but the file has only 0x${bytes.length.toString(16)} bytes`,
      bytes.length,
    );
  }
  const header = {
    version,
    setupSize,
    payloadOffset,
    payloadLength,
    kernelAlignment: view.getUint32(KERNEL_ALIGNMENT, true),
    relocatable: bytes[RELOCATABLE] !== 0,
    loadFlags64: version >= 0x20c ? view.getUint16(XLOADFLAGS, true) : 0,
    commandLineSize: view.getUint32(CMDLINE_SIZE, true),
  };
  const text = versionText(bytes.subarray(0, setupSize), view.getUint16(KERNEL_VERSION, true));
  return {
    ...header,
    ...(text === undefined ? {} : { kernelVersion: text }),
    ...(version < 0x20a
      ? {}
      : {
          preferredAddress: view.getUint32(PREF_ADDRESS + 4, true) * 2 ** 32 + view.getUint32(PREF_ADDRESS, true),
          initSize: view.getUint32(INIT_SIZE, true),
        }),
  };
}

/** The header gives the text's offset less one sector, or 0. */
function versionText(setup: Uint8Array, pointer: number): string | undefined {
  const start = pointer + SECTOR;
  if (pointer === 0 || start >= setup.length) return undefined;
  const end = setup.indexOf(0, start);
  if (end < 0 || end === start) return undefined;
  const text = Buffer.from(setup.subarray(start, Math.min(end, start + MAX_VERSION_TEXT))).toString("latin1");
  // People will see it on a terminal.
  return /^[ -~]+$/.test(text) ? text : undefined;
}
