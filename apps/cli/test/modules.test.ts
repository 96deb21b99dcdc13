/**
 * Modules out of Debian's kernel packages, loaded into the guest: they work, and print what they print natively, although their
 * code holds instructions that do something else in ring 3 (ext4 and veth turn interrupts off and on, cpuid is what its name says).
 * Skipped by name where the package cannot be had.
 */
import { readFile } from "node:fs/promises";
import { beforeAll, describe, expect, test } from "vitest";
import { busyboxForTests, DONE_LINE, kernelForTests, makeInitrd, modulesForTests } from "@pv/kernels";
import {
  analyze,
  bootKernel,
  createProgress,
  loaderFor,
  machineNamed,
  MODES,
  QUICK_LINE,
  rewriteKernel,
  type BootResult,
  type MachineName,
  type Mode,
} from "../src/index.js";

const BOOT_LIMIT = 300;
const qemuThere = (await machineNamed("qemu").available()).ok;
const busybox = await busyboxForTests();
const flavours = await Promise.all(
  (["686", "686-pae"] as const).map(async (name) => ({
    name,
    kernel: await kernelForTests(name),
    modules: await modulesForTests(name),
  })),
);

/** Loads them, works with each, takes them away, and once more; what the disk holds has to be the same. */
const SCRIPT = `
load() {
  for m in $*; do busybox insmod /modules/$m.ko && echo "guest: $m loaded"; done
}
use_disk() {
  busybox losetup /dev/loop0 /tmp/disk && mount -t ext4 /dev/loop0 /mnt && echo "guest: mounted"
  for i in $(seq $1 $(($1 + 7))); do seq $i 300 >/mnt/file$i; done
  rm /mnt/file$1
  echo "guest: files $(cat /mnt/file* | md5sum | cut -c1-8)"
  umount /mnt && busybox losetup -d /dev/loop0 && echo "guest: unmounted"
}
mkdir /mnt
busybox mknod /dev/loop0 b 7 0
busybox mknod /dev/cpuid c 203 0
dd if=/dev/zero of=/tmp/disk bs=64k count=32 2>/dev/null
load crc16 mbcache crc32c_generic jbd2 ext4 loop veth cpuid
busybox losetup /dev/loop0 /tmp/disk
busybox mke2fs /dev/loop0 >/dev/null 2>&1 && echo "guest: file system made"
busybox losetup -d /dev/loop0
use_disk 1
busybox ip link add v0 type veth
busybox ip link set veth0 up
busybox ip link set v0 up
busybox ip addr add 10.0.0.1/24 dev v0
busybox arping -q -c 2 -I v0 10.0.0.2
set -- $(grep veth0: /proc/net/dev)
[ "$3" -ge 2 ] && echo "guest: packets arrive"
busybox ip link del v0
for m in veth ext4 jbd2 mbcache cpuid; do busybox rmmod $m && echo "guest: $m unloaded"; done
load jbd2 mbcache ext4 cpuid veth
use_disk 9
echo "guest: leaf 0 has $(dd if=/dev/cpuid bs=16 count=1 2>/dev/null | wc -c) bytes"
`.trim();

for (const { name, kernel: debian, modules } of flavours) {
  const missing = debian.reason ?? modules.reason ?? busybox.reason;
  describe.skipIf(missing !== undefined)(
    `Modules of Debian's ${name}${missing === undefined ? "" : ` (skipped: ${missing})`}`,
    () => {
      let kernel: Uint8Array;
      let initrd: Uint8Array;
      const machine: MachineName = qemuThere ? "qemu" : "v86";

      async function boot(how: { mode?: Mode; machine?: MachineName; poison?: boolean }): Promise<BootResult> {
        const hypervisor = how.mode === undefined ? "bare" : "ring3";
        const result = await bootKernel({
          machine: machineNamed(how.machine ?? machine),
          hypervisor,
          loader: await loaderFor(hypervisor, undefined, { ...how, count: true }),
          kernel,
          initrd,
          commandLine: QUICK_LINE,
          memoryMiB: 256,
          until: DONE_LINE,
          timeoutSeconds: BOOT_LIMIT,
          profile: true,
          ...(how.mode === undefined ? { unpatched: true } : { mode: how.mode }),
          ...(how.poison === undefined ? {} : { poison: how.poison }),
        });
        expect(result.userland, result.end.detail + result.console.slice(-2000)).toBe(true);
        expect(result.console).not.toMatch(/BUG:|WARNING:|Oops|of a module/);
        return result;
      }
      const said = (result: BootResult): string[] =>
        result.console.split(/\r*\n/).filter((line) => line.startsWith("guest:"));
      let native: readonly string[];

      beforeAll(async () => {
        expect(modules.file!.packageVersion).toBe(debian.file!.packageVersion);
        kernel = rewriteKernel(await analyze(await readFile(debian.file!.path), createProgress(undefined)));
        initrd = makeInitrd({
          busybox: await readFile(busybox.file!.path),
          script: SCRIPT,
          archives: [await readFile(modules.file!.path)],
        });
        native = said(await boot({}));
        expect(native.length, native.join("\n")).toBe(8 + 1 + 3 + 1 + 5 + 5 + 3 + 1);
      }, BOOT_LIMIT * 1000);

      test.each(MODES)(
        "mode %s",
        async (mode) => {
          const result = await boot({ mode, poison: mode === "lean" });
          expect(said(result)).toEqual(native);
          const { modules: counts, sites } = result.traps!;
          expect(counts.rewritten).toBe(true);
          const kinds = new Set(sites.filter((site) => site.reason === "in a kernel module").map(({ kind }) => kind));
          // In mode trap the guest's interrupt flag is the real one, and pushf reads what it should.
          expect(kinds).toEqual(new Set(mode === "trap" ? ["cpuid"] : ["cpuid", "pushf"]));
          expect(counts.sites).toBeGreaterThan(mode === "trap" ? 0 : 5);
        },
        BOOT_LIMIT * 1000,
      );

      test.skipIf(!qemuThere || name !== "686")(
        "mode lean on v86",
        async () => expect(said(await boot({ mode: "lean", machine: "v86" }))).toEqual(native),
        BOOT_LIMIT * 1000,
      );
    },
  );
}
