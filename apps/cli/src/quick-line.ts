/**
 * The command line that `boot` uses by default: what a plain boot spends most of its instructions on (crypto self-tests, certificates,
 * probing for buses and timers that the machines lack) is switched off, so that what remains is the kernel's own work.
 *
 * `noexec=off pti=off` are for PAE kernels in ring 0: they map low memory no-execute, and user page tables without the stubs.
 */
export const QUICK_LINE = [
  "console=ttyS0",
  "panic=-1",
  "nolapic",
  "noapic",
  "acpi=off",
  "pci=off",
  "nosmp",
  "tsc=reliable",
  "cryptomgr.notests=1",
  "initcall_blacklist=load_system_certificate_list",
  "noisapnp",
  "pnpbios=off",
  "noexec=off",
  "pti=off",
].join(" ");

/** Nothing but where the console is, and that a panic ends the run. */
export const PLAIN_LINE = "console=ttyS0 panic=-1";
