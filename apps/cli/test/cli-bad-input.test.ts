/**
 * What the command line says when something is wrong: exactly one error with code and hint on stderr, nothing on stdout, the right exit
 * code, no output file and an input that is still there.
 */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  chmodSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { addSection, readElf, unwrap } from "@pv/elf";
import { parseAddress, parseMemory, parseSeconds } from "../src/commands/flags.js";
import {
  bzImage,
  expectError,
  fakeKernel,
  Folder,
  kernelOf,
  MAIN,
  packed,
  previrt,
  sectionOf,
  start,
  TINY,
  withWord,
} from "./cli.fixture.js";

const folder = new Folder();
const sha = (path: string): string => createHash("sha256").update(readFileSync(path)).digest("hex");
const tiny = new Uint8Array(readFileSync(TINY));

/** A copy with some bytes replaced. */
const withBytes = (bytes: Uint8Array, offset: number, ...values: number[]): Uint8Array => {
  const changed = new Uint8Array(bytes);
  changed.set(values, offset);
  return changed;
};

describe.concurrent("an image that is not understood", () => {
  const bz = packed(tiny);
  const huge = new Uint8Array(4096);
  huge.set([0x1f, 0x8b, 8, 0]);
  huge.set([0xff, 0xff, 0xff, 0xff], 4092);
  const images: [name: string, bytes: Uint8Array | string, code: string, message?: RegExp][] = [
    ["an empty file", "", "PV1002", /is empty/],
    ["a text", "This is no kernel.\n".repeat(100), "PV1003"],
    ["a bzImage that ends in its header", bz.subarray(0, 0x240), "PV1001", /\(at 240h\)/],
    ["a bzImage that ends in its payload", bz.subarray(0, bz.length - 100), "PV1001", /compressed kernel/],
    ["a bzImage whose payload is damaged", withBytes(bz, 2000, 1, 2, 3, 4, 5, 6, 7, 8), "PV1008"],
    ["a bzImage whose payload claims 4 GB", bzImage(huge), "PV1008", /claims to unpack to 4294967295/],
    ["a bzImage that claims a payload of 4 GB", withWord(bz, 0x24c, 0xffff_fff0), "PV1001"],
    ["a bzImage with an unknown compression", bzImage(new TextEncoder().encode("LZOx and so on")), "PV1007"],
    ["a bzImage with a text inside", packed(new TextEncoder().encode("text")), "PV1003"],
    ["an ELF file that ends in its header", tiny.subarray(0, 40), "PV1001"],
    ["an ELF file that ends in a segment", tiny.subarray(0, 8192), "PV1001"],
    ["an ELF file for ARM", withBytes(tiny, 18, 40, 0), "PV1004", /machine 40/],
    ["an ELF file for x32", withBytes(tiny, 18, 62, 0), "PV1004"],
    ["a big-endian ELF file", withBytes(tiny, 5, 2), "PV1005"],
    ["an ELF file of class 7", withBytes(tiny, 4, 7), "PV1006"],
    ["an ELF file with a program header table behind its end", withWord(tiny, 28, 0x7fff_0000), "PV1001"],
    ["an ELF file with a segment of 4 GB", withWord(tiny, 52 + 16, 0xffff_fff0), "PV1001"],
    ["an ELF file with 4 GB in memory", withWord(tiny, 52 + 20, 0xffff_fff0), "PV1006"],
    ["an ELF file without code", kernelOf(".data\n.long 1\n"), "PV3001"],
  ];

  test.each(images)("%s", async (name, bytes, code, message = /./) => {
    const path = folder.file(`${name}.img`, bytes);
    // `info` opens it as every command does, but looks at no code.
    expectError(await previrt(code === "PV3001" ? "analyze" : "info", path), code, 3, message);
  });

  test.each(["info", "analyze", "boot", "explain", "rewrite", "verify"])(
    "every command refuses it: %s",
    async (command) => {
      const text = folder.file(`${command}.txt`, "no kernel");
      const output = folder.at(`${command}.out`);
      const args = { rewrite: ["-o", output, text], verify: [text, text], explain: [text, "c1000000"] }[command] ?? [
        text,
      ];
      expectError(await previrt(command, ...args), "PV1003", 3);
      expect(folder.names()).not.toContain(`${command}.out`);
    },
  );
});

describe.concurrent("a path that cannot be read", () => {
  const cases: [name: string, path: string, message: string][] = [
    ["no file", folder.at("nothing"), "no such file or folder"],
    ["a folder", folder.path, "it is a folder"],
    ["a device without end", "/dev/zero", "it is no regular file"],
    ["a path through a file", `${TINY}/kernel`, "a part of the path is no folder"],
  ];
  test.each(cases)("%s", async (_, path, message) => {
    expectError(await previrt("analyze", path), "PV9001", 2, message);
  });

  test("a named pipe that nobody writes to does not hang", async () => {
    spawnSync("mkfifo", [folder.at("pipe")]);
    expectError(await previrt("info", folder.at("pipe")), "PV9001", 2, "it is no regular file");
  });

  test("a file that is too large is not read", async () => {
    truncateSync(folder.file("large", "x"), 2 ** 32);
    expectError(await previrt("info", folder.at("large")), "PV9001", 2, "4294967296 bytes");
  });
});

describe.concurrent("wrong use", () => {
  const cases: [args: string[], message: RegExp][] = [
    [["frobnicate"], /No command registered for `frobnicate`/],
    [["analyse", TINY], /did you mean `analyze`\?/],
    [["analyze"], /Expected argument for KERNEL/],
    [["analyze", TINY, TINY], /Too many arguments/],
    [["analyze", "--format", "xml", TINY], /"xml" to be one of \(text\|json\)/],
    [["analyze", "--assume", "everything", TINY], /one of \(default\|none\)/],
    [["analyze", "--site", TINY], /did you mean --sites\?/],
    [["analyze", "--format"], /Expected input for flag --format/],
    [["rewrite", TINY], /Expected input for flag --output/],
    [["rewrite", "-o", "", TINY], /"" for output: it is empty/],
    [["rewrite"], /KERNEL; Expected input for flag --output/],
    [["loader", "-o", "x", "--hypervisor", "nobody"], /"nobody" to be one of \(bare\|ring3\)/],
    [["boot", "--machine", "pdp11", TINY], /one of \(v86\|qemu\)/],
    [["boot", "--until", "", TINY], /"" for until: it is empty/],
    [["explain", TINY, "main"], /no hexadecimal address/],
    [["explain", TINY, "0x10000000000000000"], /no hexadecimal address/],
    [["boot", "--timeout", "0", TINY], /timeout: it is no number of seconds above 0, at most 86400/],
    [["boot", "--memory", "lots", TINY], /memory: it is no size such as 256M/],
    [["boot", "--memory=-1", TINY], /memory: it is no size such as 256M/],
    ...["0", "4G"].map((value): [string[], RegExp] => [
      ["boot", `--memory=${value}`, TINY],
      /memory of \d+ MiB asked for, 16 to 2047 is possible/,
    ]),
    [["boot", "--append", "x".repeat(2048), TINY], /command line has 2048 bytes/],
  ];
  test.each(cases)("previrt %j", async (args, message) => {
    expectError(await start(args, { cwd: folder.path }).ended, "PV9001", 2, message);
  });

  test("the hint names the command's own help", async () => {
    expect((await previrt("analyze")).stderr).toMatch(/\n {2}Run `previrt analyze --help`\.\n$/);
    expect((await previrt("analyse")).stderr).toMatch(/\n {2}Run `previrt --help`\.\n$/);
  });
});

describe("values of flags", () => {
  test.each([
    ["256M", 256],
    ["256", 256],
    ["1G", 1024],
    ["2GiB", 2048],
    ["64mb", 64],
  ])("--memory %s is %d MiB", (text, size) => {
    expect(parseMemory(text)).toBe(size);
  });
  test.each(["", "-1", "+1", "NaN", "1.5G", "lots", "256K", "0x100", "1 G", "9999999999", "M"])(
    "--memory %j is refused",
    (text) => {
      expect(() => parseMemory(text)).toThrow(SyntaxError);
    },
  );

  test.each([
    ["1", 1],
    ["0.5", 0.5],
    ["86400", 86_400],
  ])("--timeout %s is %d s", (text, seconds) => {
    expect(parseSeconds(text)).toBe(seconds);
  });
  test.each([
    "",
    "0",
    "0.0",
    "-1",
    "NaN",
    "Infinity",
    "1e9",
    "86401",
    "99999999999999999999",
    "5 minutes",
    ".5",
    "0x10",
  ])("--timeout %j is refused", (text) => {
    expect(() => parseSeconds(text)).toThrow(SyntaxError);
  });

  test.each([
    ["c1000140", { low: 0xc100_0140, high: 0 }],
    ["0xC1000140", { low: 0xc100_0140, high: 0 }],
    ["140h", { low: 0x140, high: 0 }],
    ["ffffffff81000000", { low: 0x8100_0000, high: 0xffff_ffff }],
  ])("address %s", (text, address) => {
    expect(parseAddress(text)).toEqual(address);
  });
  test.each(["", "h", "0x", "main", "-1", "10000000000000000", "c10 00140"])("address %j is refused", (text) => {
    expect(() => parseAddress(text)).toThrow(SyntaxError);
  });
});

describe("an output that cannot be written", () => {
  const input = folder.file("kernel.elf", tiny);
  const before = sha(input);
  symlinkSync("kernel.elf", folder.at("symbolic"));
  linkSync(input, folder.at("hard"));
  mkdirSync(folder.at("sub"));
  let names: string[];
  beforeAll(() => {
    names = folder.names();
  });
  const untouched = (): void => {
    expect(folder.names()).toEqual(names);
    expect(sha(input)).toBe(before);
  };

  test.each(["kernel.elf", "symbolic", "hard", "sub/../kernel.elf", "./kernel.elf"])(
    "the input itself, named %s",
    async (name) => {
      expectError(
        await start(["rewrite", "-o", name, "kernel.elf"], { cwd: folder.path }).ended,
        "PV9001",
        2,
        "is the input kernel.elf itself",
      );
      expectError(
        await start(["rewrite", "-o", "kernel.elf", name], { cwd: folder.path }).ended,
        "PV9001",
        2,
        "itself",
      );
      untouched();
    },
  );

  test("the boot image that the loader is made of, and an input of boot as its log", async () => {
    expectError(await previrt("loader", "--boot-image", input, "-o", input), "PV9001", 2, "itself");
    expectError(await previrt("boot", "--log", input, "--initrd", input, TINY), "PV9001", 2, "itself");
    untouched();
  });

  test("a folder, a folder that is not there, a device", async () => {
    expectError(await previrt("rewrite", "-o", folder.at("sub"), input), "PV5005", 2, "it is a folder");
    expectError(await previrt("rewrite", "-o", folder.at("none/x.elf"), input), "PV5005", 2, "no such file or folder");
    expectError(await previrt("rewrite", "-o", `${input}/x.elf`, input), "PV5005", 2, "no folder");
    expectError(await previrt("rewrite", "-o", "/dev/null", input), "PV5005", 2, "no regular file");
    expectError(await previrt("loader", "-o", folder.at("none/x.elf")), "PV5005", 2, "no such file or folder");
    untouched();
  });

  test("an old output survives an error", async () => {
    const old = folder.file("old", "old");
    expectError(await previrt("rewrite", "-o", old, folder.file("text", "no kernel")), "PV1003", 3);
    expect(readFileSync(old, "utf8")).toBe("old");
  });

  const nobody = 65_534;
  const asNobody = process.getuid?.() !== 0 ? {} : { uid: nobody, gid: nobody };
  const reachable = spawnSync(process.execPath, [MAIN, "--version"], asNobody).status === 0;
  test.skipIf(!reachable)(
    `a folder without permission${reachable ? "" : " (skipped: the superuser may write everywhere, and no other user can read the project)"}`,
    async () => {
      const own = new Folder();
      chmodSync(own.path, 0o555);
      expectError(
        await start(["rewrite", "-o", own.at("x.elf"), TINY], asNobody).ended,
        "PV5005",
        2,
        "permission denied",
      );
      chmodSync(own.path, 0o755);
    },
  );

  const disk = folder.at("sub");
  const mounted = spawnSync("mount", ["-t", "tmpfs", "-o", "size=16k", "tmpfs", disk]).status === 0;
  afterAll(() => {
    if (mounted) spawnSync("umount", [disk]);
  });
  test.skipIf(!mounted)(`a full disk${mounted ? "" : " (skipped: no small disk can be mounted here)"}`, async () => {
    writeFileSync(`${disk}/old.elf`, "old");
    expectError(await previrt("rewrite", "-o", `${disk}/old.elf`, input), "PV5005", 2, "the disk is full");
    expect(readdirSync(disk)).toEqual(["old.elf"]);
    expect(readFileSync(`${disk}/old.elf`, "utf8")).toBe("old");
  });
});

describe("a kernel that does not suit boot", () => {
  let rewritten: Uint8Array;
  beforeAll(async () => {
    await previrt("rewrite", "-o", folder.at("tiny.previrt"), TINY);
    rewritten = new Uint8Array(readFileSync(folder.at("tiny.previrt")));
  });
  /** The guest's console would be on stderr, beside the one error. */
  const refused = async (name: string, bytes: Uint8Array, code: string, message: RegExp | string = ""): Promise<void> =>
    expectError(await previrt("boot", folder.file(name, bytes)), code, 3, message);

  test("one for x86-64", async () => {
    await refused("amd64.elf", kernelOf(".text\ncli\nret\n", 64), "PV1004", "only i386 guests can be booted");
  });

  test("one with the table of another", async () => {
    const { offset, size } = sectionOf(rewritten, ".previrt");
    const bytes = rewritten.subarray(offset, offset + size);
    const other = addSection(unwrap(readElf(fakeKernel("exceptions"))), {
      name: ".previrt",
      type: 1,
      flags: 0,
      align: 4,
      bytes,
    });
    await refused("foreign.elf", other.bytes, "PV4003");
  });

  test("one whose code was changed behind the table", async () => {
    const { offset } = sectionOf(rewritten, ".text");
    await refused("changed.elf", withBytes(rewritten, offset + 9, rewritten[offset + 9]! ^ 1), "PV4003", "checksum");
  });

  test("one whose table is damaged, or of another version, or none", async () => {
    const { offset } = sectionOf(rewritten, ".previrt");
    await refused("damaged.elf", withWord(rewritten, offset + 64, 1), "PV4004");
    await refused("version.elf", withBytes(rewritten, offset + 4, 9), "PV4002", "version 9");
    await refused("magic.elf", withWord(rewritten, offset, 0), "PV4001");
  });
});

describe.concurrent("a machine that does not suit boot", () => {
  test("QEMU where it is not installed", async () => {
    const { ended } = start(["boot", "--machine", "qemu", TINY], { env: { ...process.env, PATH: "/nonexistent" } });
    expectError(await ended, "PV5001", 2, "qemu-system-i386 is not installed");
  });

  test("an initial RAM disk that is larger than the memory", async () => {
    truncateSync(folder.file("large.initrd", "x"), 40 * 2 ** 20);
    expectError(
      await previrt("boot", "--memory", "32M", "--initrd", folder.at("large.initrd"), TINY),
      "PV5003",
      2,
      "32 MiB",
    );
  });

  test("is found out before the kernel is analysed", async () => {
    const noCode = folder.file("no-code.elf", kernelOf(".data\n.long 1\n"));
    expectError(await previrt("boot", noCode), "PV3001", 3);
    expectError(await previrt("boot", "--memory=8", noCode), "PV9001", 2, "memory of 8 MiB");
  });

  test("an initial RAM disk that is not there, or empty", async () => {
    expectError(await previrt("boot", "--initrd", folder.at("no.initrd"), TINY), "PV9001", 2, "no.initrd");
    expectError(
      await previrt("boot", "--initrd", folder.file("empty.initrd", ""), TINY),
      "PV1002",
      3,
      "empty.initrd is empty",
    );
  });

  test("a boot image that is not there", async () => {
    expectError(await previrt("boot", "--boot-image", folder.at("no.boot"), TINY), "PV9001", 2, "no.boot");
    expectError(
      await previrt("loader", "--boot-image", folder.at("no.boot"), "-o", folder.at("l.elf")),
      "PV9001",
      2,
      "no.boot",
    );
  });

  test("a boot image that was not built yet", async () => {
    // The program looks for it beside itself: a copy of it elsewhere finds none.
    const elsewhere = new Folder();
    mkdirSync(elsewhere.at("apps/cli"), { recursive: true });
    symlinkSync(new URL("../node_modules", import.meta.url).pathname, elsewhere.at("apps/cli/node_modules"));
    spawnSync("cp", [
      "-r",
      new URL("../dist", import.meta.url).pathname,
      new URL("../package.json", import.meta.url).pathname,
      elsewhere.at("apps/cli"),
    ]);
    const { status, stdout, stderr } = spawnSync(
      process.execPath,
      [elsewhere.at("apps/cli/dist/main.js"), "boot", TINY],
      { encoding: "utf8" },
    );
    expectError({ code: status ?? -1, stdout, stderr }, "PV5004", 2, "has not been built");
  });

  test("a boot image that is none, or from before there were templates", async () => {
    const text = folder.file("text.boot", "no boot image");
    expectError(await previrt("loader", "--boot-image", text, "-o", folder.at("l.elf")), "PV1003", 3);
    expectError(await previrt("boot", "--boot-image", TINY, TINY), "PV1006", 3, ".previrt.templates");
    const cramped = addSection(unwrap(readElf(tiny)), {
      name: ".previrt.templates",
      type: 1,
      flags: 0,
      align: 4,
      bytes: new Uint8Array(64),
    });
    expectError(
      await previrt("boot", "--boot-image", folder.file("cramped.boot", cramped.bytes), TINY),
      "PV4006",
      3,
      "reserves 64",
    );
  });
});
