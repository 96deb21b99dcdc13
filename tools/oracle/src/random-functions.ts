/**
 * Random functions as assembly: small groups of functions that call each other and end, with sensitive instructions in them.
 *
 * Two styles. `visible` functions do whatever assembly may do: everything is shown, so an analysis without assumptions must be
 * right about them. `convention` functions do what a C compiler makes of C for i386 Linux: arguments in EAX, EDX, ECX, which
 * calls destroy, results in EAX or EDX:EAX, no flag across a call. Whatever a C compiler could not write is left out, so
 * the assumptions hold, and an analysis under them must be right.
 *
 * A group ends: calls lead to later functions only, loops count in memory. What instructions leave undefined is never looked at.
 */

export type Style = "visible" | "convention";

/** A statement; `#` in a line is the number of a slot that records an operand. */
export type Statement =
  | { readonly kind: "lines"; readonly lines: readonly string[] }
  | { readonly kind: "push"; readonly from: string; readonly to: string; readonly body: readonly Statement[] }
  | {
      readonly kind: "if";
      readonly condition: string;
      readonly body: readonly Statement[];
      readonly otherwise: readonly Statement[];
    }
  | {
      /** A jump through a table, by the lowest bit of a register. */
      readonly kind: "switch";
      readonly on: string;
      readonly body: readonly Statement[];
      readonly otherwise: readonly Statement[];
    }
  | { readonly kind: "loop"; readonly times: number; readonly body: readonly Statement[] }
  | {
      readonly kind: "call";
      readonly before: readonly string[];
      readonly callee: number;
      readonly pointer: boolean;
      readonly after: readonly string[];
    }
  | { readonly kind: "cold"; readonly condition: string; readonly body: readonly Statement[]; readonly back: boolean };

export interface RandomFunction {
  /** Starts with a call of the tracer, as compiled C does. */
  readonly traced: boolean;
  /** Convention: how many argument registers it reads, and whether it returns two. */
  readonly parameters: number;
  readonly wide: boolean;
  readonly body: readonly Statement[];
  /** A function that it ends in a jump to, instead of a return. */
  readonly tail: number | undefined;
}

export interface Group {
  readonly style: Style;
  readonly functions: readonly RandomFunction[];
  /** Registers and flags before the first function is called, and those that are looked at behind. */
  readonly start: readonly number[];
  readonly observed: readonly string[];
}

const REGISTERS = ["eax", "ecx", "edx", "ebx", "esi", "edi", "ebp"] as const;
const BYTES = ["al", "ah", "cl", "ch", "dl", "dh", "bl", "bh"] as const;
const WORDS = ["ax", "cx", "dx", "bx", "si", "di"] as const;
const CONDITIONS = ["o", "no", "c", "nc", "z", "nz", "be", "a", "s", "ns", "p", "np", "l", "ge", "le", "g"] as const;
const BINARY = ["add", "or", "adc", "sbb", "and", "sub", "xor", "cmp", "mov", "test", "xchg"] as const;
const SHIFTS = ["shl", "shr", "sar", "rol", "ror", "rcl", "rcr"] as const;
const ARGUMENTS = ["eax", "edx", "ecx"] as const;
const KEPT = ["ebx", "esi", "edi", "ebp"] as const;
/** Words of memory that a group works on. */
export const MEMORY_WORDS = 64;
/** Arithmetic flags but AF, which many instructions leave undefined, and with DF. */
const SEEN_FLAGS = 0x8c5,
  SEEN_FLAGS_AND_DF = 0xcc5;

/** mulberry32: 32 bits of state, one number from 0 to 1 a call. */
export function random(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b_79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

export function randomGroup(seed: number, style: Style): Group {
  return new Generator(random(seed), style).group();
}

class Generator {
  private signatures: { traced: boolean; parameters: number; wide: boolean }[] = [];

  constructor(
    private readonly next: () => number,
    private readonly style: Style,
  ) {}

  group(): Group {
    const count = 1 + this.below(4);
    this.signatures = Array.from({ length: count }, () => ({
      traced: this.style === "convention" || this.chance(0.75),
      parameters: this.below(4),
      wide: this.chance(0.3),
    }));
    const functions = this.signatures.map((signature, f) => {
      // A number that callers hand over.
      const leaf: Statement[] = this.chance(0.3) ? [{ kind: "lines", lines: this.recorded("eax", "cpuid") }] : [];
      const body = [...leaf, ...this.block(3 + this.below(7), f, 0)];
      const tails = this.signatures.flatMap(({ wide }, g) => (g > f && wide === signature.wide ? [g] : []));
      const tail = tails.length > 0 && this.chance(0.25) ? this.pick(tails) : undefined;
      return { ...signature, body, tail };
    });
    const { wide } = this.signatures[0]!;
    const observed =
      this.style === "visible"
        ? [...REGISTERS, "c", "z", "s", "o"].filter(() => this.chance(0.4))
        : ["eax", ...(wide ? ["edx"] : []), ...KEPT];
    return { style: this.style, functions, start: REGISTERS.map(() => this.word()), observed };
  }

  private below(limit: number): number {
    return Math.floor(this.next() * limit);
  }

  private chance(probability: number): boolean {
    return this.next() < probability;
  }

  private pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)]!;
  }

  private word(): number {
    return this.chance(0.5) ? this.below(16) : (this.next() * 2 ** 32) >>> 0;
  }

  private memory(): string {
    return `mem+${4 * (8 + this.below(MEMORY_WORDS - 16))}`;
  }

  private block(length: number, f: number, depth: number): Statement[] {
    return Array.from({ length }, () => this.statements(f, depth)).flat();
  }

  private statements(f: number, depth: number): Statement[] {
    const lines = (...list: string[]): Statement => ({ kind: "lines", lines: list });
    const inner = (): Statement[] => this.block(1 + this.below(4), f, depth + 1);
    const condition = this.pick(CONDITIONS);
    const isLast = f + 1 >= this.signatures.length;
    const kind = this.below(100);
    if (kind < 30) return [lines(...this.site())];
    if (kind < 62) return [lines(...this.plain())];
    if (kind < 72 && !isLast) return [this.call(f, this.chance(0.3) ? [`mov $${this.below(3)}, %eax`] : [], [])];
    if (kind < 76 && !isLast)
      return [this.call(f, ["mov $1, %ebx"], ["mov %ebx, %eax", ...this.recorded("eax", "cpuid")])];
    if (kind < 79)
      return [
        lines(
          "sub $8, %esp",
          `movl $${this.below(3)}, 4(%esp)`,
          ...this.plain(),
          "mov 4(%esp), %eax",
          ...this.recorded("eax", "cpuid"),
          "lea 8(%esp), %esp",
        ),
      ];
    if (depth > 1) return [lines(...this.plain())];
    if (kind < 83) return [{ kind: "push", from: this.pick(REGISTERS), to: this.pick(REGISTERS), body: inner() }];
    if (kind < 85)
      return [
        lines("mov $0x174, %eax"),
        { kind: "push", from: "eax", to: "ecx", body: inner() },
        lines(...this.recorded("ecx", "rdmsr")),
      ];
    if (kind < 92) return [{ kind: "if", condition, body: inner(), otherwise: this.chance(0.5) ? inner() : [] }];
    if (kind < 95) {
      // Either way the same number, or one of two.
      const arm = (): Statement[] => [...inner(), lines(`mov $${0x2e8 + this.below(2)}, %edx`)];
      return [{ kind: "if", condition, body: arm(), otherwise: arm() }, lines(...this.recorded("edx", "out %al, %dx"))];
    }
    if (depth > 0) return [lines(...this.plain())];
    if (kind < 98) return [{ kind: "loop", times: 1 + this.below(3), body: inner() }];
    return [{ kind: "cold", condition, body: inner(), back: this.chance(0.5) }];
  }

  private call(f: number, before: readonly string[], after: readonly string[]): Statement {
    const callee = f + 1 + this.below(this.signatures.length - f - 1);
    return { kind: "call", before, callee, pointer: this.chance(0.25), after: [...this.behindCall(callee), ...after] };
  }

  /** A sensitive instruction whose operand is recorded in front of it. */
  private recorded(register: string, instruction: string): string[] {
    return [`mov %${register}, rec+#`, instruction];
  }

  /** Convention: what a call destroyed is defined anew. */
  private behindCall(callee: number): string[] {
    if (this.style === "visible") return [];
    const edx = this.signatures[callee]!.wide ? [] : [`mov $${this.word()}, %edx`];
    return [`mov $${this.word()}, %ecx`, ...edx, this.compare()];
  }

  /** Defines every arithmetic flag. */
  private compare(): string {
    return `cmp %${this.pick(REGISTERS)}, %${this.pick(REGISTERS)}`;
  }

  /** Instructions that leave flags undefined: compilers do not look at them, and v86 has one answer for those who do. */
  private settled(...lines: string[]): string[] {
    return this.style === "visible" ? lines : [...lines, this.compare()];
  }

  private plain(): string[] {
    const [a, b] = [this.pick(REGISTERS), this.pick(REGISTERS)];
    const anything: (() => string[])[] = [
      () => [`${this.pick(BINARY)} %${a}, %${b}`],
      () => [`${this.pick(BINARY)} %${this.pick(BYTES)}, %${this.pick(BYTES)}`],
      () => [`mov $${this.word()}, %${a}`],
      () => [`mov $${this.below(256)}, %${this.pick(BYTES)}`],
      () => [`mov $${this.below(65536)}, %${this.pick(WORDS)}`],
      () => [`${this.pick(["add", "and", "or", "xor", "sub", "cmp", "adc"])} $${this.below(256) - 128}, %${a}`],
      () => this.settled(`${this.pick(SHIFTS)} $${this.below(8)}, %${a}`),
      () => this.settled(`${this.pick(SHIFTS)} %cl, %${a}`),
      () => this.settled(`shld $${1 + this.below(7)}, %${a}, %${b}`),
      () => [`${this.pick(["inc", "dec", "neg", "not"])} %${a}`],
      () => [`${this.pick(["inc", "dec", "neg", "not"])} %${this.pick(BYTES)}`],
      () => [`set${this.pick(CONDITIONS)} %${this.pick(BYTES)}`],
      () => [`cmov${this.pick(CONDITIONS)} %${a}, %${b}`],
      () => [`${this.pick(["movzbl", "movsbl"])} %${this.pick(BYTES)}, %${a}`],
      () => [`lea ${this.below(64)}(%${a},%${b},4), %${this.pick(REGISTERS)}`],
      () => [this.pick(["clc", "stc", "cmc", "cwtl", "cltd", "sahf"])],
      () => ["lahf", `and $${SEEN_FLAGS & 0xff}, %ah`],
      () => [`mov %${a}, ${this.memory()}`],
      () => [`mov %${this.pick(BYTES)}, ${this.memory()}`],
      () => [`mov ${this.memory()}, %${a}`],
      () => [`${this.pick(["add", "xor", "adc"])} %${a}, ${this.memory()}`],
      () => [`xadd %${a}, ${this.memory()}`],
      () => [`cmpxchg %${a}, ${this.memory()}`],
      () => [`bswap %${a}`],
      () => [`mul %${a}`, this.compare()],
      () => [`imul %${a}, %${b}`, this.compare()],
      () => ["or $1, %cl", "xor %edx, %edx", "div %ecx", this.compare()],
      () => [`bsf %${a}, %${b}`, this.compare()],
      () => [`bt %${a}, %${b}`, this.compare()],
      () => ["mov $mem+128, %edi", "mov $3, %ecx", "cld", "rep stosl"],
      () => ["mov $mem+128, %esi", this.pick(["lodsl", "lodsb"])],
      () => [`xor %${a}, %${a}`],
      () => [`sbb %${a}, %${a}`],
    ];
    // Compilers leave the direction flag clear.
    if (this.style === "visible") anything.push(() => [this.pick(["std", "cld"])]);
    return this.pick(anything)();
  }

  /** A sensitive instruction, and what makes a use of what it is for. */
  private site(): string[] {
    const a = this.pick(REGISTERS);
    const flags = this.style === "visible" ? SEEN_FLAGS_AND_DF : SEEN_FLAGS;
    const port = 0x2e8 + this.below(8);
    const sites: (() => string[])[] = [
      () => [this.pick(["cli", "sti", "cli", "clts"])],
      () => ["pushf", "cli", `pop %${a}`, `and $${flags}, %${a}`],
      () => [this.compare(), this.pick(["cli", "sti"]), "pushf", `pop %${a}`],
      () => [`push %${a}`, `andl $${flags}, (%esp)`, "orl $2, (%esp)", "popf"],
      () => ["pushf", "cli", `mov %${a}, ${this.memory()}`, "popf"],
      () => [
        `mov $${port}, %edx`,
        ...this.unrelated("edx"),
        ...this.recorded("edx", this.pick(["out %al, %dx", "in %dx, %al"])),
      ],
      () => [
        `mov $${port}, %dx`,
        ...this.unrelated("edx"),
        ...this.recorded("edx", this.pick(["out %eax, %dx", "in %dx, %eax"])),
      ],
      () => [`out %al, $${0x80}`],
      () => [`mov $${this.below(3)}, %eax`, ...this.unrelated("eax"), ...this.recorded("eax", "cpuid")],
      () => [`and $${this.below(4)}, %eax`, ...this.recorded("eax", "cpuid")],
      () => [`mov $${0x174 + this.below(3)}, %ecx`, ...this.unrelated("ecx"), ...this.recorded("ecx", "rdmsr")],
      () => ["rdtsc", `mov $${this.word()}, %edx`, `mov $${this.word()}, %eax`],
      () => this.settled(`mov %${this.pick(["cr0", "cr2", "cr3", "cr4"])}, %${a}`),
      () => this.settled("mov %cr3, %eax", "mov %eax, %cr3"),
      () => [`mov %ds, %${a}`],
      () => ["mov %ds, %eax", "mov %eax, %es"],
      () => ["sgdt mem+240"],
      () => [`smsw %${a}`],
      () => ["invlpg mem"],
    ];
    return this.pick(sites)();
  }

  /** Up to two instructions that leave a register's contents alone, or do something to it that is still known. */
  private unrelated(register: string): string[] {
    if (this.chance(0.4)) return [];
    const others = REGISTERS.filter((other) => other !== register);
    return this.pick([
      [`mov %${this.pick(others)}, ${this.memory()}`],
      [`add %${this.pick(others)}, %${this.pick(others)}`],
      [`push %${register}`, `pop %${register}`],
      [`add $1, %${register}`, `sub $1, %${register}`],
      [`cmov${this.pick(CONDITIONS)} %${this.pick(others)}, %${this.pick(others)}`],
      [`mov %${register}, %${this.pick(others)}`],
    ]);
  }
}

/** Text of a group; names carry its number. Counts the slots that it records in. */
export class Renderer {
  /** Slots in use so far. */
  slots = 0;
  private lines: string[] = [];
  private cold: string[] = [];
  private pointers: number[] = [];
  private tables: string[] = [];
  private labels = 0;
  private loops = 0;

  render(group: Group, number: number): string {
    this.lines = [];
    this.pointers = [];
    this.tables = [];
    this.labels = this.loops = 0;
    group.functions.forEach((each, f) => this.function(group.style, each, number, f));
    const driver = this.driver(group, number);
    const pointers = this.pointers.map((f) => `pointer_${number}_${f}: .long f_${number}_${f}`);
    const counters = Array.from({ length: this.loops }, (_, loop) => `loop_${number}_${loop}: .long 0`);
    const text = [...this.lines, ...driver].join("\n").replaceAll("mem", `mem_${number}`);
    return [
      text.replaceAll("#", () => String(4 * this.slots++)),
      ".data",
      ...pointers,
      ...this.tables,
      ...counters,
      `mem_${number}: .fill ${MEMORY_WORDS}, 4, 0x${(0x1357_9bdf + number).toString(16)}`,
      ".text",
    ].join("\n");
  }

  private start(name: string): void {
    this.lines.push(`.type ${name}, @function`, `${name}:`);
  }

  private function(style: Style, each: RandomFunction, number: number, f: number): void {
    this.cold = [];
    this.start(`f_${number}_${f}`);
    if (each.traced) this.lines.push("call __fentry__");
    const convention = style === "convention";
    if (convention) {
      this.lines.push(...KEPT.map((r) => `push %${r}`));
      this.lines.push(...ARGUMENTS.slice(each.parameters).map((r, i) => `mov $${0x55 + i}, %${r}`), "cmp %eax, %ebx");
    }
    const restore = convention ? KEPT.toReversed().map((r) => `pop %${r}`) : [];
    const results = convention ? (each.wide ? ["mov %ebx, %edx", "mov %esi, %eax"] : ["mov %ebx, %eax"]) : [];
    const leave = [...results, ...restore, "ret"];
    this.block(each.body, number, leave);
    if (each.tail === undefined) this.lines.push(...leave);
    else
      this.lines.push(
        ...(convention ? ["mov %ebx, %eax", "mov %esi, %edx", "mov %edi, %ecx"] : []),
        ...restore,
        `jmp f_${number}_${each.tail}`,
      );
    this.lines.push(...this.cold);
  }

  private block(body: readonly Statement[], number: number, leave: readonly string[]): void {
    for (const each of body) this.statement(each, number, leave);
  }

  private statement(each: Statement, number: number, leave: readonly string[]): void {
    const label = (): string => `.L${number}_${this.labels++}`;
    switch (each.kind) {
      case "lines":
        this.lines.push(...each.lines);
        break;
      case "push":
        this.lines.push(`push %${each.from}`);
        this.block(each.body, number, leave);
        this.lines.push(`pop %${each.to}`);
        break;
      case "if": {
        const [behind, end] = [label(), label()];
        this.lines.push(`j${each.condition} ${behind}`);
        this.block(each.body, number, leave);
        if (each.otherwise.length > 0) this.lines.push(`jmp ${end}`);
        this.lines.push(`${behind}:`);
        this.block(each.otherwise, number, leave);
        this.lines.push(`${end}:`);
        break;
      }
      case "switch": {
        const [zero, one, end] = [label(), label(), label()];
        const table = `pointer_${number}_switch_${this.tables.length}`;
        this.tables.push(`${table}: .long ${zero}`, `${table}_1: .long ${one}`);
        this.lines.push(`and $1, %${each.on}`, `jmp *${table}(,%${each.on},4)`, `${zero}:`);
        this.block(each.body, number, leave);
        this.lines.push(`jmp ${end}`, `${one}:`);
        this.block(each.otherwise, number, leave);
        this.lines.push(`${end}:`);
        break;
      }
      case "loop": {
        const [top, counter] = [label(), `loop_${number}_${this.loops++}`];
        this.lines.push(`movl $${each.times}, ${counter}`, `${top}:`);
        this.block(each.body, number, leave);
        this.lines.push(`decl ${counter}`, `jnz ${top}`);
        break;
      }
      case "call":
        if (each.pointer && !this.pointers.includes(each.callee)) this.pointers.push(each.callee);
        this.lines.push(
          ...each.before,
          each.pointer ? `call *pointer_${number}_${each.callee}` : `call f_${number}_${each.callee}`,
        );
        this.lines.push(...each.after);
        break;
      case "cold": {
        const [back, name] = [label(), `cold_${number}_${this.labels}`];
        this.lines.push(`j${each.condition} ${name}`, `${back}:`);
        const lines = this.lines;
        this.lines = [];
        this.start(name);
        this.block(each.body, number, leave);
        this.lines.push(...(each.back ? [`jmp ${back}`] : leave));
        this.cold.push(...this.lines);
        this.lines = lines;
        break;
      }
    }
  }

  /** Sets the stage, calls the first function, and keeps what is looked at in the group's first words. */
  private driver({ start, observed }: Group, number: number): string[] {
    const name = `drive_${number}`;
    const [flags, ...registers] = [start[0]! & SEEN_FLAGS, ...start];
    return [
      `.type ${name}, @function`,
      `${name}:`,
      `push $${flags}`,
      "popf",
      ...REGISTERS.map((r, i) => `mov $${registers[i]}, %${r}`),
      `call f_${number}_0`,
      ...observed.map((what, i) => (what.length === 1 ? `set${what} mem+${4 * i}` : `mov %${what}, mem+${4 * i}`)),
      "ret",
    ];
  }
}
