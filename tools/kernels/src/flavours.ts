/**
 * Which Debian packages hold what is fetched: kernels under the names of Debian's flavours, and the shell that the
 * guests run. A kernel's package carries its version in its name; a meta-package of a fixed name depends on it.
 */

export type Architecture = "i386" | "amd64";

/** Debian's kernel flavours that previrt is tested with. */
export const FLAVOURS = ["686", "686-pae", "rt-686-pae", "cloud-amd64", "amd64", "rt-amd64"] as const;

export type Flavour = (typeof FLAVOURS)[number];

/**
 * Modules of a kernel's package that guests load in tests. A list that changes needs another name for the item (`modulesItem`), or
 * what is in caches stays as it was.
 */
export const MODULES = [
  "arch/x86/kernel/cpuid.ko",
  "crypto/crc32c_generic.ko",
  "drivers/block/loop.ko",
  "drivers/net/veth.ko",
  "fs/ext4/ext4.ko",
  "fs/jbd2/jbd2.ko",
  "fs/mbcache.ko",
  "lib/crc16.ko",
] as const;

/** What the package sources are asked for: kernels by flavour, and `busybox`. */
export type OfferName = Flavour | "busybox";

/** What the cache holds. */
export type ItemName = OfferName | `modules-${Flavour}`;

export interface Item {
  readonly name: ItemName;
  /** Under which name its package is offered. */
  readonly offer: OfferName;
  readonly architecture: Architecture;
  /** The package whose name does not change. */
  readonly package: string;
  /** Whether `package` is a meta-package: the wanted one is its first dependency. */
  readonly meta: boolean;
  /** The wanted files in the package's archive: everything before the variable part, and what may be behind it. */
  readonly member: { readonly before: string; readonly behind: readonly string[] };
  /** Its name in the cache. */
  readonly file: string;
}

export const BUSYBOX: Item = {
  name: "busybox",
  offer: "busybox",
  architecture: "i386",
  package: "busybox-static",
  meta: false,
  member: { before: "bin/busybox", behind: [""] },
  file: "busybox",
};

export function kernelItem(flavour: Flavour): Item {
  return {
    name: flavour,
    offer: flavour,
    architecture: flavour.endsWith("amd64") ? "amd64" : "i386",
    package: `linux-image-${flavour}`,
    meta: true,
    member: { before: "boot/vmlinuz-", behind: [""] },
    file: "vmlinuz",
  };
}

/** `MODULES` of a kernel, in a cpio archive. */
export function modulesItem(flavour: Flavour): Item {
  return {
    ...kernelItem(flavour),
    name: `modules-${flavour}`,
    member: { before: "lib/modules/", behind: MODULES.map((path) => `/kernel/${path}`) },
    file: "modules.cpio",
  };
}

/** Everything of one architecture: one look-up serves them all. */
export function itemsOf(architecture: Architecture): Item[] {
  return [...FLAVOURS.map(kernelItem), BUSYBOX].filter((item) => item.architecture === architecture);
}
