/**
 * Builds the boot image, the resident blob inside it, and the patcher as a program of this machine, with gcc and binutils alone:
 *
 *   boot.elf      multiboot image of the back end bare; its section .previrt.templates waits for the stub templates
 *   boot-ring3.elf  the same with the monitor of the back end ring3
 *   resident.bin  emulation routines and counters of the back end
 *   host-patch    the same patcher C files, for tests
 *   devices.o     the devices of the virtual PC, for the guest
 *   host-devices  the same, for tests
 *   host-frontend the front end under a back end that attacks it
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
const targets =
  named.length === 0
    ? ["boot.elf", "boot-ring3.elf", "resident.bin", "host-patch", "devices.o", "host-devices", "host-frontend"]
    : named;

const CC = process.env.CC ?? "gcc";
const HOST_FLAGS = process.env.HOST_FLAGS?.split(" ") ?? [];
const OBJCOPY = process.env.OBJCOPY ?? "objcopy";
/** Bytes kept free in the boot image for the stub templates. */
const TEMPLATE_ROOM = 131072;

const warnings = ["-Wall", "-Wextra", "-Wshadow", "-Wstrict-prototypes", "-Wmissing-prototypes", "-Werror"];
const common = ["-std=gnu11", "-fno-strict-aliasing", ...warnings, "-Iinclude", "-Isrc/backend/bare"];
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
const resident = ["header.S", "port.c", "msr.c", "cpuid.c", "control.c", "flags.c"].map((file) => `resident/${file}`);
const frontend = (
  "memory.c walk.c tables.c shadow.c descriptors.c exceptions.c task.c control.c flags.c " +
  "decode.c transfer.c ports.c resident.c stubs.c emulate.c sites.c events.c report.c"
)
  .split(" ")
  .map((file) => `frontend/${file}`);
const ring3 = ["entry.S", "main.c", "paging.c", "processor.c", "host.c"].map((file) => `backend/ring3/${file}`);
const monitor = [...ring3, ...frontend];
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

/** The boot stage of a back end: `script` links it, `more` are its own sources. */
function linkBoot(name, script, more, defines) {
  const flags = [...guest, "-O2", ...defines];
  const objects = compile(name.replace(".elf", ""), [...boot, ...patch, ...more], flags);
  run(CC, [...guestLink, "-T", script, "-o", join(out, name), ...objects]);
}

/** A flat binary out of objects linked by `script`. */
function linkBlob(name, script, objects) {
  const elf = join(out, name.replace(".bin", ".elf"));
  run(CC, [...guestLink, "-T", script, "-o", elf, ...objects]);
  run(OBJCOPY, ["-O", "binary", elf, join(out, name)]);
}

if (["boot.elf", "boot-ring3.elf", "resident.bin"].some((target) => targets.includes(target))) {
  linkBlob("resident.bin", "src/resident/resident.ld", compile("resident", resident, [...guest, "-Os"]));
}
const blobs = [`-DRESIDENT_BLOB="${join(out, "resident.bin")}"`, `-DTEMPLATE_ROOM=${TEMPLATE_ROOM}`];
if (targets.includes("boot.elf")) linkBoot("boot.elf", "src/boot/boot.ld", ["backend/bare/start.c"], blobs);
if (targets.includes("boot-ring3.elf")) {
  const shared = ["boot/memory.c", "kernel/elf.c", "patch/crc32.c"];
  linkBlob(
    "monitor.bin",
    "src/backend/ring3/monitor.ld",
    compile("monitor", [...monitor, ...shared, ...devices], [...guest, "-O2", "-flto"]),
  );
  const own = ["backend/ring3/start.c", "backend/ring3/boot.S"];
  linkBoot("boot-ring3.elf", "src/backend/ring3/boot.ld", own, [
    ...blobs,
    `-DMONITOR_BLOB="${join(out, "monitor.bin")}"`,
  ]);
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
if (targets.includes("host-frontend")) {
  const objects = compile("host", ["host/frontend.c", ...frontend, ...devices], host);
  run(CC, [...HOST_FLAGS, "-o", join(out, "host-frontend"), ...objects]);
}
