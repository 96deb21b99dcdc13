/** The boot image's one multiboot module: kernel, initrd and command line in one (docs/formats.md, "Container"). */
import { attempt, fail, type Result } from "@pv/elf";
import { crc32 } from "./crc32.js";

const MAGIC = 0x5443_5650; // "PVCT"
const VERSION = 1;
const HEADER = 64;
const CRC_FROM = 16;
const ALIGN = 4096;
const MAX_COMMAND_LINE = 2047;
const FLAGS = 15;

const PACK_AGAIN = "Make the container again.";

export interface Container {
  /** A kernel as an ELF file, annotated or not. */
  readonly kernel: Uint8Array;
  readonly initrd?: Uint8Array;
  /** At most 2047 bytes in UTF-8, without NUL. */
  readonly commandLine: string;
  /** Overwrite dead registers and flags with garbage. Default false. */
  readonly poison?: boolean;
  /** Stop behind patching, before the kernel runs. Default false. */
  readonly stopBehindPatching?: boolean;
  /** Start the kernel as it is. Default false. */
  readonly unpatched?: boolean;
  /** No stubs: sites trap where they have to (hypervisors only). Default false. */
  readonly trapOnly?: boolean;
}

/** Packs a container. Errors: PV9001 (command line), PV5003 (larger than 4 GB). */
export function buildContainer(container: Container): Result<Uint8Array> {
  return attempt(() => {
    const { kernel, initrd } = container;
    const line = new TextEncoder().encode(container.commandLine);
    if (line.length > MAX_COMMAND_LINE)
      fail(
        "PV9001",
        `The kernel's command line has ${line.length} bytes.`,
        undefined,
        `At most ${MAX_COMMAND_LINE} bytes fit.`,
      );
    if (line.includes(0)) fail("PV9001", "The kernel's command line contains a NUL.", undefined, "Leave it out.");
    const kernelAt = aligned(HEADER + line.length);
    const kernelEnd = kernelAt + kernel.length;
    const initrdAt = initrd === undefined ? 0 : aligned(kernelEnd);
    const size = initrd === undefined ? kernelEnd : initrdAt + initrd.length;
    if (size >= 2 ** 32) fail("PV5003", `Kernel and initrd have ${size} bytes together.`);

    const bytes = new Uint8Array(size);
    const view = new DataView(bytes.buffer);
    const flags =
      (container.poison ? 1 : 0) |
      (container.stopBehindPatching ? 2 : 0) |
      (container.unpatched ? 4 : 0) |
      (container.trapOnly ? 8 : 0);
    view.setUint32(0, MAGIC, true);
    view.setUint16(4, VERSION, true);
    view.setUint16(6, HEADER, true);
    view.setUint32(8, size, true);
    [flags, kernelAt, kernel.length, initrdAt, initrd?.length ?? 0, HEADER, line.length].forEach((value, index) =>
      view.setUint32(16 + index * 4, value, true),
    );
    view.setUint32(12, crc32(bytes.subarray(CRC_FROM, HEADER)), true);
    bytes.set(line, HEADER);
    bytes.set(kernel, kernelAt);
    if (initrd !== undefined) bytes.set(initrd, initrdAt);
    return bytes;
  });
}

/** Takes a container apart (kernel and initrd are views). Errors: PV1001 (truncated), PV1003 (no container, or damaged). */
export function parseContainer(bytes: Uint8Array): Result<Container> {
  return attempt(() => {
    if (bytes.length < HEADER) fail("PV1001", `${bytes.length} bytes are too few for a container.`, 0, PACK_AGAIN);
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    if (view.getUint32(0, true) !== MAGIC) damaged("The bytes do not start with PVCT.");
    if (view.getUint16(4, true) !== VERSION || view.getUint16(6, true) !== HEADER) {
      damaged(
        `Container version ${view.getUint16(4, true)} with a header of ${view.getUint16(6, true)} bytes is not known here.`,
      );
    }
    if (crc32(bytes.subarray(CRC_FROM, HEADER)) !== view.getUint32(12, true))
      damaged("The header's checksum is wrong.");
    const size = view.getUint32(8, true);
    if (size < HEADER) damaged(`The header says that the container has ${size} bytes.`);
    if (size > bytes.length)
      fail("PV1001", `The container should have ${size} bytes, ${bytes.length} are there.`, 0, PACK_AGAIN);
    const part = (name: string, field: number, align: number): Uint8Array => {
      const at = view.getUint32(field, true);
      const length = view.getUint32(field + 4, true);
      if (at < HEADER || at > size || length > size - at || at % align !== 0) {
        damaged(`The ${name}, ${length} bytes at offset ${at}, is not in the container's ${size} bytes.`);
      }
      return bytes.subarray(at, at + length);
    };
    const flags = view.getUint32(16, true);
    if (flags > FLAGS) damaged(`The flags ${flags} are not known here.`);
    const kernel = part("kernel", 20, ALIGN);
    const line = part("command line", 36, 1);
    if (line.length > MAX_COMMAND_LINE) damaged(`The command line has ${line.length} bytes.`);
    const container = {
      kernel,
      commandLine: new TextDecoder().decode(line),
      poison: (flags & 1) !== 0,
      stopBehindPatching: (flags & 2) !== 0,
      unpatched: (flags & 4) !== 0,
      trapOnly: (flags & 8) !== 0,
    };
    return view.getUint32(28, true) === 0 ? container : { ...container, initrd: part("initrd", 28, ALIGN) };
  });
}

function aligned(offset: number): number {
  return Math.ceil(offset / ALIGN) * ALIGN;
}

function damaged(message: string): never {
  fail("PV1003", message, undefined, PACK_AGAIN);
}
