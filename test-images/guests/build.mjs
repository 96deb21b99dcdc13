/**
 * Builds the bootable guests, with gcc and binutils alone:
 *
 *   build/tiny-linux.elf   a kernel of a few kilobytes, with a symbol table and the relocations behind the file that
 *                          Linux's build appends to a kernel
 *   build/workload         a program for i386 Linux without a C library, that guests run
 *   build/port-script.elf  runs a script of port accesses, to compare a machine's devices with others
 *   build/hostile.elf      a kernel that attacks what it runs on, in many cases (hostile/hostile.h)
 */
import { execFileSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const CC = process.env.CC ?? "gcc";
const OBJCOPY = process.env.OBJCOPY ?? "objcopy";
const guest = ["-m32", "-march=i686", "-ffreestanding"];
const link = [
  "-m32",
  "-nostdlib",
  "-static",
  "-no-pie",
  "-Wl,--build-id=none",
  "-Wl,-z,noexecstack",
  "-Wl,--no-warn-rwx-segments",
];
const guests = {
  "tiny-linux": [
    "head",
    "main",
    "console",
    "boot-checks",
    "flag-checks",
    "port-checks",
    "system-checks",
    "window-checks",
    "module-checks",
    "interrupts",
    "user",
  ],
  hostile: ["kernel", "modules", "memory", "paging", "descriptors", "interrupts", "privileged", "resident"],
};

function run(program, args) {
  try {
    execFileSync(program, args, { cwd: here, stdio: "inherit" });
  } catch (error) {
    if (error.code === "ENOENT")
      process.stderr.write(`${program} is needed to build the test guests (Debian: apt install gcc).\n`);
    process.exit(1);
  }
}

mkdirSync(join(here, "build"), { recursive: true });
run(CC, ["-std=gnu11", "-O1", "-Wall", "-Wextra", "-Werror", "-o", "build/append-relocations", "append-relocations.c"]);
for (const [name, sources] of Object.entries(guests)) {
  const objects = sources.map((source) => {
    const object = `build/${name}-${source}.o`;
    run(CC, [...guest, `-I${name}`, "-c", "-o", object, `${name}/${source}.S`]);
    return object;
  });
  const linked = `build/${name}.linked`;
  run(CC, [...link, "-Wl,--emit-relocs", "-T", `${name}/kernel.ld`, "-o", linked, ...objects]);
  // The relocations that the linker was told to keep go behind the file, and their sections out of it.
  run(OBJCOPY, ["--remove-relocations=*", linked, `build/${name}.elf`]);
  run("build/append-relocations", [linked, `build/${name}.elf`]);
}

const workload = ["start.S", "probe.S"].concat(
  ["main", "output", "probe", "registers", "contexts", "processes", "signals", "memory", "tracing", "microbench"].map(
    (name) => `${name}.c`,
  ),
);
// No floating point but where a part asks for it: it would hide what the kernel does to the registers.
const freestanding = ["-m32", "-march=i686", "-O1", "-ffreestanding", "-fno-pic", "-no-pie", "-mgeneral-regs-only"];
const bare = [
  "-fno-stack-protector",
  "-fno-asynchronous-unwind-tables",
  "-fcf-protection=none",
  "-nostdlib",
  "-static",
];
run(CC, [
  ...freestanding,
  ...bare,
  "-Wall",
  "-Wextra",
  "-Werror",
  "-Wl,--build-id=none",
  "-Wl,-z,noexecstack",
  "-o",
  "build/workload",
  ...workload.map((name) => `workload/${name}`),
]);
run(CC, [...guest, ...link, "-Wl,-N,-e,start,-Ttext=0x100000", "-o", "build/port-script.elf", "port-script.S"]);
