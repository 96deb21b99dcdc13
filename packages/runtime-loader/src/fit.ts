/** Whether an annotation table is a kernel's own. */
import { fail, fileOffsets, type ElfFile } from "@pv/elf";
import { CALL_SIZE, NO_PATCH, hex, type Annotations } from "./annotations.js";
import { crc32 } from "./crc32.js";
import { kernelChecksum } from "./loaded-kernel.js";

/** ELF machine numbers by architecture. */
export const MACHINE = { i386: 3, amd64: 62 } as const;

/**
 * Fails with PV4003 where machine, checksum, a window's bytes or a site's first byte differ. Cost: one CRC-32 over the
 * loaded bytes and one over the windows.
 */
export function checkFits(elf: ElfFile, annotations: Annotations): void {
  const { machine, addressHigh, sites, patches, moduleHook } = annotations;
  if (machine !== MACHINE[elf.arch] || addressHigh !== elf.addressHigh) {
    fail("PV4003", `The table is for ELF machine ${machine}, the kernel for ${MACHINE[elf.arch]}.`);
  }
  const sum = kernelChecksum(elf);
  if (sum !== annotations.kernelChecksum) {
    fail("PV4003", `The kernel's checksum is ${hex(sum)}, the table was made for ${hex(annotations.kernelChecksum)}.`);
  }
  const offsetOf = fileOffsets(elf);
  for (let patch = 0; patch < patches.count; patch++) {
    const start = patches.start[patch];
    const length = patches.length[patch];
    const at = offsetOf(start, length);
    if (at < 0) fail("PV4003", `The window at ${hex(start)} is not in the kernel.`, start);
    if (crc32(elf.bytes.subarray(at, at + length)) !== patches.checksum[patch]) {
      fail("PV4003", `The window at ${hex(start)} holds other bytes than the table says.`, start);
    }
  }
  if (moduleHook !== null) {
    const { call, target } = moduleHook;
    const at = offsetOf(call, CALL_SIZE);
    const [opcode] = at < 0 ? [] : elf.bytes.subarray(at, at + 1);
    if (opcode !== 0xe8 && opcode !== 0xe9)
      fail("PV4003", `There is no call of the module hook at ${hex(call)}.`, call);
    const displacement = new DataView(elf.bytes.buffer, elf.bytes.byteOffset + at + 1, 4).getInt32(0, true);
    if ((call + CALL_SIZE + displacement) >>> 0 !== target)
      fail("PV4003", `What is called at ${hex(call)} is not ${hex(target)}.`, call);
  }
  for (let site = 0; site < sites.count; site++) {
    if (sites.patch[site] === NO_PATCH) continue;
    const address = sites.address[site];
    const at = offsetOf(address, sites.length[site]);
    if (at < 0 || elf.bytes[at] !== sites.firstByte[site]) {
      fail("PV4003", `The instruction at ${hex(address)} does not start as the table says.`, address);
    }
  }
}
