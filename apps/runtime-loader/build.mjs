/**
 * Builds the boot image, the resident blob inside it, and the patcher as a program of this machine, with gcc and binutils alone:
 *
 *   boot.elf      multiboot image; its section .previrt.templates waits for the stub templates
 *   resident.bin  emulation routines and counters of the back end
 *   host-patch    the same patcher C files, for tests
 *   devices.o     the devices of the virtual PC, for the guest
 *   host-devices  the same, for tests
 *
 * HOST_FLAGS in the environment are further flags for the programs of this machine, such as -fsanitize=undefined.
 *
 * node build.mjs [OUTPUT-FOLDER] [TARGET...]      (default: build, all targets)
 */
import { execFileSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { dirname, isAbsolute, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const [folder = "build", ...named] = process.argv.slice(2);
const out = isAbsolute(folder) ? folder : join(here, folder);
const targets = named.length === 0 ? ["boot.elf", "resident.bin", "host-patch", "devices.o", "host-devices"] : named;

const BACKEND = process.env.BACKEND ?? "bare";
const CC = process.env.CC ?? "gcc";
const HOST_FLAGS = process.env.HOST_FLAGS?.split(" ") ?? [];
const OBJCOPY = process.env.OBJCOPY ?? "objcopy";
/** Bytes kept free in the boot image for the stub templates. */
const TEMPLATE_ROOM = 131072;

const warnings = ["-Wall", "-Wextra", "-Wshadow", "-Wstrict-prototypes", "-Wmissing-prototypes", "-Werror"];
const common = ["-std=gnu11", "-fno-strict-aliasing", ...warnings, "-Iinclude", `-Isrc/backend/${BACKEND}`];
const guest = [
  "-m32",
  "-march=i686",
  "-ffreestanding",
  "-nostdlib",
  "-fno-pic",
  "-fno-pie",
  "-fno-stack-protector",
  "-fcf-protection=none",
  "-mgeneral-regs-only",
  "-fno-asynchronous-unwind-tables",
  "-ffunction-sections",
  ...common,
];
const guestLink = [
  "-m32",
  "-nostdlib",
  "-static",
  "-no-pie",
  "-Wl,--build-id=none",
  "-Wl,-z,noexecstack",
  "-Wl,--no-warn-rwx-segments",
];

const patch = ["patch/crc32.c", "patch/annotations.c", "patch/templates.c", "patch/patcher.c", "kernel/elf.c"];
const devices = ["devices.c", "pic.c", "pit.c", "uart.c", "cmos.c"].map((file) => `devices/${file}`);
const resident = ["header.S", "port.c", "msr.c", "cpuid.c", "control.c"].map((file) => `resident/${file}`);
const boot = ["entry.S", "main.c", "serial.c", "memory.c", "multiboot.c", "container.c", "linux.c"].map(
  (file) => `boot/${file}`,
);

function run(program, args) {
  try {
    execFileSync(program, args, { cwd: here, stdio: "inherit" });
  } catch (error) {
    if (error.code === "ENOENT")
      process.stderr.write(`${program} is needed to build the boot image (Debian: apt install gcc).\n`);
    process.exit(1);
  }
}

function compile(part, sources, flags) {
  return sources.map((source) => {
    const object = join(out, part, `${source}.o`);
    mkdirSync(dirname(object), { recursive: true });
    run(CC, [...flags, "-c", "-o", object, join("src", source)]);
    return object;
  });
}

if (targets.includes("boot.elf") || targets.includes("resident.bin")) {
  const blob = join(out, "resident.bin");
  run(CC, [
    ...guestLink,
    "-T",
    "src/resident/resident.ld",
    "-o",
    join(out, "resident.elf"),
    ...compile("resident", resident, [...guest, "-Os"]),
  ]);
  run(OBJCOPY, ["-O", "binary", join(out, "resident.elf"), blob]);
  if (targets.includes("boot.elf")) {
    const flags = [...guest, "-O2", `-DRESIDENT_BLOB="${blob}"`, `-DTEMPLATE_ROOM=${TEMPLATE_ROOM}`];
    run(CC, [
      ...guestLink,
      "-T",
      "src/boot/boot.ld",
      "-o",
      join(out, "boot.elf"),
      ...compile("boot", [...boot, ...patch], flags),
    ]);
  }
}
if (targets.includes("devices.o")) {
  const objects = compile("guest", devices, [...guest, "-O2"]);
  run(CC, [...guestLink, "-r", "-o", join(out, "devices.o"), ...objects]);
}
const host = [...common, "-O2", "-g", ...HOST_FLAGS];
if (targets.includes("host-patch")) {
  run(CC, [...HOST_FLAGS, "-o", join(out, "host-patch"), ...compile("host", ["host/main.c", ...patch], host)]);
}
if (targets.includes("host-devices")) {
  run(CC, [...HOST_FLAGS, "-o", join(out, "host-devices"), ...compile("host", ["host/devices.c", ...devices], host)]);
}
