/**
 * Real kernels: our sites against those that `objdump` shows, address by address.
 *
 * The whole of the small sections, and the beginning of .text, where the architecture's own code is: as much as a test
 * run can afford.
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openImage, unwrap } from "@pv/elf";
import { kernelForTests } from "@pv/kernels";
import { countKinds, findSites } from "@pv/sensitive";
import { decode } from "@pv/x86-ir";
import { describe, expect, test } from "vitest";

/** Bytes of each section that are compared: about a second of objdump. */
const COMPARED = 1_500_000;
const SHT_PROGBITS = 1;
const SHF_EXECINSTR = 4;

for (const flavour of ["686", "cloud-amd64"] as const) {
  const { file, reason } = await kernelForTests(flavour);

  describe.skipIf(file === undefined)(reason === undefined ? flavour : `${flavour}: ${reason}`, () => {
    test("the same sites as objdump", async () => {
      const image = unwrap(await openImage(new Uint8Array(await readFile(file!.path))));
      const bits = image.arch === "i386" ? 32 : 64;
      const sections = image.elf.sections.filter(
        (section) => section.type === SHT_PROGBITS && section.flags & SHF_EXECINSTR && section.size > 0,
      );
      const regions = sections.map(({ name, address, size }) => ({
        name,
        start: address,
        bytes: image.memory.read(address, Math.min(size, COMPARED)),
      }));
      const program = decode(regions, bits, image.elf.addressHigh, new Uint32Array());
      const replacements = regions.filter(({ name }) => name === ".altinstr_replacement");
      const sites = findSites(program, {
        alternativeRanges: {
          start: Uint32Array.from(replacements, ({ start }) => start),
          end: Uint32Array.from(replacements, ({ start, bytes }) => start + bytes.length),
        },
      });

      const directory = mkdtempSync(join(tmpdir(), "pv-sensitive-"));
      const theirs = new Map<number, string>();
      try {
        const path = join(directory, "vmlinux");
        writeFileSync(path, image.elf.bytes);
        for (const { name, start, bytes } of regions) {
          const stop = (BigInt(image.elf.addressHigh) << 32n) + BigInt(start + bytes.length);
          const options = ["-d", "--no-show-raw-insn", "-j", name, `--stop-address=0x${stop.toString(16)}`];
          const text = execFileSync("objdump", [...options, path], { encoding: "latin1", maxBuffer: 2 ** 29 });
          for (const [, address, instruction] of text.matchAll(/^ *([0-9a-f]+):\t(.*)$/gm)) {
            if (SENSITIVE.test(instruction)) theirs.set(Number.parseInt(address.slice(-8), 16), instruction);
          }
        }
      } finally {
        rmSync(directory, { recursive: true });
      }

      const ours = new Set(Array.from(sites.instruction, (row) => program.address[row]));
      // The last instruction may run over the end of what was decoded.
      const ends = regions.map(({ start, bytes }) => start + bytes.length);
      const comparable = (address: number): boolean => !ends.some((end) => address < end && end - address < 15);
      expect([...theirs].filter(([address]) => !ours.has(address) && comparable(address))).toEqual([]);
      expect([...ours].filter((address) => !theirs.has(address) && comparable(address))).toEqual([]);
      expect(ours.size).toBeGreaterThan(500);

      // clac and stac stand in replacements only: the kernel patches them in where there is SMAP.
      const marked = sites.inAlternative.reduce((sum, mark) => sum + mark, 0);
      expect(marked).toBeGreaterThan(100);
      expect(
        countKinds(sites)
          .slice(0, 8)
          .map(({ kind }) => kind),
      ).toContain("wrmsr");
    });
  });
}

/** What objdump calls the sensitive instructions that occur in kernels (AT&T syntax, prefixes in front). */
const SENSITIVE = new RegExp(
  `^(?:(?:lock|rep|repz|repnz|cs|ds|es|ss|fs|gs|data16|addr32|rex\\S*) )*(?:${[
    "(?:cli|sti|hlt|stac|clac|clts|swapgs|cpuid|rdtscp?|rdpmc|rdpru|rdmsr|wrmsr|xgetbv|xsetbv|invd|wbinvd|wbnoinvd)\\b",
    "(?:push|pop)f[wlq]?\\b",
    "iret[wlq]?\\b",
    "l(?:ret|call|jmp)[wlq]?\\b",
    "(?:in|out)\\b",
    "(?:ins|outs)[bwl]\\b",
    "int +",
    "into\\b",
    "sys(?:enter|exit[lq]?|call|ret[lq]?)\\b",
    "[ls][gi]dt[lw]?\\b",
    "(?:lldt|sldt|ltr|str|lar|lsl|verr|verw|arpl|lmsw|smsw)[wl]?\\b",
    "l[d-gs]s\\b",
    "(?:rd|wr)[fg]sbase[lq]?\\b",
    "(?:invlpg|invpcid|invlpgb|tlbsync)\\b",
    "u?monitorx?\\b|u?mwait\\b|mwaitx|tpause|rdpid",
    "xsaves(?:64)?\\b|xrstors(?:64)?\\b",
    "vm(?:call|mcall|gexit|launch|resume|xon|xoff|ptrld|ptrst|clear|run|load|save|func)\\b|vm(?:read|write)[lq]?\\b|inv(?:ept|vpid)\\b",
    "(?:stgi|clgi|skinit|psmash|pvalidate|rmpadjust|rmpupdate|encls|enclv|getsec|rsm|tdcall|seamcall|pconfig)\\b",
    "mov[lq]? .*%(?:cr|db|dr)\\d",
    "mov[wlq]? +%[c-gs]s,(?!.*%[c-gs]s\\b(?!:))",
    "mov[wlq]? .*,%[c-gs]s(?: |$)",
    "(?:push|pop)[wlq]? +%[c-gs]s\\b(?!:)",
  ].join("|")})`,
);
