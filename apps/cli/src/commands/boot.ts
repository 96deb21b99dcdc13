/** `previrt boot`: analyse (unless the image carries its annotations already), patch inside the guest, run on a machine. */
import { buildCommand } from "@stricli/core";
import { HYPERVISORS, MACHINES, MODES, type Hypervisor, type MachineName, type Mode } from "../names.js";
import { QUICK_LINE } from "../quick-line.js";
import { assume, bootImage, format, parseMemory, parseSeconds, parseText, type Assume, type Format } from "./flags.js";

export interface BootFlags {
  readonly initrd?: string;
  readonly append?: string;
  readonly machine: MachineName;
  readonly hypervisor: Hypervisor;
  readonly mode?: Mode;
  readonly profile: boolean;
  readonly memory: number;
  readonly poison: boolean;
  readonly unpatched: boolean;
  readonly until?: string;
  readonly timeout?: number;
  readonly interactive?: boolean;
  readonly bootImage?: string;
  readonly assume: Assume;
  readonly format: Format;
  readonly console: boolean;
  readonly log?: string;
}

export const boot = buildCommand({
  docs: {
    brief: "Boot a kernel on a machine, patched inside the guest at load time",
    fullDescription: `Starts the loader on a machine, which patches the kernel inside the guest and starts it, and waits until the console shows a
text. A kernel that \`previrt rewrite\` wrote is taken as it is; any other is analysed first. The guest's console goes to stderr,
the result (sites patched, executions by kind) to stdout. Exit code 1: the guest did not get as far as --until.

On a terminal, what is typed goes to the guest's serial console, and the run lasts until the guest ends or somebody types Ctrl-].

The default of --append is: ${QUICK_LINE}

EXAMPLES
  previrt boot --initrd initrd.cpio /boot/vmlinuz-6.1.0-50-686
  previrt boot --machine qemu --poison --format json --log console.txt vmlinux.previrt
  previrt boot --hypervisor ring3 --mode lean --profile --initrd initrd.cpio /boot/vmlinuz-6.1.0-50-686
  previrt boot --append 'console=ttyS0 quiet' --until 'login:' --timeout 600 --memory 512M --initrd initrd.img vmlinuz`,
  },
  parameters: {
    flags: {
      initrd: {
        kind: "parsed",
        parse: parseText,
        brief: "Initial RAM disk (default: none)",
        placeholder: "FILE",
        optional: true,
      },
      append: {
        kind: "parsed",
        parse: String,
        brief: "The kernel's command line, at most 2047 bytes (default: see above)",
        placeholder: "LINE",
        optional: true,
      },
      machine: {
        kind: "enum",
        values: MACHINES,
        brief: "Machine: v86 is built in, qemu must be installed",
        default: "v86",
      },
      hypervisor: {
        kind: "enum",
        values: HYPERVISORS,
        brief: "bare: the kernel keeps ring 0; ring3: it runs in ring 3 under a monitor, with virtual devices",
        default: "bare",
      },
      mode: {
        kind: "enum",
        values: MODES,
        brief: "Under ring3: only traps, stubs that keep everything, or stubs that keep what is live (default: lean)",
        optional: true,
      },
      profile: {
        kind: "boolean",
        brief: "Count in stubs, too, and name every site that trapped",
        default: false,
        withNegated: false,
      },
      memory: {
        kind: "parsed",
        parse: parseMemory,
        brief: "The machine's memory, in MiB or with a unit: 256M, 1G",
        placeholder: "SIZE",
        default: "256M",
      },
      poison: {
        kind: "boolean",
        brief: "Overwrite every dead register and flag with garbage behind each site",
        default: false,
        withNegated: false,
      },
      unpatched: {
        kind: "boolean",
        brief: "Start the kernel as it is, for comparison",
        default: false,
        withNegated: false,
      },
      until: {
        kind: "parsed",
        parse: parseText,
        brief: "The run is over when the console shows this (default: previrt-guest: done)",
        placeholder: "TEXT",
        optional: true,
      },
      timeout: {
        kind: "parsed",
        parse: parseSeconds,
        brief: "Time limit of the run, seconds (default: 300)",
        placeholder: "SECONDS",
        optional: true,
      },
      interactive: {
        kind: "boolean",
        brief: "Type on the guest's console; Ctrl-] ends it (default: on a terminal, without --until, --timeout, json)",
        optional: true,
      },
      bootImage,
      assume,
      format,
      console: { kind: "boolean", brief: "Show the guest's console while it runs, on stderr", default: true },
      log: {
        kind: "parsed",
        parse: parseText,
        brief: "Write the guest's console to this file, byte for byte",
        placeholder: "FILE",
        optional: true,
      },
    },
    positional: {
      kind: "tuple",
      parameters: [
        { brief: "bzImage, kernel ELF, or what `previrt rewrite` wrote", parse: String, placeholder: "KERNEL" },
      ],
    },
  },
  loader: async () => (await import("../run/boot.js")).run,
});
