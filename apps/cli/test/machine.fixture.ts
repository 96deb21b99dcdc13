/** What the machine tests boot: tiny guests in assembly, and containers around real kernels. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Whether the system's compiler makes 32-bit code. */
export function haveCompiler(): boolean {
  try {
    execFileSync("gcc", ["-m32", "-x", "c", "-c", "-", "-o", "/dev/null"], {
      input: "",
      stdio: ["pipe", "ignore", "ignore"],
    });
    return true;
  } catch {
    return false;
  }
}

/**
 * A multiboot image at 1 MiB whose code is `code` (AT&T syntax), entered at `start`. `say` prints the text at ESI, `mark`
 * is the word behind the multiboot header.
 */
export function assembleGuest(code: string): Uint8Array {
  const folder = mkdtempSync(join(tmpdir(), "previrt-guest-"));
  try {
    const source = `
      .text
      .long 0x1BADB002, 3, -(0x1BADB002 + 3)
mark: .long 0
      .globl start
start:
      mov $0x90000, %esp
      ${code}
say:  lodsb
      test %al, %al
      jz 1f
      mov $0x3f8, %dx
      out %al, %dx
      jmp say
1:    ret
hello: .asciz "hello from the guest\\r\\n"
`;
    const from = join(folder, "guest.s");
    const to = join(folder, "guest.elf");
    writeFileSync(from, source);
    const flags = [
      "-m32",
      "-nostdlib",
      "-static",
      "-no-pie",
      "-Wl,-Ttext=0x100000",
      "-Wl,-e,start",
      "-Wl,--build-id=none",
      "-Wl,-n",
    ];
    execFileSync("gcc", [...flags, "-o", to, from], { stdio: ["ignore", "ignore", "inherit"] });
    return new Uint8Array(readFileSync(to));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
