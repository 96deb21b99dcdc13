/**
 * Which Debian packages hold what is fetched: kernels under the names of Debian's flavours, and the shell that the
 * guests run. A kernel's package carries its version in its name; a meta-package of a fixed name depends on it.
 */

export type Architecture = "i386" | "amd64";

/** Debian's kernel flavours that previrt is tested with. */
export const FLAVOURS = ["686", "686-pae", "rt-686-pae", "cloud-amd64", "amd64", "rt-amd64"] as const;

export type Flavour = (typeof FLAVOURS)[number];

/** What the cache holds: kernels by flavour, and `busybox`. */
export type ItemName = Flavour | "busybox";

export interface Item {
  readonly name: ItemName;
  readonly architecture: Architecture;
  /** The package whose name does not change. */
  readonly package: string;
  /** Whether `package` is a meta-package: the wanted one is its first dependency. */
  readonly meta: boolean;
  /** The wanted file in the package's archive, everything before its variable part. */
  readonly member: string;
  /** Its name in the cache. */
  readonly file: string;
}

export const BUSYBOX: Item = {
  name: "busybox",
  architecture: "i386",
  package: "busybox-static",
  meta: false,
  member: "bin/busybox",
  file: "busybox",
};

export function kernelItem(flavour: Flavour): Item {
  return {
    name: flavour,
    architecture: flavour.endsWith("amd64") ? "amd64" : "i386",
    package: `linux-image-${flavour}`,
    meta: true,
    member: "boot/vmlinuz-",
    file: "vmlinuz",
  };
}

/** Everything of one architecture: one look-up serves them all. */
export function itemsOf(architecture: Architecture): Item[] {
  return [...FLAVOURS.map(kernelItem), BUSYBOX].filter((item) => item.architecture === architecture);
}
