/**
 * Random programs as code bytes with the facts that kernel tables would tell: a few functions that call each other in any way
 * (recursion, tail calls, split-off parts, pointers, thunks), compiled or assembly, with exception fix-ups, jump labels,
 * alternatives and bugs.
 *
 * Each function ends in something that nothing falls out of. Everything is relative, so that a program shrinks by leaving
 * out items, functions and features.
 */
import fc from "fast-check";
import { NO_FACTS, type Bits, type CodeFacts, type ProgramInput } from "@pv/x86-ir";

const BASE = 0x1000,
  REPLACEMENTS = 0x8000;

/** An item of a function, both modulo what there is; without a function, of the own one. */
interface Place {
  readonly of?: number | undefined;
  readonly item: number;
}

type Item =
  | { readonly kind: "plain"; readonly bytes: readonly number[] }
  | { readonly kind: "branch"; readonly condition: number; readonly to: Place }
  | { readonly kind: "jump"; readonly to: Place }
  | { readonly kind: "label"; readonly jumps: boolean; readonly to: Place }
  | { readonly kind: "call"; readonly callee: number }
  | { readonly kind: "preservingCall" }
  | { readonly kind: "faulting"; readonly bytes: readonly number[]; readonly fixup: Place }
  | { readonly kind: "warn" }
  | {
      readonly kind: "alternative";
      readonly site: readonly number[];
      readonly replacement: readonly number[];
      readonly jump?: Place | undefined;
    }
  | { readonly kind: "callHelper" | "jumpHelper"; readonly helper: Helper };

/** What stands behind the functions: `ret`, `jmp *%eax`, a trampoline that is replaced at run time, the tracer. */
type Helper = "returnThunk" | "thunk" | "replaceable" | "tracer";
const HELPERS: Readonly<Record<Helper, readonly number[]>> = {
  returnThunk: [0xc3],
  thunk: [0xff, 0xe0],
  replaceable: [0xf7, 0xd8, 0xc3],
  tracer: [0xc3],
};

interface Function {
  /** Compiled C. */
  readonly traced: boolean;
  /** Its address is somewhere. */
  readonly taken: boolean;
  readonly noReturn: boolean;
  readonly items: readonly Item[];
}

/** Whole instructions that both modes decode alike; none of them stands for a no-operation. */
const FIXED: readonly (readonly number[])[] = [
  [0x9c], // pushf
  [0x9d], // popf
  [0xf5], // cmc
  [0xf8], // clc
  [0xf9], // stc
  [0x9e], // sahf
  [0x9f], // lahf
  [0x98], // cwde
  [0x99], // cdq
  [0xfc], // cld
  [0xfd], // std
  [0xec], // in %dx, %al
  [0xee], // out %al, %dx
  [0xb0, 1], // mov $1, %al
  [0xb4, 2], // mov $2, %ah
  [0x66, 0xb8, 3, 0], // mov $3, %ax
  [0xb8, 4, 0, 0, 0], // mov $4, %eax
  [0xb9, 5, 0, 0, 0], // mov $5, %ecx
  [0xba, 6, 0, 0, 0], // mov $6, %edx
  [0xbb, 7, 0, 0, 0], // mov $7, %ebx
  [0x0f, 0x94, 0xc1], // sete %cl
  [0x0f, 0x92, 0xc6], // setb %dh
  [0x0f, 0x44, 0xc3], // cmove %ebx, %eax
  [0x0f, 0x48, 0xca], // cmovs %edx, %ecx
  [0xd3, 0xe0], // shl %cl, %eax
  [0xd1, 0xe2], // shl %edx
  [0xd1, 0xd3], // rcl %ebx
  [0xc1, 0xe6, 5], // shl $5, %esi
  [0xc0, 0xcc, 3], // ror $3, %ah
  [0x0f, 0xa4, 0xd0, 7], // shld $7, %edx, %eax
  [0xf7, 0xe3], // mul %ebx
  [0xf7, 0xf1], // div %ecx
  [0xf7, 0xd8], // neg %eax
  [0xf7, 0xd1], // not %ecx
  [0xfe, 0xc4], // inc %ah
  [0xff, 0xc9], // dec %ecx
  [0x0f, 0xa2], // cpuid
  [0xf3, 0xab], // rep stosl
  [0xf3, 0xa6], // repe cmpsb
  [0xa4], // movsb
  [0xac], // lodsb
  [0x0f, 0xbc, 0xc8], // bsf %eax, %ecx
  [0xf3, 0x0f, 0xbc, 0xd0], // tzcnt %eax, %edx
  [0x0f, 0xa3, 0xd8], // bt %ebx, %eax
  [0x0f, 0xc8], // bswap %eax
  [0x0f, 0xb1, 0x0b], // cmpxchg %ecx, (%ebx)
  [0x0f, 0xc1, 0xc2], // xadd %eax, %edx
  [0x0f, 0x31], // rdtsc
  [0x8b, 0x03], // mov (%ebx), %eax
  [0x8d, 0x44, 0x0b, 8], // lea 8(%ebx,%ecx), %eax
  [0x50], // push %eax
  [0x58], // pop %eax
  [0x53], // push %ebx
  [0x5b], // pop %ebx
  [0x0f, 0xb6, 0xd4], // movzbl %ah, %edx
  [0x0f, 0xbe, 0xc1], // movsbl %cl, %eax
  [0x0f, 0xaf, 0xc2], // imul %edx, %eax
  [0xf6, 0xc4, 2], // test $2, %ah
  [0x83, 0xe1, 0], // and $0, %ecx
  [0x83, 0xca, 0xff], // or $-1, %edx
  [0x31, 0xc0], // xor %eax, %eax
  [0x19, 0xd2], // sbb %edx, %edx
  [0xd7], // xlat
  [0xe3, 0x00], // jecxz to the next instruction
  [0xe2, 0x00], // loop to the next instruction
  [0x74, 0x00], // je to the next instruction
  [0xcd, 0x80], // int $0x80
];
const BINARY_OPCODES = [0x88, 0x89, 0x00, 0x01, 0x11, 0x19, 0x21, 0x29, 0x31, 0x38, 0x39, 0x85, 0x87];
/** Whoever reads the program behind one of these finds nothing: it leaves. */
const LEAVING: readonly (readonly number[])[] = [
  [0xc3], // ret
  [0xc2, 4, 0], // ret $4
  [0x0f, 0x0b], // ud2
  [0xff, 0xe3], // jmp *%ebx
  [0xcf], // iret
];
const INDIRECT_CALL = [0xff, 0xd2]; // call *%edx

const register = fc.constantFrom(0, 1, 2, 3, 5, 6, 7);
/** Two registers, ESP left alone; copies of a register to itself are no-operations. */
const binary = fc
  .tuple(fc.constantFrom(...BINARY_OPCODES), register, register)
  .filter(([opcode, a, b]) => opcode !== 0x89 || a !== b)
  .map(([opcode, a, b]) => [opcode, 0xc0 | (a << 3) | b]);
const plain = fc.oneof(fc.constantFrom(...FIXED), binary);
const place = (functions: number): fc.Arbitrary<Place> =>
  fc.record({
    of: fc.oneof({ weight: 5, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary: fc.nat(functions - 1) }),
    item: fc.nat(20),
  });

function item(functions: number): fc.Arbitrary<Item> {
  const to = place(functions);
  const weighted = <T extends Item>(weight: number, arbitrary: fc.Arbitrary<T>) => ({
    weight,
    arbitrary: arbitrary as fc.Arbitrary<Item>,
  });
  return fc.oneof(
    weighted(
      48,
      plain.map((bytes) => ({ kind: "plain", bytes })),
    ),
    weighted(12, fc.record({ kind: fc.constant("branch" as const), condition: fc.nat(15), to })),
    weighted(8, fc.record({ kind: fc.constant("call" as const), callee: fc.nat(functions - 1) })),
    weighted(4, fc.record({ kind: fc.constant("jump" as const), to })),
    weighted(2, fc.record({ kind: fc.constant("label" as const), jumps: fc.boolean(), to })),
    weighted(
      2,
      fc.record({
        kind: fc.constant("faulting" as const),
        bytes: fc.constantFrom([0x8b, 0x03], [0x89, 0x08], [0x31, 0xc9], [0x0f, 0x31]),
        fixup: to,
      }),
    ),
    weighted(
      2,
      fc.record({
        kind: fc.constant("alternative" as const),
        site: fc.array(plain, { minLength: 1, maxLength: 2 }).map((list) => list.flat()),
        replacement: fc.array(plain, { maxLength: 2 }).map((list) => list.flat()),
        jump: fc.oneof({ weight: 3, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary: to }),
      }),
    ),
    weighted(1, fc.constant({ kind: "plain", bytes: INDIRECT_CALL })),
    weighted(1, fc.constant({ kind: "preservingCall" })),
    weighted(1, fc.constant({ kind: "warn" })),
    weighted(
      1,
      fc.constantFrom(...LEAVING).map((bytes) => ({ kind: "plain", bytes })),
    ),
    weighted(
      1,
      fc.constantFrom<Helper>("thunk", "replaceable", "tracer").map((helper) => ({ kind: "callHelper", helper })),
    ),
    weighted(
      1,
      fc.constantFrom<Helper>("thunk", "replaceable", "returnThunk").map((helper) => ({ kind: "jumpHelper", helper })),
    ),
  );
}

/** Nothing falls out of a function. */
const ending = (functions: number): fc.Arbitrary<Item> =>
  fc.oneof(
    { weight: 8, arbitrary: fc.constant<Item>({ kind: "plain", bytes: [0xc3] }) },
    { weight: 1, arbitrary: fc.constant<Item>({ kind: "jumpHelper", helper: "returnThunk" }) },
    { weight: 3, arbitrary: place(functions).map((to): Item => ({ kind: "jump", to })) },
    { weight: 1, arbitrary: fc.constantFrom(...LEAVING).map((bytes): Item => ({ kind: "plain", bytes })) },
  );

const rarely = fc.nat(5).map((n) => n === 5);
const functionOf = (functions: number): fc.Arbitrary<Function> =>
  fc
    .record({
      traced: fc.boolean(),
      taken: rarely,
      noReturn: rarely,
      body: fc.array(item(functions), { minLength: 1, maxLength: 12 }),
      end: ending(functions),
    })
    .map(({ body, end, ...rest }) => ({ ...rest, items: [...body, end] }));

/** Programs of one to four functions. */
export const randomProgram: fc.Arbitrary<ProgramInput> = fc
  .tuple(fc.constantFrom<Bits>(32, 64), fc.integer({ min: 1, max: 4 }))
  .chain(([bits, count]) =>
    fc
      .array(functionOf(count), { minLength: count, maxLength: count })
      .map((functions) => new Layout(bits, functions).input()),
  );

/** Addresses first, bytes afterwards. */
class Layout {
  private readonly address: number[][] = [];
  private readonly helper = new Map<Helper, number>();
  private readonly text: number[] = [];
  private readonly replacements: number[] = [];
  private readonly facts: Record<string, number[]> = {};

  constructor(
    private readonly bits: Bits,
    private readonly functions: readonly Function[],
  ) {
    let at = BASE;
    for (const f of functions) {
      if (f.traced) at += 5;
      this.address.push(f.items.map((each) => (at += lengthOf(each)) - lengthOf(each)));
    }
    for (const [name, bytes] of Object.entries(HELPERS)) {
      this.helper.set(name as Helper, at);
      at += bytes.length;
    }
  }

  input(): ProgramInput {
    const starts = this.functions.map((_, f) => this.startOf(f));
    this.functions.forEach(({ traced, taken, noReturn, items }, f) => {
      if (traced) {
        this.note("tracedCalls", starts[f]!);
        this.branch(this.text, BASE, [0xe8], this.helper.get("tracer")!);
      }
      if (taken) this.note("addressTaken", starts[f]!);
      if (noReturn) this.note("noReturn", starts[f]!);
      items.forEach((each, i) => this.write(each, f, this.address[f]![i]!));
    });
    for (const bytes of Object.values(HELPERS)) this.text.push(...bytes);
    const column = (name: string): Uint32Array => Uint32Array.from(this.facts[name] ?? []);
    const helper = (name: Helper): Uint32Array => Uint32Array.of(this.helper.get(name)!);
    const facts: CodeFacts = {
      ...NO_FACTS,
      functionStarts: Uint32Array.from([...starts, ...this.helper.values()]),
      addressTaken: column("addressTaken"),
      noReturn: column("noReturn"),
      tracedCalls: column("tracedCalls"),
      exceptionFrom: column("exceptionFrom"),
      exceptionTo: column("exceptionTo"),
      jumpLabelFrom: column("jumpLabelFrom"),
      jumpLabelTo: column("jumpLabelTo"),
      alternativeSite: column("alternativeSite"),
      alternativeSiteLength: Uint8Array.from(column("alternativeSiteLength")),
      alternativeReplacement: column("alternativeReplacement"),
      alternativeReplacementLength: Uint8Array.from(column("alternativeReplacementLength")),
      warnings: column("warnings"),
      preservingCalls: column("preservingCalls"),
      transparent: helper("tracer"),
      thunkAddress: helper("thunk"),
      thunkRegister: Uint8Array.of(0),
      returnThunks: helper("returnThunk"),
      replaceable: helper("replaceable"),
    };
    const regions = [{ name: ".text", start: BASE, bytes: Uint8Array.from(this.text) }];
    if (this.replacements.length > 0)
      regions.push({
        name: ".altinstr_replacement",
        start: REPLACEMENTS,
        bytes: Uint8Array.from(this.replacements),
      });
    return { regions, bits: this.bits, addressHigh: 0, facts };
  }

  private startOf(f: number): number {
    return this.address[f]![0]! - (this.functions[f]!.traced ? 5 : 0);
  }

  private resolve({ of, item: i }: Place, own: number): number {
    const f = (of ?? own) % this.functions.length;
    // The first item of another function is its entry.
    const at = i % this.address[f]!.length;
    return at === 0 && f !== own ? this.startOf(f) : this.address[f]![at]!;
  }

  private note(fact: string, ...values: number[]): void {
    (this.facts[fact] ??= []).push(...values);
  }

  /** Opcode and a displacement of 32 bits. */
  private branch(out: number[], base: number, opcode: readonly number[], target: number): void {
    const displacement = target - (base + out.length + opcode.length + 4);
    out.push(...opcode, ...[0, 8, 16, 24].map((shift) => (displacement >>> shift) & 0xff));
  }

  private write(each: Item, f: number, at: number): void {
    const text = this.text;
    switch (each.kind) {
      case "plain":
        text.push(...each.bytes);
        break;
      case "faulting":
        this.note("exceptionFrom", at);
        this.note("exceptionTo", this.resolve(each.fixup, f));
        text.push(...each.bytes);
        break;
      case "branch":
        this.branch(text, BASE, [0x0f, 0x80 | each.condition], this.resolve(each.to, f));
        break;
      case "jump":
        this.branch(text, BASE, [0xe9], this.resolve(each.to, f));
        break;
      case "label":
        this.note("jumpLabelFrom", at);
        this.note("jumpLabelTo", this.resolve(each.to, f));
        if (each.jumps) this.branch(text, BASE, [0xe9], this.resolve(each.to, f));
        else text.push(0x0f, 0x1f, 0x44, 0x00, 0x00);
        break;
      case "call":
        this.branch(text, BASE, [0xe8], this.startOf(each.callee % this.functions.length));
        break;
      case "preservingCall":
        this.note("preservingCalls", at);
        text.push(0xff, 0x15, 0, 0, 0, 0);
        break;
      case "warn":
        this.note("warnings", at);
        text.push(0x0f, 0x0b);
        break;
      case "alternative": {
        const start = this.replacements.length;
        this.replacements.push(...each.replacement);
        if (each.jump !== undefined) this.branch(this.replacements, REPLACEMENTS, [0xe9], this.resolve(each.jump, f));
        this.note("alternativeSite", at);
        this.note("alternativeSiteLength", lengthOf(each));
        this.note("alternativeReplacement", REPLACEMENTS + start);
        this.note("alternativeReplacementLength", this.replacements.length - start);
        text.push(...each.site);
        while (text.length < at - BASE + lengthOf(each)) text.push(0x90);
        break;
      }
      case "callHelper":
        this.branch(text, BASE, [0xe8], this.helper.get(each.helper)!);
        break;
      case "jumpHelper":
        this.branch(text, BASE, [0xe9], this.helper.get(each.helper)!);
        break;
    }
  }
}

function lengthOf(each: Item): number {
  switch (each.kind) {
    case "plain":
    case "faulting":
      return each.bytes.length;
    case "branch":
    case "preservingCall":
      return 6;
    case "warn":
      return 2;
    case "alternative":
      return Math.max(each.site.length, each.replacement.length + (each.jump === undefined ? 0 : 5));
    default:
      return 5;
  }
}
