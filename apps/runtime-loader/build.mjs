#!/usr/bin/env node
/**
 * Builds the boot images, the resident blob inside them, and the patcher as a program of this machine, with gcc and binutils alone:
 *
 *   boot.elf        multiboot image of the back end bare; its section .previrt.templates waits for the stub templates
 *   boot-ring3.elf  the same with the monitor of the back end ring3
 *   resident.bin    emulation routines and counters
 *   host-patch      the same patcher C files, for tests
 *   devices.o       the devices of the virtual PC, for the guest
 *   host-devices    the same, for tests
 *   host-frontend   the front end under a back end that attacks it
 *   host-length     how long the front end takes instructions for, for tests
 *   host-traps      the front end under a back end that reports traps out of a table
 *
 * HOST_FLAGS in the environment are further flags for the programs of this machine, such as -fsanitize=undefined.
 *
 * node build.mjs [OUTPUT-FOLDER] [TARGET...]             (default: build, all targets)
 * node build.mjs --backend FOLDER [OUTPUT-FOLDER]        boot-NAME.elf for the back end in FOLDER, NAME being the folder's
 *                                                        (default: where this is run; docs/hypervisors.md)
 */
import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync } from "node:fs";
import { basename, dirname, isAbsolute, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const TARGETS = [
  "boot.elf",
  "boot-ring3.elf",
  "resident.bin",
  "host-patch",
  "devices.o",
  "host-devices",
  "host-frontend",
  "host-length",
  "host-traps",
];
const { out, targets, backend } = readArguments(process.argv.slice(2));

function readArguments(words) {
  if (words[0] === "--backend") {
    if (words.length < 2 || words.length > 3) usage("--backend needs a folder, and at most an output folder behind it");
    return { out: resolve(words[2] ?? "."), targets: [], backend: resolve(words[1]) };
  }
  const [folder = "build", ...named] = words;
  const unknown = [folder, ...named].find((word, i) => word.startsWith("-") || (i > 0 && !TARGETS.includes(word)));
  if (unknown !== undefined) usage(`"${unknown}" is no target`);
  return { out: isAbsolute(folder) ? folder : join(here, folder), targets: named.length === 0 ? TARGETS : named };
}

function usage(problem) {
  process.stderr.write(
    `build: ${problem}\nusage: node build.mjs [OUTPUT-FOLDER] [TARGET...] | --backend FOLDER [OUTPUT-FOLDER]\n`,
  );
  process.exit(2);
}

const CC = process.env.CC ?? "gcc";
const HOST_FLAGS = process.env.HOST_FLAGS?.split(" ") ?? [];
const OBJCOPY = process.env.OBJCOPY ?? "objcopy";
/** Bytes kept free in the boot image for the stub templates. */
const TEMPLATE_ROOM = 131072;

const warnings = ["-Wall", "-Wextra", "-Wshadow", "-Wstrict-prototypes", "-Wmissing-prototypes", "-Werror"];
const common = ["-std=gnu11", "-fno-strict-aliasing", ...warnings, "-Iinclude", "-Isrc", "-Isrc/backend/bare"];
const guest = [
  "-m32",
  "-march=i686",
  "-mtune=generic",
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
  "-flto-partition=none",
  "-Wl,--build-id=none",
  "-Wl,-z,noexecstack",
  "-Wl,--no-warn-rwx-segments",
];

const patch = ["patch/crc32.c", "patch/annotations.c", "patch/templates.c", "patch/patcher.c", "kernel/elf.c"];
const devices = ["devices.c", "pic.c", "pit.c", "uart.c", "cmos.c"].map((file) => `devices/${file}`);
const resident = ["header.S", "port.c", "msr.c", "cpuid.c", "control.c", "flags.c"].map((file) => `resident/${file}`);
const frontend = [
  "memory.c",
  "walk.c",
  "tables.c",
  "shadow.c",
  "descriptors.c",
  "exceptions.c",
  "task.c",
  "control.c",
  "flags.c",
  "decode.c",
  "transfer.c",
  "ports.c",
  "resident.c",
  "stubs.c",
  "emulate.c",
  "sites.c",
  "events.c",
  "length.c",
  "modules.c",
  "report.c",
  "frames.c",
  "start.c",
  "header.S",
].map((file) => `frontend/${file}`);
/** What a monitor has beside the front end and the back end. */
const shared = ["boot/memory.c", "kernel/elf.c", "patch/crc32.c"];
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

/** Sources are relative to src, or absolute. */
function compile(part, sources, flags) {
  return sources.map((source) => {
    const object = join(out, part, `${isAbsolute(source) ? basename(source) : source}.o`);
    mkdirSync(dirname(object), { recursive: true });
    run(CC, [...flags, "-c", "-o", object, isAbsolute(source) ? source : join("src", source)]);
    return object;
  });
}

/** An ELF file out of objects, linked by a script, which goes through the preprocessor first. */
function link(name, script, objects, flags) {
  const expanded = join(out, `${name}.ld`);
  run(CC, [...flags, "-E", "-P", "-undef", "-x", "assembler-with-cpp", "-o", expanded, join("src", script)]);
  run(CC, [...guestLink, "-T", expanded, "-o", join(out, name), ...objects]);
}

/** A flat binary out of objects. */
function linkBlob(name, script, objects, flags) {
  const elf = name.replace(".bin", ".elf");
  link(elf, script, objects, flags);
  run(OBJCOPY, ["-O", "binary", join(out, elf), join(out, name)]);
}

function buildResident() {
  linkBlob("resident.bin", "resident/resident.ld", compile("resident", resident, [...guest, "-Os"]), guest);
}

/**
 * The boot image with the back end in `folder`: its sources are the monitor's, but for start.c, which is the boot stage's where there
 * is no monitor.
 */
function buildBackend(name, folder) {
  const own = readSources(folder).map((file) => join(folder, file));
  const start = own.filter((file) => basename(file) === "start.c");
  const monitor = own.filter((file) => !start.includes(file));
  const flags = [
    `-I${folder}`,
    ...guest,
    "-O2",
    `-DRESIDENT_BLOB="${join(out, "resident.bin")}"`,
    `-DTEMPLATE_ROOM=${TEMPLATE_ROOM}`,
  ];
  const stage = [...boot, ...patch, ...start];
  if (monitor.length > 0) {
    const blob = name.replace(".elf", "-monitor.bin");
    const part = name.replace(".elf", "-monitor");
    const objects = [
      ...compile(part, [...frontend, ...shared, ...devices], [...flags, "-flto"]),
      ...compile(join(part, "own"), monitor, [...flags, "-flto"]),
    ];
    linkBlob(blob, "boot/monitor.ld", objects, flags);
    flags.push(`-DMONITOR_BLOB="${join(out, blob)}"`, "-DMONITOR");
    stage.push("boot/monitor.c", "boot/modules.c", "boot/monitor.S");
  }
  link(name, "boot/boot.ld", compile(name.replace(".elf", ""), stage, flags), flags);
}

function readSources(folder) {
  try {
    const files = readdirSync(folder).filter((file) => /\.[cS]$/.test(file));
    if (files.length > 0) return files.toSorted();
    process.stderr.write(`build: ${folder} has no .c or .S file\n`);
  } catch (error) {
    process.stderr.write(`build: cannot read the folder ${folder}: ${error.message}\n`);
  }
  return process.exit(2);
}

mkdirSync(out, { recursive: true });
if (backend !== undefined || ["boot.elf", "boot-ring3.elf", "resident.bin"].some((target) => targets.includes(target)))
  buildResident();
if (backend !== undefined) buildBackend(`boot-${basename(backend)}.elf`, backend);
if (targets.includes("boot.elf")) buildBackend("boot.elf", join(here, "src/backend/bare"));
if (targets.includes("boot-ring3.elf")) buildBackend("boot-ring3.elf", join(here, "src/backend/ring3"));
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
/** The front end in programs of this machine: what the back end and the guest do is in one file each. */
const monitors = { "host-frontend": "host/frontend.c", "host-traps": "host/traps.c" };
if (Object.keys(monitors).some((name) => targets.includes(name))) {
  const neutral = frontend.filter((file) => !["frontend/start.c", "frontend/header.S"].includes(file));
  const flags = ["-Isrc/backend/ring3", ...host];
  const objects = compile("host-monitor", ["host/machine.c", ...neutral, ...devices], flags);
  for (const [name, source] of Object.entries(monitors)) {
    if (!targets.includes(name)) continue;
    run(CC, [...HOST_FLAGS, "-o", join(out, name), ...compile("host-monitor", [source], flags), ...objects]);
  }
}
if (targets.includes("host-length")) {
  const objects = compile("host", ["host/length.c", "frontend/length.c"], host);
  run(CC, [...HOST_FLAGS, "-o", join(out, "host-length"), ...objects]);
}
