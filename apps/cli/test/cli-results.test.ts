/** What every command prints where all is well: shapes that others build on, equal bytes for equal input, the right stream. */
import { readFileSync, openSync, closeSync, symlinkSync, readlinkSync, statSync, writeFileSync } from "node:fs";
import { spawnSync } from "node:child_process";
import { beforeAll, describe, expect, test } from "vitest";
import { readElf, sectionNamed, unwrap } from "@pv/elf";
import { ASSUMPTIONS } from "@pv/dataflow";
import { annotationsOf, previrtualize, templatesOf } from "@pv/runtime-loader";
import { CATALOGUE } from "@pv/sensitive";
import { RULES } from "@pv/stubgen";
import {
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
  type Outcome,
} from "./cli.fixture.js";

const folder = new Folder();
const COMMANDS = ["info", "analyze", "rewrite", "verify", "explain", "loader", "boot"];

function parsed({ code, stdout, stderr }: Outcome, exitCode = 0): any {
  expect({ code, stderr }).toEqual({ code: exitCode, stderr: "" });
  return JSON.parse(stdout);
}

describe.concurrent("help and version", () => {
  test("the version is that of the package", async () => {
    const { version } = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8")) as {
      version: string;
    };
    expect(await previrt("--version")).toEqual({ code: 0, stdout: `${version}\n`, stderr: "" });
  });

  test("--help names every command and the exit codes; nothing at all is a request for help, too", async () => {
    const help = await previrt("--help");
    expect(help).toMatchObject({ code: 0, stderr: "" });
    for (const command of COMMANDS) expect(help.stdout).toMatch(new RegExp(`^  ${command} +\\w`, "m"));
    expect(help.stdout).toContain("Exit codes: 0 done; 1 ");
    expect(await previrt()).toEqual(help);
  });

  test.each(COMMANDS)("%s --help has an example and describes every flag", async (command) => {
    const { code, stdout, stderr } = await previrt(command, "--help");
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toMatch(new RegExp(`EXAMPLES\n  previrt ${command} `));
    for (const line of stdout.split("FLAGS\n")[1]!.trimEnd().split("\n\n")[0]!.split("\n"))
      expect(line).toMatch(/--.* {2}\S.{9}/);
  });

  test("boot --help gives units and defaults", async () => {
    const { stdout } = await previrt("boot", "--help");
    expect(stdout).toMatch(/--memory.*MiB.*default = 256M/);
    expect(stdout).toMatch(/--timeout.*seconds \(default: 300\)/);
    expect(stdout).toContain("console=ttyS0");
  });
});

describe.concurrent("info", () => {
  test("says the same of a bzImage and of the kernel in it, but for the container", async () => {
    const elf = parsed(await previrt("info", "--format", "json", TINY));
    const bz = parsed(await previrt("info", "--format", "json", folder.file("info.bz", packed(readFileSync(TINY)))));
    expect(elf).toMatchObject({
      schemaVersion: 1,
      image: { arch: "i386", format: "elf", compression: "none", release: null },
      problems: [],
    });
    expect(bz).toEqual({ ...elf, image: { ...elf.image, format: "bzImage", compression: "gzip" } });
    expect(elf.sections.find(({ name }: { name: string }) => name === ".text")).toMatchObject({ executable: true });
  });

  test("prints it for people", async () => {
    const { code, stdout, stderr } = await previrt("info", TINY);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toMatch(/^architecture +i386$/m);
    expect(stdout).toMatch(/^\.text +c1[0-9a-f]{6} +\d+ +yes$/m);
  });
});

describe("analyze", () => {
  let model: any;
  beforeAll(async () => {
    model = parsed(await previrt("analyze", "--format", "json", TINY));
  });

  test("has the stable shape", () => {
    const counts = expect.any(Number);
    const registers = { atStake: counts, preserved: counts, reduction: counts };
    const knownCounts = {
      sites: counts,
      known: counts,
      exact: counts,
      set: counts,
      range: counts,
      reasons: expect.any(Object),
    };
    expect(model).toEqual({
      schemaVersion: 1,
      image: { sha256: expect.stringMatching(/^[0-9a-f]{64}$/), arch: "i386", format: "elf", release: null },
      assumptions: Object.keys(ASSUMPTIONS),
      problems: [],
      summary: {
        sites: counts,
        byKind: expect.any(Object),
        byTactic: expect.any(Object),
        byReason: expect.any(Object),
        registers,
        flags: { sites: counts, live: counts },
        restsOn: {
          codeAlone: counts,
          byAssumption: Object.fromEntries(Object.keys(ASSUMPTIONS).map((name) => [name, counts])),
        },
        known: {
          ports: knownCounts,
          msrs: knownCounts,
          leaves: knownCounts,
        },
      },
      moduleHook: { call: expect.stringMatching(/^c1[0-9a-f]{6}$/), reason: null },
      sites: expect.any(Array),
    });
    const kinds = new Set<string>(CATALOGUE.map(({ kind }) => kind));
    for (const [kind, row] of Object.entries(model.summary.byKind)) {
      expect(kinds).toContain(kind);
      expect(row).toEqual({ sites: counts, patched: counts, registers });
    }
    const reasons = new Set<string | null>(RULES.map(({ name }) => name));
    for (const site of model.sites) {
      expect(Object.keys(site)).toEqual([
        "address",
        "kind",
        "class",
        "liveRegisters",
        "liveFlags",
        "known",
        "content",
        "assumptions",
        "tactic",
        "reason",
      ]);
      expect(site.address).toMatch(/^[0-9a-f]{8}$/);
      expect(kinds).toContain(site.kind);
      expect(["privileged", "silent", "port-io"]).toContain(site.class);
      for (const name of [...site.liveRegisters, ...site.liveFlags]) expect(name).toMatch(/^[a-z]{2,3}[a-z0-9:.+-]*$/i);
      if (site.known !== null)
        expect(site.known).toEqual({ what: expect.stringMatching(/^(port|msr|leaf)$/), value: counts });
      if (site.content !== null) {
        expect(Object.keys(site.content)).toEqual([
          "what",
          "knowledge",
          "values",
          "knownBits",
          "bits",
          "patterns",
          "names",
          "reason",
        ]);
        expect(site.content.knowledge === "nothing").toBe(site.content.reason !== null);
        expect(site.known === null).toBe(site.content.knowledge !== "exact");
      } else expect(site.known).toBeNull();
      expect(["in-place", "idiom", "jump-forward", "jump-backward"]).toContain(site.tactic);
      expect(site.tactic === "in-place" ? reasons.has(site.reason) : site.reason === null).toBe(true);
    }
  });

  test("adds up", () => {
    const { summary, sites } = model;
    const sum = (counts: Record<string, number>): number => Object.values(counts).reduce((a, b) => a + b, 0);
    expect(summary.sites).toBe(sites.length);
    expect(summary.sites).toBeGreaterThan(150);
    expect(sum(summary.byTactic)).toBe(sites.length);
    expect(sum(summary.byReason)).toBe(summary.byTactic["in-place"]);
    expect(Object.values<any>(summary.byKind).reduce((n, row) => n + row.sites, 0)).toBe(sites.length);
    expect(summary.flags).toEqual({
      sites: sites.length,
      live: sites.filter(({ liveFlags }: any) => liveFlags.some((flag: string) => !/^df$/i.test(flag))).length,
    });
    expect(summary.registers.preserved).toBeLessThan(summary.registers.atStake);
    expect(sites.map(({ address }: any) => address)).toEqual(sites.map(({ address }: any) => address).toSorted());
  });

  test("is the same again, and inside a bzImage", async () => {
    const again = await previrt("analyze", "--format", "json", TINY);
    expect(JSON.parse(again.stdout)).toEqual(model);
    expect(await previrt("analyze", "--format", "json", TINY)).toEqual(again);
    const bz = parsed(
      await previrt("analyze", "--format", "json", folder.file("analyze.bz", packed(readFileSync(TINY)))),
    );
    expect(bz).toEqual({ ...model, image: { ...model.image, format: "bzImage" } });
  });

  test("believes less without assumptions", async () => {
    const sceptic = parsed(await previrt("analyze", "--format", "json", "--assume", "none", TINY));
    expect(sceptic.assumptions).toEqual([]);
    expect(sceptic.sites.length).toBe(model.sites.length);
    expect(sceptic.summary.registers.preserved).toBeGreaterThanOrEqual(model.summary.registers.preserved);
  });

  test("prints sums with the sentence of each reason, and one line per site when asked", async () => {
    const short = await previrt("analyze", TINY);
    expect(short).toMatchObject({ code: 0, stderr: "" });
    expect(short.stdout).toMatch(/^cli +\d+ +\d+ +\d+ +\d+ +[\d.]+ %$/m);
    expect(short.stdout).toMatch(/^control-transfer +\d+ +An interrupt return/m);
    expect(short.stdout).toMatch(/^registers preserved +\d+ of \d+ /m);
    const long = await previrt("analyze", "--sites", TINY);
    expect(long.stdout.startsWith(short.stdout.trimEnd())).toBe(true);
    const lines = long.stdout.split("\n").filter((line) => /^[0-9a-f]{8} /.test(line));
    expect(lines.length).toBe(model.sites.length);
    for (const [row, { address, kind, tactic, reason }] of model.sites.entries()) {
      expect(lines[row]!.split(/ +/).slice(0, 4)).toEqual([address, kind, tactic, reason ?? "-"]);
    }
    expect(await previrt("analyze", "--sites", TINY)).toEqual(long);
  });

  test("takes a kernel for x86-64", async () => {
    const amd64 = parsed(
      await previrt(
        "analyze",
        "--format",
        "json",
        folder.file("amd64.elf", kernelOf(".text\ncli\nmov %cr3, %rax\nret\n", 64)),
      ),
    );
    expect(amd64.image.arch).toBe("amd64");
    expect(amd64.sites.map(({ address, kind }: any) => [address, kind])).toEqual([
      ["ffffffff81000000", "cli"],
      ["ffffffff81000001", "mov-from-cr"],
    ]);
  });

  test("takes a kernel without a sensitive instruction", async () => {
    const path = folder.file("harmless.elf", kernelOf(".text\nret\n"));
    expect(parsed(await previrt("analyze", "--format", "json", path)).summary).toMatchObject({
      sites: 0,
      byKind: {},
      registers: { reduction: 0 },
    });
    expect(await previrt("analyze", "--sites", path)).toMatchObject({ code: 0, stderr: "" });
  });
});

describe("a kernel table that points outside", () => {
  let damaged: string;
  beforeAll(() => {
    const elf = fakeKernel("exceptions");
    damaged = folder.file("damaged.elf", withWord(elf, sectionOf(elf, "__ex_table").offset, 0x4000_0000));
  });
  const warning = /^warning PV2002 [^\n:]+: [^\n]*__ex_table[^\n]*\n {2}[^\n]+\n$/;

  test.each(["info", "analyze"])(
    "%s goes on without it, names it on stderr and in the JSON, and ends with 4",
    async (command) => {
      const text = await previrt(command, damaged);
      expect(text).toMatchObject({ code: 4, stderr: expect.stringMatching(warning) });
      expect(text.stdout).not.toBe("");
      const json = await previrt(command, "--format", "json", damaged);
      expect(json).toMatchObject({ code: 4, stderr: text.stderr });
      expect(JSON.parse(json.stdout).problems).toEqual([
        { code: "PV2002", message: expect.any(String), address: expect.any(Number), hint: expect.any(String) },
      ]);
    },
  );

  test("rewrite writes the file all the same, and verify accepts it", async () => {
    const output = folder.at("damaged.previrt");
    expect(await previrt("rewrite", "-o", output, damaged)).toMatchObject({
      code: 4,
      stderr: expect.stringMatching(warning),
    });
    expect(await previrt("verify", damaged, output)).toMatchObject({ code: 4, stderr: expect.stringMatching(warning) });
  });
});

describe("rewrite", () => {
  test("adds the table, leaves the rest and the input alone, and writes the same again", async () => {
    const before = readFileSync(TINY);
    const output = folder.at("tiny.previrt");
    const result = parsed(await previrt("rewrite", "--format", "json", "--output", output, TINY));
    const bytes = readFileSync(output);
    expect(result).toEqual({
      schemaVersion: 1,
      image: { sha256: expect.any(String), arch: "i386", format: "elf", release: null },
      output,
      bytes: bytes.length,
      sites: result.planned + result.inPlace,
      planned: expect.any(Number),
      inPlace: expect.any(Number),
      byReason: expect.any(Object),
      problems: [],
    });
    expect(unwrap(annotationsOf(unwrap(readElf(bytes)))).sites.count).toBe(result.sites);
    expect(readFileSync(TINY).equals(before)).toBe(true);
    const again = await previrt("rewrite", "-o", output, TINY);
    expect(again).toEqual({
      code: 0,
      stdout: `${output}: ${bytes.length} bytes, ${result.sites} sites, ${result.planned} of them in patches, ${result.inPlace} stay in place\n`,
      stderr: "",
    });
    expect(readFileSync(output).equals(bytes)).toBe(true);
    expect(folder.names().filter((name) => name.includes("tmp"))).toEqual([]);
  });

  test("replaces what a symbolic link points to, not the link", async () => {
    const real = folder.file("real.elf", "old");
    symlinkSync("real.elf", folder.at("link.elf"));
    expect(await previrt("rewrite", "-o", folder.at("link.elf"), TINY)).toMatchObject({ code: 0 });
    expect(readlinkSync(folder.at("link.elf"))).toBe("real.elf");
    expect(statSync(real).size).toBeGreaterThan(1000);
  });
});

describe("loader", () => {
  test("writes the boot image with the hypervisor's templates", async () => {
    const output = folder.at("loader.elf");
    expect(parsed(await previrt("loader", "-o", output, "--format", "json"))).toEqual({
      schemaVersion: 1,
      output,
      bytes: statSync(output).size,
      hypervisor: "bare",
    });
    expect(unwrap(templatesOf(readFileSync(output))).profile).toBe("bare");
    expect((await previrt("loader", "-o", output)).stdout).toMatch(/loader\.elf: \d+ bytes, hypervisor bare\n$/);
  });
});

describe("verify", () => {
  let rewritten: Buffer;
  let path: string;
  beforeAll(async () => {
    path = folder.at("verify.previrt");
    expect(await previrt("rewrite", "-o", path, TINY)).toMatchObject({ code: 0 });
    rewritten = readFileSync(path);
  });

  const differing = async (name: string, bytes: Uint8Array): Promise<Record<string, string[]>> => {
    const { code, stdout, stderr } = await previrt("verify", "--format", "json", TINY, folder.file(name, bytes));
    expect({ code, stderr }).toEqual({ code: 1, stderr: "" });
    const result = JSON.parse(stdout);
    expect(result).toMatchObject({ schemaVersion: 1, verified: false });
    return Object.fromEntries(
      result.checks
        .filter((check: any) => check.differences.length > 0)
        .map((check: any) => [check.name, check.differences]),
    );
  };

  test("accepts what rewrite wrote, from the ELF file and from a bzImage", async () => {
    const text = await previrt("verify", TINY, path);
    expect(text).toMatchObject({ code: 0, stderr: "", stdout: expect.stringMatching(/\nverified: /) });
    expect(text.stdout).not.toContain("DIFFERENT");
    const bz = folder.file("verify.bz", packed(readFileSync(TINY)));
    expect(parsed(await previrt("verify", "--format", "json", bz, path))).toMatchObject({ verified: true });
  });

  test("accepts an image that was rewritten without assumptions if it is told so", async () => {
    const sceptic = folder.at("sceptic.previrt");
    await previrt("rewrite", "--assume", "none", "-o", sceptic, TINY);
    expect(await previrt("verify", "--assume", "none", TINY, sceptic)).toMatchObject({ code: 0 });
    expect(await previrt("verify", TINY, sceptic)).toMatchObject({
      code: 1,
      stdout: expect.stringContaining("assumptions is 0, should be"),
    });
  });

  test("finds a changed byte of code", async () => {
    const { offset, address } = sectionOf(rewritten, ".text");
    const found = await differing("code.elf", rewritten.with(offset + 5, rewritten[offset + 5]! ^ 1));
    expect(found["loaded bytes"]).toEqual([expect.stringContaining((address + 5).toString(16))]);
    expect(found["table"]).toEqual([expect.stringContaining("PV4003")]);
  });

  test("finds a changed fact, though the table is sound in itself", async () => {
    const elf = unwrap(readElf(rewritten));
    const annotations = unwrap(annotationsOf(elf));
    annotations.sites.liveParts[3]! ^= 1;
    const found = await differing("fact.elf", unwrap(previrtualize(elf, annotations)));
    expect(Object.keys(found)).toEqual(["facts and plans"]);
    expect(found["facts and plans"]).toEqual([
      expect.stringMatching(/ at [0-9a-f]{8}: liveParts is \d+, should be \d+/),
    ]);
  });

  test("finds a table that is missing or damaged", async () => {
    expect(Object.keys(await differing("missing.elf", readFileSync(TINY)))).toEqual(["table", "facts and plans"]);
    const { offset } = sectionOf(rewritten, ".previrt");
    expect((await differing("broken.elf", withWord(rewritten, offset + 40, 7)))["table"]).toEqual([
      expect.stringContaining("PV4004"),
    ]);
  });

  test("finds changed headers, sections and appended bytes", async () => {
    const elf = unwrap(readElf(rewritten));
    expect(Object.keys(await differing("entry.elf", withWord(rewritten, 24, elf.entry + 4)))).toContain("headers");
    expect(
      Object.keys(await differing("appended.elf", rewritten.with(rewritten.length - 3, rewritten.at(-3)! ^ 1))),
    ).toEqual(["appended bytes"]);
    const symbols = sectionNamed(elf, ".symtab")!;
    expect(await differing("symbols.elf", rewritten.with(symbols.offset + 20, 0x7e))).toMatchObject({
      sections: [expect.stringContaining(".symtab")],
    });
  });

  test("takes a file that is no kernel for an error, not for a difference", async () => {
    expectError(await previrt("verify", TINY, folder.file("no.elf", "text")), "PV1003", 3);
    expectError(await previrt("verify", folder.at("nothing"), path), "PV9001", 2);
  });
});

describe.concurrent("explain", () => {
  const kernel = folder.file(
    "explain.elf",
    kernelOf(
      ".text\nboot: jmp boot\nprobe: mov $0x3f8, %edx\nin %dx, %al\nmov %eax, %ebx\npushf\nmov $1, %ecx\nret\nnop\niret\n",
    ),
  );

  test("says everything about a site that is patched", async () => {
    const model = parsed(await previrt("explain", "--format", "json", kernel, "0xC1000007"));
    expect(model).toMatchObject({
      schemaVersion: 1,
      site: {
        address: "c1000007",
        kind: "in",
        class: "port-io",
        known: { what: "port", value: 0x3f8 },
        reason: null,
        text: "in %dx,%al",
        bytes: "ec",
        section: ".text",
      },
      kind: { why: expect.stringMatching(/\.$/), manual: expect.stringMatching(/^2A: IN/), results: "eax.l" },
      registers: { preserved: expect.any(Array) },
      patch: {
        start: expect.any(String),
        length: expect.any(Number),
        items: expect.arrayContaining([{ address: "c1000007", op: "site", text: "in %dx,%al" }]),
      },
      rungs: [{ rung: "idiom" }, { rung: "forward" }, { rung: "backward" }, { rung: "short" }],
    });
    expect(model.rungs.filter(({ outcome }: any) => outcome === "taken").length).toBe(1);
    const text = await previrt("explain", kernel, "c1000007h");
    expect(text).toMatchObject({ code: 0, stderr: "" });
    expect(text.stdout).toMatch(/^known +port 3f8h \(COM1 16550 data\)$/m);
    expect(text.stdout).toMatch(/^derived from\n +edx +3f8 +c1000002 +mov \$0x3f8,%edx/m);
    expect(text.stdout).toMatch(/^patched by a window of \d+ bytes at c10000/m);
  });

  test("says why a site stays in place", async () => {
    const { sites } = parsed(await previrt("analyze", "--format", "json", kernel));
    const { address } = sites.at(-1);
    expect(parsed(await previrt("explain", "--format", "json", kernel, address))).toMatchObject({
      site: { kind: "iret", reason: "control-transfer" },
      patch: null,
    });
    expect((await previrt("explain", kernel, address)).stdout).toMatch(/^stays in place: An interrupt return/m);
  });

  test("says what is there where there is no site", async () => {
    expectError(
      await previrt("explain", kernel, "c1000008"),
      "PV9001",
      2,
      /holds `mov %eax,%ebx`, .* nearest sites are at c1000007 and c100000a/,
    );
    expectError(await previrt("explain", kernel, "1000"), "PV1009", 3, /no code at 00001000/);
    expectError(await previrt("explain", kernel, "ffffffffc1000007"), "PV1009", 3, /no code at ffffffffc1000007/);
  });
});

describe("streams", () => {
  test("a reader that goes away early is no error", async () => {
    const running = start(["analyze", "--sites", TINY]);
    running.child.stdout!.destroy();
    expect(await running.ended).toMatchObject({ code: 0, stderr: "" });
  });

  test("a full disk behind stdout is one", async () => {
    const full = openSync("/dev/full", "w");
    const outcome = await start(["analyze", TINY], { stdio: ["ignore", full, "pipe"] }).ended;
    closeSync(full);
    expectError(outcome, "PV5005", 2, "the disk is full");
  });

  test("a closed stderr changes nothing", async () => {
    const running = start(["boot", "--format", "json", TINY]);
    running.child.stderr!.destroy();
    const { code, stdout } = await running.ended;
    expect(code).toBe(0);
    expect(JSON.parse(stdout).userland).toBe(true);
  });

  test("stdin is not read", async () => {
    const running = start(["analyze", TINY], { stdio: ["pipe", "pipe", "pipe"] });
    expect((await running.ended).code).toBe(0);
    running.child.stdin!.destroy();
  });
});

const haveScript = spawnSync("script", ["--version"]).status === 0;
describe.skipIf(!haveScript)(
  haveScript ? "on a terminal" : "on a terminal (skipped: script(1) is not installed)",
  () => {
    const ESC = "\u001b[";
    const onTerminal = (args: string, variables = ""): string =>
      spawnSync(
        "script",
        ["-qec", `env -u CI -u NO_COLOR TERM=xterm ${variables} ${process.execPath} ${MAIN} ${args}`, "/dev/null"],
        { encoding: "utf8" },
      ).stdout;

    test("steps are shown, and errors are coloured unless NO_COLOR is set", () => {
      expect(onTerminal(`analyze ${TINY}`)).toMatch(/liveness +\d+ ms/);
      expect(onTerminal("analyze /nonexistent")).toContain(`${ESC}31merror PV9001`);
      const plain =
        onTerminal(`analyze ${TINY}`, "NO_COLOR=1") +
        onTerminal("analyze /nonexistent", "NO_COLOR=1") +
        onTerminal("--help", "NO_COLOR=1");
      expect(plain).not.toContain(ESC);
      expect(onTerminal("analyze /nonexistent", "TERM=dumb")).not.toContain(ESC);
    });
  },
);

test("a file whose name starts with a dash can be named behind --", async () => {
  writeFileSync(folder.at("-kernel.elf"), readFileSync(TINY));
  expect(await start(["info", "--", "-kernel.elf"], { cwd: folder.path }).ended).toMatchObject({ code: 0, stderr: "" });
});
